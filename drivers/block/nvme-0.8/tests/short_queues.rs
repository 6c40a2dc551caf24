//! A controller whose queues are shorter than the release's own table of requests.

use driver_runtime::block::{BlockDriver, Buffer, Op, Request, Status, Submit};
use driver_runtime::nvme::fake;
use nvme_0_8::Driver;

const ENTRIES: u32 = 8;
/// A queue that is full of requests could not be told from an empty one.
const DEPTH: u32 = ENTRIES - 1;
/// Looks at the queue until an answer must have come: the controller runs beside.
const PATIENCE: usize = 10_000_000;

/// A block, where commands can say that it is.
#[repr(align(512))]
struct Block([u8; 512]);

/// What has no room is the client's to keep, and not something that the driver waits with for an interrupt that never comes.
#[test]
fn no_more_is_taken_than_the_queues_hold_and_all_that_is_taken_ends() {
    let resources = fake::resources(1 << 20, 512, ENTRIES);
    let mut driver = Driver::probe(&resources).unwrap();
    assert_eq!(driver.capabilities().queue_depth, DEPTH);
    let mut block = Block([0; 512]);
    for round in 0..3 * ENTRIES {
        for id in 0..2 * DEPTH {
            let request = Request {
                id,
                op: Op::Read,
                block: (round + id).into(),
                count: 1,
                data: Buffer::of_test(&mut block.0),
            };
            let submitted = driver.submit(&request);
            let expected = if id < DEPTH {
                Submit::Accepted
            } else {
                Submit::Busy
            };
            assert_eq!(submitted, expected, "{id}");
        }
        let mut ended = Vec::new();
        for _ in 0..PATIENCE {
            driver.poll(|completion| ended.push((completion.id, completion.status)));
            if ended.len() == DEPTH as usize {
                break;
            }
            std::thread::yield_now();
        }
        // The controller answers in order.
        let all: Vec<_> = (0..DEPTH).map(|id| (id, Status::Ok)).collect();
        assert_eq!(ended, all, "round {round}");
    }
}
