//! Two ends in memory, for tests on the host: frames come in order, unless the wire is told to lose or repeat them.

extern crate std;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Frames on their way to one end.
type Way = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end.
#[derive(Debug)]
pub struct End {
    inward: Way,
    outward: Way,
    /// Every so many frames that are sent are lost; 0: none.
    pub lose: u32,
    /// Every so many frames that are sent come twice, the second time behind the next; 0: none.
    pub repeat: u32,
    sent: u32,
    again: Option<Vec<u8>>,
}

/// A wire.
#[must_use]
pub fn wire() -> [End; 2] {
    let ways = [Way::default(), Way::default()];
    let end = |inward: &Way, outward: &Way| End {
        inward: inward.clone(),
        outward: outward.clone(),
        lose: 0,
        repeat: 0,
        sent: 0,
        again: None,
    };
    [end(&ways[0], &ways[1]), end(&ways[1], &ways[0])]
}

impl End {
    /// Puts a frame on the wire, as it is.
    pub fn inject(&mut self, frame: Vec<u8>) {
        self.sent += 1;
        let every = |every: u32| every != 0 && self.sent.is_multiple_of(every);
        let (lost, twice) = (every(self.lose), every(self.repeat));
        let mut way = self.outward.borrow_mut();
        if !lost {
            way.push_back(frame.clone());
        }
        way.extend(self.again.take());
        if twice {
            self.again = Some(frame);
        }
    }
}

impl Device for End {
    type RxToken<'a> = Came;
    type TxToken<'a> = Send<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Came, Send<'_>)> {
        let frame = self.inward.borrow_mut().pop_front()?;
        Some((Came(frame), Send(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Send<'_>> {
        Some(Send(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct Came(Vec<u8>);

impl phy::RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame to be sent.
#[derive(Debug)]
pub struct Send<'a>(&'a mut End);

impl phy::TxToken for Send<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.inject(frame);
        result
    }
}
