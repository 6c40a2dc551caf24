//! A driver that invents frames without end: half of the buffers that it is given come back at once, with a frame to everybody that
//! nobody has sent. With the others it does its work.
#![no_std]
#![forbid(unsafe_code)]

use driver_runtime::net::{Buffer, Completion, Ended, HEADROOM, Status};
use net_twist::{Twist, Twisted, write};

/// Buffers that may be kept at a time.
const KEPT: usize = 32;
/// Bytes of an invented frame.
const LENGTH: usize = 60;

/// What is wrong.
#[derive(Default)]
pub struct Floods {
    kept: [Option<u32>; KEPT],
}

impl Twist for Floods {
    fn receive(&mut self, id: u32, buffer: Buffer) -> bool {
        let place = self.kept.iter_mut().find(|place| place.is_none());
        match place {
            Some(place) if id.is_multiple_of(2) => {
                let mut frame = [0; LENGTH];
                frame[..6].fill(0xff);
                write(buffer, HEADROOM as usize, &frame);
                *place = Some(id);
                false
            }
            _ => true,
        }
    }
    fn invent(&mut self, done: &mut impl FnMut(Ended, Completion)) {
        for id in self.kept.iter_mut().filter_map(Option::take) {
            let invented = Completion {
                start: HEADROOM as u16,
                length: LENGTH as u32,
                ..Completion::of(id, Status::Ok)
            };
            done(Ended::Buffer, invented);
        }
    }
}

/// The driver.
pub type Driver = Twisted<Floods>;
