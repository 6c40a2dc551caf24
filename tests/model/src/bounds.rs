//! How much may happen in a run.

use std::str::FromStr;

use crate::disk::{Asking, CONTENTS, SCRIPT_MAX, SESSIONS_MAX, Wanted};

/// What the adversary may do, and what of it is left. A trouble is one misdeed of a driver, one crash of a trusted
/// PD, one refusal, or one time-out of something that would have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Orders of the operator.
    pub orders: u8,
    /// Troubles.
    pub troubles: u8,
    /// Which troubles there are.
    pub kinds: Kinds,
    /// The sessions, and what their clients ask.
    pub sessions: &'static [Asking],
    /// Drivers of the second package fault in their probe.
    pub bad: bool,
    /// Troubles have names ([`crate::endings::Crash`]).
    pub named: bool,
    /// States that were reached by different numbers of steps are different.
    pub count_steps: bool,
}

/// Kinds of troubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds {
    /// Misdeeds of drivers.
    pub drivers: bool,
    /// Control dies between two effects.
    pub control: bool,
    /// The stager dies, or refuses a package.
    pub stager: bool,
    /// Bus dies, or the device cannot be reset; root refuses a start.
    pub bus: bool,
    /// The shadow dies.
    pub shadow: bool,
    /// Time-outs come too early.
    pub time: bool,
}

impl Kinds {
    /// All.
    pub const ALL: Self = Self {
        drivers: true,
        control: true,
        stager: true,
        bus: true,
        shadow: true,
        time: true,
    };
}

/// One session, on the whole disk, that asks nothing.
pub const IDLE: &[Asking] = &[Asking {
    script: &[],
    partition: None,
}];

/// `ORDERS,TROUBLES,SCRIPT[,steps]`, with all kinds of troubles. The script is a letter per request: `W`, `R`, or `F` (once per
/// session). `SCRIPT/SCRIPT` are two sessions, each with a partition of its own; `SCRIPT+SCRIPT` are one on the whole disk and
/// one on a partition, of which the same block is written and read.
impl FromStr for Bounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').collect();
        let (orders, troubles, sessions, count_steps) = match parts[..] {
            [orders, troubles, sessions] => (orders, troubles, sessions, false),
            [orders, troubles, sessions, "steps"] => (orders, troubles, sessions, true),
            [_, _, _, other] => return Err(format!("`{other}` is not `steps`")),
            _ => return Err(format!("`{text}` is not ORDERS,TROUBLES,SCRIPT[,steps]")),
        };
        let number = |text: &str| {
            text.parse()
                .map_err(|_| format!("`{text}` is no number up to 255"))
        };
        Ok(Self {
            orders: number(orders)?,
            troubles: number(troubles)?,
            kinds: Kinds::ALL,
            sessions: parse_sessions(sessions)?.leak(),
            bad: false,
            named: false,
            count_steps,
        })
    }
}

fn parse_sessions(text: &str) -> Result<Vec<Asking>, String> {
    let (apart, beside) = (text.contains('/'), text.contains('+'));
    let scripts: Vec<&str> = text.split(['/', '+']).collect();
    if scripts.len() > SESSIONS_MAX {
        return Err(format!("`{text}` has more than {SESSIONS_MAX} sessions"));
    }
    let mut content = CONTENTS.len() as u8;
    let mut sessions = Vec::new();
    for (index, script) in scripts.into_iter().enumerate() {
        let partition = match (apart, beside) {
            (true, _) => Some(index),
            // The second lies in the first.
            (_, true) if index > 0 => Some(0),
            _ => None,
        };
        let script: &[Wanted] = parse_script(script, &mut content)?.leak();
        sessions.push(Asking { script, partition });
    }
    Ok(sessions)
}

/// Each write has a content of its own: `content` counts on.
fn parse_script(text: &str, content: &mut u8) -> Result<Vec<Wanted>, String> {
    if text.chars().count() > SCRIPT_MAX {
        return Err(format!("`{text}` has more than {SCRIPT_MAX} requests"));
    }
    if text.matches('F').count() > 1 {
        return Err(format!("`{text}` has more than one flush"));
    }
    let wanted = |letter| match letter {
        'W' => {
            *content += 1;
            Ok(Wanted::Write(*content - 1))
        }
        'R' => Ok(Wanted::Read),
        'F' => Ok(Wanted::Flush),
        other => Err(format!("`{other}` is no request: W, R, F")),
    };
    text.chars().map(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_write_different_contents() {
        let bounds: Bounds = "1,2,WW/RWF,steps".parse().expect("good");
        let write = Wanted::Write;
        assert_eq!((bounds.orders, bounds.troubles, bounds.count_steps), (1, 2, true));
        assert_eq!(bounds.sessions[0].script, [write(2), write(3)]);
        assert_eq!(bounds.sessions[1].script, [Wanted::Read, write(4), Wanted::Flush]);
    }

    #[test]
    fn separator_says_whether_blocks_are_shared() {
        let homes = |text: &str| {
            let bounds: Bounds = text.parse().expect("good");
            let sessions = bounds.sessions.iter();
            sessions
                .map(|one| (one.partition, one.home()))
                .collect::<Vec<_>>()
        };
        assert_eq!(homes("0,0,W"), [(None, 0)]);
        assert_eq!(homes("0,0,W/"), [(Some(0), 0), (Some(1), 1)]);
        assert_eq!(homes("0,0,W+W"), [(None, 0), (Some(0), 0)]);
    }

    #[test]
    fn bad_bounds_say_what_is_wrong_with_them() {
        for (text, complaint) in [
            ("1", "`1` is not ORDERS,TROUBLES,SCRIPT[,steps]"),
            (
                "1,1,W,steps,",
                "`1,1,W,steps,` is not ORDERS,TROUBLES,SCRIPT[,steps]",
            ),
            ("x,1,W", "`x` is no number up to 255"),
            ("1,256,W", "`256` is no number up to 255"),
            ("1,1,W,step", "`step` is not `steps`"),
            ("1,1,WX", "`X` is no request: W, R, F"),
            ("1,1,W/W/W", "`W/W/W` has more than 2 sessions"),
            ("1,1,W/W+W", "`W/W+W` has more than 2 sessions"),
            ("1,1,W/FRF", "`FRF` has more than one flush"),
            ("1,1,WWWWWWW", "`WWWWWWW` has more than 6 requests"),
        ] {
            assert_eq!(text.parse::<Bounds>(), Err(complaint.to_owned()), "{text}");
        }
    }
}
