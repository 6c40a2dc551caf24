//! Who did what, and the ten steps.

use super::super::svg::{Anchor, Picture};
use super::super::swap::{STEPS, Swap};
use super::{
    BAR, FAULT, Frame, IMPERSONATING, INK, LABELS, LANE, LANES, LEFT, NEW, OLD, RIGHT, SHADOW, TRUSTED,
};
use super::{label, nanos};

/// A lane: who, and for how long he did what.
struct Lane<'a> {
    name: String,
    detail: &'a str,
    bars: Vec<(u64, u64, &'a str, &'a str)>,
}

/// Draws a lane for each who works.
pub(super) fn lanes(picture: &mut Picture, frame: &Frame, swap: &Swap) {
    let (begin, end) = (frame.begin as u64, (frame.begin + frame.length) as u64);
    let [_, quiesce, impersonate, cut, reset, start, _, _, enable, reap] = swap.steps;
    let mut shadow = Vec::new();
    if let (Some(active), Some(enable)) = (impersonate, enable) {
        let feeding_ends = quiesce.unwrap_or(active);
        shadow.push((begin, feeding_ends, SHADOW, "passive"));
        shadow.push((feeding_ends, active, "#54aeff", "draining"));
        shadow.push((active, enable, IMPERSONATING, "impersonating"));
        shadow.push((enable, end, SHADOW, "passive"));
    }
    let until_cut = cut.unwrap_or(end);
    let stops = swap.lost.map_or(until_cut, |(at, _)| at.min(until_cut));
    let mut old = vec![(begin, stops, OLD, "serves")];
    old.extend(swap.lost.map(|(at, what)| (at, until_cut, FAULT, what)));
    old.extend(cut.map(|cut| (cut, reap.unwrap_or(end), "#ffd8b5", "quarantined")));
    let mut new = Vec::new();
    new.extend(start.map(|start| (begin, start, "#dafbe1", "built, without any authority")));
    new.extend(swap.probing.map(|(from, to)| (from, to, "#4ac26b", "probes")));
    new.extend(swap.probing.map(|(_, to)| (to, end, NEW, "serves")));
    let one = |at: Option<u64>, to: Option<u64>, text| {
        at.zip(to)
            .map(|(from, to)| (from, to, TRUSTED, text))
            .into_iter()
            .collect::<Vec<_>>()
    };
    let staging = swap
        .staging
        .map(|(from, to)| (from, to, TRUSTED, "verifies and builds"));
    let mut root = one(impersonate, cut, "cuts");
    root.extend(one(reset, start, "starts"));
    let (first, second) = swap.generations;
    let all = [
        Lane {
            name: swap.shadow.clone(),
            detail: "shadow",
            bars: shadow,
        },
        Lane {
            name: format!("generation {first}"),
            detail: "old driver",
            bars: old,
        },
        Lane {
            name: format!("generation {second}"),
            detail: "new driver",
            bars: new,
        },
        Lane {
            name: "root".into(),
            detail: "cut, start, reap",
            bars: root,
        },
        Lane {
            name: "bus".into(),
            detail: "resets",
            bars: one(cut, reset, "resets the device"),
        },
        Lane {
            name: "stager".into(),
            detail: "builds",
            bars: staging.into_iter().collect(),
        },
    ];
    for (number, lane) in all.iter().enumerate() {
        let y = LANES + number as f64 * LANE;
        label(picture, y + 8.0, &lane.name, lane.detail);
        for (from, to, fill, text) in &lane.bars {
            bar(picture, frame, swap, y, (*from, *to), fill, text);
        }
    }
}

fn bar(
    picture: &mut Picture,
    frame: &Frame,
    swap: &Swap,
    y: f64,
    (from, to): (u64, u64),
    fill: &str,
    text: &str,
) {
    let (left, right) = (frame.x(from), frame.x(to));
    if right <= LEFT || left >= RIGHT || to <= from {
        // Before what is shown: it is said where it went.
        if to <= frame.begin as u64 {
            let text = format!("◀ {text}, {}", nanos(swap, from, to));
            picture.text((LEFT + 4.0, y + 14.0), Anchor::Start, 10, TRUSTED, &text);
        }
        return;
    }
    let title = format!("{text}: {}", nanos(swap, from, to));
    // What is shorter than a line is still there.
    let width = (right - left).max(1.5);
    picture.bar((left, y), (width, BAR), fill, &title);
    let light = fill.starts_with("#ffd") || fill.starts_with("#daf") || fill.starts_with("#54a");
    if width > 7.0 * text.chars().count() as f64 {
        let ink = if light { INK } else { "#ffffff" };
        picture.text(
            ((left + left + width) / 2.0, y + 14.0),
            Anchor::Middle,
            11,
            ink,
            text,
        );
    }
}

/// Names the ten steps, in as many rows as keep them apart.
pub(super) fn steps(picture: &mut Picture, frame: &Frame, swap: &Swap) {
    let (mut row_ends, row_height) = ([f64::MIN; STEPS.len()], 14.0);
    for (number, (step, name)) in swap.steps.iter().zip(STEPS).enumerate() {
        let Some(at) = *step else { continue };
        let x = frame.x(at);
        let outside = if !frame.shows(at) && x <= LEFT { "◀ " } else { "" };
        let text = format!("{outside}{} {name}", number + 1);
        let width = 6.2 * text.chars().count() as f64 + 8.0;
        let left = x.min(RIGHT - width);
        let row = row_ends
            .iter()
            .position(|end| *end <= left)
            .unwrap_or(row_ends.len() - 1);
        row_ends[row] = left + width;
        let y = LABELS + 12.0 + row as f64 * row_height;
        if frame.shows(at) {
            picture.line((x, LANES - 6.0), (x, y - 10.0), INK);
        }
        picture.text((left + 2.0, y), Anchor::Start, 11, INK, &text);
    }
}
