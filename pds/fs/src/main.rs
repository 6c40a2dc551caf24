//! The protection domain: joins the server to its sessions, above to the clients of files and below to the block shadow.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::ptr::NonNull;

use device_class::block::{BlockClient, Peer};
use fat_partition::Session as Partition;
use fat_partition::pd::Channels;
use fs::session::Session;
use fs::{Server, Volume};
use sel4_microkit::{Channel, NullHandler, protection_domain, var};
use shared_ring::{Area, Link};
use system_spec::config::{
    ClientConfig, FileServerConfig, FileSessionConfig, LinkConfig, MAX_FILE_SESSIONS, RegionConfig,
};

fn area(region: &RegionConfig) -> Area {
    let base = NonNull::new(region.vaddr as *mut u8).expect("an address in the configuration");
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    unsafe { Area::new(base, region.len as usize) }
}

/// Links are taken up where a predecessor left them: this program is started anew after a fault.
macro_rules! attach {
    ($link:expr) => {{
        let LinkConfig { own, peer, .. } = $link;
        // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
        unsafe { Link::attach(own as *mut u8, peer as *const u8) }
    }};
}

fn session(config: &FileSessionConfig) -> Session {
    Session::new(attach!(config.link), area(&config.data))
}

/// Serves until told to stop. False: there is no volume.
fn run(config: &ClientConfig, files: &FileServerConfig, stop: &Cell<bool>) -> bool {
    let client = BlockClient::new(attach!(config.link));
    let Ok(partition) = Partition::open(client, Channels::new(config, stop), area(&config.data)) else {
        return false;
    };
    let Ok(volume) = Volume::open(partition) else {
        return false;
    };
    let present = |index| (index as u64) < files.count;
    let sessions: [_; MAX_FILE_SESSIONS] =
        core::array::from_fn(|index| present(index).then(|| session(&files.sessions[index])));
    let mut server = Server::new(volume, sessions);
    // A predecessor may have died before it notified a client of its answers.
    let notify = |index: usize| Channel::new(files.sessions[index].link.channel as usize).notify();
    (0..files.sessions.len())
        .filter(|index| present(*index))
        .for_each(notify);
    let mut channels = Channels::new(config, stop);
    while !stop.get() {
        if !server.round(notify) && server.sleep() {
            channels.wait();
        }
    }
    server.stop().is_ok()
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
