//! What only our kernel promises.
//!
//! The official kernel's memory is fixed when it is built, so a machine with another size runs ours.

use super::{Context, Outcome, ensure, ram};
use sel4::{BootInfoExtraId, BootInfoPtr, Error, MessageInfoBuilder, cap, with_ipc_buffer_mut};
use sel4_abi::bootinfo::InitCap;
use sel4_abi::invocation::InvocationLabel;

const OFFICIAL_MEMORY: u64 = 2 << 30;
/// `PSCI_VERSION` (Arm DEN 0022, section 5.1.1), with the arguments that it ignores.
const PSCI_VERSION: [u64; 8] = [0x8400_0000, 1, 2, 3, 4, 5, 6, 7];

/// Where there is no firmware, a call to it is an error, time and again; the official kernel halts.
pub fn firmware_that_is_not_there(context: &mut Context<'_, '_>) -> Outcome {
    if !is_ours(context.bootinfo) {
        return Ok(());
    }
    let expected = match has_firmware(context.bootinfo) {
        true => 0,
        false => Error::IllegalOperation as u64,
    };
    for _ in 0..3 {
        ensure!(call_firmware() == expected);
    }
    Ok(())
}

fn is_ours(info: &BootInfoPtr) -> bool {
    ram::of_the_machine(info).is_some_and(|memory| memory.end - memory.start != OFFICIAL_MEMORY)
}

/// Whether the device tree says that PSCI is called by SMC: then somebody takes such calls.
fn has_firmware(info: &BootInfoPtr) -> bool {
    let tree = info.extra().find(|extra| extra.id == BootInfoExtraId::Fdt);
    tree.is_some_and(|tree| tree.content().windows(4).any(|word| word == b"smc\0"))
}

/// The label of the answer.
fn call_firmware() -> u64 {
    with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[..8].copy_from_slice(&PSCI_VERSION));
    let info = MessageInfoBuilder::default()
        .label(InvocationLabel::ARMSMCCall as u64)
        .length(PSCI_VERSION.len())
        .build();
    cap::Endpoint::from_bits(InitCap::Smc as u64).call(info).label()
}
