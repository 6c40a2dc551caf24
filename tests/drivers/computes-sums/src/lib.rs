//! A driver with one more capability than any release: it computes the checksums of frames, in software. Whoever was told of it
//! must not get one without.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::{CAP_CHECKSUM, Frame, HEADROOM, NetCapabilities};
use net_twist::{Twist, Twisted, read, write};

/// What is different.
#[derive(Default)]
pub struct ComputesSums;

/// Longest frame.
const FRAME: usize = 1514;

impl Twist for ComputesSums {
    fn record(record: NetCapabilities) -> NetCapabilities {
        NetCapabilities {
            flags: record.flags | CAP_CHECKSUM,
            ..record
        }
    }
    fn transmit(&mut self, frame: &Frame) {
        if frame.offload.flags == 0 {
            return;
        }
        let start = HEADROOM as usize + usize::from(frame.offload.checksum_start);
        let content = read::<FRAME>(frame.data, start);
        // What is summed includes the sum of the pseudo header, which stands where the result goes. Beyond the frame are zeroes.
        let sum: u32 = content
            .chunks(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let sum = !((folded & 0xffff) + (folded >> 16)) as u16;
        write(
            frame.data,
            start + usize::from(frame.offload.checksum_offset),
            &sum.to_be_bytes(),
        );
    }
}

/// The driver.
pub type Driver = Twisted<ComputesSums>;
