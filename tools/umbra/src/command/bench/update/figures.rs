//! The figures: spreads, histograms, JSON.

use super::run::{OnFile, Swaps, Update};
use crate::demo::Spread;
use serde_json::{Value, json};

/// A figure of a transaction, in nanoseconds.
type Part = fn(&Update) -> Option<u64>;

/// What is told of an update: its name, and what the number contains.
const PARTS: [(&str, Part); 16] = [
    ("last request until the order (nothing held back)", BEFORE),
    ("blackout: order until the first request, drain in", BLACKOUT),
    ("  drain: order until nothing is waited for", DRAIN),
    ("  blackout without the drain", WITHOUT_DRAIN),
    ("  swap: cut until the first request", SWAP),
    ("    cut", |one| Some(one.figures.cut_ns)),
    ("    reset", |one| Some(one.figures.reset_ns)),
    ("    attach", |one| Some(one.figures.attach_ns)),
    ("    start, probe, check, replay", |one| {
        Some(one.figures.enable_ns)
    }),
    ("first request until the first answer", FIRST_ANSWER),
    ("client gap (staging included)", CLIENT_GAP),
    ("  across the swap: last answer until the first", SILENCE),
    ("  of it beyond the blackout (goal: 100)", BEYOND),
    ("client gap of a dry run: the same staging, no swap", DRY),
    ("  client gap beyond blackout and dry run's gap", BEYOND_DRY),
    ("staging (clients go on)", |one| Some(one.figures.stage_ns)),
];

const BLACKOUT: Part = |one| one.figures.blackout_ns;
const DRAIN: Part = |one| Some(one.figures.quiesce_ns);
const WITHOUT_DRAIN: Part = |one| Some(one.figures.blackout_ns?.saturating_sub(one.figures.quiesce_ns));
/// All that Umbra does while nobody serves the device.
const SWAP: Part = |one| {
    let all = &one.figures;
    Some(all.cut_ns + all.reset_ns + all.attach_ns + all.enable_ns)
};
const BEFORE: Part = |one| Some(one.figures.before_ns);
const FIRST_ANSWER: Part = |one| one.first_answer_ns;
const SILENCE: Part = |one| one.silence_ns;
/// The transaction's record ends when the new driver is enabled; the silence goes on until that has answered.
const CLIENT_GAP: Part = |one| one.figures.client_gap_ns.max(one.silence_ns);
/// What an update's longest client gap is longer than its own blackout.
const BEYOND: Part = |one| Some(CLIENT_GAP(one)?.saturating_sub(one.figures.blackout_ns?));
const DRY: Part = |one| one.dry_gap_ns;
const BEYOND_DRY: Part = |one| Some(BEYOND(one)?.saturating_sub(one.dry_gap_ns?));
/// From the kill until the shadow was passive again.
const RECOVERY: Part = |one| Some(one.figures.total_ns);
/// From the last request handed to the driver that hung until its recovery began: a loss's blackout begins with that request.
const HANG: Part = |one| one.figures.blackout_ns?.checked_sub(one.figures.total_ns);

/// The tables and histograms.
pub fn text(swaps: &Swaps, file: Option<&OnFile>) -> String {
    let mut text = String::from(
        "Virtual time. Blackout: from the order to hand no more requests to the old driver until the first is handed to the new one: the drain\n\
         and the swap. Before the order nothing is held back; the time since the last request is the device's, which has all there are.\n\
         Client gap: longest time without a completion from the beginning of the transaction to the new driver's first answer, so what passed\n\
         before the order and the device's time for its first requests are in it. A dry run shows the same of staging alone.\n\
         Goals: blackout 100 (p50) and 1000 (p99), recovery 1000, a hang found at its deadline of 1000000, 95 % with kills.\n\n",
    );
    text += &table("nothing behind the disk, 32 in flight", &swaps.updates);
    text += &histogram("blackout", &micros(&swaps.updates, BLACKOUT));
    text += &histogram("swap", &micros(&swaps.updates, SWAP));
    text += &histogram("client gap", &micros(&swaps.updates, CLIENT_GAP));
    text += &head("losses", swaps.kills.len());
    text += &line("recovery: kill until passive mode", &swaps.kills, RECOVERY);
    text += &line("  of it staging", &swaps.kills, |one| Some(one.figures.stage_ns));
    text += &line("hang: last request until retired", &swaps.hangs, HANG);
    text += &histogram("recovery", &micros(&swaps.kills, RECOVERY));
    if let Some(file) = file {
        text += &table("a file of the host behind the disk, two clients", &file.updates);
        text += &histogram("blackout", &micros(&file.updates, BLACKOUT));
        text += &format!(
            "{:<44}{:>14}{:>14}{:>9}\n",
            "a driver killed every virtual second", "undisturbed", "killed", ""
        );
        for (name, [before, after]) in [("reads", file.reads), ("writes", file.writes)] {
            let name = format!("{name} per virtual second");
            text += &format!(
                "  {name:<42}{before:>14.0}{after:>14.0}{:>7.1} %\n",
                percent([before, after])
            );
        }
    }
    text
}

fn head(name: &str, count: usize) -> String {
    format!(
        "{name:<52}{:>10}{:>10}{:>10}   µs, {count} times\n",
        "p50", "p99", "worst"
    )
}

fn table(name: &str, all: &[Update]) -> String {
    PARTS.iter().fold(head(name, all.len()), |text, (name, part)| {
        text + &line(name, all, *part)
    })
}

fn line(name: &str, all: &[Update], part: Part) -> String {
    match Spread::of(micros(all, part)) {
        Some(Spread { p50, p99, worst }) => {
            format!("  {name:<50}{p50:>10.1}{p99:>10.1}{worst:>10.1}\n")
        }
        None => String::new(),
    }
}

fn micros(all: &[Update], part: Part) -> Vec<f64> {
    all.iter()
        .filter_map(|one| part(one).map(|ns| ns as f64 / 1000.0))
        .collect()
}

fn percent([before, after]: [f64; 2]) -> f64 {
    100.0 * after / before
}

/// The same for programs.
pub fn json(swaps: &Swaps, file: Option<&OnFile>) -> Value {
    let spread = |all: &[Update], part: Part| match Spread::of(micros(all, part)) {
        Some(Spread { p50, p99, worst }) => json!({ "p50_us": p50, "p99_us": p99, "max_us": worst }),
        None => Value::Null,
    };
    let mut all = json!({
        "update": spread(&swaps.updates, BLACKOUT),
        "update_without_drain": spread(&swaps.updates, WITHOUT_DRAIN),
        "before_order": spread(&swaps.updates, BEFORE),
        "drain": spread(&swaps.updates, DRAIN),
        "swap": spread(&swaps.updates, SWAP),
        "client_gap": spread(&swaps.updates, CLIENT_GAP),
        "first_answer": spread(&swaps.updates, FIRST_ANSWER),
        "client_gap_across_swap": spread(&swaps.updates, SILENCE),
        "client_gap_beyond_blackout": spread(&swaps.updates, BEYOND),
        "client_gap_of_dry_run": spread(&swaps.updates, DRY),
        "client_gap_beyond_blackout_and_dry_run": spread(&swaps.updates, BEYOND_DRY),
        "recovery": spread(&swaps.kills, RECOVERY),
        "hang": spread(&swaps.hangs, HANG),
    });
    if let Some(file) = file {
        all["kill_every_second"] = json!({
            "read_pct": percent(file.reads),
            "write_pct": percent(file.writes),
        });
        all["on_a_file"] = json!({
            "update": spread(&file.updates, BLACKOUT),
            "before_order": spread(&file.updates, BEFORE),
            "drain": spread(&file.updates, DRAIN),
            "swap": spread(&file.updates, SWAP),
            "client_gap": spread(&file.updates, CLIENT_GAP),
        });
    }
    all
}

/// Upper ends of the histogram's classes, in microseconds; the last class has none.
const CLASSES: [f64; 9] = [50.0, 100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 2000.0, 5000.0];
/// Characters of the longest bar.
const BAR: usize = 50;

fn histogram(name: &str, values: &[f64]) -> String {
    let class = |value: f64| {
        CLASSES
            .iter()
            .position(|end| value < *end)
            .unwrap_or(CLASSES.len())
    };
    let mut counts = [0usize; CLASSES.len() + 1];
    for value in values {
        counts[class(*value)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut text = format!("{name}\n");
    for (index, count) in counts.into_iter().enumerate() {
        let name = match CLASSES.get(index) {
            Some(end) => format!("< {end} µs"),
            None => "longer".to_owned(),
        };
        let bar = "#".repeat((count * BAR).div_ceil(most));
        text += &format!("{name:>12} {count:>5} {bar}\n");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_protocol::record::Figures;

    #[test]
    fn each_value_is_in_one_class() {
        let text = histogram("x", &[0.0, 99.9, 100.0, 999.0, 5000.0, 1e9]);
        let counts: Vec<usize> = text
            .lines()
            .filter(|line| line.contains("µs") || line.contains("longer"))
            .map(|line| {
                let bare = line.trim_end_matches(['#', ' ']);
                bare.rsplit(' ').next().unwrap().parse().unwrap()
            })
            .collect();
        assert_eq!(counts, [1, 1, 1, 0, 0, 0, 1, 0, 0, 2]);
    }

    #[test]
    fn client_gap_is_held_against_the_blackout_of_its_own_update() {
        let update = |blackout, gap| {
            Update::from(Figures {
                blackout_ns: Some(blackout),
                client_gap_ns: Some(gap),
                ..Figures::default()
            })
        };
        assert_eq!(BEYOND(&update(700_000, 750_000)), Some(50_000));
        assert_eq!(BEYOND(&update(700_000, 300_000)), Some(0));
        assert_eq!(BEYOND(&Update::default()), None);
    }

    #[test]
    fn client_gap_goes_on_until_the_new_drivers_first_answer() {
        let update = Update {
            silence_ns: Some(900_000),
            dry_gap_ns: Some(150_000),
            ..Update::from(Figures {
                blackout_ns: Some(700_000),
                client_gap_ns: Some(720_000),
                ..Figures::default()
            })
        };
        let parts = [CLIENT_GAP, BEYOND, BEYOND_DRY].map(|part| part(&update));
        assert_eq!(parts, [Some(900_000), Some(200_000), Some(50_000)]);
    }

    #[test]
    fn blackout_is_the_drain_and_the_swap() {
        let one = Update::from(Figures {
            before_ns: 300,
            blackout_ns: Some(700),
            quiesce_ns: 600,
            cut_ns: 10,
            reset_ns: 20,
            attach_ns: 30,
            enable_ns: 40,
            ..Figures::default()
        });
        let parts = [BEFORE, DRAIN, WITHOUT_DRAIN, SWAP].map(|part| part(&one));
        assert_eq!(parts, [Some(300), Some(600), Some(100), Some(100)]);
        assert_eq!(WITHOUT_DRAIN(&Update::default()), None);
    }

    #[test]
    fn recovery_from_a_hang_is_not_counted_as_its_detection() {
        let hang = Update::from(Figures {
            blackout_ns: Some(1_000_300_000),
            total_ns: 300_000,
            ..Figures::default()
        });
        assert_eq!(HANG(&hang), Some(1_000_000_000));
        assert_eq!(HANG(&Update::default()), None);
    }
}
