//! The other end of the wire: the host's.

use crate::demo::machine::WIRE;
use crate::qemu::Guest;
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Longest frame that is taken from the machine.
const LONGEST: usize = 1 << 16;

/// A connection to the machine's wire. What the machine sends is counted and forgotten.
pub struct Peer {
    stream: UnixStream,
    heard: Arc<AtomicU64>,
}

impl Peer {
    /// Connects to the wire of this machine, which listens since it was started.
    pub fn connect(guest: &Guest) -> Result<Self> {
        let stream = UnixStream::connect(guest.folder().join(WIRE)).context("connecting to the wire")?;
        let heard = Arc::new(AtomicU64::new(0));
        let (mut reader, count) = (stream.try_clone()?, heard.clone());
        // Ends with the connection.
        std::thread::spawn(
            move || while take(&mut reader).is_ok_and(|()| count.fetch_add(1, Relaxed) < u64::MAX) {},
        );
        Ok(Self { stream, heard })
    }

    /// Sends a frame.
    pub fn send(&mut self, frame: &[u8]) -> Result<()> {
        let length = u32::try_from(frame.len()).context("a frame that long")?;
        self.stream
            .write_all(&[&length.to_be_bytes()[..], frame].concat())?;
        Ok(())
    }

    /// Frames that the machine has sent.
    pub fn heard(&self) -> u64 {
        self.heard.load(Relaxed)
    }
}

fn take(reader: &mut UnixStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    reader.read_exact(&mut [0; LONGEST][..length.min(LONGEST)])
}
