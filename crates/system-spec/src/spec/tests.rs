use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use zerocopy::IntoBytes;

use super::record::*;
use super::*;

fn pd(name: &str) -> PdRecord {
    PdRecord {
        name: name_bytes(name).unwrap(),
        flags: 2,
        priority: 100,
        first_segment: 0,
        segment_count: 1,
        parent: NONE,
        child_id: 0,
        stack_pages: 2,
        budget_us: 1000,
        period_us: 1000,
        entry: 0x20_0000,
        stack_top: 0x7fff_ffff_e000,
        ipc_buffer: 0x7fff_ffff_f000,
    }
}

fn sources() -> Sources {
    let page = RegionRecord {
        size: PAGE,
        phys_addr: ANYWHERE,
        page_bits: 12,
        reserved: 0,
    };
    let side = SideRecord {
        shadow_page: 0,
        driver_page: 1,
        channel: 3,
        reserved: 0,
    };
    let segment = SegmentRecord {
        vaddr: 0x20_0000,
        pages: 2,
        rights: 5,
        offset: 0,
        len: 0,
    };
    let end = |pd, id| EndRecord { pd, id, flags: 1 };
    let mut slot = SlotRecord {
        name: name_bytes("disk0").unwrap(),
        class: 1,
        priority: 150,
        shadow: 0,
        mmio_count: 1,
        irq_count: 1,
        data_count: 2,
        config: NONE,
        guarded: 0,
        reserved: 0,
        budget_us: 500,
        period_us: 1000,
        heap_size: 0x4_0000,
        sides: [side; 2],
        mmio: [SlotMmioRecord::default(); SLOT_MMIO],
        irqs: [SlotIrqRecord::default(); SLOT_IRQS],
        data: [0; SLOT_DATA],
    };
    slot.mmio[0] = SlotMmioRecord {
        phys_addr: 0xa00_3e00,
        len: 0x200,
        region: 2,
        reserved: 0,
    };
    slot.irqs[0] = SlotIrqRecord { irq: 79, trigger: 1 };
    Sources {
        pds: vec![pd("control"), pd("bus")],
        segments: vec![(segment, vec![7; 5000])],
        regions: vec![
            page,
            page,
            RegionRecord {
                phys_addr: 0xa00_3000,
                ..page
            },
        ],
        fills: vec![(
            FillRecord {
                region_offset: 96,
                region: 1,
                offset: 0,
                len: 0,
                reserved: 0,
            },
            vec![9; 4000],
        )],
        maps: vec![MapRecord {
            vaddr: 0x1000,
            pd: 1,
            region: 2,
            first_page: 0,
            page_count: 1,
            rights: 3,
            cached: 0,
        }],
        irqs: vec![IrqRecord {
            pd: 0,
            irq: 30,
            trigger: 0,
            channel: 61,
        }],
        channels: vec![ChannelRecord {
            ends: [end(0, 1), end(1, 0)],
        }],
        callers: vec![CallerRecord {
            pd: 1,
            channel: 4,
            role: 2,
        }],
        slots: vec![slot],
        root_trace: Some(1),
        stager: Some((0, 0x4000_0000)),
    }
}

#[test]
fn what_is_written_is_read() {
    let payload = encode(&sources()).unwrap();
    let spec = Spec::parse(&payload).unwrap();
    let control = spec.pds().get(0).unwrap();
    assert_eq!(
        (control.name, control.fpu_off, control.priority),
        ("control", true, 100)
    );
    let segment = spec.segments(&control).next().unwrap();
    assert_eq!((segment.content.len(), segment.rights.execute), (5000, true));
    assert_eq!(spec.fills().next().unwrap().content, [9; 4000]);
    let slot = spec.slots().next().unwrap();
    assert_eq!(slot.irqs().collect::<Vec<_>>(), [(79, Trigger::Edge)]);
    assert_eq!(slot.data().count(), 2);
    assert_eq!(spec.stager(), Some((0, 0x4000_0000)));
    assert_eq!(spec.callers().next().unwrap().role, Role::Bus);
}

#[test]
fn padding_behind_the_payload_is_ignored() {
    let mut payload = encode(&sources()).unwrap();
    payload.resize(payload.len() + 4096, 0xff);
    assert!(Spec::parse(&payload).is_ok());
}

/// Each change breaks one rule; the error must name the table.
#[test]
fn broken_rules_are_refused() {
    type Change = fn(&mut Sources);
    let cases: &[(Kind, Change)] = &[
        (Kind::Pd, |s| s.pds[1].priority = 255),
        (Kind::Pd, |s| s.pds[1].budget_us = 1001),
        (Kind::Pd, |s| s.pds[1].stack_pages = 0),
        (Kind::Pd, |s| s.pds[0].segment_count = 2),
        (Kind::Pd, |s| s.pds[0].parent = 2),
        (Kind::Segment, |s| s.segments[0].0.rights = 7),
        (Kind::Segment, |s| s.segments[0].1.resize(8193, 0)),
        (Kind::Segment, |s| s.segments[0].0.vaddr = USER_END - PAGE),
        (Kind::Region, |s| s.regions[0].size = 4097),
        (Kind::Region, |s| s.regions[2].phys_addr = 0xa00_3e00),
        (Kind::Fill, |s| s.fills[0].0.region_offset = 97),
        (Kind::Map, |s| s.maps[0].first_page = 1),
        (Kind::Map, |s| s.maps[0].rights = 2),
        (Kind::Map, |s| s.maps[0].region = 3),
        (Kind::Irq, |s| s.irqs[0].channel = 62),
        (Kind::Irq, |s| s.irqs[0].irq = 160),
        (Kind::Channel, |s| s.channels[0].ends[1].pd = 2),
        (Kind::Channel, |s| {
            s.channels[0].ends = s.channels[0].ends.map(|e| EndRecord { flags: 3, ..e })
        }),
        (Kind::Caller, |s| s.callers[0].role = 6),
        (Kind::Slot, |s| s.slots[0].mmio[0].len = 0x201),
        (Kind::Slot, |s| s.slots[0].mmio[0].region = 1),
        (Kind::Slot, |s| s.slots[0].data_count = 17),
        (Kind::Slot, |s| s.slots[0].sides[1].driver_page = 2),
        (Kind::Slot, |s| s.slots[0].config = 2),
        (Kind::Slot, |s| s.slots[0].guarded = 2),
        (Kind::Slot, |s| s.slots = vec![s.slots[0]; 5]),
    ];
    for (index, (kind, change)) in cases.iter().enumerate() {
        let mut broken = sources();
        change(&mut broken);
        match encode(&broken) {
            Err(EncodeError::Refused(SpecError::Record(k, _) | SpecError::Table(k))) if k == *kind => {}
            other => panic!("case {index}: {:?}", other.map(|p| p.len())),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Damage anywhere in tables or header gives an error or a spec that can be walked.
    #[test]
    fn damaged_payload_never_panics(hits in prop::collection::vec((0usize..2400, any::<u8>()), 1..12), cut in 0usize..9000) {
        let mut payload = encode(&sources()).unwrap();
        for (at, byte) in hits {
            if let Some(b) = payload.get_mut(at) { *b = byte; }
        }
        payload.truncate(payload.len().saturating_sub(cut.saturating_sub(4000)));
        walk(&payload);
    }

    #[test]
    fn noise_behind_a_good_magic_never_panics(words in prop::collection::vec(any::<u32>(), 0..600), small in any::<bool>()) {
        let mut words: Vec<u32> = words.into_iter().map(|w| if small { w % 256 } else { w }).collect();
        let len = words.len() as u32 * 4;
        for (word, good) in words.iter_mut().zip([MAGIC, VERSION, len]) { *word = good; }
        walk(words.as_bytes());
    }
}

fn walk(payload: &[u8]) {
    let Ok(spec) = Spec::parse(payload) else { return };
    for pd in spec.pds() {
        assert!(spec.segments(&pd).count() == pd.segment_count);
    }
    assert_eq!(spec.maps().count(), spec.maps().len());
    for slot in spec.slots() {
        assert!(slot.mmio().all(|m| spec.regions().get(m.region).is_some()));
        assert!(slot.data().all(|d| spec.regions().get(d).is_some()));
    }
}
