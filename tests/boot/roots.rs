//! Root tasks on a kernel.

use crate::case::{self, Case, Image};
use std::time::Duration;
use umbra::build::Config;
use umbra::qemu::Machine;

/// All cases.
pub fn cases() -> Vec<Case> {
    let el2 = Machine {
        el2: true,
        ..icount()
    };
    let mut cases = Vec::new();
    for config in Config::ALL {
        cases.extend([
            case("root_task_can_live/el1", config, icount(), |kernel| {
                case::boot(kernel, "hello-root")
            }),
            case("root_task_can_live/el2", config, el2.clone(), |kernel| {
                case::boot(kernel, "hello-root")
            }),
            case("kernel_keeps_the_contract", config, icount(), |kernel| {
                case::boot(kernel, "kernel-conformance")
            }),
        ]);
    }
    // It prints by the debug system call.
    let survey: Image = |kernel| case::boot(kernel, "kernel-survey");
    cases.push(case(
        "kernel_answers_every_question",
        Config::Debug,
        icount(),
        survey,
    ));
    // One in real time: not everything may depend on a clock that only runs when the guest does.
    let image: Image = |kernel| case::boot(kernel, "hello-root");
    cases.push(case(
        "root_task_can_live/real-time",
        Config::Debug,
        Machine::default(),
        image,
    ));
    cases
}

/// Budgets and timeouts are part of what is tested, so time must not depend on how busy the host is.
fn icount() -> Machine {
    Machine {
        icount: true,
        ..Machine::default()
    }
}

fn case(name: &str, config: Config, machine: Machine, image: Image) -> Case {
    Case {
        name: format!("{name}/{}", config.name()),
        config,
        machine,
        image,
        needs_kernel: true,
        sentinel: "^TEST_PASS",
        failure: "^TEST_FAIL|[Pp]anic",
        patience: Duration::from_secs(120),
    }
}
