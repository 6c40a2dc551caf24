//! Building a generation, a bounded step at a time.

use driver_package::image::Segment;
use driver_package::resources::{
    CNODE_BITS, CONFIG_VADDR, DATA_STRIDE, DATA_VADDR, DataRegion, DriverResources, IPC_BUFFER_VADDR,
    LINK_OWN_VADDR, LINK_PEER_VADDR, MAGIC, MMIO_STRIDE, MMIO_VADDR, MmioRegion, RESOURCES_VADDR,
    SLOT_NOTIFICATION, SLOT_SHADOW, VERSION, WINDOW_VADDR,
};
use root::chunks::{CHUNK_PAGES, Objects, next_pages};
use root::window::{Window, WindowError};
use sel4::init_thread::slot as init;
use sel4::{
    CNodeCapData, CapRights, CapTypeForObjectOfFixedSize, ObjectBlueprint, UserContext, cap, cap_type,
};
use supervision::{Code, Side};
use system_spec::spec::Rights;
use zerocopy::{FromZeros, IntoBytes};

use super::place::{Build, Cursor, Object, Place};
use super::{DeviceSlot, Drivers, refused};
use crate::shell::memory::{PAGE, fill_now, map_now, path, retype};
use crate::shell::system::{SCHED_CONTEXT_BITS, Thread, name};

const READ: Rights = Rights {
    write: false,
    execute: false,
};
const WRITE: Rights = Rights {
    write: true,
    execute: false,
};

impl Drivers {
    /// Begins a generation: its number and the pages of its window.
    pub fn begin(
        &mut self,
        slot: usize,
        side: Side,
        entry: u64,
        heap_pages: u64,
        segments: &[Segment],
    ) -> Result<[u64; 2], Code> {
        if self.building() || self.stager.is_none() {
            return Err(Code::WrongState);
        }
        let number = self.last_generation.checked_add(1).ok_or(Code::NoMemory)?;
        let slot = self.slot(slot)?;
        let window =
            Window::new(entry, segments, heap_pages.max(slot.heap_pages)).map_err(|error| match error {
                WindowError::Image(_) => Code::BadImage,
                WindowError::TooLarge => Code::NoMemory,
            })?;
        let place = slot.generations.begin(number, side)?;
        slot.places[place].build = Some(Build {
            window,
            objects: Objects::behind(window.pages()),
            cursor: Cursor::Frames(0),
            tables: 0,
            copies: 0,
            deleted: 0,
            revoked: 0,
        });
        self.last_generation = number;
        Ok([number.into(), window.pages()])
    }

    /// Creates the next frames, at most `pages`, and shows those of the image to the stager: pages done, pages of the window.
    pub fn step(&mut self, slot: usize, generation: u32, pages: u64) -> Result<[u64; 2], Code> {
        let (vspace, window_here) = self.stager.ok_or(Code::WrongState)?;
        let (slot, place) = self.under_construction(slot, generation)?;
        let place = &mut slot.places[place];
        let mut build = place.build.ok_or(Code::WrongState)?;
        let total = build.window.pages();
        let Cursor::Frames(done) = build.cursor else {
            return Ok([total, total]);
        };
        let now = next_pages(done, total, pages);
        let frames = place.frames + done;
        let blueprint = cap_type::SmallPage::object_blueprint();
        retype(place.chunks + done / CHUNK_PAGES, blueprint, frames, now).map_err(refused)?;
        for page in (0..now).filter(|page| build.window.is_filled(done + page)) {
            let vaddr = window_here + (done + page) as usize * PAGE;
            map_now(frames + page, vspace, vaddr, WRITE, true).map_err(refused)?;
        }
        let done = done + now;
        build.cursor = if done == total {
            Cursor::Objects
        } else {
            Cursor::Frames(done)
        };
        place.build = Some(build);
        Ok([done, total])
    }

    /// The next step, of at most `pages`, of making a filled window a thread; `true` when the generation is staged.
    pub fn finish(&mut self, slot: usize, generation: u32, pages: u64) -> Result<bool, Code> {
        let sched_control = self.sched_control;
        let (slot, place) = self.under_construction(slot, generation)?;
        let mut build = slot.places[place].build.ok_or(Code::WrongState)?;
        let side = slot.generations.at(place).map_or(Side::A, |g| g.side);
        let next = match build.cursor {
            // The window is not complete.
            Cursor::Frames(_) => return Err(Code::WrongState),
            Cursor::Objects => slot.places[place].make_objects(&mut build),
            Cursor::Pages(page) => slot.places[place].move_pages(&mut build, page, pages),
            Cursor::Data(region, page) => slot.map_data(place, &mut build, (region, page), pages),
            Cursor::Thread => slot.make_thread(place, &mut build, side, generation, sched_control),
            Cursor::Complete => Ok(Cursor::Complete),
        };
        // What was made before an error is remembered: it is taken back with the rest.
        build.cursor = *next.as_ref().unwrap_or(&build.cursor);
        slot.places[place].build = Some(build);
        if next.map_err(refused)? == Cursor::Complete {
            slot.generations.staged(place)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn under_construction(&mut self, slot: usize, generation: u32) -> Result<(&mut DeviceSlot, usize), Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.find(generation)?;
        if slot.generations.building() == Some(place) {
            Ok((slot, place))
        } else {
            Err(Code::WrongState)
        }
    }
}

impl Place {
    fn make_objects(&self, build: &mut Build) -> sel4::Result<Cursor> {
        self.make(build, cap_type::VSpace::object_blueprint(), Object::Vspace as u64)?;
        init::ASID_POOL.cap().asid_pool_assign(self.vspace())?;
        self.make(
            build,
            ObjectBlueprint::CNode {
                size_bits: CNODE_BITS as usize,
            },
            Object::Cnode as u64,
        )?;
        self.make(build, ObjectBlueprint::Tcb, Object::Tcb as u64)?;
        let sched_context = ObjectBlueprint::SchedContext {
            size_bits: SCHED_CONTEXT_BITS,
        };
        self.make(build, sched_context, Object::SchedContext as u64)?;
        let frame = cap_type::SmallPage::object_blueprint();
        self.make(build, frame, Object::IpcBuffer as u64)?;
        self.make(build, frame, Object::Resources as u64)?;
        Ok(Cursor::Pages(0))
    }

    /// Takes the next pages from the stager, if it had them, and gives them to the driver, with the rights of their segment.
    fn move_pages(&self, build: &mut Build, first: u64, pages: u64) -> sel4::Result<Cursor> {
        let total = build.window.pages();
        let end = first + next_pages(first, total, pages);
        for page in first..end {
            let frame = cap::UnspecifiedPage::from_bits(self.frames + page);
            if build.window.is_filled(page) {
                frame.frame_unmap()?;
            }
            let Some(rights) = build.window.rights(page) else {
                continue;
            };
            let rights = Rights {
                write: rights == driver_package::image::Rights::ReadWrite,
                execute: rights == driver_package::image::Rights::ReadExecute,
            };
            self.map(
                build,
                frame.bits(),
                WINDOW_VADDR + page * PAGE as u64,
                rights,
                true,
            )?;
            if rights.execute {
                frame.frame_unify_instruction(0, PAGE)?;
            }
        }
        Ok(if end == total {
            Cursor::Data(0, 0)
        } else {
            Cursor::Pages(end)
        })
    }
}

impl DeviceSlot {
    /// Maps the next pages of the data regions.
    fn map_data(
        &self,
        place: usize,
        build: &mut Build,
        (region, first): (usize, u64),
        pages: u64,
    ) -> sel4::Result<Cursor> {
        let Some(frames) = self.data.get(region) else {
            return Ok(Cursor::Thread);
        };
        let place = &self.places[place];
        let end = first + next_pages(first, frames.region.pages(), pages);
        for page in first..end {
            let copy = place.next_copy(build)?;
            path(copy).copy(&path(frames.slot + page), CapRights::all())?;
            let vaddr = DATA_VADDR + region as u64 * DATA_STRIDE + (page << frames.region.page_bits);
            place.map(build, copy, vaddr, WRITE, true)?;
        }
        Ok(if end == frames.region.pages() {
            Cursor::Data(region + 1, 0)
        } else {
            Cursor::Data(region, end)
        })
    }

    /// Links, configuration, resources page, CSpace, thread. It does not run, and has no device.
    fn make_thread(
        &self,
        place: usize,
        build: &mut Build,
        side: Side,
        generation: u32,
        sched_control: cap::SchedControl,
    ) -> sel4::Result<Cursor> {
        let (place, side) = (&self.places[place], &self.sides[side as usize]);
        let links = [
            (side.driver_page, LINK_OWN_VADDR, WRITE),
            (side.shadow_page, LINK_PEER_VADDR, READ),
        ];
        let config = self.config.map(|master| (master, CONFIG_VADDR, READ));
        for (master, vaddr, rights) in links.into_iter().chain(config) {
            let copy = place.next_copy(build)?;
            path(copy).copy(&path(master), CapRights::all())?;
            place.map(build, copy, vaddr, rights, true)?;
        }
        // Copied but not mapped: that is all of the device that can be prepared.
        let pages = self
            .registers
            .iter()
            .flat_map(|r| (0..r.frames.region.pages()).map(|page| r.frames.slot + page));
        for (copy, master) in (place.registers..).zip(pages) {
            path(copy).copy(&path(master), CapRights::all())?;
        }
        let resources = place.object(Object::Resources);
        fill_now(resources, self.resources(place, build, generation).as_bytes())?;
        place.map(build, resources, RESOURCES_VADDR, READ, true)?;
        let ipc_buffer = place.object(Object::IpcBuffer);
        place.map(build, ipc_buffer, IPC_BUFFER_VADDR, WRITE, true)?;
        let waits = CapRights::new(false, false, true, false);
        place
            .driver_slot(SLOT_NOTIFICATION)
            .mint(&path(side.notification), waits, 0)?;
        place
            .driver_slot(SLOT_SHADOW)
            .copy(&path(side.shadow_badged), CapRights::write_only())?;
        let thread = Thread {
            tcb: place.object(Object::Tcb),
            sched_context: place.object(Object::SchedContext),
            fault_ep: place.fault_ep,
        };
        thread.schedule_by(
            sched_control,
            self.priority,
            self.budget_us,
            self.period_us,
            generation.into(),
        )?;
        let tcb = place.tcb();
        tcb.tcb_configure(
            cap::CNode::from_bits(place.object(Object::Cnode)),
            CNodeCapData::skip_high_bits(CNODE_BITS as usize),
            place.vspace(),
            IPC_BUFFER_VADDR,
            cap::Granule::from_bits(ipc_buffer),
        )?;
        tcb.tcb_set_flags(0, sel4::TcbFlagsBuilder::new().fpu_disabled(true).build())?;
        name(tcb, "driver");
        let mut registers = UserContext::default();
        *registers.pc_mut() = build.window.entry();
        *registers.sp_mut() = build.window.stack_top();
        tcb.tcb_write_all_registers(false, &mut registers)?;
        Ok(Cursor::Complete)
    }

    /// What the driver finds in its resources page.
    fn resources(&self, place: &Place, build: &Build, generation: u32) -> DriverResources {
        let mut page = DriverResources::new_zeroed();
        page.magic = MAGIC;
        page.version = VERSION;
        page.slot = self.number;
        page.generation = generation;
        page.class = self.class;
        page.mmio_count = self.registers.len() as u32;
        page.irq_count = self.lines.len() as u32;
        page.data_count = self.data.len() as u32;
        page.window_paddr = place.paddr;
        page.window_len = build.window.pages() * PAGE as u64;
        page.heap_vaddr = build.window.heap_vaddr();
        page.heap_len = build.window.heap_len();
        page.counter_hz = trace::clock::hz();
        page.config_vaddr = self.config.map_or(0, |_| CONFIG_VADDR);
        for (index, (entry, registers)) in page.mmio.iter_mut().zip(&self.registers).enumerate() {
            let vaddr = MMIO_VADDR + index as u64 * MMIO_STRIDE + registers.phys_addr % PAGE as u64;
            *entry = MmioRegion {
                vaddr,
                paddr: registers.phys_addr,
                len: registers.len,
            };
        }
        for (index, (entry, frames)) in page.data.iter_mut().zip(&self.data).enumerate() {
            let vaddr = DATA_VADDR + index as u64 * DATA_STRIDE;
            *entry = DataRegion {
                vaddr,
                io_addr: frames.paddr,
                len: frames.region.size,
            };
        }
        page
    }
}
