//! The view as characters.

use super::keys::Dialogue;
use super::view::{Row as DeviceRow, View};
use crate::ctl::table::duration;
use crate::ctl::text;
use control_protocol::record::{Outcome, Record, State};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Clear, List, ListItem, Paragraph, Row, Sparkline, Table};

const KEYS: &str = " ↑↓ device   u update   r roll back   c commit   d discard   q quit ";

/// Draws the view on the whole terminal.
pub fn render(view: &View, frame: &mut Frame<'_>) {
    let devices = view.rows.len() as u16 + 3;
    let [top, table, graph, history, message, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(devices),
        Constraint::Length(6),
        Constraint::Min(4),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let clock = format!(" umbra top    up {:.1} s", view.now_ns as f64 / 1e9);
    frame.render_widget(Line::from(clock).style(Modifier::BOLD), top);
    frame.render_widget(device_table(view), table);
    render_graph(view, frame, graph);
    frame.render_widget(history_table(view), history);
    frame.render_widget(Line::from(format!(" {}", view.message)), message);
    frame.render_widget(Line::from(KEYS).style(Modifier::REVERSED), keys);
    render_dialogue(view, frame);
}

fn device_table(view: &View) -> Table<'static> {
    let heading = [
        "DEVICE",
        "DRIVER",
        "GEN",
        "SHADOW",
        "REQ/S",
        "MIB/S",
        "IN FLIGHT",
        "QUEUED",
        "LATENCY",
        "FAILED",
        "STATE",
    ];
    let rows = view.rows.iter().enumerate().map(|(number, row)| {
        let style = if number == view.chosen {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            Style::new()
        };
        device(row).style(style)
    });
    let widths = [
        Constraint::Length(10),
        Constraint::Length(20),
        Constraint::Length(4),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Min(10),
    ];
    Table::new(rows, widths)
        .header(Row::new(heading).style(Modifier::BOLD))
        .block(Block::bordered().title(" devices "))
}

fn device(row: &DeviceRow) -> Row<'static> {
    let traffic = row.vitals.traffic;
    let number = |count: Option<u32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let mode = traffic.map_or("-", |traffic| text::mode(traffic.mode));
    let healthy = row.device.failures == 0;
    Row::new([
        Cell::from(row.device.name.to_string()),
        Cell::from(text::package(row.device.package.as_ref())),
        Cell::from(row.device.generation.to_string()),
        Cell::from(mode).style(if mode == "passive" {
            Color::Green
        } else {
            Color::Yellow
        }),
        Cell::from(format!("{:.0}", row.rates.requests)),
        Cell::from(format!("{:.1}", row.rates.bytes / f64::from(1 << 20))),
        Cell::from(number(traffic.map(|traffic| traffic.in_flight))),
        Cell::from(number(traffic.map(|traffic| traffic.queued))),
        Cell::from(row.rates.latency_ns.map_or_else(|| "-".to_owned(), duration)),
        Cell::from(row.device.failures.to_string()).style(if healthy { Color::Reset } else { Color::Red }),
        Cell::from(text::device(&row.device)),
    ])
}

fn render_graph(view: &View, frame: &mut Frame<'_>, area: Rect) {
    let Some(row) = view.chosen() else { return };
    let inner = usize::from(area.width.saturating_sub(2));
    let points: Vec<u64> = row.graph.iter().copied().rev().take(inner).collect();
    let points: Vec<u64> = points.into_iter().rev().collect();
    let most = points.iter().max().copied().unwrap_or(0);
    let title = format!(" {}: requests per second, at most {most} ", row.device.name);
    frame.render_widget(
        Sparkline::default()
            .data(points)
            .block(Block::bordered().title(title)),
        area,
    );
}

fn history_table(view: &View) -> Table<'static> {
    let rows = view.history.iter().map(record);
    let widths = [
        Constraint::Length(5),
        Constraint::Length(12),
        Constraint::Length(9),
        Constraint::Length(42),
        Constraint::Length(11),
        Constraint::Length(11),
        Constraint::Min(12),
    ];
    Table::new(rows, widths)
        .header(
            Row::new([
                "JOB",
                "AT",
                "WHAT",
                "FROM → TO",
                "BLACKOUT",
                "CLIENT GAP",
                "RESULT",
            ])
            .style(Modifier::BOLD),
        )
        .block(Block::bordered().title(" last changes "))
}

fn record(record: &Record) -> Row<'static> {
    let optional = |nanos: Option<u64>| nanos.map_or_else(|| "-".to_owned(), duration);
    let change = format!(
        "{} → {}",
        text::package(record.from.as_ref()),
        text::package(record.to.as_ref())
    );
    let colour = match record.state {
        State::Done(Outcome::Done) => Color::Green,
        State::Done(Outcome::Offline(_)) => Color::Red,
        State::Done(_) => Color::Yellow,
        State::Waiting | State::Running(_) => Color::Cyan,
    };
    let reason = match &record.state {
        State::Done(outcome) => text::outcome_reason(outcome).map(text::reason),
        _ => None,
    };
    let result = match reason {
        Some(reason) => format!("{}: {reason}", text::state(&record.state)),
        None => text::state(&record.state),
    };
    Row::new([
        Cell::from(record.id.to_string()),
        Cell::from(format!("{:.3} s", record.figures.began_ns as f64 / 1e9)),
        Cell::from(text::kind(record.kind)),
        Cell::from(change),
        Cell::from(optional(record.figures.blackout_ns)),
        Cell::from(optional(record.figures.client_gap_ns)),
        Cell::from(result).style(colour),
    ])
}

fn render_dialogue(view: &View, frame: &mut Frame<'_>) {
    match &view.dialogue {
        Dialogue::None => {}
        Dialogue::Choose(at) => {
            let items = view.packages.iter().enumerate().map(|(number, package)| {
                let mark = if number == *at { "▶ " } else { "  " };
                ListItem::new(format!(
                    "{mark}{}  {}",
                    package.label,
                    text::hash(&package.sha256)
                ))
            });
            let area = middle(frame.area(), 60, view.packages.len() as u16 + 2);
            frame.render_widget(Clear, area);
            let title = " update to: Enter chooses, Esc leaves ";
            frame.render_widget(List::new(items).block(Block::bordered().title(title)), area);
        }
        Dialogue::Confirm(_, question) => {
            let width = question.chars().count() as u16 + 4;
            let area = middle(frame.area(), width.max(30), 4);
            frame.render_widget(Clear, area);
            let lines = vec![Line::from(question.as_str()), Line::from("y: yes   n: no")];
            frame.render_widget(Paragraph::new(lines).block(Block::bordered()), area);
        }
    }
}

/// A rectangle in the middle, not larger than all there is.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Key;
    use super::super::view::tests::view;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn drawn(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| render(view, frame)).expect("drawn");
        terminal.backend().to_string()
    }

    #[test]
    fn all_figures_of_a_device_are_on_the_screen() {
        let screen = drawn(&view(), 130, 30);
        for part in [
            "disk0",
            "virtio-blk 0.12.0",
            "passive",
            "1000",
            "3.9",
            "32",
            "50.0 µs",
            "working",
            "675.4 µs",
            "done",
            "roll back",
        ] {
            assert!(screen.contains(part), "{part}\n{screen}");
        }
    }

    #[test]
    fn questions_stand_before_everything() {
        let mut view = view();
        view.key(Key::Character('u'));
        let screen = drawn(&view, 130, 30);
        assert!(
            screen.contains("▶ virtio-blk 0.8.0") && screen.contains("virtio-blk 0.13.0"),
            "{screen}"
        );
        view.key(Key::Enter);
        let screen = drawn(&view, 130, 30);
        assert!(
            screen.contains("Replace virtio-blk 0.12.0 by virtio-blk 0.8.0 on disk0?"),
            "{screen}"
        );
    }

    #[test]
    fn any_size_of_terminal_will_do() {
        let mut view = view();
        for key in [None, Some(Key::Character('u')), Some(Key::Enter)] {
            if let Some(key) = key {
                view.key(key);
            }
            for (width, height) in [(1, 1), (20, 3), (80, 24), (300, 100)] {
                drawn(&view, width, height);
            }
        }
        drawn(&View::default(), 80, 24);
    }
}
