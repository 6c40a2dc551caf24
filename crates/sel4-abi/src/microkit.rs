//! Microkit 2.3's interface between a protection domain (PD) and whoever creates it.
//!
//! It is no part of the kernel's ABI, but shared in the same way: the runtime of PDs (`sel4-microkit`) relies on
//! it, the root task and the host tool establish it.

/// Address PDs are linked at.
pub const PD_LINK_ADDRESS: u64 = 0x20_0000;

/// Address of the page with the IPC buffer: the last one of the address space.
pub const PD_IPC_BUFFER: u64 = crate::vm::USER_TOP & !((1 << crate::object::PAGE_BITS) - 1);

/// Initial stack pointer. Between it and the IPC buffer one page stays unmapped, and so it should below the stack.
pub const PD_STACK_TOP: u64 = PD_IPC_BUFFER - (1 << crate::object::PAGE_BITS);

/// log2 of the slots that Microkit gives a PD's CNode.
///
/// Microkit puts that CNode in slot 0 of a root CNode of 64 slots; a pointer below 512 resolves the same if it is
/// the root itself, with a guard of `64 - PD_CNODE_SIZE_BITS` zeroes.
pub const PD_CNODE_SIZE_BITS: usize = 9;

/// Slots of a PD's CNode.
pub mod slot {
    /// What the PD waits on: its endpoint if it can be called or has children, else its notification.
    pub const INPUT: u64 = 1;
    /// Its fault endpoint.
    pub const FAULT_EP: u64 = 2;
    /// Its own VSpace, for cache maintenance.
    pub const VSPACE: u64 = 3;
    /// Its reply object.
    pub const REPLY: u64 = 4;
    /// Passive PDs only: endpoint or notification that takes the scheduling context away after `init`.
    pub const MONITOR_EP: u64 = 5;
    /// Benchmark configuration only: its own TCB.
    pub const TCB: u64 = 6;
    /// If the description grants it: authority to call firmware.
    pub const ARM_SMC: u64 = 7;
    /// Plus channel: the notification of the other end, badged with the bit of the other end's channel.
    pub const BASE_OUTPUT_NOTIFICATION: u64 = 10;
    /// Plus channel: the endpoint of the other end, badged with [`PPC_BADGE`](super::PPC_BADGE) and the other end's channel.
    pub const BASE_ENDPOINT: u64 = BASE_OUTPUT_NOTIFICATION + 64;
    /// Plus channel: the handler of an interrupt, bound to the PD's notification badged with the channel's bit.
    pub const BASE_IRQ: u64 = BASE_ENDPOINT + 64;
    /// Plus child: the TCB of a child.
    pub const BASE_TCB: u64 = BASE_IRQ + 64;
    /// Plus child: the TCB of a virtual machine.
    pub const BASE_VM_TCB: u64 = BASE_TCB + 64;
    /// Plus child: a virtual CPU.
    pub const BASE_VCPU: u64 = BASE_VM_TCB + 64;
    /// Plus port: an I/O port.
    pub const BASE_IOPORT: u64 = BASE_VCPU + 64;
    /// First slot that Microkit leaves free.
    pub const FIRST_FREE: u64 = BASE_IOPORT + 64;
}

/// Channels and children are numbered 0 to 61.
pub const MAX_CHANNELS: usize = 62;

/// Badge bit of a protected call; the low bits are the channel, as the callee numbers it.
pub const PPC_BADGE: u64 = 1 << 63;
/// Badge bit of a child's fault; the low bits are the child.
pub const FAULT_BADGE: u64 = 1 << 62;

/// Bytes of a PD's name, zero-padded.
pub const PD_NAME_LENGTH: usize = 64;

/// Symbols of a PD's image that the host tool writes, little-endian.
pub mod symbol {
    /// [`PD_NAME_LENGTH`](super::PD_NAME_LENGTH) bytes: the name.
    pub const NAME: &str = "microkit_name";
    /// One byte: 1 if passive.
    pub const PASSIVE: &str = "microkit_passive";
    /// A word: bit set of the channels that are interrupts.
    pub const IRQS: &str = "microkit_irqs";
    /// A word: bit set of the channels the PD may notify.
    pub const NOTIFICATIONS: &str = "microkit_notifications";
    /// A word: bit set of the channels the PD may call.
    pub const PPS: &str = "microkit_pps";
    /// A word: bit set of I/O ports; 0 on this architecture.
    pub const IOPORTS: &str = "microkit_ioports";
}

const _: () = {
    assert!(PD_IPC_BUFFER == 0x7fff_ffff_f000 && PD_STACK_TOP == 0x7fff_ffff_e000);
    assert!(slot::BASE_ENDPOINT == 74 && slot::BASE_IRQ == 138 && slot::BASE_TCB == 202);
    assert!(slot::FIRST_FREE == 458 && slot::FIRST_FREE < 1 << PD_CNODE_SIZE_BITS);
};
