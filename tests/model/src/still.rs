//! A world that only lies there, to be read: what control kept, and the packages in its store.

use control::state::SlotState;
use control::{Call, Consumed, World};
use supervision::{Code, root, shadow, stager};

use crate::records::Bytes;

/// With these bytes kept, each record at one place, whole. Packages are of one byte, repeated: what is in them is the stager's business.
pub struct Still<'a>(pub &'a Bytes);

impl World for Still<'_> {
    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        if let Some(bytes) = self.0.get(&offset) {
            let len = bytes.len().min(buffer.len());
            buffer[..len].copy_from_slice(&bytes[..len]);
        }
    }
    fn read_package(&mut self, slot: usize, _: usize, buffer: &mut [u8]) {
        buffer.fill(slot as u8);
    }
    fn now(&mut self) -> u64 {
        0
    }
    fn call(&mut self, _: u32, _: Call) -> Code {
        Code::Denied
    }
    fn domain(&mut self, _: u32) -> Option<root::DomainState> {
        None
    }
    fn consumed(&mut self, _: u32) -> Option<Consumed> {
        None
    }
    fn slot_state(&mut self, _: u32) -> Option<root::SlotState> {
        None
    }
    fn command(&mut self, _: shadow::Command) {}
    fn job(&mut self, _: stager::Job) {}
    fn trace(&mut self, _: trace::Event) {}
    fn save(&mut self, _: usize, _: &SlotState) {}
    fn keep(&mut self, _: usize, _: &[u8]) {}
    fn write_package(&mut self, _: usize, _: usize, _: &[u8]) {}
    fn read_trace(&mut self, _: usize, _: u64, _: &mut [u8]) -> Option<(usize, u64, u64)> {
        None
    }
    fn report_len(&mut self, _: usize) -> u32 {
        0
    }
    fn read_report(&mut self, _: usize, _: usize, _: &mut [u8]) {}
    fn ask_to_stop(&mut self, _: usize) {}
}
