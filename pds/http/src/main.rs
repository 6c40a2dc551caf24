//! The protection domain: joins the server to a network session, a file session, and the traces it may read.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::ptr::NonNull;

use device_class::net::{NetClient, Peer};
use file_service::FileClient;
use http::Server;
use http::files::Files;
use http::server::Tally;
use http::status::Status;
use ip_session::dhcp::Dhcp;
use ip_session::pd::{Channels, now};
use ip_session::{Host, Session};
use sel4_microkit::{Channel, Heap, HeapMemory, NullHandler, protection_domain, var};
use shared_ring::{Area, Link};
use smoltcp::time::{Duration, Instant};
use system_spec::config::{ClientConfig, FileSessionConfig, LinkConfig, RegionConfig, WatchConfig};
use system_spec::spec::name_str;
use trace::{Cursor, Reader, clock};

const HEAP_BYTES: usize = 4 << 20;
static MEMORY: HeapMemory<HEAP_BYTES> = HeapMemory::new();
#[global_allocator]
// SAFETY: the only heap of this memory.
static HEAP: Heap<HEAP_BYTES> = unsafe { Heap::of(&MEMORY) };

const PORT: u16 = 80;
const CONNECTIONS: usize = 40;
static PAGE: &str = include_str!("page.html");
/// The traces are read at least so often, so that none of their events is overwritten before.
const LOOK: Duration = Duration::from_millis(100);

fn area(region: &RegionConfig) -> Option<Area> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    Some(unsafe { Area::new(base, region.len as usize) })
}

macro_rules! link {
    ($link:expr) => {{
        let LinkConfig { own, peer, .. } = $link;
        // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
        unsafe { Link::new(own as *mut u8, peer as *const u8) }
    }};
}

/// The file server as a peer; nobody waits for it alone.
struct FileServer(Channel);

impl Peer for FileServer {
    fn notify(&mut self) {
        self.0.notify();
    }
    fn wait(&mut self) {}
}

/// The traces, and how far they are read.
struct Watch {
    traces: Vec<(Reader, Cursor)>,
    names: Vec<&'static str>,
    status: Status,
}

impl Watch {
    fn new(config: &'static WatchConfig) -> Self {
        let traces = config
            .traces
            .iter()
            .take(config.trace_count as usize)
            .filter_map(|trace| {
                let base = NonNull::new(trace.region.vaddr as *mut u8)?;
                // SAFETY: the description's compiler mapped the region there for reading, for as long as this program runs.
                let reader = unsafe { Reader::new(base, trace.region.len as usize) };
                Some((reader, Cursor::OLDEST))
            });
        let names = config
            .slots
            .iter()
            .take(config.slot_count as usize)
            .map(|name| name_str(name).unwrap_or("?"));
        Self {
            traces: traces.collect(),
            names: names.collect(),
            status: Status::new(clock::hz()),
        }
    }

    fn look(&mut self) {
        for (reader, cursor) in &mut self.traces {
            while let Some(event) = reader.read(cursor) {
                self.status.event(&event);
            }
            for (slot, name) in (0..).zip(&self.names) {
                if let Some(counters) = reader.counters(slot) {
                    self.status.device(name, slot, counters);
                }
            }
        }
    }
}

fn run(
    config: &ClientConfig,
    files: &FileSessionConfig,
    watch: &mut Watch,
    channels: &mut Channels,
) -> Option<()> {
    let client = NetClient::new(link!(config.link), link!(config.deliveries));
    let info = client.wait_for_info(channels).ok()?;
    let mut session = Session::new(client, area(&config.data)?, &info)?;
    session.tell_no_segment_size();
    let mut host = Host::new(info.address.0, &mut session, now(), clock::ticks());
    let dhcp = Dhcp::new(&mut host);
    let mut server = Server::new(&mut host.sockets, CONNECTIONS, PORT, PAGE);
    let mut file_server = FileServer(Channel::new(files.link.channel as usize));
    let mut files = Files::new(
        FileClient::new(link!(files.link), area(&files.data)?),
        CONNECTIONS,
    )?;
    while !channels.is_told_to_stop() {
        session.awake();
        let changed = host.poll(now(), &mut session);
        dhcp.follow(&mut host);
        watch.look();
        let status = |tally: Tally| watch.status.json(clock::ticks(), tally);
        let ms = now().total_millis().unsigned_abs();
        let busy = server.serve(ms, &mut host.sockets, &mut files, &status);
        files.commit(&mut file_server);
        session.commit(channels);
        if session.waits_for_device() && session.client().info(channels).is_ok() {
            session.device_works();
        }
        if !changed && !busy && session.sleep() && files.sleep() {
            let latest = now() + LOOK;
            let served = server.deadline().map(|ms| Instant::from_millis(ms as i64));
            let deadline = [host.deadline(now()).filter(|_| session.has_room()), served]
                .into_iter()
                .flatten()
                .fold(latest, Instant::min);
            channels.wait_until(Some(deadline));
        }
    }
    Some(())
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    const NO_FILES: FileSessionConfig = zerocopy::transmute!([0u8; size_of::<FileSessionConfig>()]);
    const NO_WATCH: WatchConfig = zerocopy::transmute!([0u8; size_of::<WatchConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let files: &FileSessionConfig = var!(umbra_files: FileSessionConfig = NO_FILES);
    let mut watch = Watch::new(var!(umbra_watched: WatchConfig = NO_WATCH));
    let mut channels = Channels::new(config);
    // Without its sessions there is nothing to do but to stop when told.
    let _ = run(config, files, &mut watch, &mut channels);
    loop {
        channels.stopped();
        while !channels.is_told_to_stop() {
            channels.wait_until(None);
        }
    }
}
