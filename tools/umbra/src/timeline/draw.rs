//! The picture of a swap: frame, axis, and the clients' requests.

mod lanes;

use super::svg::{Anchor, Picture};
use super::swap::{Flow, Swap};
use crate::ctl::table::duration;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 550.0;
/// Where time begins and ends.
const LEFT: f64 = 118.0;
const RIGHT: f64 = WIDTH - 28.0;
/// Of the time shown, what lies before the swap and behind it.
const MARGIN: f64 = 0.35;

/// The graph of requests: top and bottom.
const GRAPH: (f64, f64) = (56.0, 130.0);
/// Marks of answers.
const ANSWERS: (f64, f64) = (136.0, 154.0);
const LANES: f64 = 168.0;
const LANE: f64 = 34.0;
const BAR: f64 = 20.0;
/// Names of the steps.
const LABELS: f64 = LANES + 6.0 * LANE + 14.0;

const INK: &str = "#1b1f24";
const FAINT: &str = "#8b949e";
const GRID: &str = "#d0d7de";
const OLD: &str = "#b35900";
const NEW: &str = "#1a7f37";
const SHADOW: &str = "#0969da";
const IMPERSONATING: &str = "#bf3989";
const TRUSTED: &str = "#57606a";
const BLACKOUT: &str = "#ffebe9";
const FAULT: &str = "#cf222e";

/// Draws it; `title` says which one it is.
pub fn draw(swap: &Swap, title: &str) -> String {
    let (from, to) = swap.span();
    let span = (to - from) as f64;
    let frame = Frame {
        origin: from,
        begin: from as f64 - MARGIN * span,
        length: span * (1.0 + 2.0 * MARGIN),
        hz: swap.hz,
    };
    let mut picture = Picture::new(WIDTH, HEIGHT);
    heading(&mut picture, swap, title);
    axis(&mut picture, &frame);
    requests(&mut picture, &frame, swap);
    lanes::lanes(&mut picture, &frame, swap);
    lanes::steps(&mut picture, &frame, swap);
    picture.finish()
}

/// From ticks to places.
struct Frame {
    /// Time 0.
    origin: u64,
    begin: f64,
    length: f64,
    hz: u64,
}

impl Frame {
    fn x(&self, ticks: u64) -> f64 {
        let part = (ticks as f64 - self.begin) / self.length;
        LEFT + (RIGHT - LEFT) * part.clamp(0.0, 1.0)
    }
    fn shows(&self, ticks: u64) -> bool {
        (self.begin..=self.begin + self.length).contains(&(ticks as f64))
    }
    fn nanos(&self, ticks: f64) -> f64 {
        ticks * 1e9 / self.hz.max(1) as f64
    }
}

fn nanos(swap: &Swap, from: u64, to: u64) -> String {
    let ticks = u128::from(to.saturating_sub(from));
    let nanos = ticks * 1_000_000_000 / u128::from(swap.hz.max(1));
    duration(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn heading(picture: &mut Picture, swap: &Swap, title: &str) {
    picture.text((16.0, 24.0), Anchor::Start, 15, INK, title);
    let blackout = swap.blackout.map_or_else(
        || "no request was handed over before it".to_owned(),
        |(last, first)| format!("blackout {}", nanos(swap, last, first)),
    );
    let (again, waited) = swap.replayed;
    let text = format!("{blackout}; {again} requests handed over again, {waited} had waited");
    picture.text((RIGHT, 24.0), Anchor::End, 12, TRUSTED, &text);
}

/// Lines at round times since the order.
fn axis(picture: &mut Picture, frame: &Frame) {
    let length = frame.nanos(frame.length);
    let mut step = 10f64.powf((length / 8.0).max(1.0).log10().floor());
    for factor in [2.0, 2.5, 2.0] {
        if length / step > 12.0 {
            step *= factor;
        }
    }
    let begin = frame.nanos(frame.begin - frame.origin as f64);
    let bottom = LABELS - 8.0;
    let first = (begin / step).ceil() as i64;
    let last = ((begin + length) / step).floor() as i64;
    for number in first..=last {
        let at = number as f64 * step;
        let x = LEFT + (RIGHT - LEFT) * (at - begin) / length;
        picture.line((x, GRAPH.0 - 8.0), (x, bottom), GRID);
        let sign = if at < 0.0 { "−" } else { "" };
        let text = format!("{sign}{}", duration(at.abs().round() as u64));
        picture.text((x, GRAPH.0 - 12.0), Anchor::Middle, 10, FAINT, &text);
    }
}

/// What clients have asked and what they were answered.
fn requests(picture: &mut Picture, frame: &Frame, swap: &Swap) {
    let (top, base) = GRAPH;
    if let Some((last, first)) = swap.blackout {
        let (from, to) = (frame.x(last), frame.x(first));
        picture.bar(
            (from, top - 8.0),
            (to - from, ANSWERS.1 - top + 8.0),
            BLACKOUT,
            "blackout",
        );
    }
    label(picture, (top + base) / 2.0, "requests", "not answered");
    label(picture, (ANSWERS.0 + ANSWERS.1) / 2.0, "answers", "");
    let most = swap.flow.iter().map(|flow| flow.live).max().unwrap_or(0).max(1) as f64;
    let height = |live: u64| base - (base - top) * live as f64 / most;
    let course = course(&swap.flow, frame).into_iter();
    let points: Vec<_> = course.map(|(x, live)| (x, height(live))).collect();
    if points.is_empty() {
        let text = "not recorded: `umbra ctl record single` before the update records them";
        picture.text((LEFT + 8.0, base - 8.0), Anchor::Start, 11, FAINT, text);
        return;
    }
    picture.area(&points, base, "#54aeff");
    picture.text(
        (LEFT - 6.0, top + 8.0),
        Anchor::End,
        10,
        FAINT,
        &format!("{most}"),
    );
    let busiest = swap
        .flow
        .iter()
        .map(|flow| flow.answered)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let marks: Vec<_> = swap
        .flow
        .iter()
        .filter(|flow| flow.answered > 0 && frame.shows(flow.at))
        .map(|flow| {
            let tall = (ANSWERS.1 - ANSWERS.0) * (0.3 + 0.7 * flow.answered as f64 / busiest);
            (frame.x(flow.at), ANSWERS.1, ANSWERS.1 - tall)
        })
        .collect();
    picture.ticks(&marks, NEW);
}

fn label(picture: &mut Picture, middle: f64, first: &str, second: &str) {
    let x = LEFT - 28.0;
    let up = if second.is_empty() { 4.0 } else { 0.0 };
    picture.text((x, middle + up), Anchor::End, 12, INK, first);
    picture.text((x, middle + 13.0), Anchor::End, 10, FAINT, second);
}

/// Requests that are not answered, by place: what was noted last before the picture still holds where it begins, and the last of
/// it until it ends.
fn course(flow: &[Flow], frame: &Frame) -> Vec<(f64, u64)> {
    let before = flow
        .iter()
        .take_while(|flow| (flow.at as f64) < frame.begin)
        .last();
    let mut live = before.map(|flow| flow.live);
    let mut points: Vec<_> = live.map(|live| (LEFT, live)).into_iter().collect();
    for flow in flow.iter().filter(|flow| frame.shows(flow.at)) {
        let x = frame.x(flow.at);
        points.extend(live.map(|live| (x, live)));
        points.push((x, flow.live));
        live = Some(flow.live);
    }
    points.extend(live.map(|live| (RIGHT, live)));
    points
}

#[cfg(test)]
mod tests {
    use super::super::swap::STEPS;
    use super::super::swap::tests::update;
    use super::*;

    #[test]
    fn picture_has_all_lanes_steps_and_requests() {
        let swap = Swap::newest(&update()).expect("a swap");
        let picture = draw(&swap, "a title");
        for (number, step) in STEPS.iter().enumerate() {
            assert!(picture.contains(&format!("{} {step}<", number + 1)), "{step}");
        }
        for part in [
            "a title",
            "blackout 36.0 µs; 30 requests handed over again, 3 had waited",
            "shadow-block",
            "generation 1",
            "generation 2",
            "root",
            "bus",
            "stager",
            "impersonating",
            "quarantined",
        ] {
            assert!(picture.contains(part), "{part}");
        }
        assert_eq!(picture.matches("<svg").count(), 1);
        assert!(!picture.contains("NaN") && !picture.contains("inf"));
    }

    #[test]
    fn what_was_noted_before_the_picture_holds_where_it_begins_and_what_came_after_it_does_not() {
        let frame = Frame {
            origin: 100,
            begin: 100.0,
            length: 100.0,
            hz: 1,
        };
        let flow = [(40, 1), (50, 3), (150, 5), (250, 9)].map(|(at, live)| Flow {
            at,
            live,
            answered: 0,
        });
        let middle = frame.x(150);
        assert_eq!(
            course(&flow, &frame),
            [(LEFT, 3), (middle, 3), (middle, 5), (RIGHT, 5)]
        );
        assert_eq!(course(&flow[..2], &frame), [(LEFT, 3), (RIGHT, 3)]);
        assert_eq!(course(&flow[3..], &frame), []);
    }

    #[test]
    fn swap_without_recorded_requests_says_how_to_record_them() {
        let mut swap = Swap::newest(&update()).expect("a swap");
        swap.flow.clear();
        assert!(draw(&swap, "").contains("not recorded"));
    }

    #[test]
    fn nonsense_in_the_traces_is_drawn_without_harm() {
        let mut swap = Swap::newest(&update()).expect("a swap");
        swap.steps = [
            Some(u64::MAX),
            None,
            Some(0),
            Some(u64::MAX),
            Some(1),
            Some(0),
            None,
            None,
            Some(0),
            Some(0),
        ];
        swap.first_answer = Some(0);
        swap.hz = 0;
        swap.staging = Some((u64::MAX, 0));
        let picture = draw(&swap, "");
        assert!(!picture.contains("NaN") && picture.len() < 1 << 20);
    }
}
