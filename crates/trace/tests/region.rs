//! Properties of a trace region.

use core::cell::UnsafeCell;
use core::ptr::NonNull;

use proptest::prelude::*;
use trace::{Cursor, Event, Kind, Line, Reader, SLOTS, Standing, Tally, Writer, capacity};

const EVENTS: usize = 8;
const LEN: usize = trace::EVENTS + 32 * EVENTS;

/// A region on the heap, leaked: writer and reader share it for the rest of the test.
fn region() -> NonNull<u8> {
    let words: &'static UnsafeCell<[u64; LEN / 8]> = Box::leak(Box::new(UnsafeCell::new([0; LEN / 8])));
    NonNull::new(words.get().cast()).unwrap()
}

fn pair() -> (NonNull<u8>, Writer, Reader) {
    let base = region();
    // SAFETY: `LEN` leaked bytes, aligned to 8, that only this crate accesses (`poke` included, between calls).
    unsafe { (base, Writer::new(base, LEN), Reader::new(base, LEN)) }
}

fn event(n: u64) -> Event {
    Event::new(n, Kind::Quiesced, 1, 2).with(n, !n)
}

fn all(reader: &Reader, cursor: &mut Cursor) -> Vec<u64> {
    std::iter::from_fn(|| reader.read(cursor))
        .map(|event| event.time)
        .collect()
}

#[test]
fn events_come_out_in_order_and_once() {
    let (_, mut writer, reader) = pair();
    let mut cursor = Cursor::OLDEST;
    assert_eq!(reader.read(&mut cursor), None);
    (0..5).for_each(|n| writer.write(&event(n)));
    assert_eq!(all(&reader, &mut cursor), [0, 1, 2, 3, 4]);
    assert_eq!(reader.read(&mut cursor), None);
    writer.write(&event(5));
    assert_eq!(reader.read(&mut cursor), Some(event(5)));
    assert_eq!((cursor.next(), cursor.lost()), (6, 0));
}

#[test]
fn slow_reader_knows_what_it_lost() {
    let (_, mut writer, reader) = pair();
    let mut cursor = Cursor::OLDEST;
    (0..20).for_each(|n| writer.write(&event(n)));
    assert_eq!(all(&reader, &mut cursor), (13..20).collect::<Vec<_>>());
    assert_eq!(cursor.lost(), 13);
}

#[test]
fn restarted_writer_goes_on_behind_its_predecessor() {
    let (base, mut writer, reader) = pair();
    writer.write(&event(0));
    // SAFETY: as in `pair`; the first writer writes no more.
    let mut second = unsafe { Writer::new(base, LEN) };
    second.write(&event(1));
    assert_eq!(all(&reader, &mut { Cursor::OLDEST }), [0, 1]);
}

#[test]
fn region_too_short_swallows_everything() {
    const SHORT: usize = trace::EVENTS + 31;
    assert_eq!((capacity(0), capacity(SHORT), capacity(SHORT + 1)), (0, 0, 1));
    let base = region();
    // SAFETY: as in `pair`, with fewer bytes.
    let (mut writer, reader) = unsafe { (Writer::new(base, SHORT), Reader::new(base, SHORT)) };
    for writer in [&mut writer, &mut Writer::nowhere()] {
        writer.write(&event(1));
        writer.tally(0, Tally::default());
        writer.stand(0, Standing::default());
    }
    assert_eq!(reader.read(&mut { Cursor::OLDEST }), None);
    assert_eq!(reader.counters(0), None);
}

#[test]
fn counters_add_up_over_restarts_and_disturb_no_event() {
    let (base, mut writer, reader) = pair();
    assert_eq!(reader.counters(1), None, "nobody counts it");
    let tally = Tally {
        answered: 2,
        bytes: 8192,
        waited: 70,
    };
    let standing = Standing {
        live: 0b101,
        sent: 0b1,
        mode: 2,
        generation: 9,
    };
    (0..2 * EVENTS as u64).for_each(|n| writer.write(&event(n)));
    writer.tally(1, tally);
    // SAFETY: as in `pair`; the first writer writes no more.
    let mut second = unsafe { Writer::new(base, LEN) };
    second.tally(1, tally);
    second.stand(1, standing);
    second.tally(SLOTS as u32, tally);
    second.stand(u32::MAX, standing);
    let counters = reader.counters(1).unwrap();
    assert_eq!(
        (
            counters.total.answered,
            counters.total.bytes,
            counters.total.waited
        ),
        (4, 16384, 140)
    );
    assert_eq!(counters.standing, standing);
    assert_eq!((reader.counters(0), reader.counters(SLOTS as u32)), (None, None));
    let last = EVENTS as u64 + 1..2 * EVENTS as u64;
    assert_eq!(all(&reader, &mut { Cursor::OLDEST }), last.collect::<Vec<_>>());
}

#[test]
fn lines_name_the_words_and_tolerate_unknown_kinds() {
    let line = |event| {
        Line {
            event,
            hz: 62_500_000,
        }
        .to_string()
    };
    let known = Event::new(62_500_000 * 12, Kind::Quiesced, 0, 3).with(32, 1);
    assert_eq!(
        line(known),
        "[   12.000000] slot 0 gen 3: quiesced, in flight 32, left 1"
    );
    assert_eq!(
        line(Event { kind: 9_999, ..known }),
        "[   12.000000] slot 0 gen 3: kind 9999, 0x20, 0x1"
    );
    assert!(
        Line {
            event: Event {
                time: u64::MAX,
                ..known
            },
            hz: 0
        }
        .to_string()
        .len()
            > 20
    );
}

#[test]
fn numbers_and_kinds_agree() {
    for number in 0..=u16::MAX {
        if let Some(kind) = Kind::from_number(number) {
            assert_eq!(kind as u16, number);
        }
    }
}

#[test]
fn reader_beside_a_busy_writer_sees_whole_events_only() {
    const COUNT: u64 = if cfg!(miri) { 60 } else { 100_000 };
    let (_, mut writer, reader) = pair();
    let thread = std::thread::spawn(move || {
        for n in 0..COUNT {
            writer.write(&event(n));
            if n % 16 == 0 {
                std::thread::yield_now();
            }
        }
    });
    let mut cursor = Cursor::OLDEST;
    let mut last = None;
    while cursor.next() < COUNT {
        match reader.read(&mut cursor) {
            Some(read) => {
                assert_eq!(read, event(read.time));
                assert!(last < Some(read.time));
                last = Some(read.time);
            }
            None => std::thread::yield_now(),
        }
    }
    thread.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever stands in the region: no panic, and reading ends after at most a region's worth of events per change.
    #[test]
    fn hostile_writer_costs_events_and_nothing_else(counts in prop::collection::vec(any::<u64>(), 1..20), start: u64) {
        let (base, _, reader) = pair();
        let mut cursor = Cursor::at(start);
        for count in counts {
            // SAFETY: the first word of the region; no reader or writer runs meanwhile.
            unsafe { base.cast::<u64>().write(count) };
            let mut read = 0;
            while reader.read(&mut cursor).is_some() {
                read += 1;
                prop_assert!(read <= EVENTS);
            }
        }
    }
}
