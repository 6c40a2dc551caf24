//! The protection domain: carries the checker's requests to the session and the answers back.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use client_report::{Kind, Report};
use device_class::block::{BlockClient, InfoError, Op, Peer, Port, RequestError, Status};
use disk_check::{BLOCK_SIZE, Checker, Reason, Request};
use sel4_microkit::{Channel, ChannelSet, Handler, MessageInfo, get_mr, protection_domain, var};
use shared_ring::{Link, shared_words};
use system_spec::config::{ClientConfig, RegionConfig};
use trace::clock::ticks;

/// The session's channel.
struct Shadow(Channel);

impl Peer for Shadow {
    fn notify(&mut self) {
        self.0.notify();
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
    control: Channel,
    session: BlockClient,
    report: Report<'static>,
    data: &'static [AtomicU64],
    /// None until the session is open.
    checker: Option<Checker<'static>>,
    /// Device blocks per block of ours.
    factor: u32,
    /// Control has asked for an orderly stop.
    stop: bool,
    told: bool,
}

impl Client {
    /// Ask what the session gives access to; it may not be open yet, and then a notification follows.
    fn open(&mut self) {
        let info = match self.session.info(&mut self.shadow) {
            Ok(info) => Ok(info),
            Err(InfoError::NotReady) => return,
            Err(_) => Err(()),
        };
        let (buffers, _) = self.data.as_chunks();
        let (blocks, factor) = match info {
            Ok(info) if info.block_size != 0 && (BLOCK_SIZE as u32).is_multiple_of(info.block_size) => {
                let factor = BLOCK_SIZE as u32 / info.block_size;
                (info.capacity >> factor.trailing_zeros(), factor)
            }
            _ => (0, 1),
        };
        self.factor = factor;
        let mut checker = Checker::new(self.report, buffers, blocks, ticks());
        if blocks == 0 {
            checker.fail(Reason::NoSession);
        }
        self.checker = Some(checker);
    }

    /// Take answers and send requests until there is nothing more to do.
    fn work(&mut self) -> Result<(), RequestError> {
        let Some(checker) = &mut self.checker else {
            return Ok(());
        };
        self.session.awake();
        loop {
            while let Some(answer) = self.session.poll()? {
                let outcome = if answer.status == Status::Ok {
                    Ok(())
                } else {
                    Err(answer.status as u8)
                };
                if !checker.completed(answer.id as usize, outcome, ticks()) {
                    return Err(RequestError::Nonsense);
                }
            }
            while let Some((slot, request)) = checker.next_request() {
                let (op, block, count) = match request {
                    Request::Read(block) => (Op::Read, block, self.factor),
                    Request::Write(block) => (Op::Write, block, self.factor),
                    Request::Flush => (Op::Flush, 0, 0),
                };
                let offset = if count == 0 { 0 } else { (slot * BLOCK_SIZE) as u64 };
                self.session
                    .submit(op, block * u64::from(self.factor), count, offset, slot as u32)?;
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

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if self.checker.is_none() {
            self.open();
        }
        self.stop |= channels.contains(self.control);
        if self.stop
            && let Some(checker) = &mut self.checker
        {
            checker.stop();
        }
        if self.work().is_err()
            && let Some(checker) = &mut self.checker
        {
            checker.fail(Reason::Link);
        }
        let over = self
            .checker
            .as_ref()
            .is_some_and(|checker| checker.is_stopped() || checker.has_failed());
        if over && !self.told {
            self.told = true;
            self.control.notify();
        }
        Ok(())
    }
}

/// The region's words; none if the system has no such region.
fn words(region: &RegionConfig) -> &'static [AtomicU64] {
    match NonNull::new(region.vaddr as *mut u8) {
        // SAFETY: the description's compiler chose a page-aligned address and mapped `len` bytes there, readable and
        // writable, for as long as this program runs; each region is asked for once.
        Some(base) => unsafe { shared_words(base, region.len as usize) },
        None => &[],
    }
}

#[protection_domain]
fn init() -> Client {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let report =
        Report::begin(words(&config.report), Kind::DiskCheck).expect("report region in the description");
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    let link = unsafe { Link::new(config.link.own as *mut u8, config.link.peer as *const u8) };
    let mut client = Client {
        shadow: Shadow(Channel::new(config.link.channel as usize)),
        control: Channel::new(config.control_channel as usize),
        session: BlockClient::new(link),
        report,
        data: words(&config.data),
        checker: None,
        factor: 1,
        stop: false,
        told: false,
    };
    client.open();
    // The first requests go out here; nobody notifies a client that has asked for nothing.
    let _ = client.work();
    client
}
