//! Drivers that tell their device to write where it may not: behind the SMMU they are stopped, found out and replaced, and no memory changes;
//! without it the device writes where it is told.

use crate::drivers::{Bad, send};
use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::cause::Cause;
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::request::Policy;
use std::collections::BTreeMap;
use std::path::Path;
use supervision::root::DMA_FAULT;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::ctl::traces::{Traces, Written};
use umbra::demo::{self, DEVICE};
use umbra::pack;

/// Bytes that are looked at.
const PAGE: usize = 4096;
/// Where the kernel's code is; one of the targets of `reaches-out`.
const KERNEL: u64 = 0x4000_1000;
/// The others that are the same in each generation: memory of the command channel's device, the interrupt controller.
const FIXED: [u64; 3] = [KERNEL, 0x8000_0000, 0x0800_0200];
/// All its targets: also two of other generations, what is behind its window, its own code.
const TARGETS: usize = 7;
/// The target of `overreaches`.
const NOBODYS: u64 = 0xa000_0000;
/// Most times that a driver is sent: each time it is tried, it has another target.
const ROUNDS: usize = 12;

/// What the IOMMU calls a write to what may only be read.
const PERMISSION: u64 = 0x13;

fn stopped(driver: &'static str) -> Bad {
    Bad {
        driver,
        late: true,
        why: |why| matches!(why, Reason::Fault { label, .. } if label >> 16 == DMA_FAULT >> 16),
    }
}

/// Addresses at which root was told that the device was stopped, and as what.
fn stops(client: &mut Client) -> Result<BTreeMap<u64, u64>> {
    let mut traces = Traces::of(client)?;
    let written = traces.read(client, |_, _| {})?;
    let by_root = |one: &&Written| traces.names()[one.source] == "root";
    let faults = written.iter().filter(by_root).map(|one| one.event);
    Ok(faults
        .filter(|event| event.kind == trace::Kind::Fault as u16 && event.a >> 16 == DMA_FAULT >> 16)
        .map(|event| (event.b, event.a & 0xff))
        .collect())
}

/// Behind the SMMU.
pub fn guarded(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::demo(config, kernel)?;
    running.operate(|client, patience| demo::loaded(client, patience.boot))?;
    let before = [running.memory(KERNEL, PAGE)?, running.memory(NOBODYS, PAGE)?];
    let mut seen = BTreeMap::new();
    for _ in 0..ROUNDS {
        running
            .operate(|client, patience| {
                send(client, &stopped("reaches-out"), config, patience)?;
                demo::still_loaded(client)?;
                seen.append(&mut stops(client)?);
                Ok(())
            })
            .with_context(|| format!("stopped so far at {seen:x?}"))?;
        if seen.len() >= TARGETS && FIXED.iter().all(|fixed| seen.contains_key(fixed)) {
            break;
        }
    }
    ensure!(FIXED.iter().all(|fixed| seen.contains_key(fixed)), "{seen:x?}");
    ensure!(seen.len() >= TARGETS, "{seen:x?}");
    ensure!(seen.values().any(|kind| *kind == PERMISSION), "{seen:x?}");
    running.operate(|client, patience| send(client, &stopped("overreaches"), config, patience))?;
    running.operate(|client, _| counted(client))?;
    let after = [running.memory(KERNEL, PAGE)?, running.memory(NOBODYS, PAGE)?];
    ensure!(before == after, "memory was written");
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// `status` counts what was stopped apart from faults of threads, and one for each driver that was: a device is cut off at the first.
fn counted(client: &mut Client) -> Result<()> {
    let status = client.status()?;
    let causes = status.devices[0].causes;
    let [reach, fault] = [Cause::Reach, Cause::Fault].map(|cause| causes[cause as usize]);
    ensure!(reach as usize > TARGETS && fault == 0, "{causes:?}");
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
        let package = pack::pack(&pack::find("overreaches")?, config)?.bytes;
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
