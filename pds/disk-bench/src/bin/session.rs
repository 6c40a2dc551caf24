//! The load on a session.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use device_class::block::{BlockClient, Peer, Port, RequestError, Status};
use disk_bench::{BLOCK_SIZE, Load};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, MessageInfo, get_mr, protection_domain,
    var,
};
use shared_ring::{Link, shared_words};
use system_spec::config::ClientConfig;
use trace::clock::ticks;

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
    fn call(&mut self, label: u64) -> (u64, [u64; 4]) {
        let answer = self.0.pp_call(MessageInfo::new(label, 0));
        (answer.label(), [0, 1, 2, 3].map(get_mr))
    }
}

struct Client {
    shadow: Shadow,
    session: BlockClient,
    figures: &'static [AtomicU64],
    depth: usize,
    /// None until the session is open.
    load: Option<Load<'static>>,
    /// Device blocks per block of ours.
    factor: u32,
}

impl Client {
    fn open(&mut self) {
        let Ok(info) = self.session.info(&mut self.shadow) else {
            return;
        };
        // A device block has 512 to 4096 bytes.
        self.factor = BLOCK_SIZE as u32 / info.block_size.max(1);
        let blocks = info.capacity / u64::from(self.factor.max(1));
        self.load = Some(Load::new(self.figures, blocks, self.depth));
    }

    /// Take answers and send requests until there is nothing more to do.
    fn work(&mut self) -> Result<(), RequestError> {
        let Some(load) = &mut self.load else {
            return Ok(());
        };
        self.session.awake();
        loop {
            while let Some(answer) = self.session.poll()? {
                load.completed(answer.id, answer.status == Status::Ok, ticks);
            }
            while let Some(request) = load.next_request() {
                let offset = u64::from(request.slot) * BLOCK_SIZE as u64;
                let block = request.block * u64::from(self.factor);
                self.session
                    .submit(request.op, block, self.factor, offset, request.slot)?;
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

#[protection_domain]
fn init() -> Client {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    // SAFETY: the description maps a page for the figures at this address, for this program to write.
    let figures = NonNull::new(*var!(figures: usize = 0) as *mut u8)
        .map_or(&[][..], |base| unsafe { shared_words(base, BLOCK_SIZE) });
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    let link = unsafe { Link::new(config.link.own as *mut u8, config.link.peer as *const u8) };
    let mut client = Client {
        shadow: Shadow(
            Channel::new(config.link.channel as usize),
            DeferredActionSlot::new(),
        ),
        session: BlockClient::new(link),
        figures,
        depth: config.data.len as usize / BLOCK_SIZE,
        load: None,
        factor: 1,
    };
    client.open();
    // The first requests go out here; nobody notifies a client that has asked for nothing.
    let _ = client.work();
    if let Some(action) = client.shadow.1.take() {
        action.execute_now();
    }
    client
}
