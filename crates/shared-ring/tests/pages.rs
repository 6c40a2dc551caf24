//! The unsafe part, for Miri: two threads over raw pages, the real atomics below.

use shared_ring::{Link, PAGE_SIZE};

#[repr(align(4096))]
struct Raw(core::cell::UnsafeCell<[u8; PAGE_SIZE]>);

// SAFETY: the test accesses the bytes only through links, which use atomics.
unsafe impl Sync for Raw {}

static A: Raw = Raw(core::cell::UnsafeCell::new([0; PAGE_SIZE]));
static B: Raw = Raw(core::cell::UnsafeCell::new([0; PAGE_SIZE]));

const COUNT: u64 = if cfg!(miri) { 200 } else { 100_000 };

fn end(own: &'static Raw, peer: &'static Raw) -> Link<[u64; 4], [u64; 4]> {
    // SAFETY: two static, page-aligned pages that only the two ends of this link touch.
    unsafe { Link::new(own.0.get().cast(), peer.0.get().cast_const().cast()) }
}

#[test]
fn entries_cross_threads_whole_and_in_order() {
    let mut left = end(&A, &B);
    left.reset();
    let mut right = end(&B, &A);
    right.reset();
    left.write_info(&[1u32, 42]);
    let echo = std::thread::spawn(move || {
        assert_eq!(right.read_info::<[u32; 2]>(), Some([1, 42]));
        let mut seen = 0;
        while seen < COUNT {
            while let Some(entry) = right.recv().unwrap() {
                right.send(&entry).unwrap();
                seen += 1;
            }
            let _ = right.publish();
            std::thread::yield_now();
        }
    });
    let (mut sent, mut received) = (0, 0);
    while received < COUNT {
        while sent < COUNT && sent - received < 64 && left.send(&[sent; 4]).is_ok() {
            sent += 1;
        }
        let _ = left.publish();
        while let Some(entry) = left.recv().unwrap() {
            assert_eq!(entry, [received; 4]);
            received += 1;
        }
        std::thread::yield_now();
    }
    echo.join().unwrap();
}

#[test]
fn area_copies_inside_its_range_and_nowhere_else() {
    let words: &'static core::cell::UnsafeCell<[u64; 4]> =
        Box::leak(Box::new(core::cell::UnsafeCell::new([0; 4])));
    // SAFETY: 32 leaked bytes, aligned to 8, that only this area touches.
    let area = unsafe { shared_ring::Area::new(core::ptr::NonNull::new(words.get().cast()).unwrap(), 32) };
    assert!(area.write(8, &[1, 2, 3, 4, 5, 6, 7, 8]) && area.write(3, &[9, 9]) && area.write(32, &[]));
    assert!(!area.write(31, &[0, 0]) && !area.write(usize::MAX, &[0]) && !area.read(24, &mut [0; 16]));
    let mut copy = [0xff; 16];
    assert!(area.read(0, &mut copy));
    assert_eq!(copy, [0, 0, 0, 9, 9, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let mut odd = [0; 3];
    assert!(area.read(7, &mut odd));
    assert_eq!(odd, [0, 1, 2]);
}
