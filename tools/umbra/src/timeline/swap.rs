//! The newest swap of a device's driver in a recording.

use super::record::Recording;
use trace::{Event, Kind};

/// Why there is nothing to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// No driver replaced another one, or it is too long ago.
    #[error(
        "the traces have no swap of a driver: let one take place (`ctl update`, or `trace --svg FILE --update PKG`)"
    )]
    Swap,
}

/// A request count of the shadow: what was answered since the one before, and what waited then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Ticks.
    pub at: u64,
    /// Requests answered since the last one.
    pub answered: u64,
    /// Requests accepted and not answered.
    pub live: u64,
}

/// The steps of an update, in the order of the design. A crash begins with the third.
pub const STEPS: [&str; 10] = [
    "stage",
    "quiesce",
    "impersonate",
    "cut",
    "reset",
    "start",
    "check",
    "replay",
    "enable",
    "reap",
];

/// A swap. All times in ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Ticks in a second.
    pub hz: u64,
    /// Name of the shadow.
    pub shadow: String,
    /// Generation that lost the device, and that which has it now.
    pub generations: (u32, u32),
    /// When each of [`STEPS`] was taken, as far as the traces say.
    pub steps: [Option<u64>; 10],
    /// When the old driver faulted or was killed, and which, if that is why it was replaced.
    pub lost: Option<(u64, &'static str)>,
    /// Building of drivers: first order to last one staged.
    pub staging: Option<(u64, u64)>,
    /// The new driver ran, and reported what it can do.
    pub probing: Option<(u64, u64)>,
    /// Since when nobody was served (the order to drain; after a loss the last request of the driver that was lost), and the first request
    /// handed to the new driver.
    pub blackout: Option<(u64, u64)>,
    /// The first answer of the new driver.
    pub first_answer: Option<u64>,
    /// Requests given to the new driver again, and requests that had waited.
    pub replayed: (u64, u64),
    /// Counts of requests, if they were recorded.
    pub flow: Vec<Flow>,
}

impl Swap {
    /// The newest one; if requests were recorded, the newest one with requests.
    ///
    /// # Errors
    /// There is none.
    pub fn newest(recording: &Recording) -> Result<Self, Missing> {
        let events = &recording.events;
        let last = |events: &[super::Noted], kind: Kind| {
            let wanted = |noted: &super::Noted| noted.event.kind == kind as u16 && noted.event.generation > 1;
            events.iter().rposition(wanted)
        };
        let recorded = last(events, Kind::Flow).unwrap_or(events.len());
        let enabled = last(&events[..recorded], Kind::Enabled).ok_or(Missing::Swap)?;
        let noted = &events[enabled];
        let (shadow, new, slot) = (&noted.source, noted.event.generation, noted.event.slot);
        let of = |source: Option<&str>, kind: Kind| {
            let source = source.map(str::to_owned);
            move |event: &Event, by: &str| {
                event.kind == kind as u16
                    && event.slot == slot
                    && source.as_deref().is_none_or(|one| one == by)
            }
        };
        let before = |source: Option<&str>, kind: Kind| {
            let wanted = of(source, kind);
            let found = events[..enabled].iter().rev();
            found
                .map(|noted| (noted, noted.event))
                .find(|(noted, event)| wanted(event, &noted.source))
        };
        let after = |source: Option<&str>, kind: Kind| {
            let wanted = of(source, kind);
            let found = events[enabled..].iter();
            found
                .map(|noted| (noted, noted.event))
                .find(|(noted, event)| wanted(event, &noted.source))
        };
        let at = |found: Option<(&super::Noted, Event)>| found.map(|(_, event)| event.time);
        let own = Some(shadow.as_str());
        let impersonate = before(own, Kind::Impersonate).ok_or(Missing::Swap)?;
        let begin = impersonate.1.time;
        let old = impersonate.1.generation;
        // What was ordered long before belongs to another swap.
        let quiesce = before(own, Kind::Quiesce).filter(|(_, event)| event.generation == old);
        let staged = before(Some("control"), Kind::StageEnd);
        let ordered = before(Some("control"), Kind::StageBegin);
        let staging = match (at(ordered), at(staged)) {
            (Some(from), Some(to)) if from < to => Some((from, to)),
            _ => None,
        };
        let start = before(Some("root"), Kind::Start).filter(|(_, event)| event.generation == new);
        let report = before(own, Kind::Report).filter(|(_, event)| event.generation == new);
        let lost = |kind, what| {
            let found = before(Some("root"), kind).filter(|(_, event)| event.generation == old);
            at(found).map(|at| (at, what))
        };
        let reap = after(Some("root"), Kind::Reap).filter(|(_, event)| event.generation == old);
        let blackout = after(own, Kind::Blackout).map(|(_, event)| (event.a, event.b));
        Ok(Self {
            hz: recording.hz,
            shadow: shadow.clone(),
            generations: (old, new),
            steps: [
                staging.map(|(from, _)| from),
                at(quiesce),
                Some(begin),
                at(before(Some("root"), Kind::Cut)),
                at(before(Some("root"), Kind::Reset)),
                at(start),
                at(before(own, Kind::Check)),
                at(before(own, Kind::Replay)),
                Some(noted.event.time),
                at(reap),
            ],
            lost: lost(Kind::Fault, "faults").or_else(|| lost(Kind::Kill, "killed")),
            staging,
            probing: at(start).zip(at(report)),
            blackout: blackout.filter(|(last, first)| last < first),
            first_answer: at(after(own, Kind::FirstCompletion)),
            replayed: (noted.event.a, noted.event.b),
            flow: flow(recording, shadow, slot),
        })
    }

    /// When the swap proper began and ended: from the loss of the old driver or the order to stop feeding to the first answer, or so long after the new
    /// driver was enabled as it took until then: the rest is the device's time.
    pub fn span(&self) -> (u64, u64) {
        let lost = self.lost.map(|(at, _)| at);
        let ordered = self.steps[1].or(self.steps[2]);
        let begin = lost.or(ordered).unwrap_or(0).min(u64::MAX - 1);
        let enabled = self.steps[8].unwrap_or(begin).max(begin + 1);
        let most = enabled.saturating_add(enabled - begin);
        (begin, self.first_answer.unwrap_or(enabled).clamp(enabled, most))
    }
}

fn flow(recording: &Recording, shadow: &str, slot: u16) -> Vec<Flow> {
    let events = recording.events.iter();
    let of_slot = events.filter(|noted| {
        noted.source == shadow && noted.event.kind == Kind::Flow as u16 && noted.event.slot == slot
    });
    of_slot
        .map(|noted| Flow {
            at: noted.event.time,
            answered: noted.event.a,
            live: noted.event.b,
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Noted;
    use super::*;

    /// An update as a machine notes it, a tick a nanosecond.
    pub fn update() -> Recording {
        let mut events = Vec::new();
        let mut note = |source: &str, time, kind, generation, a, b| {
            events.push(Noted {
                source: source.into(),
                event: Event::new(time, kind, 0, generation).with(a, b),
            });
        };
        for n in 0..40 {
            note("shadow-block", 1_000 * n, Kind::Flow, 1, 1, 32);
        }
        note("control", 5_000, Kind::StageBegin, 1, 2, 1);
        note("control", 38_000, Kind::StageEnd, 1, 2, 0);
        note("shadow-block", 40_000, Kind::Quiesce, 1, 32, 0);
        note("shadow-block", 44_000, Kind::Impersonate, 1, 33, 0);
        note("root", 46_000, Kind::Cut, 1, 0, 0);
        note("root", 50_000, Kind::Reset, 0, 1, 0);
        note("root", 54_000, Kind::Start, 2, 0, 0);
        note("shadow-block", 70_000, Kind::Report, 2, 1, 0);
        note("shadow-block", 71_000, Kind::Check, 2, 0, 0);
        note("shadow-block", 74_000, Kind::Replay, 2, 30, 3);
        note("shadow-block", 75_000, Kind::Enabled, 2, 30, 3);
        note("shadow-block", 75_000, Kind::Blackout, 2, 39_000, 75_000);
        note("root", 80_000, Kind::Reap, 1, 0, 0);
        note("shadow-block", 82_000, Kind::FirstCompletion, 2, 7_000, 0);
        for n in 82..100 {
            note("shadow-block", 1_000 * n, Kind::Flow, 2, 1, 32);
        }
        events.sort_by_key(|noted| noted.event.time);
        Recording {
            hz: 1_000_000_000,
            events,
        }
    }

    #[test]
    fn all_ten_steps_are_found_in_their_order() {
        let swap = Swap::newest(&update()).expect("a swap");
        let times: Vec<u64> = swap.steps.iter().map(|step| step.expect("a step")).collect();
        assert!(times.is_sorted(), "{times:?}");
        assert_eq!(swap.generations, (1, 2));
        assert_eq!(swap.blackout, Some((39_000, 75_000)));
        assert_eq!((swap.replayed, swap.span()), ((30, 3), (40_000, 82_000)));
        assert_eq!(swap.flow.len(), 58);
    }

    #[test]
    fn swap_that_was_recorded_is_preferred_to_a_newer_one() {
        let mut recording = update();
        let later = |event: Event| Event {
            time: event.time + 1_000_000,
            generation: event.generation + 1,
            ..event
        };
        let flow = Kind::Flow as u16;
        let second: Vec<Noted> = recording
            .events
            .iter()
            .filter(|noted| noted.event.kind != flow)
            .map(|noted| Noted {
                source: noted.source.clone(),
                event: later(noted.event),
            })
            .collect();
        recording.events.extend(second);
        assert_eq!(Swap::newest(&recording).map(|swap| swap.generations), Ok((1, 2)));
        recording.events.retain(|noted| noted.event.kind != flow);
        assert_eq!(Swap::newest(&recording).map(|swap| swap.generations), Ok((2, 3)));
    }

    #[test]
    fn boot_is_no_swap() {
        assert_eq!(Swap::newest(&Recording::default()), Err(Missing::Swap));
        let mut boot = update();
        boot.events.retain(|noted| noted.event.generation < 2);
        assert_eq!(Swap::newest(&boot), Err(Missing::Swap));
    }

    #[test]
    fn crash_has_no_order_to_stop_feeding_and_may_have_lost_its_past() {
        let mut crash = update();
        crash
            .events
            .retain(|noted| ![Kind::Quiesce as u16, Kind::StageBegin as u16].contains(&noted.event.kind));
        let swap = Swap::newest(&crash).expect("a swap");
        assert_eq!((swap.steps[0], swap.steps[1], swap.staging), (None, None, None));
        assert_eq!((swap.lost, swap.span().0), (None, 44_000));
        let fault = |generation| Noted {
            source: "root".into(),
            event: Event::new(43_000, Kind::Fault, 0, generation).with(6, 0x10),
        };
        // That of another one is no reason for this swap.
        for (generation, lost, begin) in [(2, None, 44_000), (1, Some((43_000, "faults")), 43_000)] {
            crash.events.push(fault(generation));
            crash.events.sort_by_key(|noted| noted.event.time);
            let swap = Swap::newest(&crash).expect("a swap");
            assert_eq!((swap.lost, swap.span().0), (lost, begin));
        }
    }
}
