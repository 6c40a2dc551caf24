//! Described systems on a kernel.

use crate::case::{Case, Kernel};
use anyhow::Result;
use std::path::PathBuf;
use std::time::Duration;
use umbra::build::Config;
use umbra::qemu::Machine;
use umbra::system;

/// All cases.
pub fn cases() -> Vec<Case> {
    // Its outcome is printed, which only debug kernels do.
    vec![Case {
        name: "root_keeps_its_rules_whatever_control_asks".to_owned(),
        config: Config::Debug,
        machine: Machine {
            icount: true,
            arguments: disk().map(Into::into).into(),
            ..Machine::default()
        },
        image: |kernel| described(kernel, "root-probe"),
        needs_kernel: true,
        sentinel: "^root-probe: passed",
        failure: "^root-probe: failed|[Pp]anic|cannot build",
        patience: Duration::from_secs(60),
    }]
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
