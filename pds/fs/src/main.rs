//! The protection domain: joins the server to its sessions, above to the clients of files and below to the block shadow.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::ptr::NonNull;

use device_class::block::{BlockClient, Peer};
use fat_partition::pd::Channels;
use fat_partition::{Ahead, Session as Partition};
use fs::session::Session;
use fs::{Server, Volume};
use sel4_microkit::{Channel, NullHandler, protection_domain, var};
use shared_ring::{Area, Link};
use system_spec::config::{
    ClientConfig, FileServerConfig, FileSessionConfig, LinkConfig, MAX_FILE_SESSIONS, RegionConfig,
};

fn area(region: &RegionConfig) -> Option<Area> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    Some(unsafe { Area::new(base, region.len as usize) })
}

/// Links are taken up where a predecessor left them: this program is started anew after a fault.
macro_rules! attach {
    ($link:expr) => {{
        let LinkConfig { own, peer, .. } = $link;
        // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
        unsafe { Link::attach(own as *mut u8, peer as *const u8) }
    }};
}

fn session(config: &FileSessionConfig) -> Option<Session> {
    Some(Session::new(attach!(config.link), area(&config.data)?))
}

fn volume<'a>(config: &ClientConfig, stop: &'a Cell<bool>) -> Option<Volume<Ahead<Partition<Channels<'a>>>>> {
    let client = BlockClient::new(attach!(config.link));
    let partition = Partition::open(client, Channels::new(config, stop), area(&config.data)?).ok()?;
    Volume::open(Ahead::new(partition)).ok()
}

/// Serves until told to stop.
fn run(config: &ClientConfig, files: &FileServerConfig, stop: &Cell<bool>) {
    let Some(volume) = volume(config, stop) else {
        return;
    };
    let present = |index: &usize| (*index as u64) < files.count;
    let session = |index| {
        Some(index)
            .filter(present)
            .and_then(|index| session(&files.sessions[index]))
    };
    const { assert!(MAX_FILE_SESSIONS <= fs::volume::SESSIONS_MAX) }
    let sessions: [_; MAX_FILE_SESSIONS] = core::array::from_fn(session);
    let mut server = Server::new(volume, sessions);
    // A predecessor may have died before it notified a client of its answers.
    let notify = |index: usize| Channel::new(files.sessions[index].link.channel as usize).notify();
    (0..files.sessions.len()).filter(present).for_each(notify);
    let mut channels = Channels::new(config, stop);
    while !stop.get() {
        if !server.round(notify) && server.sleep() {
            channels.wait();
        }
    }
    // Who wants to know that it is durable has asked for it; what fails here is told to nobody.
    let _ = server.stop();
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    const NOBODY: FileServerConfig = zerocopy::transmute!([0u8; size_of::<FileServerConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let files: &FileServerConfig = var!(umbra_file_sessions: FileServerConfig = NOBODY);
    let stop = Cell::new(false);
    run(config, files, &stop);
    Channels::new(config, &stop).stopped()
}
