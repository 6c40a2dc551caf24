//! A device that is torn out of the slot behind the root port. QEMU's own orders to remove one all ask the guest first; its debugger may write to
//! any register, and the slot's control is one: without power the device is gone at once, and the slot says that it is empty.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use umbra::qemu::Guest;

/// Configuration space of function 0:5.0, where machines have the port.
const PORT: u64 = 0x40_1000_0000 + (5 << 15);
/// Capability of PCI Express, and in it the slot's control (PCI Express 4.0, 7.5.3.10).
const EXPRESS: u8 = 0x10;
const CONTROL: u64 = 0x18;
/// The slot's light off, no power.
const OFF: u16 = 3 << 8 | 1 << 10;

/// Tears it out, while the machine stands still for a moment.
pub fn tear(guest: &Guest) -> Result<()> {
    let socket = guest.folder().join("debugger");
    let listen = |at: &str| {
        let order = json!({ "command-line": format!("gdbserver {at}") });
        guest.qmp()?.execute("human-monitor-command", order)
    };
    let answer = listen(&format!("unix:{},server=on,wait=off", socket.display()))?;
    let stream = UnixStream::connect(&socket).with_context(|| format!("{answer}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut debugger = Debugger(stream);
    ensure!(debugger.ask("Qqemu.PhyMemMode:1")? == "OK");
    let control = PORT + u64::from(debugger.capability()?) + CONTROL;
    let [low, high] = debugger.read(control)?;
    let off = u16::from_le_bytes([low, high]) | OFF;
    ensure!(debugger.ask(&format!("M{control:x},2:{:04x}", off.swap_bytes()))? == "OK");
    ensure!(debugger.ask("D")? == "OK");
    listen("none").map(drop)
}

/// The remote protocol of GDB: `$packet#sum`, and `+` for one that came.
struct Debugger(UnixStream);

impl Debugger {
    fn ask(&mut self, packet: &str) -> Result<String> {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        write!(self.0, "${packet}#{sum:02x}")?;
        let mut answer = Vec::new();
        while answer.last() != Some(&b'#') {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            match byte {
                [b'+' | b'$'] => answer.clear(),
                [byte] => answer.push(byte),
            }
        }
        answer.pop();
        let mut sum = [0; 2];
        self.0.read_exact(&mut sum)?;
        self.0.write_all(b"+")?;
        Ok(String::from_utf8(answer)?)
    }

    fn read<const N: usize>(&mut self, address: u64) -> Result<[u8; N]> {
        let text = self.ask(&format!("m{address:x},{N:x}"))?;
        let mut bytes = [0; N];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(2 * index..2 * index + 2).context("two digits a byte")?;
            *byte = u8::from_str_radix(digits, 16).with_context(|| text.clone())?;
        }
        Ok(bytes)
    }

    /// Offset of the port's capability of PCI Express.
    fn capability(&mut self) -> Result<u8> {
        let [mut at] = self.read(PORT + 0x34)?;
        for _ in 0..48 {
            let [id, next] = self.read(PORT + u64::from(at))?;
            if id == EXPRESS {
                return Ok(at);
            }
            at = next;
        }
        anyhow::bail!("no port at {PORT:#x}")
    }
}
