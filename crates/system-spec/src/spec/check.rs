//! From record to meaning: first what concerns a record alone ([`Meaning`]), then what ties records together ([`check`]).

use super::model::{
    Caller, Channel, End, Fill, Irq, Map, Pd, Region, Rights, Role, Segment, Slot, SlotMmio, SlotSide,
    Trigger,
};
use super::record::{
    self, ANYWHERE, CallerRecord, ChannelRecord, EndRecord, FillRecord, IrqRecord, MapRecord, NONE, PdRecord,
    RegionRecord, SegmentRecord, SideRecord, SlotMmioRecord, SlotRecord, Table,
};
use super::{
    Kind, MAX_CHANNELS, MAX_PDS, MAX_RECORDS, Meaning, PAGE, Records, Spec, SpecError, USER_END, bytes,
    name_str,
};
use crate::config::{MAX_SLOTS, NAME_MAX};

/// Physical addresses end here (40 bits).
const PHYS_END: u64 = 1 << 40;
/// Largest stack in pages.
const MAX_STACK_PAGES: u32 = 4096;
/// Interrupts of the platform end here.
const MAX_IRQ: u32 = 160;

/// Checks every record of every table, then the references between them.
pub(super) fn check(spec: &Spec<'_>) -> Result<(), SpecError> {
    let header = &spec.header;
    all::<Pd<'_>>(spec, Kind::Pd, header.pds)?;
    all::<Segment<'_>>(spec, Kind::Segment, header.segments)?;
    all::<Region>(spec, Kind::Region, header.regions)?;
    all::<Fill<'_>>(spec, Kind::Fill, header.fills)?;
    all::<Map>(spec, Kind::Map, header.maps)?;
    all::<Irq>(spec, Kind::Irq, header.irqs)?;
    all::<Channel>(spec, Kind::Channel, header.channels)?;
    all::<Caller>(spec, Kind::Caller, header.callers)?;
    all::<Slot<'_>>(spec, Kind::Slot, header.slots)?;
    if header.pds.count as usize > MAX_PDS {
        return Err(SpecError::Table(Kind::Pd));
    }
    if header.slots.count as usize > MAX_SLOTS {
        return Err(SpecError::Table(Kind::Slot));
    }
    each(Kind::Pd, spec.pds(), |pd| pd_refers(spec, pd))?;
    each(Kind::Fill, spec.fills(), |fill| fill_refers(spec, fill))?;
    each(Kind::Map, spec.maps(), |map| map_refers(spec, map))?;
    each(Kind::Irq, spec.irqs(), |irq| is_pd(spec, irq.pd))?;
    each(Kind::Channel, spec.channels(), |ends| {
        ends.iter().all(|end| is_pd(spec, end.pd))
    })?;
    each(Kind::Caller, spec.callers(), |caller| is_pd(spec, caller.pd))?;
    each(Kind::Slot, spec.slots(), |slot| slot_refers(spec, slot))?;
    let trace_is_region = spec
        .root_trace()
        .is_none_or(|region| spec.regions().get(region).is_some());
    let stager_is_pd = spec
        .stager()
        .is_none_or(|(pd, window)| is_pd(spec, pd) && is_user_page(window));
    if trace_is_region && stager_is_pd {
        Ok(())
    } else {
        Err(SpecError::Header)
    }
}

fn all<'a, T: Meaning<'a>>(spec: &Spec<'a>, kind: Kind, table: Table) -> Result<(), SpecError> {
    if table.count > MAX_RECORDS {
        return Err(SpecError::Table(kind));
    }
    let size = table.count as usize * size_of::<T::Record>();
    u32::try_from(size)
        .ok()
        .and_then(|len| spec.bytes(table.offset, len))
        .ok_or(SpecError::Table(kind))?;
    let records: Records<'a, T> = spec.records(table);
    (0..table.count).try_for_each(|i| {
        records
            .get(i as usize)
            .map(drop)
            .ok_or(SpecError::Record(kind, i))
    })
}

fn each<'a, T: Meaning<'a>>(
    kind: Kind,
    records: Records<'a, T>,
    holds: impl Fn(&T) -> bool,
) -> Result<(), SpecError> {
    for (index, item) in (0..).zip(records) {
        if !holds(&item) {
            return Err(SpecError::Record(kind, index));
        }
    }
    Ok(())
}

fn is_pd(spec: &Spec<'_>, pd: usize) -> bool {
    pd < spec.pds().len()
}

fn is_user_page(vaddr: u64) -> bool {
    vaddr.is_multiple_of(PAGE) && vaddr < USER_END
}

fn pd_refers(spec: &Spec<'_>, pd: &Pd<'_>) -> bool {
    let segments = spec.header.segments.count as usize;
    pd.first_segment
        .checked_add(pd.segment_count)
        .is_some_and(|end| end <= segments)
        && pd.parent.is_none_or(|(parent, _)| is_pd(spec, parent))
}

fn fill_refers(spec: &Spec<'_>, fill: &Fill<'_>) -> bool {
    let Some(region) = spec.regions().get(fill.region) else {
        return false;
    };
    fill.offset
        .checked_add(fill.content.len() as u64)
        .is_some_and(|end| end <= region.size)
}

fn map_refers(spec: &Spec<'_>, map: &Map) -> bool {
    let Some(region) = spec.regions().get(map.region) else {
        return false;
    };
    let in_region = map.first_page + map.page_count <= region.pages();
    let len = map.page_count << region.page_bits;
    let in_space = map.vaddr.checked_add(len).is_some_and(|end| end <= USER_END);
    is_pd(spec, map.pd) && in_region && in_space && map.vaddr.is_multiple_of(1 << region.page_bits)
}

fn slot_refers(spec: &Spec<'_>, slot: &Slot<'_>) -> bool {
    let regions = spec.regions();
    let page = |index| {
        regions
            .get(index)
            .is_some_and(|r| r.size == PAGE && r.phys_addr.is_none())
    };
    let sides = slot
        .sides
        .iter()
        .all(|side| page(side.shadow_page) && page(side.driver_page));
    let mmio = slot.mmio().all(|mmio| {
        let pages = regions
            .get(mmio.region)
            .and_then(|r| r.phys_addr.map(|start| (start, start + r.size)));
        pages.is_some_and(|(start, end)| mmio.phys_addr >= start && mmio.phys_addr + mmio.len <= end)
    });
    sides
        && mmio
        && slot.config.is_none_or(page)
        && is_pd(spec, slot.shadow)
        && slot.data().all(|index| regions.get(index).is_some())
}

fn trigger(number: u32) -> Option<Trigger> {
    match number {
        0 => Some(Trigger::Level),
        1 => Some(Trigger::Edge),
        _ => None,
    }
}

fn channel_id(id: u32) -> Option<u32> {
    (id < MAX_CHANNELS).then_some(id)
}

fn priority(number: u32) -> Option<u8> {
    u8::try_from(number).ok().filter(|&p| p < u8::MAX)
}

impl<'a> Meaning<'a> for Pd<'a> {
    type Record = PdRecord;

    fn from_record(_: &'a [u8], r: PdRecord, bytes: &'a [u8]) -> Option<Self> {
        let stack_len = u64::from(r.stack_pages) * PAGE;
        let stack = r.stack_pages > 0 && r.stack_pages <= MAX_STACK_PAGES && r.stack_top > stack_len;
        let addresses = is_user_page(r.stack_top) && is_user_page(r.ipc_buffer) && r.entry < USER_END;
        let budget = r.budget_us > 0 && r.budget_us <= r.period_us;
        (stack && addresses && budget && r.flags < 8).then_some(())?;
        Some(Self {
            name: name_str(bytes.get(..NAME_MAX)?)?,
            passive: r.flags & 1 != 0,
            fpu_off: r.flags & 2 != 0,
            restart: r.flags & PdRecord::RESTART != 0,
            priority: priority(r.priority)?,
            first_segment: r.first_segment as usize,
            segment_count: r.segment_count as usize,
            parent: if r.parent == NONE {
                None
            } else {
                Some((r.parent as usize, channel_id(r.child_id)?))
            },
            stack_pages: r.stack_pages.into(),
            budget_us: r.budget_us,
            period_us: r.period_us,
            entry: r.entry,
            stack_top: r.stack_top,
            ipc_buffer: r.ipc_buffer,
        })
    }
}

impl<'a> Meaning<'a> for Segment<'a> {
    type Record = SegmentRecord;

    fn from_record(payload: &'a [u8], r: SegmentRecord, _: &'a [u8]) -> Option<Self> {
        let rights = Rights::from_bits(r.rights).filter(|rights| !(rights.write && rights.execute))?;
        let len = u64::from(r.pages) * PAGE;
        let in_space = is_user_page(r.vaddr) && r.vaddr.checked_add(len)? <= USER_END;
        (in_space && r.pages > 0 && u64::from(r.len) <= len).then_some(())?;
        Some(Self {
            vaddr: r.vaddr,
            pages: r.pages.into(),
            rights,
            content: bytes(payload, r.offset, r.len)?,
        })
    }
}

impl<'a> Meaning<'a> for Region {
    type Record = RegionRecord;

    fn from_record(_: &'a [u8], r: RegionRecord, _: &'a [u8]) -> Option<Self> {
        (matches!(r.page_bits, 12 | 21) && r.size > 0 && r.size <= PHYS_END).then_some(())?;
        let page = 1 << r.page_bits;
        let phys_addr = if r.phys_addr == ANYWHERE {
            None
        } else {
            Some(r.phys_addr)
        };
        let placed = phys_addr.is_none_or(|at| at.is_multiple_of(page) && at < PHYS_END);
        (placed && r.size.is_multiple_of(page)).then_some(Self {
            size: r.size,
            phys_addr,
            page_bits: r.page_bits,
        })
    }
}

impl<'a> Meaning<'a> for Fill<'a> {
    type Record = FillRecord;

    fn from_record(payload: &'a [u8], r: FillRecord, _: &'a [u8]) -> Option<Self> {
        Some(Self {
            region: r.region as usize,
            offset: r.region_offset,
            content: bytes(payload, r.offset, r.len)?,
        })
    }
}

impl<'a> Meaning<'a> for Map {
    type Record = MapRecord;

    fn from_record(_: &'a [u8], r: MapRecord, _: &'a [u8]) -> Option<Self> {
        (is_user_page(r.vaddr) && r.page_count > 0 && r.cached < 2).then_some(())?;
        Some(Self {
            pd: r.pd as usize,
            region: r.region as usize,
            first_page: r.first_page.into(),
            page_count: r.page_count.into(),
            vaddr: r.vaddr,
            rights: Rights::from_bits(r.rights)?,
            cached: r.cached == 1,
        })
    }
}

impl<'a> Meaning<'a> for Irq {
    type Record = IrqRecord;

    fn from_record(_: &'a [u8], r: IrqRecord, _: &'a [u8]) -> Option<Self> {
        (r.irq < MAX_IRQ).then_some(())?;
        Some(Self {
            pd: r.pd as usize,
            irq: r.irq,
            trigger: trigger(r.trigger)?,
            channel: channel_id(r.channel)?,
        })
    }
}

impl<'a> Meaning<'a> for Channel {
    type Record = ChannelRecord;

    fn from_record(_: &'a [u8], r: ChannelRecord, _: &'a [u8]) -> Option<Self> {
        let end = |e: EndRecord| {
            let end = End {
                pd: e.pd as usize,
                id: channel_id(e.id)?,
                notify: e.flags & 1 != 0,
                call: e.flags & 2 != 0,
            };
            (e.flags < 4).then_some(end)
        };
        let [a, b] = r.ends;
        let (a, b) = (end(a)?, end(b)?);
        (!(a.call && b.call)).then_some([a, b])
    }
}

impl<'a> Meaning<'a> for Caller {
    type Record = CallerRecord;

    fn from_record(_: &'a [u8], r: CallerRecord, _: &'a [u8]) -> Option<Self> {
        Some(Self {
            pd: r.pd as usize,
            channel: channel_id(r.channel)?,
            role: Role::from_number(r.role)?,
        })
    }
}

impl<'a> Meaning<'a> for Slot<'a> {
    type Record = SlotRecord;

    fn from_record(_: &'a [u8], r: SlotRecord, bytes: &'a [u8]) -> Option<Self> {
        let budget = r.budget_us > 0 && r.budget_us <= r.period_us;
        (budget && r.heap_size < PHYS_END).then_some(())?;
        let [a, b] = r.sides;
        Some(Self {
            name: name_str(bytes.get(..NAME_MAX)?)?,
            class: r.class,
            priority: priority(r.priority)?,
            shadow: r.shadow as usize,
            budget_us: r.budget_us,
            period_us: r.period_us,
            heap_size: r.heap_size,
            config: (r.config != NONE).then_some(r.config as usize),
            guarded: flag(r.guarded)?,
            sides: [side(a)?, side(b)?],
            mmio: valid(&r.mmio, r.mmio_count, mmio)?,
            irqs: valid(&r.irqs, r.irq_count, |i| {
                Some((Some(i.irq).filter(|&n| n < MAX_IRQ)?, trigger(i.trigger)?))
            })?,
            data: valid(&r.data, r.data_count, |index| Some(index as usize))?,
        })
    }
}

fn flag(word: u32) -> Option<bool> {
    (word < 2).then_some(word == 1)
}

fn side(r: SideRecord) -> Option<SlotSide> {
    let (shadow_page, driver_page) = (r.shadow_page as usize, r.driver_page as usize);
    Some(SlotSide {
        shadow_page,
        driver_page,
        channel: channel_id(r.channel)?,
    })
}

fn mmio(r: SlotMmioRecord) -> Option<SlotMmio> {
    let fits = r.phys_addr < PHYS_END && r.len > 0 && r.len < PHYS_END;
    fits.then_some(SlotMmio {
        phys_addr: r.phys_addr,
        len: r.len,
        region: r.region as usize,
    })
}

/// The first `count` of `records`, converted.
fn valid<R: Copy, T: Copy, const N: usize>(
    records: &[R; N],
    count: u32,
    of: impl Fn(R) -> Option<T>,
) -> Option<[Option<T>; N]> {
    let mut items = [None; N];
    let count = count as usize;
    for (item, &record) in items.iter_mut().zip(records.get(..count)?) {
        *item = Some(of(record)?);
    }
    Some(items)
}

const _: () = assert!(size_of::<record::Header>() == 32 + 9 * 8);
