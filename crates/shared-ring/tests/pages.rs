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
