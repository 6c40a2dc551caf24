//! Echoes by TCP and by UDP.

use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Bytes that are sent at once and read back before the next: less than fit on their way.
const PIECE: usize = 4096;
/// Pieces of the first connection.
const PIECES: usize = 50;
/// How long to wait for bytes: longer than a busy host needs for some virtual seconds.
const DEAF: Duration = Duration::from_secs(120);
/// How long to wait for a datagram, and how often to send it: it may be lost.
const DATAGRAM: Duration = Duration::from_secs(2);
const DATAGRAMS: usize = 30;

/// While others load the network and its drivers are replaced: all bytes come back, in order.
pub fn across(port: u16, stopped: &AtomicBool) -> Result<()> {
    datagram(port).context("UDP")?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(DEAF))?;
    let mut number = 0;
    while number < PIECES || !stopped.load(Relaxed) {
        let piece: Vec<u8> = (0..PIECE).map(|at| (at * 7 + at / 251 + number) as u8).collect();
        stream.write_all(&piece)?;
        let mut back = vec![0; PIECE];
        stream.read_exact(&mut back).context("TCP")?;
        ensure!(back == piece, "piece {number} came back as another");
        number += 1;
        // What is measured here is not speed.
        thread::sleep(Duration::from_millis(5));
    }
    stream.shutdown(Shutdown::Write)?;
    ensure!(stream.read(&mut [0])? == 0, "more came back than was sent");
    datagram(port).context("UDP, after all that")
}

fn datagram(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(DATAGRAM))?;
    let sent: Vec<u8> = (0..1200u32).map(|at| (at % 253) as u8).collect();
    let mut back = [0; 2048];
    for _ in 0..DATAGRAMS {
        socket.send(&sent)?;
        if let Ok(len) = socket.recv(&mut back) {
            ensure!(back[..len] == sent, "another datagram came back");
            return Ok(());
        }
    }
    anyhow::bail!("none of {DATAGRAMS} datagrams came back")
}
