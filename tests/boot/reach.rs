//! Drivers that tell their device to write where it may not: behind the SMMU they are stopped, found out and replaced, and no memory changes;
//! without it the device writes where it is told.

use crate::drivers::undone;
use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::cause::Cause;
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::request::Policy;
use reaches_out::{CHUNK, COMMAND, INTERRUPTS, KERNEL, MARK, NOBODYS, PEER, PLACE, ROOT, STREAMS, Target};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use supervision::root::DMA_FAULT;
use umbra::build::{self, Config};
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE};
use umbra::pack;

/// Bytes that are looked at.
const PAGE: usize = 4096;
/// Devices behind the IOMMU in `systems/two-disks`.
const SPACES: usize = 2;
/// Where memory begins.
const MEMORY: u64 = 0x4000_0000;

/// What the IOMMU calls a write to where nothing is.
const TRANSLATION: u64 = 0x10;
/// What it calls one to what may only be read.
const PERMISSION: u64 = 0x13;

/// The package of `reaches-out` that aims there; `client`: at what, if that is another device's client.
fn aimed(target: Target, client: u64, config: Config) -> Result<Vec<u8>> {
    let driver = pack::find("reaches-out")?;
    let built = build::program(&driver.package, config)?;
    let mut program = fs::read(&built)?;
    let marks: Vec<_> = (0..program.len())
        .filter(|at| program[*at..].starts_with(&MARK))
        .collect();
    ensure!(marks.len() == 1, "{} marks", marks.len());
    let aim = program
        .get_mut(marks[0] + MARK.len()..)
        .and_then(|rest| rest.first_chunk_mut::<9>());
    let [number, address @ ..] = aim.context("an aim")?;
    *number = target as u8;
    *address = client.to_le_bytes();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("driver.elf");
    fs::write(&path, program)?;
    Ok(pack::pack_elf(&driver, &path, config)?.bytes)
}

/// Whether that is what becomes of a driver that aims there.
fn stopped(target: Target, client: u64, why: &Reason) -> bool {
    let &Reason::Fault { label, address, .. } = why else {
        return false;
    };
    let kind = match target {
        Target::Code => PERMISSION,
        _ => TRANSLATION,
    };
    let there = match target {
        Target::Kernel => address == KERNEL,
        Target::Root => address == ROOT,
        Target::Streams => address == STREAMS,
        Target::Command => address == COMMAND,
        Target::Interrupts => address == INTERRUPTS,
        Target::Peer => address == PEER,
        Target::Nobodys => address == NOBODYS,
        Target::Client => address == client,
        // Which of the places that is depends on the generation.
        Target::Next | Target::Previous | Target::Code => address.is_multiple_of(PLACE),
        Target::Tables => address.is_multiple_of(CHUNK) && !address.is_multiple_of(PLACE),
    };
    label >> 16 == DMA_FAULT >> 16 && label & 0xff == kind && there
}

/// Behind the SMMU.
pub fn guarded(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::product_system("two-disks", config, kernel)?;
    running.operate(|client, patience| demo::loaded(client, patience.boot))?;
    // Somebody's memory is there, or the attack would prove nothing.
    let data = demo::wait(demo::Patience::default().boot, "data of the other device", || {
        others_data(&running)
    })?;
    for whose in [KERNEL, ROOT, STREAMS, COMMAND] {
        let there = running.memory(whose, PAGE)?.iter().any(|byte| *byte != 0);
        ensure!(there, "nothing at {whose:#x}");
    }
    let unchanging = |running: &Running| -> Result<[Vec<u8>; 3]> {
        let [kernel, root, nobodys] = [KERNEL, ROOT, NOBODYS].map(|at| running.memory(at, PAGE));
        Ok([kernel?, root?, nobodys?])
    };
    let before = unchanging(&running)?;
    for target in Target::ALL {
        let package = aimed(target, data, config)?;
        running
            .operate(|client, patience| {
                undone(
                    client,
                    DEVICE,
                    &package,
                    true,
                    |why| stopped(target, data, why),
                    patience,
                )?;
                demo::still_loaded(client)
            })
            .with_context(|| format!("{target:?}"))?;
    }
    running.operate(|client, _| counted(client))?;
    ensure!(before == unchanging(&running)?, "memory was written");
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// Where data is that the other device reaches, and ours does not: a page that is not empty, of the largest piece that has one. The
/// tables of the IOMMU say so. `None`: its clients have not begun.
fn others_data(running: &Running) -> Result<Option<u64>> {
    let tables = running.memory(STREAMS, smmu::memory::len(SPACES))?;
    let [ours, others] = [0, 1].map(|space| reached(&tables, space));
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    // Registers are no memory.
    for page in others.difference(&ours).filter(|page| **page >= MEMORY) {
        match pieces.last_mut() {
            Some((start, len)) if *start + *len == *page => *len += PAGE as u64,
            _ => pieces.push((*page, PAGE as u64)),
        }
    }
    pieces.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
    for (start, len) in pieces {
        let data = running.memory(start, len as usize)?;
        if let Some(first) = data.iter().position(|byte| *byte != 0) {
            return Ok(Some(start + (first / PAGE * PAGE) as u64));
        }
    }
    Ok(None)
}

/// Pages that the device of this space may read and write now, but not those of its driver: beside them is code, which it may only read.
fn reached(tables: &[u8], space: usize) -> BTreeSet<u64> {
    const READ_ONLY: u64 = 1 << 7;
    let first = STREAMS + (smmu::memory::TABLES + space * smmu::memory::SPACE_TABLES * PAGE) as u64;
    let entries = |table: u64| {
        let at = (table - STREAMS) as usize;
        let words = tables[at..at + PAGE].as_chunks::<8>().0.iter();
        words
            .map(|word| u64::from_le_bytes(*word))
            .filter(|word| word & 3 == 3)
    };
    let next = |entry: u64| entry & 0xffff_ffff_f000;
    let mut pages = BTreeSet::new();
    for second in entries(first) {
        for third in entries(next(second)) {
            if entries(next(third)).all(|page| page & READ_ONLY == 0) {
                pages.extend(entries(next(third)).map(next));
            }
        }
    }
    pages
}

/// `status` counts what was stopped apart from faults of threads, and one for each driver that was: a device is cut off at the first.
fn counted(client: &mut Client) -> Result<()> {
    let status = client.status()?;
    let causes = status.devices[0].causes;
    let [reach, fault] = [Cause::Reach, Cause::Fault].map(|cause| causes[cause as usize]);
    ensure!(reach as usize >= Target::ALL.len() && fault == 0, "{causes:?}");
    Ok(())
}

/// Without one: the attack works, and nobody notices.
pub fn open(config: Config, kernel: Option<&Path>) -> Result<()> {
    const PD: &str = r#"    <protection_domain name="iommu" priority="247" stack_size="0x4000" fpu="false" umbra_role="iommu">
        <program_image path="iommu"/>
        <!-- The SMMU's event queue. -->
        <irq irq="106" id="0" trigger="edge"/>
    </protection_domain>
"#;
    let without = [(PD, ""), (r#"<iommu registers="0x9050000"/>"#, "")];
    let mut running = Running::altered("without-iommu", &without, config, kernel)?;
    running.operate(|client, patience| demo::loaded(client, patience.boot))?;
    let before = running.memory(NOBODYS, PAGE)?;
    running.operate(|client, patience| {
        let package = aimed(Target::Nobodys, 0, config)?;
        demo::settled(client, DEVICE, patience.transaction)?;
        let hash = client.upload(&package, |_, _| {})?;
        let job = client.update(DEVICE, hash, Policy::Refuse)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
        demo::still_loaded(client)
    })?;
    let patience = demo::Patience::default();
    demo::wait(patience.transaction, "the device's write", || {
        Ok((running.memory(NOBODYS, PAGE)? != before).then_some(()))
    })
    .context("is there an IOMMU?")?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}
