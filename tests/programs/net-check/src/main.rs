//! Asks the gateway for echoes, a few at a time, checks every byte, and keeps account in its report region.
//!
//! Its IPv4 address is 10.0.2.x, x the last byte of its session's Ethernet address.

#![no_std]
#![no_main]

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use client_report::{Counter, Kind, Report, State, Violation, ViolationKind};
use device_class::net::{HEADROOM, NetClient, Peer, Port, Received, RequestError, Status};
use net_check::{FRAME_MAX, Heard, Ip, Station, ask, echo, hear};
use sel4_microkit::ipc::{self, Event};
use sel4_microkit::{Channel, MessageInfo, NullHandler, get_mr, protection_domain, set_mr, var};
use shared_ring::{Area, Link, shared_words};
use supervision::timer::Op;
use system_spec::config::{ClientConfig, LinkConfig};
use trace::clock;

const GATEWAY: Ip = [10, 0, 2, 2];
/// Bytes of a buffer.
const BUFFER: usize = 2048;
/// Buffers for frames that come, at the beginning of the data region.
const POSTED: usize = 16;
/// Echoes that are waited for at a time; each has a buffer behind those.
const WINDOW: usize = 4;
/// Name of the frame that asks where the gateway is; the others have their place in the window.
const ASK: u32 = WINDOW as u32;
/// Part of a second after which an echo that has not come is asked for again.
const AGAIN: u64 = 20;

struct Outside {
    shadow: Channel,
    control: Channel,
    timer: Channel,
    stop: bool,
    armed: bool,
}

impl Peer for Outside {
    fn notify(&mut self) {
        self.shadow.notify();
    }
    fn wait(&mut self) {
        if !self.armed {
            set_mr(0, clock::ticks() + clock::hz() / AGAIN);
            self.timer.pp_call(MessageInfo::new(Op::SetTimeout as u64, 1));
            self.armed = true;
        }
        if let Event::Notified(channels) = ipc::recv() {
            self.stop |= channels.contains(self.control);
            self.armed &= !channels.contains(self.timer);
        }
    }
}

impl Port for Outside {
    fn call(&mut self, label: u64, words: [u64; 2]) -> (u64, [u64; 4]) {
        set_mr(0, words[0]);
        set_mr(1, words[1]);
        let answer = self.shadow.pp_call(MessageInfo::new(label, 2));
        (answer.label(), [0, 1, 2, 3].map(get_mr))
    }
}

/// An echo that is waited for.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// Its number; `None`: none is waited for.
    number: Option<u16>,
    /// When it was asked for last.
    at: u64,
    /// The shadow has the frame.
    out: bool,
}

struct Checker {
    net: NetClient,
    data: Area,
    outside: Outside,
    report: Report<'static>,
    us: Station,
    gateway: Option<Station>,
    asked: [Asked; WINDOW],
    asking: Asked,
    number: u16,
    last: u64,
}

impl Checker {
    fn transmit(&mut self, name: u32, frame: &[u8; FRAME_MAX], len: usize) -> Result<(), RequestError> {
        let at = (POSTED + name as usize) * BUFFER + HEADROOM as usize;
        assert!(
            self.data.write(at, &frame[..len]),
            "a region that is large enough"
        );
        self.net.transmit(name, at as u64, len as u32)?;
        self.report.add(Counter::Writes, 1);
        Ok(())
    }

    fn post(&mut self, name: u32) -> Result<(), RequestError> {
        self.net
            .post(name, (name as usize * BUFFER) as u64, BUFFER as u32)
    }

    /// Ask for what is not asked for, and again for what has not come.
    fn ask(&mut self) -> Result<(), RequestError> {
        let (now, patience) = (clock::ticks(), clock::hz() / AGAIN);
        let mut frame = [0; FRAME_MAX];
        let Some(gateway) = self.gateway else {
            if !self.asking.out && now - self.asking.at >= patience {
                let len = ask(&self.us, GATEWAY, &mut frame);
                self.transmit(ASK, &frame, len)?;
                (self.asking.out, self.asking.at) = (true, now);
            }
            return Ok(());
        };
        for name in 0..WINDOW {
            let asked = self.asked[name];
            if asked.out || (asked.number.is_some() && now - asked.at < patience) {
                continue;
            }
            let number = match asked.number {
                Some(number) => {
                    self.report.add(Counter::Lost, 1);
                    number
                }
                None => {
                    self.number = self.number.wrapping_add(1);
                    self.number
                }
            };
            let len = echo(&self.us, &gateway, number, &mut frame);
            self.transmit(name as u32, &frame, len)?;
            self.asked[name] = Asked {
                number: Some(number),
                at: now,
                out: true,
            };
        }
        Ok(())
    }

    fn take_sent(&mut self) -> Result<(), RequestError> {
        while let Some(sent) = self.net.poll_sent()? {
            let asked = self.asked.get_mut(sent.id as usize);
            asked.unwrap_or(&mut self.asking).out = false;
            if sent.status != Status::Ok {
                self.wrong(ViolationKind::ClientError, sent.id.into(), sent.status as u64);
            }
        }
        Ok(())
    }

    fn wrong(&self, kind: ViolationKind, index: u64, found: u64) {
        self.report.violation(Violation {
            kind,
            index,
            found,
            least: 0,
            most: 0,
        });
    }

    fn take_received(&mut self) -> Result<(), RequestError> {
        while let Some(received) = self.net.poll_received()? {
            self.report.add(Counter::Reads, 1);
            self.look_at(&received);
            self.post(received.id)?;
        }
        Ok(())
    }

    fn look_at(&mut self, received: &Received) {
        let mut frame = [0; BUFFER];
        let len = received.length as usize;
        let read = received.status == Status::Ok
            && frame
                .get_mut(..len)
                .is_some_and(|frame| self.data.read(received.id as usize * BUFFER, frame));
        if !read {
            return self.wrong(
                ViolationKind::ClientError,
                received.id.into(),
                received.status as u64,
            );
        }
        match hear(&self.us, &frame[..len]) {
            Heard::Here(station) if station.ip == GATEWAY => self.gateway = Some(station),
            Heard::Echo(number) => self.echoed(number, len),
            Heard::Corrupt => self.wrong(ViolationKind::Corrupt, received.id.into(), len as u64),
            Heard::Stray => self.wrong(ViolationKind::Stale, received.id.into(), len as u64),
            Heard::Here(_) | Heard::Other => {}
        }
    }

    fn echoed(&mut self, number: u16, len: usize) {
        let Some(asked) = self.asked.iter_mut().find(|asked| asked.number == Some(number)) else {
            // A second answer, to what was asked for twice.
            return;
        };
        asked.number = None;
        let now = clock::ticks();
        let gap = now - self.last;
        if self.last != 0 && gap > self.report.get(Counter::LongestGap) {
            self.report.set(Counter::LongestGap, gap);
        }
        self.last = now;
        self.report.add(Counter::Requests, 1);
        self.report.add(Counter::Bytes, len as u64);
    }

    /// Until told to stop, and then until the shadow has nothing more of ours.
    fn work(&mut self) -> Result<(), RequestError> {
        for name in 0..POSTED {
            self.post(name as u32)?;
        }
        loop {
            self.net.awake();
            self.take_sent()?;
            self.take_received()?;
            if !self.outside.stop {
                self.ask()?;
            } else if self.net.in_flight() == 0 {
                return Ok(());
            }
            self.net.commit(&mut self.outside);
            if self.net.sleep()? {
                self.outside.wait();
            }
        }
    }
}

fn link(config: &LinkConfig) -> Link<device_class::net::NetRequest, device_class::net::NetResponse> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    unsafe { Link::new(config.own as *mut u8, config.peer as *const u8) }
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let address = |vaddr| NonNull::new(vaddr as *mut u8).expect("a region in the description");
    // SAFETY: the description's compiler mapped both regions, readable and writable, each for this purpose only.
    let (words, data): (&'static [AtomicU64], _) = unsafe {
        (
            shared_words(address(config.report.vaddr), config.report.len as usize),
            Area::new(address(config.data.vaddr), config.data.len as usize),
        )
    };
    let report = Report::begin(words, Kind::NetCheck).expect("report region in the description");
    let mut outside = Outside {
        shadow: Channel::new(config.link.channel as usize),
        control: Channel::new(config.control_channel as usize),
        timer: Channel::new(config.timer_channel as usize),
        stop: false,
        armed: false,
    };
    let net = NetClient::new(link(&config.link), link(&config.deliveries));
    let Ok(info) = net.wait_for_info(&mut outside) else {
        report.set_state(State::Failed, 1);
        return NullHandler::new();
    };
    let us = Station {
        address: info.address,
        ip: [10, 0, 2, info.address.0[5]],
    };
    report.set(Counter::Seed, info.address.to_word());
    report.set_state(State::Running, 0);
    let mut checker = Checker {
        net,
        data,
        outside,
        report,
        us,
        gateway: None,
        asked: [Asked::default(); WINDOW],
        asking: Asked::default(),
        number: 0,
        last: 0,
    };
    match checker.work() {
        Ok(()) => report.set_state(State::Stopped, 0),
        Err(_) => report.set_state(State::Failed, 2),
    }
    loop {
        checker.outside.control.notify();
        checker.outside.stop = false;
        while !checker.outside.stop {
            checker.outside.wait();
        }
    }
}
