//! What happened, in sentences: those events of the traces that say something to who does not know the system's inside.

use super::table::duration;
use super::text;
use std::collections::BTreeSet;
use trace::{Event, Kind};

/// Whom an event is about.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Who wrote it.
    pub source: &'a str,
    /// Devices, by number of the slot.
    pub devices: &'a [String],
    /// Ticks of the machine's counter in a second.
    pub hz: u64,
}

impl Names<'_> {
    /// The device of a slot.
    pub fn device(&self, slot: u16) -> String {
        match self.devices.get(usize::from(slot)) {
            Some(name) => name.clone(),
            None => format!("slot {slot}"),
        }
    }

    /// Nanoseconds of so many ticks.
    pub fn nanos(&self, ticks: u64) -> u64 {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(self.hz.max(1));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// Tells events in order of time.
#[derive(Debug, Default)]
pub struct Teller {
    /// Slots and generations that were stopped. What a shadow sees of such a driver's link after that is not the driver's doing.
    stopped: BTreeSet<(u16, u32)>,
}

impl Teller {
    /// As [`sentence`], but what is no news after what was told before is not told.
    pub fn tell(&mut self, event: &Event, names: Names<'_>) -> Option<String> {
        let driver = (event.slot, event.generation);
        match Kind::from_number(event.kind)? {
            Kind::Cut | Kind::Kill | Kind::Fault => {
                self.stopped.insert(driver);
            }
            Kind::Retire if self.stopped.contains(&driver) => return None,
            _ => {}
        }
        sentence(event, names)
    }
}

/// The sentence of an event, without its time; `None`: a step that is of interest to [`trace`] only.
pub fn sentence(event: &Event, names: Names<'_>) -> Option<String> {
    let kind = Kind::from_number(event.kind)?;
    let (generation, a, b) = (event.generation, event.a, event.b);
    let text = match kind {
        Kind::Started => return Some(format!("{}: started", names.source)),
        Kind::Halt => return Some("the clients were asked to stop".into()),
        Kind::DomainFault => {
            return Some(format!(
                "a part of the system (number {}) faulted: {}, address {b:#x}; `ctl status` names it",
                event.slot,
                text::fault(a)
            ));
        }
        Kind::StageBegin => format!("a driver is being built from store slot {b} (transaction {a})"),
        Kind::Cut if names.source == "control" => format!("generation {generation} lost the device"),
        Kind::Reset if a == 0 => "the device could not be reset".into(),
        Kind::Enabled => {
            format!("generation {generation} serves; {a} requests were handed over again, {b} had waited")
        }
        Kind::Resume => format!("generation {generation} goes on serving"),
        Kind::Gap => format!(
            "clients waited for {} at most, while {b} requests were answered",
            duration(names.nanos(a))
        ),
        Kind::Fault => format!(
            "the driver faulted (generation {generation}): {}, address {b:#x}",
            text::fault(a)
        ),
        Kind::Retire | Kind::Failed => {
            format!(
                "the driver failed (generation {generation}): {}",
                failure(a, b, names)
            )
        }
        Kind::Refused if names.source != "control" => {
            format!("generation {generation} lacks what clients were told of (capabilities {a:#x})")
        }
        Kind::RollBack => format!("the update is undone (transaction {a})"),
        Kind::Commit => format!("the update stands (transaction {a})"),
        Kind::Offline => "no driver serves the device".into(),
        // Root notes it too.
        Kind::Kill if names.source == "control" => {
            format!("generation {generation} was killed by the operator")
        }
        Kind::SessionOpen => format!("the session of client {a} is open: {b} blocks"),
        Kind::SessionEnded => format!("the session of client {a} ended: it broke the rules of its link"),
        _ => return None,
    };
    Some(format!("{}: {text}", names.device(event.slot)))
}

/// What a shadow finds wrong with a driver, by `supervision::shadow::Failure`'s number.
fn failure(number: u64, detail: u64, names: Names<'_>) -> String {
    match number {
        1 => format!("it could not probe its device (code {detail})"),
        2 => "it did not report in time".into(),
        3 => "its report makes no sense".into(),
        4 => format!("it broke the rules of its link (index {detail})"),
        5 => "it answered a request that was never sent, or answered twice".into(),
        6 => format!(
            "it left a request unanswered for {}",
            duration(names.nanos(detail))
        ),
        7 => "what is on the device is not what was there".into(),
        8 => "it had nothing to do, was asked for a sign of life, and gave none".into(),
        9 => format!("it passed through its event loop {detail} times in a window, for nothing"),
        other => format!("failure {other}, detail {detail:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use supervision::shadow::Failure;

    fn names(devices: &[String]) -> Names<'_> {
        Names {
            source: "shadow-block",
            devices,
            hz: 1_000_000,
        }
    }

    #[test]
    fn sentences_name_devices_and_units() {
        let devices = ["disk0".to_owned()];
        let say = |kind, a, b| sentence(&Event::new(0, kind, 0, 3).with(a, b), names(&devices));
        assert_eq!(
            say(Kind::Retire, Failure::RequestDeadline as u64, 1_000_000).as_deref(),
            Some("disk0: the driver failed (generation 3): it left a request unanswered for 1.00 s")
        );
        assert_eq!(
            say(Kind::Gap, 2_500, 7).as_deref(),
            Some("disk0: clients waited for 2.50 ms at most, while 7 requests were answered")
        );
        assert_eq!(say(Kind::Flow, 1, 1), None);
        let foreign = Event::new(0, Kind::Offline, 9, 0);
        assert!(sentence(&foreign, names(&devices)).is_some_and(|text| text.starts_with("slot 9")));
    }

    #[test]
    fn driver_that_was_stopped_is_not_blamed() {
        let devices = ["disk0".to_owned()];
        let mut teller = Teller::default();
        let mut tells = |kind, generation| {
            let event = Event::new(0, kind, 0, generation).with(Failure::Link as u64, 0);
            teller.tell(&event, names(&devices)).is_some()
        };
        assert!(tells(Kind::Retire, 1));
        assert!(tells(Kind::Fault, 2));
        assert!(!tells(Kind::Retire, 2));
        assert!(tells(Kind::Retire, 3));
    }

    #[test]
    fn every_failure_has_words() {
        for failure_kind in [
            Failure::Probe,
            Failure::ProbeDeadline,
            Failure::BadReport,
            Failure::Link,
            Failure::UnknownRequest,
            Failure::RequestDeadline,
            Failure::Changed,
            Failure::Storm,
            Failure::Heartbeat,
        ] {
            let text = failure(failure_kind as u64, 0, names(&[]));
            assert!(!text.starts_with("failure"), "{failure_kind:?}");
        }
    }
}
