//! Root tasks on a kernel.

use crate::case::{self, Case, Image, Needs};
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
        // One of them with a firmware to call.
        let conformance = match config {
            Config::Benchmark => el2.clone(),
            _ => icount(),
        };
        cases.extend([
            case("root_task_can_live/el1", config, icount(), |kernel| {
                case::boot(kernel, "hello-root")
            }),
            case("root_task_can_live/el2", config, el2.clone(), |kernel| {
                case::boot(kernel, "hello-root")
            }),
            case("kernel_keeps_the_contract", config, conformance, |kernel| {
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
    cases.push(case(
        "interrupts_come_from_whichever_group_they_were_put_in",
        Config::Release,
        icount(),
        |kernel| case::boot_by(kernel, "loader+interrupts-in-group-1", "hello-root", |_| ()),
    ));
    cases.extend(memory_sizes());
    cases
}

/// The contract's kernels are built for 2 GiB; ours asks the machine.
fn memory_sizes() -> impl Iterator<Item = Case> {
    let sized = |size: &str, el2, image: Image| {
        let machine = Machine {
            memory: size.into(),
            el2,
            ..icount()
        };
        Case {
            name: format!("root_task_can_live/{size}"),
            needs: Needs::OurKernel,
            ..case("", Config::Release, machine, image)
        }
    };
    let plain: Image = |kernel| case::boot(kernel, "hello-root");
    [
        sized("256M", false, plain),
        sized("512M", true, |kernel| {
            // More than there is room for below the loader.
            case::boot_with(kernel, "hello-root", |user| user.bytes.resize(130 << 20, 0))
        }),
        sized("1G", false, plain),
        sized("4G", true, plain),
        sized("8G", false, plain),
    ]
    .into_iter()
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
        needs: Needs::AnyKernel,
        sentinel: "^TEST_PASS",
        failure: "^TEST_FAIL|[Pp]anic",
        patience: Duration::from_secs(120),
    }
}
