//! How much may happen in a run.

use std::str::FromStr;

use crate::disk::Wanted;

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
    /// What the client asks.
    pub script: &'static [Wanted],
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

/// `ORDERS,TROUBLES,SCRIPT[,steps]`: all kinds of troubles; the script is a letter per request, `W`, `R` or `F` (once).
impl FromStr for Bounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',');
        let mut part = || parts.next().unwrap_or_default();
        let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
        let (orders, troubles) = (number(part())?, number(part())?);
        let wanted = part().chars().zip(1..).map(|(letter, content)| match letter {
            'W' => Ok(Wanted::Write(content)),
            'R' => Ok(Wanted::Read),
            'F' => Ok(Wanted::Flush),
            other => Err(format!("`{other}` is no request")),
        });
        let script: Vec<Wanted> = wanted.collect::<Result<_, _>>()?;
        Ok(Self {
            orders,
            troubles,
            kinds: Kinds::ALL,
            script: script.leak(),
            bad: false,
            named: false,
            count_steps: part() == "steps",
        })
    }
}
