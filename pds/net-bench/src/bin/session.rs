//! The load on a session.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use device_class::net::{NetClient, NetRequest, NetResponse, Peer, Port, RequestError, Status};
use net_bench::{BUFFER, BUFFERS_MAX, DEPTH_MAX, Load, REGION, Shape, buffer_at, frame_at};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, MessageInfo, get_mr, protection_domain,
    set_mr, var,
};
use shared_ring::{Area, Link, mapped, shared_words};
use system_spec::config::{ClientConfig, LinkConfig};
use trace::clock::ticks;

/// Bytes of a page.
const PAGE: usize = 4096;
/// Whom frames are for: somebody who is not there (RFC 7042, 2.1.4: for documentation).
const NOBODY: [u8; 6] = [0, 0, 0x5e, 0, 0x53, 1];

/// The session's channel. A notification goes into the kernel together with the wait that follows.
struct Shadow(Channel, DeferredActionSlot);

impl Peer for Shadow {
    fn notify(&mut self) {
        self.1.defer_notify(self.0);
    }

    /// This program returns to its main loop instead, and is never asked.
    fn wait(&mut self) {}
}

impl Port for Shadow {
    fn call(&mut self, label: u64, words: [u64; 2]) -> (u64, [u64; 4]) {
        set_mr(0, words[0]);
        set_mr(1, words[1]);
        let answer = self.0.pp_call(MessageInfo::new(label, 2));
        (answer.label(), [0, 1, 2, 3].map(get_mr))
    }
}

struct Client {
    shadow: Shadow,
    session: NetClient,
    data: Option<Area>,
    figures: &'static [AtomicU64],
    shape: Shape,
    /// None until the session is open.
    load: Option<Load<'static>>,
}

impl Client {
    fn open(&mut self) {
        let Ok(info) = self.session.info(&mut self.shadow) else {
            return;
        };
        for slot in 0..DEPTH_MAX as u32 {
            let frame = frame_at(slot) as usize;
            let written = self
                .data
                .as_ref()
                .is_some_and(|data| data.write(frame, &NOBODY) && data.write(frame + 6, &info.address.0));
            if !written {
                return;
            }
        }
        self.load = Some(Load::new(self.figures, self.shape, BUFFERS_MAX));
    }

    /// Take answers and send frames until there is nothing more to do.
    fn work(&mut self) -> Result<(), RequestError> {
        let Some(load) = &mut self.load else {
            return Ok(());
        };
        self.session.awake();
        loop {
            while let Some(sent) = self.session.poll_sent()? {
                load.sent(sent.id, sent.status == Status::Ok, ticks);
            }
            while let Some(received) = self.session.poll_received()? {
                load.received(received.id, received.status == Status::Ok, ticks);
            }
            while let Some(slot) = load.next_buffer() {
                self.session.post(slot, buffer_at(slot), BUFFER)?;
            }
            while let Some(slot) = load.next_frame() {
                self.session.transmit(slot, frame_at(slot), self.shape.length)?;
            }
            self.session.commit(&mut self.shadow);
            if self.session.sleep()? {
                return Ok(());
            }
            self.session.awake();
        }
    }
}

impl Handler for Client {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        if self.load.is_none() {
            self.open();
        }
        // A broken link shows as a load that stands still.
        let _ = self.work();
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.shadow.1.take()
    }
}

fn link(config: &LinkConfig) -> Link<NetRequest, NetResponse> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    unsafe { Link::new(config.own as *mut u8, config.peer as *const u8) }
}

fn page(vaddr: usize) -> &'static [AtomicU64] {
    // SAFETY: the description maps a page at each address that it sets here: the figures to be written, the load to be read.
    NonNull::new(vaddr as *mut u8).map_or(&[][..], |base| unsafe { shared_words(base, PAGE) })
}

#[protection_domain]
fn init() -> Client {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let (figures, load) = (page(*var!(figures: usize = 0)), page(*var!(load: usize = 0)));
    // SAFETY: the description's compiler mapped the region there, writable, for this program alone on this side.
    let data = unsafe { mapped::area(config.data.vaddr, config.data.len) };
    let mut client = Client {
        shadow: Shadow(
            Channel::new(config.link.channel as usize),
            DeferredActionSlot::new(),
        ),
        session: NetClient::new(link(&config.link), link(&config.deliveries)),
        data: data.ok().filter(|data| data.len() >= REGION),
        figures,
        shape: Shape::of(load),
        load: None,
    };
    client.open();
    // The first frames go out here; nobody notifies a client that has asked for nothing.
    let _ = client.work();
    if let Some(action) = client.shadow.1.take() {
        action.execute_now();
    }
    client
}
