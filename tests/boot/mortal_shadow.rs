//! A shadow that dies over and over, at whatever word of its state it writes, while clients are served and drivers replaced.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use std::path::Path;
use trace::{Event, Kind};
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;
use zerocopy::FromBytes;

/// So many lives at least.
const LIVES: usize = 20;
/// Updates that are ordered at least, one after the other.
const UPDATES: usize = 10;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let shadow = ("path=\"shadow-block\"", "path=\"shadow-block+mortal\"");
    let mut running = Running::altered("mortal-shadow", shadow, config, kernel)?;
    running.operate(|client, patience| play(client, config, patience))?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

fn play(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    demo::loaded(client, patience.boot)?;
    let mut packages = Vec::new();
    for label in ["virtio-blk-0.12.0", "virtio-blk-0.13.0"] {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        packages.push(client.upload(&package, |_, _| {})?);
    }
    let mut updates = 0;
    while updates < UPDATES || lives(client)? < LIVES {
        let job = client.update(DEVICE, packages[updates % 2], Policy::Refuse)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(
            record.state == State::Done(Outcome::Done),
            "update {updates}: {record:?}"
        );
        demo::still_loaded(client)?;
        updates += 1;
    }
    Ok(())
}

/// How often the shadow was started.
fn lives(client: &mut Client) -> Result<usize> {
    let names = client.traces()?;
    let source = names.iter().position(|name| name == "shadow-block");
    let source = source.context("the shadow's trace")? as u8;
    let (mut cursor, mut lives) = (0, 0);
    loop {
        let (bytes, next, _) = client.trace(source, cursor)?;
        if bytes.is_empty() {
            return Ok(lives);
        }
        let events = bytes.chunks_exact(size_of::<Event>());
        lives += events
            .filter_map(|bytes| Event::read_from_bytes(bytes).ok())
            .filter(|event| event.kind == Kind::Started as u16)
            .count();
        cursor = next;
    }
}
