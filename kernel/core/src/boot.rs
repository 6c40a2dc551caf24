//! From memory to the root task: its objects, its capabilities, and what it is told of the machine.
//!
//! Capabilities and descriptors come in the order in which the official kernel lists them. Where objects lie is our
//! own choice: at the end of the last stretch of RAM that has room for them.

use core::ops::Range;

use sel4_abi::bootinfo::{BOOT_INFO_FRAME_BITS, InitCap, NUM_INITIAL_CAPS, SlotRegion};
use sel4_abi::config::{
    BOOT_THREAD_TIME_SLICE_MS, MAX_NUM_BOOTINFO_UNTYPED_CAPS, MAX_PRIO, ROOT_CNODE_SIZE_BITS,
};
use sel4_abi::object::{MIN_SCHED_CONTEXT_BITS, MIN_UNTYPED_BITS, TCB_BITS};
use sel4_abi::platform::{BootRegisters, DEVICES, KERNEL_TIMER_IRQ, PADDR_USER_DEVICE_TOP};

use crate::boot::regions::Regions;
use crate::cap::tree::Tree;
use crate::cap::{Cap, FrameSize};
use crate::kernel::{IrqUse, Kernel};
use crate::machine::Machine;
use crate::object::slot::nth;
use crate::object::tcb::{self, State, TcbSlot};
use crate::object::{Fields, Obj, PhysAddr, Slot, Tcb};
use crate::sched::refill::{MIN_REFILLS, Refills};
use crate::sched::time::ticks;
use crate::vspace::descriptor::{Access, bits_left, table, user_frame};
use crate::vspace::walk::walk;

pub mod info;
pub mod regions;

const PAGE: u64 = 4096;
/// The root task's address space identifier.
const ROOT_ASID: u16 = 1;

/// What the boot needs to know of the machine.
pub struct Machinery {
    /// What the loader handed over.
    pub registers: BootRegisters,
    /// All RAM.
    pub ram: Range<u64>,
    /// The kernel's own memory, inside RAM, whole pages.
    pub kernel: Range<u64>,
}

/// The machine cannot be booted: all of these are impossibilities of the image or the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BootError {
    /// The user image is not made of whole pages, or not in user's half of the address space.
    UserImage,
    /// There is not enough RAM for the root task's objects.
    OutOfMemory,
    /// There are more slots or regions than fit.
    OutOfSlots,
}

/// Virtual addresses of the root task.
struct Layout {
    image: Range<u64>,
    buffer: u64,
    info: u64,
    extra: Range<u64>,
}

impl Layout {
    /// Image, IPC buffer, boot information and the device tree follow each other.
    fn new(registers: &BootRegisters) -> Result<Self, BootError> {
        let virt = |phys: u64| phys.wrapping_sub(registers.phys_virt_offset);
        let (start, end) = (virt(registers.user_image_start), virt(registers.user_image_end));
        let extra_bytes = extra_bytes(registers);
        let limit = end
            .checked_add(extra_bytes + 2 * PAGE)
            .ok_or(BootError::UserImage)?;
        if start >= end || (start | end) % PAGE != 0 || limit > sel4_abi::vm::USER_TOP {
            return Err(BootError::UserImage);
        }
        let (buffer, info) = (end, end + PAGE);
        Ok(Self {
            image: start..end,
            buffer,
            info,
            extra: info + PAGE..info + PAGE + extra_bytes,
        })
    }

    /// Everything that is mapped.
    fn all(&self) -> Range<u64> {
        self.image.start..self.extra.end
    }

    /// Tables of `2^bits` bytes reach that are needed.
    fn tables(&self, bits: u32) -> u64 {
        ((self.all().end - 1) >> bits) - (self.all().start >> bits) + 1
    }
}

/// Size of the extra boot information: header and device tree, in whole pages.
fn extra_bytes(registers: &BootRegisters) -> u64 {
    if registers.dtb_size == 0 {
        return 0;
    }
    (registers.dtb_size + info::HEADER_BYTES).next_multiple_of(PAGE)
}

/// The root task's objects.
struct Objects {
    cnode: PhysAddr,
    extra: PhysAddr,
    vspace: PhysAddr,
    asid_pool: PhysAddr,
    buffer: PhysAddr,
    info: PhysAddr,
    tables: PhysAddr,
    tcb: PhysAddr,
    context: PhysAddr,
    all: Range<u64>,
}

impl Objects {
    /// Places all objects downwards from `end`, the largest first.
    fn below(end: u64, extra: u64, tables: u64) -> Option<Self> {
        let mut at = end;
        let mut take = |bytes: u64, align: u64| {
            at = at.checked_sub(bytes)? / align * align;
            Some(at)
        };
        let cnode_bytes = 32 << ROOT_CNODE_SIZE_BITS;
        let cnode = take(cnode_bytes, cnode_bytes)?;
        let extra = take(extra, PAGE)?;
        let vspace = take(PAGE, PAGE)?;
        let asid_pool = take(PAGE, PAGE)?;
        let buffer = take(PAGE, PAGE)?;
        let info = take(PAGE, PAGE)?;
        let tables = take(tables * PAGE, PAGE)?;
        let tcb = take(1 << TCB_BITS, 1 << TCB_BITS)?;
        let context = take(1 << MIN_SCHED_CONTEXT_BITS, PAGE)?;
        Some(Self {
            cnode,
            extra,
            vspace,
            asid_pool,
            buffer,
            info,
            tables,
            tcb,
            context,
            all: context..end,
        })
    }
}

/// The boot in progress.
struct Boot<'a, M> {
    kernel: &'a mut Kernel<M>,
    objects: Objects,
    next_slot: u64,
    next_table: PhysAddr,
}

impl<M: Machine> Kernel<M> {
    /// Creates the root task and makes it the current thread.
    pub fn boot(&mut self, machinery: &Machinery) -> Result<(), BootError> {
        let registers = &machinery.registers;
        let layout = Layout::new(registers)?;
        let mut free = Regions::<8>::new();
        free.add(machinery.ram.clone()).ok_or(BootError::OutOfSlots)?;
        free.remove(machinery.kernel.clone())
            .ok_or(BootError::OutOfSlots)?;
        free.remove(registers.user_image_start..registers.user_image_end)
            .ok_or(BootError::OutOfSlots)?;
        let dtb = registers.dtb / PAGE * PAGE..(registers.dtb + registers.dtb_size).next_multiple_of(PAGE);
        let mut room = free.clone();
        room.remove(dtb).ok_or(BootError::OutOfSlots)?;
        let tables = layout.tables(39) + layout.tables(30) + layout.tables(21);
        let extra = layout.extra.end - layout.extra.start;
        let objects = room
            .iter()
            .rev()
            .filter_map(|range| {
                Objects::below(range.end, extra, tables).filter(|o| o.all.start >= range.start)
            })
            .next()
            .ok_or(BootError::OutOfMemory)?;
        free.remove(objects.all.clone()).ok_or(BootError::OutOfSlots)?;
        self.m
            .zero(objects.all.start, objects.all.end - objects.all.start);
        self.irq_use[KERNEL_TIMER_IRQ] = IrqUse::Timer;
        self.m.unmask_irq(KERNEL_TIMER_IRQ as u32);
        let next_table = objects.tables;
        let mut boot = Boot {
            kernel: self,
            objects,
            next_slot: NUM_INITIAL_CAPS as u64,
            next_table,
        };
        boot.run(&layout, machinery, &free)
    }
}

impl<M: Machine> Boot<'_, M> {
    fn run(&mut self, layout: &Layout, machinery: &Machinery, free: &Regions<8>) -> Result<(), BootError> {
        let registers = &machinery.registers;
        let mut info = info::Info::new(self.objects.info);
        let described = if layout.extra.is_empty() {
            0
        } else {
            info::HEADER_BYTES + registers.dtb_size
        };
        info.begin(&mut self.kernel.m, layout.buffer, described);
        info.write_device_tree(
            &mut self.kernel.m,
            self.objects.extra..self.objects.extra + (layout.extra.end - layout.extra.start),
            registers.dtb,
            registers.dtb_size,
        );
        self.plant_authorities();
        let root = self.objects.cnode;
        let cnode = Cap::CNode {
            at: root,
            radix: ROOT_CNODE_SIZE_BITS as u8,
            guard: 0,
            guard_bits: (64 - ROOT_CNODE_SIZE_BITS) as u8,
        };
        self.plant(InitCap::InitThreadCNode, cnode);
        let (vspace, asid) = (self.objects.vspace, ROOT_ASID);
        self.kernel.add_asid_pool(0, self.objects.asid_pool);
        self.kernel.assign_asid(asid, vspace);
        self.plant(InitCap::InitThreadVSpace, Cap::VSpace { at: vspace, asid });
        let paging = self.map_tables(layout)?;
        self.map_frame(Some(InitCap::BootInfoFrame), self.objects.info, layout.info)?;
        let extra = self.map_frames(self.objects.extra, &layout.extra)?;
        let sched_control = self.provide(core::iter::once(Cap::SchedControl))?;
        self.map_frame(
            Some(InitCap::InitThreadIpcBuffer),
            self.objects.buffer,
            layout.buffer,
        )?;
        let image = self.map_frames(registers.user_image_start, &layout.image)?;
        self.plant(
            InitCap::InitThreadAsidPool,
            Cap::AsidPool {
                at: self.objects.asid_pool,
                base: 0,
            },
        );
        let thread = self.create_thread(layout, registers);
        self.create_context(thread);
        info.set_region(&mut self.kernel.m, info::USER_IMAGE_PAGING, paging);
        info.set_region(&mut self.kernel.m, info::EXTRA_PAGES, extra);
        info.set_region(&mut self.kernel.m, info::USER_IMAGE_FRAMES, image);
        info.set_region(&mut self.kernel.m, info::SCHED_CONTROL, sched_control);
        self.provide_untypeds(&mut info, machinery, free)?;
        let empty = SlotRegion {
            start: self.next_slot,
            end: 1 << ROOT_CNODE_SIZE_BITS,
        };
        info.set_region(&mut self.kernel.m, info::EMPTY, empty);
        self.kernel.m.publish_tables();
        self.kernel.start(thread);
        Ok(())
    }

    /// Puts a capability into one of the fixed slots.
    fn plant(&mut self, which: InitCap, cap: Cap) -> Slot {
        let slot = nth(self.objects.cnode, which as u64);
        self.kernel.m.plant(slot, cap);
        slot
    }

    fn plant_authorities(&mut self) {
        self.plant(InitCap::IrqControl, Cap::IrqControl);
        self.plant(InitCap::AsidControl, Cap::AsidControl);
        self.plant(InitCap::Domain, Cap::Domain);
        self.plant(InitCap::Smc, Cap::Smc { badge: 0 });
    }

    /// Puts a capability into the next free slot.
    fn provide_one(&mut self, cap: Cap) -> Result<(), BootError> {
        if self.next_slot >= 1 << ROOT_CNODE_SIZE_BITS {
            return Err(BootError::OutOfSlots);
        }
        self.kernel.m.plant(nth(self.objects.cnode, self.next_slot), cap);
        self.next_slot += 1;
        Ok(())
    }

    /// Puts capabilities into the next free slots: which.
    fn provide(&mut self, caps: impl Iterator<Item = Cap>) -> Result<SlotRegion, BootError> {
        let start = self.next_slot;
        for cap in caps {
            self.provide_one(cap)?;
        }
        Ok(SlotRegion {
            start,
            end: self.next_slot,
        })
    }

    /// Creates and maps all tables below the root, the ones that reach furthest first.
    fn map_tables(&mut self, layout: &Layout) -> Result<SlotRegion, BootError> {
        let start = self.next_slot;
        for level in 0..3 {
            let reach = 1u64 << bits_left(level);
            let mut vaddr = layout.all().start & !(reach - 1);
            while vaddr < layout.all().end {
                let at = self.next_table;
                self.next_table += PAGE;
                let reached = walk(&self.kernel.m, self.objects.vspace, vaddr);
                self.kernel.m.store(reached.entry_at, 0, table(at));
                self.provide_one(Cap::PageTable {
                    at,
                    asid: ROOT_ASID,
                    vaddr,
                })?;
                vaddr += reach;
            }
        }
        Ok(SlotRegion {
            start,
            end: self.next_slot,
        })
    }

    /// Maps a page for the root task and provides its capability, in a fixed slot or the next free one.
    fn map_frame(&mut self, which: Option<InitCap>, at: PhysAddr, vaddr: u64) -> Result<(), BootError> {
        let access = Access {
            read: true,
            write: true,
            execute: true,
            cached: true,
        };
        let reached = walk(&self.kernel.m, self.objects.vspace, vaddr);
        self.kernel
            .m
            .store(reached.entry_at, 0, user_frame(at, reached.level, access));
        let cap = Cap::Frame {
            at,
            size: FrameSize::Small,
            write: true,
            read: true,
            device: false,
            asid: ROOT_ASID,
            vaddr,
        };
        match which {
            Some(which) => {
                self.plant(which, cap);
                Ok(())
            }
            None => self.provide_one(cap),
        }
    }

    fn map_frames(&mut self, at: PhysAddr, to: &Range<u64>) -> Result<SlotRegion, BootError> {
        let start = self.next_slot;
        for offset in (0..to.end - to.start).step_by(PAGE as usize) {
            self.map_frame(None, at + offset, to.start + offset)?;
        }
        Ok(SlotRegion {
            start,
            end: self.next_slot,
        })
    }

    fn create_thread(&mut self, layout: &Layout, registers: &BootRegisters) -> Tcb {
        let thread = Tcb::at(self.objects.tcb);
        self.plant(InitCap::InitThreadTcb, Cap::Tcb(thread));
        self.kernel.init_thread(thread, 0);
        let m = &mut self.kernel.m;
        for (which, init) in [
            (TcbSlot::CSpace, InitCap::InitThreadCNode),
            (TcbSlot::VSpace, InitCap::InitThreadVSpace),
            (TcbSlot::Buffer, InitCap::InitThreadIpcBuffer),
        ] {
            let from = nth(self.objects.cnode, init as u64);
            let cap = m.cap(from);
            m.copy_cap(thread.slot(which), cap, from);
        }
        m.set(thread, tcb::BUFFER, layout.buffer);
        m.set(thread, tcb::PRIORITY, MAX_PRIO as u64);
        m.set(thread, tcb::MCP, MAX_PRIO as u64);
        m.set(thread, tcb::x(0), layout.info);
        m.set(thread, tcb::PC, registers.user_entry);
        m.set(thread, tcb::RESTART_PC, registers.user_entry);
        m.set(thread, tcb::STATE, State::Running);
        thread
    }

    fn create_context(&mut self, thread: Tcb) {
        let sc = Obj::at(self.objects.context);
        self.plant(
            InitCap::InitThreadSc,
            Cap::SchedContext {
                sc,
                bits: MIN_SCHED_CONTEXT_BITS as u8,
            },
        );
        let now = self.kernel.m.now();
        self.kernel
            .m
            .fill(sc, MIN_REFILLS, ticks(BOOT_THREAD_TIME_SLICE_MS * 1000), 0, now);
        self.kernel.attach_context(sc, thread);
    }

    fn provide_untypeds(
        &mut self,
        info: &mut info::Info,
        machinery: &Machinery,
        free: &Regions<8>,
    ) -> Result<(), BootError> {
        let start = self.next_slot;
        let ram = &machinery.ram;
        let upper = ram.end..PADDR_USER_DEVICE_TOP;
        let lower = DEVICES.into_iter().filter(|range| range.end <= ram.start);
        for range in lower.chain(core::iter::once(upper)) {
            self.provide_range(info, range, true)?;
        }
        for range in free.iter() {
            self.provide_range(info, range.clone(), false)?;
        }
        info.set_region(
            &mut self.kernel.m,
            info::UNTYPED,
            SlotRegion {
                start,
                end: self.next_slot,
            },
        );
        Ok(())
    }

    /// Provides a range of memory as the fewest untypeds, each aligned to its size.
    fn provide_range(
        &mut self,
        info: &mut info::Info,
        range: Range<u64>,
        device: bool,
    ) -> Result<(), BootError> {
        for (at, bits) in regions::split(range) {
            if bits < MIN_UNTYPED_BITS as u32 || info.untyped_count() >= MAX_NUM_BOOTINFO_UNTYPED_CAPS {
                continue;
            }
            info.add_untyped(&mut self.kernel.m, at, bits, device);
            self.provide_one(Cap::Untyped {
                at,
                bits: bits as u8,
                device,
                free: 0,
                clean: 0,
            })?;
        }
        Ok(())
    }
}

impl<M: Machine> Kernel<M> {
    /// Lets the first thread run.
    fn start(&mut self, thread: Tcb) {
        self.now = self.m.now();
        self.ready.push_back(&mut self.m, thread);
        self.schedule();
        self.activate();
    }
}

const _: () = assert!(BOOT_INFO_FRAME_BITS == 12);
