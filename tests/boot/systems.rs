//! Described systems on a kernel.

use crate::case::{Case, Kernel, Needs};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;
use umbra::build::Config;
use umbra::qemu::Machine;
use umbra::system;

/// All cases.
pub fn cases() -> Vec<Case> {
    // Their outcome is printed, which only debug kernels do.
    let plain = Case {
        name: "described_system_does_what_microkit_says".to_owned(),
        config: Config::Debug,
        machine: Machine::default(),
        image: |kernel| described(kernel, "microkit-probe"),
        needs: Needs::AnyKernel,
        sentinel: "^microkit-probe: passed",
        failure: "^microkit-probe: failed|[Pp]anic|cannot build|^root: .* faulted",
        patience: Duration::from_secs(60),
    };
    let generations = Case {
        name: "root_keeps_its_rules_whatever_control_asks".to_owned(),
        machine: Machine {
            icount: true,
            arguments: disk().map(Into::into).into(),
            ..Machine::default()
        },
        image: |kernel| described(kernel, "root-probe"),
        sentinel: "^root-probe: passed",
        failure: "^root-probe: failed|[Pp]anic|cannot build",
        ..plain.clone()
    };
    vec![plain, generations]
}

/// A disk without a file behind it, in the slot that descriptions name.
fn disk() -> [&'static str; 6] {
    [
        "-global",
        "virtio-mmio.force-legacy=false",
        "-drive",
        "file=null-co://,file.size=8388608,format=raw,if=none,id=disk",
        "-device",
        "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.31",
    ]
}

fn described(kernel: &Kernel<'_>, name: &str) -> Result<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("systems")
        .join(name);
    system::boot_image(&folder.join("system.xml"), kernel.other, kernel.config)
}
