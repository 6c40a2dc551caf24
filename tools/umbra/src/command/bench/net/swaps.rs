//! Updates of the network driver under load, and a driver that is killed again and again.

use super::super::running::Running;
use crate::build::Config;
use crate::demo::{self, Operator, Patience, Spread};
use crate::pack;
use anyhow::{Result, ensure};
use control_protocol::record::{Figures, Outcome, Record, State};
use serde_json::{Value, json};
use std::time::Duration;

const DEVICE: &str = "net0";
/// Releases that are put in, in turn.
const RELEASES: [&str; 3] = ["virtio-net-0.12.0", "virtio-net-0.9.0", "virtio-net-0.13.0"];
const SECOND_NS: u64 = 1_000_000_000;
/// Virtual time over which frames are counted without disturbance, and drivers that are killed afterwards, one a second.
const UNDISTURBED_NS: u64 = 2 * SECOND_NS;
const KILLS: u64 = 5;
/// Pause between two questions about the time.
const PAUSE: Duration = Duration::from_millis(5);

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Swaps {
    updates: Vec<Figures>,
    /// Frames per virtual second: undisturbed, and with a driver killed every second.
    goodput: [f64; 2],
}

/// Replaces the driver so many times on a machine whose client sends, then kills it.
pub fn of(running: &mut Running, updates: usize, config: Config) -> Result<Swaps> {
    let patience = Patience::default().transaction;
    let mut operator = demo::connect(&demo::machine::command(&running.guest))?;
    demo::settled(&mut operator, DEVICE, Patience::default().boot)?;
    running.wait_for_load()?;
    let mut swaps = Swaps::default();
    let mut packages = Vec::new();
    for label in RELEASES {
        packages.push(pack::pack(&pack::find(label)?, config)?.bytes);
    }
    for package in packages.iter().cycle().take(updates) {
        demo::settled(&mut operator, DEVICE, patience)?;
        let hash = Operator::upload(&mut operator, package)?;
        let job = Operator::update(&mut operator, DEVICE, hash)?;
        swaps.updates.push(done(&mut operator, job, patience)?.figures);
    }
    demo::settled(&mut operator, DEVICE, patience)?;
    let undisturbed = goodput(running, &mut operator, UNDISTURBED_NS, |_| Ok(()))?;
    let killed = goodput(running, &mut operator, KILLS * SECOND_NS, |operator| {
        demo::settled(operator, DEVICE, patience)?;
        Operator::kill(operator, DEVICE).map(|_| ())
    })?;
    swaps.goodput = [undisturbed, killed];
    Ok(swaps)
}

fn done(operator: &mut impl Operator, job: u32, patience: Duration) -> Result<Record> {
    let record = demo::finished(operator, job, patience)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    Ok(record)
}

/// Frames per virtual second over about so long, with something done at the beginning of each second.
fn goodput<O: Operator>(
    running: &mut Running,
    operator: &mut O,
    span_ns: u64,
    mut every_second: impl FnMut(&mut O) -> Result<()>,
) -> Result<f64> {
    let (begin_ns, begin) = (operator.status()?.now_ns, running.requests()?);
    let mut second = 0;
    let end_ns = loop {
        let now_ns = operator.status()?.now_ns;
        if now_ns >= begin_ns + span_ns {
            break now_ns;
        }
        if now_ns >= begin_ns + second * SECOND_NS {
            every_second(operator)?;
            second += 1;
        }
        std::thread::sleep(PAUSE);
    };
    let frames = running.requests()? - begin;
    Ok(frames as f64 * SECOND_NS as f64 / (end_ns - begin_ns) as f64)
}

type Part = fn(&Figures) -> Option<u64>;

/// As in `bench update`: the blackout begins with the order.
const PARTS: [(&str, &str, Part); 6] = [
    (
        "last frame until the order (nothing held back)",
        "before_order",
        |one| Some(one.before_ns),
    ),
    ("blackout (drain counted in)", "blackout", |one| one.blackout_ns),
    ("  without the drain", "blackout_without_drain", |one| {
        Some(one.blackout_ns?.saturating_sub(one.quiesce_ns))
    }),
    ("  drain", "drain", |one| Some(one.quiesce_ns)),
    ("  start, probe, check, replay", "enable", |one| {
        Some(one.enable_ns)
    }),
    ("client gap (staging included)", "client_gap", |one| {
        one.client_gap_ns
    }),
];

impl Swaps {
    fn spread(&self, part: Part) -> Option<Spread> {
        Spread::of(
            self.updates
                .iter()
                .filter_map(|one| Some(part(one)? as f64 / 1000.0)),
        )
    }

    /// The table.
    pub fn text(&self) -> String {
        let title = format!(
            "{} updates while 1,514 bytes are sent, 32 at a time",
            self.updates.len()
        );
        let mut text = format!("{title:<52}{:>10}{:>10}{:>10}   µs\n", "p50", "p99", "worst");
        for (name, _, part) in PARTS {
            if let Some(Spread { p50, p99, worst }) = self.spread(part) {
                text += &format!("  {name:<50}{p50:>10.1}{p99:>10.1}{worst:>10.1}\n");
            }
        }
        let [undisturbed, killed] = self.goodput;
        text += &format!(
            "frames per virtual second: {undisturbed:.0}, with a driver killed every second {killed:.0} ({:.1} %)\n\n",
            100.0 * killed / undisturbed
        );
        text
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let parts = PARTS.iter().map(|(_, key, part)| {
            let spread = self.spread(*part);
            let spread =
                spread.map(|one| json!({ "p50_us": one.p50, "p99_us": one.p99, "max_us": one.worst }));
            ((*key).to_owned(), json!(spread))
        });
        let [undisturbed, killed] = self.goodput;
        json!({
            "updates": self.updates.len(),
            "update": Value::Object(parts.collect()),
            "kill_every_second": {
                "frames_per_virtual_second": killed,
                "undisturbed": undisturbed,
                "goodput_pct": 100.0 * killed / undisturbed,
            },
        })
    }
}
