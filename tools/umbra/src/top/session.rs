//! The view on a terminal, of a machine.

use super::keys::{Key, Order};
use super::render::render;
use super::view::{Sample, View};
use crate::ctl::{Client, ClientError};
use anyhow::{Context, Result};
use control_protocol::request::Policy;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::{Duration, Instant};

/// Shows the machine until the operator has seen enough; looks at it every `interval`.
///
/// # Errors
/// The terminal cannot be used, or the machine is gone.
pub fn run(client: &mut Client, interval: Duration) -> Result<()> {
    let mut terminal = ratatui::try_init().context("using the terminal")?;
    let result = show(client, &mut terminal, interval);
    ratatui::restore();
    result
}

fn show(client: &mut Client, terminal: &mut DefaultTerminal, interval: Duration) -> Result<()> {
    let mut view = View::default();
    loop {
        view.take(look(client)?);
        let next = Instant::now() + interval;
        loop {
            terminal.draw(|frame| render(&view, frame))?;
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            // Others may talk to the machine while nothing happens here.
            client.release();
            if !event::poll(left)? {
                break;
            }
            let Some(key) = key(&event::read()?) else { continue };
            match view.key(key) {
                Some(Order::Quit) => return Ok(()),
                Some(order) => view.message = obey(client, &order)?,
                None => {}
            }
        }
    }
}

/// Asks the machine for all that is shown.
fn look(client: &mut Client) -> Result<Sample, ClientError> {
    let status = client.status()?;
    let vitals = client.vitals()?;
    let mut history = Vec::new();
    for device in &status.devices {
        history.extend(client.history(&device.name)?);
    }
    let packages = client.packages()?;
    Ok(Sample {
        status,
        vitals,
        history,
        packages,
    })
}

/// Gives an order, and says what came of it. A refusal is an answer.
fn obey(client: &mut Client, order: &Order) -> Result<String, ClientError> {
    let job = match order {
        Order::Quit => return Ok(String::new()),
        Order::Update { device, package } => client.update(device, *package, Policy::Refuse),
        Order::Rollback { device } => client.rollback(device),
        Order::Commit { device } => client.commit(device),
        Order::Discard { device } => client.discard(device),
    };
    match job {
        Ok(job) => Ok(format!("job {job} is under way")),
        Err(error @ ClientError::Refused(_)) => Ok(error.to_string()),
        Err(error) => Err(error),
    }
}

/// What an event of the terminal means to the view.
fn key(event: &Event) -> Option<Key> {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return None;
    };
    Some(match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Key::Interrupt,
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Char(character) => Key::Character(*character),
        _ => return None,
    })
}
