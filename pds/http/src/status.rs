//! What the status page shows: devices as their shadows count them, changes of drivers, and the trace's last lines.
//!
//! All of it comes from regions that others write and nobody here can: this only reads and adds up.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::{self, Write};

use heapless::{Deque, HistoryBuf, String as Text, Vec};
use trace::{Counters, Event, Kind, Line};

use crate::server::Tally;

/// Most devices.
pub const DEVICES: usize = 8;
/// Changes that are remembered.
pub const CHANGES: usize = 32;
/// Drivers whose names are remembered: those of the devices and of the changes.
const DRIVERS: usize = DEVICES + CHANGES;
/// Events that are remembered.
pub const EVENTS: usize = 24;

/// A device.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    /// As the description calls it.
    pub name: &'static str,
    /// Its slot's number in the trace.
    pub slot: u32,
    /// What its shadow counts.
    pub counters: Counters,
}

/// A generation that took over from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When, CNTPCT.
    pub time: u64,
    /// The device's slot.
    pub slot: u32,
    /// Who took over.
    pub generation: u32,
    /// Ticks between the last request that the old one got and the first of the new.
    pub blackout: u64,
    /// Ticks between two answers to clients, if it was told.
    pub gap: Option<u64>,
}

/// Whose driver a generation is.
#[derive(Debug)]
struct Driver {
    slot: u32,
    generation: u32,
    name: Text<{ 2 * trace::TEXT }>,
}

/// What is known.
#[derive(Debug)]
pub struct Status {
    hz: u64,
    devices: Vec<Device, DEVICES>,
    drivers: Deque<Driver, DRIVERS>,
    changes: Deque<Change, CHANGES>,
    changed: u64,
    events: HistoryBuf<Event, EVENTS>,
}

impl Status {
    /// Nothing yet. `hz`: of CNTPCT.
    pub fn new(hz: u64) -> Self {
        Self {
            hz: hz.max(1),
            devices: Vec::new(),
            drivers: Deque::new(),
            changes: Deque::new(),
            changed: 0,
            events: HistoryBuf::new(),
        }
    }

    /// A device, as its shadow counts it now. What is more than [`DEVICES`] is not shown.
    pub fn device(&mut self, name: &'static str, slot: u32, counters: Counters) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.slot == slot) {
            device.counters = counters;
        } else {
            let _ = self.devices.push(Device { name, slot, counters });
        }
    }

    /// An event of the trace.
    pub fn event(&mut self, event: &Event) {
        let slot = u32::from(event.slot);
        match Kind::from_number(event.kind) {
            Some(Kind::Blackout) => {
                self.changed += 1;
                if self.changes.is_full() {
                    self.changes.pop_front();
                }
                // There is room now.
                let _ = self.changes.push_back(Change {
                    time: event.time,
                    slot,
                    generation: event.generation,
                    blackout: event.b.saturating_sub(event.a),
                    gap: None,
                });
            }
            Some(Kind::Gap) => {
                // It is told after the change that it goes with, once.
                let newest = self.changes.iter_mut().rev().find(|change| change.slot == slot);
                if let Some(change) = newest {
                    change.gap.get_or_insert(event.a);
                }
            }
            Some(Kind::Driver) => {
                if self.drivers.is_full() {
                    self.drivers.pop_front();
                }
                // There is room now.
                let _ = self.drivers.push_back(Driver {
                    slot,
                    generation: event.generation,
                    name: name(event),
                });
            }
            Some(Kind::DriverRest) => {
                let newest = self.drivers.back_mut();
                if let Some(driver) =
                    newest.filter(|driver| (driver.slot, driver.generation) == (slot, event.generation))
                {
                    // It has room for both halves.
                    let _ = driver.name.push_str(&name(event));
                }
            }
            _ => {}
        }
        // The flow of requests would leave no room for what happens; the rest of a name means nothing alone.
        if !matches!(Kind::from_number(event.kind), Some(Kind::Flow | Kind::DriverRest)) {
            self.events.write(*event);
        }
    }

    /// As JSON. `now`: CNTPCT.
    pub fn json(&self, now: u64, tally: Tally) -> Box<str> {
        let mut text = String::with_capacity(4096);
        // Writing to a string does not fail.
        let _ = self.write(&mut text, now, tally);
        text.into_boxed_str()
    }

    /// Whose driver it is; empty: unknown.
    fn driver(&self, slot: u32, generation: u32) -> &str {
        let that = |driver: &&Driver| (driver.slot, driver.generation) == (slot, generation);
        self.drivers
            .iter()
            .rev()
            .find(that)
            .map_or("", |driver| &driver.name)
    }

    fn us(&self, ticks: u64) -> u64 {
        (u128::from(ticks) * 1_000_000 / u128::from(self.hz)) as u64
    }

    fn write(&self, out: &mut String, now: u64, tally: Tally) -> fmt::Result {
        write!(out, "{{\"uptime_us\":{},\"devices\":[", self.us(now))?;
        for (number, device) in self.devices.iter().enumerate() {
            let Device { name, slot, counters } = device;
            let Counters { total, standing } = counters;
            write!(
                out,
                "{}{{\"name\":{},\"slot\":{slot},\"generation\":{},\"driver\":{},\"mode\":\"{}\",\"answered\":{},\"bytes\":{},\"in_flight\":{}}}",
                comma(number),
                Quoted(name),
                standing.generation,
                Quoted(self.driver(*slot, standing.generation)),
                mode(standing.mode),
                total.answered,
                total.bytes,
                standing.live.count_ones(),
            )?;
        }
        write!(out, "],\"changes_total\":{},\"changes\":[", self.changed)?;
        for (number, change) in self.changes.iter().enumerate() {
            let gap = change.gap.map(|gap| self.us(gap));
            write!(
                out,
                "{}{{\"at_us\":{},\"slot\":{},\"generation\":{},\"driver\":{},\"blackout_us\":{},\"gap_us\":",
                comma(number),
                self.us(change.time),
                change.slot,
                change.generation,
                Quoted(self.driver(change.slot, change.generation)),
                self.us(change.blackout),
            )?;
            match gap {
                Some(gap) => write!(out, "{gap}}}")?,
                None => out.push_str("null}"),
            }
        }
        out.push_str("],\"events\":[");
        for (number, event) in self.events.oldest_ordered().enumerate() {
            let line = Line {
                event: *event,
                hz: self.hz,
            };
            write!(out, "{}{}", comma(number), Quoted(line))?;
        }
        write!(
            out,
            "],\"http\":{{\"connections\":{},\"requests\":{},\"refused\":{},\"given_up\":{},\"made_room\":{}}}}}",
            tally.connections, tally.requests, tally.refused, tally.given_up, tally.made_room
        )
    }
}

/// The text of an event.
fn name(event: &Event) -> Text<{ 2 * trace::TEXT }> {
    let text = event.text();
    let characters = text
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte));
    characters.collect()
}

fn comma(number: usize) -> &'static str {
    if number == 0 { "" } else { "," }
}

/// The shadow's modes, as control numbers them.
fn mode(number: u32) -> &'static str {
    match number {
        0 => "offline",
        1 => "waiting",
        2 => "passive",
        3 => "draining",
        4 => "active",
        _ => "unknown",
    }
}

/// As a string of JSON.
struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        write!(Escaped(f), "{}", self.0)?;
        f.write_char('"')
    }
}

struct Escaped<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '"' | '\\' => write!(self.0, "\\{character}")?,
                // Of a page that takes this in as it is, nothing ends here.
                '\0'..=' ' | '<' | '>' | '&' if character != ' ' => {
                    write!(self.0, "\\u{:04x}", character as u32)?
                }
                _ => self.0.write_char(character)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trace::{Standing, Tally as Answered};

    extern crate std;

    fn event(kind: Kind, slot: u32, time: u64, a: u64, b: u64) -> Event {
        Event::new(time, kind, slot, 3).with(a, b)
    }

    fn json(status: &Status) -> serde_json::Value {
        serde_json::from_str(&status.json(2_000_000, Tally::default())).unwrap()
    }

    #[test]
    fn what_is_shown_is_what_was_counted() {
        let mut status = Status::new(1_000_000);
        let counters = Counters {
            total: Answered {
                answered: 7,
                bytes: 4096,
                waited: 0,
            },
            standing: Standing {
                live: 0b101,
                sent: 0,
                mode: 2,
                generation: 3,
            },
        };
        status.device("disk\"<0>", 0, Counters::default());
        status.device("disk\"<0>", 0, counters);
        for (kind, text) in [(Kind::Driver, "virtio-blk 0.13."), (Kind::DriverRest, "0")] {
            status.event(&Event::new(999, kind, 0, 3).with_text(text.as_bytes()));
        }
        status.event(&event(Kind::Blackout, 0, 1000, 10, 85));
        status.event(&event(Kind::Gap, 1, 1001, 5, 0));
        status.event(&event(Kind::Gap, 0, 1002, 120, 0));
        let json = json(&status);
        assert_eq!(json["uptime_us"], 2_000_000);
        assert_eq!(json["devices"][0]["name"], "disk\"<0>");
        assert_eq!(json["devices"][0]["in_flight"], 2);
        assert_eq!(json["devices"][0]["driver"], "virtio-blk 0.13.0");
        assert_eq!(json["changes"][0]["driver"], "virtio-blk 0.13.0");
        assert_eq!(json["devices"][0]["mode"], "passive");
        assert_eq!(json["devices"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&json["changes"][0]["blackout_us"], &json["changes"][0]["gap_us"]),
            (&75.into(), &120.into())
        );
        assert_eq!(json["events"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut status = Status::new(0);
        for time in 0..100 {
            status.event(&event(Kind::Blackout, 0, time, 0, 1));
            status.event(&event(Kind::Flow, 0, time, 0, 1));
        }
        let json = json(&status);
        assert_eq!(json["changes_total"], 100);
        assert_eq!(json["changes"].as_array().unwrap().len(), CHANGES);
        assert_eq!(json["changes"][CHANGES - 1]["at_us"], 99_000_000);
    }

    #[test]
    fn longest_status_is_bounded() {
        let mut status = Status::new(1);
        for slot in 0..20 {
            let all = Counters {
                total: Answered {
                    answered: u64::MAX,
                    bytes: u64::MAX,
                    waited: u64::MAX,
                },
                standing: Standing {
                    live: u64::MAX,
                    sent: u64::MAX,
                    mode: u32::MAX,
                    generation: u32::MAX,
                },
            };
            status.device("a-name-of-thirty-two-characters-", slot, all);
        }
        for _ in 0..100 {
            status.event(&event(Kind::Blackout, 65535, u64::MAX, 0, u64::MAX));
            for kind in [Kind::Driver, Kind::DriverRest] {
                status.event(&Event::new(0, kind, 65535, 3).with_text(&[b'"'; 16]));
            }
            status.event(&event(Kind::DomainFault, 65535, u64::MAX, u64::MAX, u64::MAX));
        }
        assert!(status.json(u64::MAX, Tally::default()).len() < 20 * 1024);
        json(&status);
    }
}
