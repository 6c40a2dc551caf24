//! Root tasks on a kernel.

use crate::case::{self, Case};
use std::time::Duration;
use umbra::build::Config;
use umbra::qemu::Machine;

/// All cases.
pub fn cases() -> Vec<Case> {
    let machines = [
        ("el1", Machine::default()),
        (
            "el2",
            Machine {
                el2: true,
                ..Machine::default()
            },
        ),
        (
            "icount",
            Machine {
                icount: true,
                ..Machine::default()
            },
        ),
    ];
    let mut cases = Vec::new();
    for config in Config::ALL {
        for (name, machine) in &machines {
            cases.push(Case {
                name: format!("root_task_can_live/{}/{name}", config.name()),
                config,
                machine: machine.clone(),
                image: |kernel| case::boot(kernel, "hello-root"),
                needs_kernel: true,
                sentinel: "^TEST_PASS",
                failure: "^TEST_FAIL|[Pp]anic",
                patience: Duration::from_secs(60),
            });
        }
    }
    cases
}
