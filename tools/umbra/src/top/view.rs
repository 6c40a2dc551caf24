//! What is shown.

use super::keys::Dialogue;
use control_protocol::record::Record;
use control_protocol::reply::{Device, Package, Status};
use control_protocol::vitals::{DeviceVitals, Traffic, Vitals};
use std::collections::VecDeque;

/// Points of the graph that are kept: one per look.
pub const POINTS: usize = 120;

/// What a look at the machine brings.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// State of the devices.
    pub status: Status,
    /// What they do.
    pub vitals: Vitals,
    /// What happened to each, oldest first.
    pub history: Vec<Record>,
    /// The store.
    pub packages: Vec<Package>,
}

/// How fast a device works, from two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Requests per second of the machine's time.
    pub requests: f64,
    /// Bytes per second.
    pub bytes: f64,
    /// How long a driver has a request, mean, in nanoseconds; `None`: none was answered.
    pub latency_ns: Option<u64>,
}

/// One device.
#[derive(Clone, Debug)]
pub struct Row {
    /// As control has it.
    pub device: Device,
    /// As shadow and root have it.
    pub vitals: DeviceVitals,
    /// Since the look before.
    pub rates: Rates,
    /// Requests per second, oldest first.
    pub graph: VecDeque<u64>,
}

/// The view.
#[derive(Clone, Debug)]
pub struct View {
    /// Devices, in the machine's order.
    pub rows: Vec<Row>,
    /// Place of the chosen one.
    pub chosen: usize,
    /// What happened, newest first.
    pub history: Vec<Record>,
    /// The store.
    pub packages: Vec<Package>,
    /// The machine's clock, in nanoseconds.
    pub now_ns: u64,
    /// What is asked.
    pub dialogue: Dialogue,
    /// What came of the last order, or why there is nothing new.
    pub message: String,
}

impl Default for View {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            chosen: 0,
            history: Vec::new(),
            packages: Vec::new(),
            now_ns: 0,
            dialogue: Dialogue::None,
            message: String::new(),
        }
    }
}

impl View {
    /// Takes in what a look brought.
    pub fn take(&mut self, sample: Sample) {
        let passed = sample.vitals.now_ns.saturating_sub(self.now_ns);
        let first = self.now_ns == 0;
        self.now_ns = sample.vitals.now_ns;
        let before = std::mem::take(&mut self.rows);
        let vitals = sample.vitals.devices.iter().copied();
        let vitals = vitals.chain(std::iter::repeat(DeviceVitals::default()));
        for (device, vitals) in sample.status.devices.into_iter().zip(vitals) {
            let known = before.iter().find(|row| row.device.name == device.name);
            let (mut graph, rates) = match known {
                Some(row) if !first => {
                    let rates = rates(row.vitals.traffic, vitals.traffic, passed);
                    (row.graph.clone(), rates)
                }
                _ => (VecDeque::new(), Rates::default()),
            };
            if known.is_some() {
                graph.push_back(rates.requests as u64);
            }
            if graph.len() > POINTS {
                graph.pop_front();
            }
            self.rows.push(Row {
                device,
                vitals,
                rates,
                graph,
            });
        }
        self.chosen = self.chosen.min(self.rows.len().saturating_sub(1));
        self.history = sample.history;
        self.history.sort_by_key(|record| std::cmp::Reverse(record.id));
        self.packages = sample.packages;
        if let Dialogue::Choose(at) = &mut self.dialogue {
            *at = (*at).min(self.packages.len().saturating_sub(1));
        }
    }

    /// The device that orders are about.
    pub fn chosen(&self) -> Option<&Row> {
        self.rows.get(self.chosen)
    }
}

/// From two looks, `passed` nanoseconds apart. A machine that was started anew counts from nothing: then there is no rate.
fn rates(before: Option<Traffic>, now: Option<Traffic>, passed: u64) -> Rates {
    let (Some(before), Some(now)) = (before, now) else {
        return Rates::default();
    };
    let Some(requests) = now.requests.checked_sub(before.requests) else {
        return Rates::default();
    };
    let per_second = |count: u64| match passed {
        0 => 0.0,
        passed => count as f64 * 1e9 / passed as f64,
    };
    Rates {
        requests: per_second(requests),
        bytes: per_second(now.bytes.saturating_sub(before.bytes)),
        latency_ns: now
            .waited_ns
            .saturating_sub(before.waited_ns)
            .checked_div(requests),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use control_protocol::record::{Figures, Kind, Outcome, PackageLabel, State};
    use control_protocol::reply::Condition;
    use control_protocol::vitals::{Memory, Mode};

    fn label(label: &str) -> PackageLabel {
        PackageLabel {
            hash: [1; 8],
            label: label.try_into().expect("short"),
        }
    }

    /// A machine after `seconds` with a disk that answers 1,000 requests of 4 KiB in each, 50 µs each.
    pub fn sample(seconds: u64) -> Sample {
        let device = Device {
            name: "disk0".try_into().expect("short"),
            class: 1,
            condition: Condition::Working,
            generation: 2,
            package: Some(label("virtio-blk 0.12.0")),
            previous: Some(label("virtio-blk 0.8.0")),
            staged: None,
            awaits_commit: false,
            security_floor: 0,
            updates: 1,
            failures: 0,
            causes: Default::default(),
            tried: heapless_none(),
        };
        let requests = 1000 * seconds;
        let vitals = DeviceVitals {
            traffic: Some(Traffic {
                mode: Mode::Passive,
                generation: 2,
                requests,
                bytes: 4096 * requests,
                waited_ns: 50_000 * requests,
                in_flight: 32,
                queued: 3,
            }),
            memory: Some(Memory {
                generations: 1,
                room: 2,
                each: 2 << 20,
            }),
        };
        let now_ns = seconds * 1_000_000_000;
        Sample {
            status: Status {
                now_ns,
                devices: [device].into_iter().collect(),
                ..Status::default()
            },
            vitals: Vitals {
                now_ns,
                devices: [vitals].into_iter().collect(),
            },
            history: vec![Record {
                id: 2,
                device: 0,
                kind: Kind::Update,
                state: State::Done(Outcome::Done),
                from: Some(label("virtio-blk 0.8.0")),
                to: Some(label("virtio-blk 0.12.0")),
                result: Some(label("virtio-blk 0.12.0")),
                cause: None,
                figures: Figures {
                    began_ns: 700_000_000,
                    blackout_ns: Some(675_400),
                    ..Figures::default()
                },
            }],
            packages: vec![package("virtio-blk 0.8.0", 1), package("virtio-blk 0.13.0", 2)],
        }
    }

    fn heapless_none<T: FromIterator<control_protocol::reply::Tried>>() -> T {
        std::iter::empty().collect()
    }

    fn package(label: &str, byte: u8) -> Package {
        Package {
            slot: byte,
            sha256: [byte; 32],
            len: 1000,
            label: label.try_into().expect("short"),
            kept: false,
        }
    }

    /// A view after two looks.
    pub fn view() -> View {
        let mut view = View::default();
        view.take(sample(1));
        view.take(sample(3));
        view
    }

    #[test]
    fn rates_are_those_between_two_looks() {
        let mut view = View::default();
        view.take(sample(1));
        assert_eq!(view.rows[0].rates, Rates::default(), "one look has none");
        view.take(sample(3));
        let rates = view.rows[0].rates;
        assert_eq!(
            (rates.requests, rates.bytes, rates.latency_ns),
            (1000.0, 4_096_000.0, Some(50_000))
        );
        assert_eq!(view.rows[0].graph, [1000]);
        // Another machine, or the same one booted anew: fewer requests than before.
        view.take(sample(2));
        assert_eq!(view.rows[0].rates, Rates::default());
    }
}
