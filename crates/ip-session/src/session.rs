//! Frames of a session as the library's device.

mod out;

use core::net::Ipv4Addr;

use device_class::net::{
    ClientInfo, FLAG_VERIFIED, HEADER, HEADROOM, NetClient, Peer, Received, RequestError, Status,
};
use out::{Out, Send};
use shared_ring::Area;
use shared_ring::page::Page;
use smoltcp::phy::{self, Checksum, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;
use zerocopy::IntoBytes;

use crate::answers::{Answers, Turned, turn_round};
use crate::sums::{self, Content};

/// Bytes of the data region for each frame, with its headroom.
pub const BUFFER: usize = 2048;
/// Longest frame that has room, in bytes.
const FRAME_MAX: usize = BUFFER - HEADROOM as usize;
/// A frame of our own, as words: sums are made of those.
pub(crate) type Copied = [u64; BUFFER / 8];
/// Most buffers for frames to be sent.
const OUT_MAX: usize = 32;
/// Buffers for frames that come, for each of the others: all that were sent are acknowledged in one burst, while those who outrank us
/// work, and requests come between. A frame without a buffer costs its connection a second at least.
const IN_SHARE: usize = 2;
const _: () = assert!(OUT_MAX * IN_SHARE <= u64::BITS as usize);
/// Datagrams that are answered before the library has its turn again.
const ANSWERED_MAX: usize = OUT_MAX;

/// Bytes of data region for so many frames to be sent at a time, and twice as many that come.
pub const fn data_len(frames: usize) -> usize {
    (IN_SHARE + 1) * frames * BUFFER
}

/// A session, and where its frames lie: those that come in the first two thirds of the data region, those to be sent behind them.
#[derive(Debug)]
pub struct Session<P, A = ()> {
    /// What has come last, out of the region.
    frame: Copied,
    /// What the library sends, on its way into the region.
    answer: Copied,
    out: Out<P>,
    /// Who takes datagrams to which address before the library sees them.
    services: Option<(Ipv4Addr, A)>,
    /// Buffers for frames to be sent.
    slots: usize,
    /// A bit for each of them that a device without a driver may still read.
    held: u32,
    /// A bit for each buffer for frames that come which is to be posted.
    empty: u64,
    dropped: u64,
}

/// A frame that has come.
struct Next {
    length: usize,
    content: Content,
    /// Its sum was found right by the driver.
    verified: bool,
}

impl<P: Page> Session<P> {
    /// With all buffers posted; hand them over by [`commit`](Self::commit). `None`: the data region has no room for one frame each way.
    pub fn new(client: NetClient<P>, data: Area, info: &ClientInfo) -> Option<Self> {
        Self::over(client, data, info, None)
    }
}

impl<P: Page, A: Answers> Session<P, A> {
    /// The same, and datagrams to `address` that `services` take do not come to the library.
    pub fn answering(
        client: NetClient<P>,
        data: Area,
        info: &ClientInfo,
        address: Ipv4Addr,
        services: A,
    ) -> Option<Self> {
        Self::over(client, data, info, Some((address, services)))
    }

    fn over(
        client: NetClient<P>,
        data: Area,
        info: &ClientInfo,
        services: Option<(Ipv4Addr, A)>,
    ) -> Option<Self> {
        let slots = (data.len() / data_len(1)).min(OUT_MAX);
        let incoming = IN_SHARE * slots;
        let free = u32::MAX.checked_shr(u32::BITS - slots as u32)?;
        let mut this = Self {
            frame: [0; BUFFER / 8],
            answer: [0; BUFFER / 8],
            out: Out {
                client,
                data,
                free,
                first: incoming * BUFFER,
                frame_max: (usize::from(info.mtu) + HEADER).min(FRAME_MAX),
                is_silent: false,
                broken: None,
            },
            services,
            slots,
            held: 0,
            empty: u64::MAX.checked_shr(u64::BITS - incoming as u32)?,
            dropped: 0,
        };
        this.post();
        Some(this)
    }

    /// From now on those who connect are not told how long segments may be: QEMU's network, told twice, loses what they said (`handshake`).
    pub fn tell_no_segment_size(&mut self) {
        self.out.is_silent = true;
    }

    /// The rules were broken: nothing is sent or received any more.
    pub fn broken(&self) -> Option<RequestError> {
        self.out.broken
    }

    /// Buffers are kept from use until the device works again, which is to be asked for.
    pub fn waits_for_device(&self) -> bool {
        self.held != 0
    }

    /// The device works again.
    pub fn device_works(&mut self) {
        self.out.free |= core::mem::take(&mut self.held);
    }

    /// There is room for a frame to be sent. Without, nothing happens before the device has sent others, however urgent it is.
    pub fn has_room(&self) -> bool {
        self.out.free != 0
    }

    /// Frames that came and were none, or would have been answered for ever, and frames that were not sent.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The client's end.
    pub fn client(&self) -> &NetClient<P> {
        &self.out.client
    }

    /// Hand over what is to be sent, and buffers.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        self.post();
        self.out.client.commit(peer);
    }

    /// Ask for a notification. True: wait. False: something has come meanwhile.
    pub fn sleep(&mut self) -> bool {
        // Frames that come are left where they are as long as they could not be answered: they are no reason to stay awake.
        let slept = if self.has_room() {
            self.out.client.sleep()
        } else {
            self.out.client.sleep_until_sent()
        };
        slept.unwrap_or_else(|error| {
            self.out.broken = Some(error);
            true
        })
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.out.client.awake();
    }

    /// Posts what is empty, as far as the ring has places: the shadow gives some back later than the frames that were in them.
    fn post(&mut self) {
        while self.empty != 0 && self.out.broken.is_none() {
            let slot = self.empty.trailing_zeros();
            let offset = u64::from(slot) * BUFFER as u64;
            match self.out.client.post(slot, offset, BUFFER as u32) {
                Ok(()) => self.empty &= !(1 << slot),
                Err(RequestError::Full) => return,
                Err(error) => self.out.broken = Some(error),
            }
        }
    }

    /// Buffers of frames that were sent are free again.
    fn reclaim(&mut self) {
        while self.out.broken.is_none() {
            match self.out.client.poll_sent() {
                Ok(Some(sent))
                    if (sent.id as usize) < self.slots && (self.out.free | self.held) >> sent.id & 1 == 0 =>
                {
                    self.dropped += u64::from(sent.status != Status::Ok);
                    // A frame that no driver sent may still be sent by a device that cannot be reset.
                    match sent.status {
                        Status::Offline => self.held |= 1 << sent.id,
                        _ => self.out.free |= 1 << sent.id,
                    }
                }
                Ok(Some(_)) => self.out.broken = Some(RequestError::Nonsense),
                Ok(None) => return,
                Err(error) => self.out.broken = Some(error),
            }
        }
    }

    /// The next frame that has come, in `frame`.
    fn next_frame(&mut self) -> Option<Next> {
        while self.out.broken.is_none() {
            match self.out.client.poll_received() {
                Ok(Some(received)) => {
                    let next = self.take(&received);
                    if next.is_some() {
                        return next;
                    }
                    self.dropped += 1;
                }
                Ok(None) => return None,
                Err(error) => self.out.broken = Some(error),
            }
        }
        None
    }

    fn take(&mut self, received: &Received) -> Option<Next> {
        let length = received.length as usize;
        let id = received.id as usize;
        if id >= IN_SHARE * self.slots || self.empty >> id & 1 != 0 {
            self.out.broken = Some(RequestError::Nonsense);
            return None;
        }
        self.empty |= 1 << id;
        if received.status != Status::Ok || !(HEADER..=BUFFER).contains(&length) {
            return None;
        }
        let target = &mut self.frame.as_mut_bytes()[..length];
        if !self.out.data.read(id * BUFFER, target) {
            return None;
        }
        let verified = received.flags & FLAG_VERIFIED != 0;
        let content = sums::content(&self.frame, length, verified)?;
        Some(Next {
            length,
            content,
            verified,
        })
    }

    /// The services have taken the frame, and what they say to it is on its way.
    fn is_answered(&mut self, next: &Next) -> bool {
        let Some((address, services)) = &mut self.services else {
            return false;
        };
        match turn_round(&mut self.frame, &next.content, next.verified, *address, services) {
            None => false,
            Some(Turned::Taken) => true,
            Some(Turned::Refused) => {
                self.dropped += 1;
                true
            }
            Some(Turned::Round(length)) => {
                self.dropped += u64::from(!self.out.send(&self.frame, length));
                true
            }
        }
    }
}

impl<P: Page, A: Answers> Device for Session<P, A> {
    type RxToken<'a>
        = Came<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Send<'a, P>
    where
        Self: 'a;

    fn receive(&mut self, _: Instant) -> Option<(Came<'_>, Send<'_, P>)> {
        self.reclaim();
        for _ in 0..ANSWERED_MAX {
            if self.out.free == 0 {
                self.reclaim();
            }
            // What may have to be answered, and cannot be, stays where it is.
            if self.out.free == 0 {
                return None;
            }
            let next = self.next_frame()?;
            if !self.is_answered(&next) {
                let length = next.length;
                let Self {
                    frame, answer, out, ..
                } = self;
                return Some((Came(&frame.as_bytes()[..length]), Send { out, frame: answer }));
            }
        }
        None
    }

    fn transmit(&mut self, _: Instant) -> Option<Send<'_, P>> {
        self.reclaim();
        let Self { answer, out, .. } = self;
        (out.free != 0 && out.broken.is_none()).then_some(Send { out, frame: answer })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.out.frame_max;
        // These are ours.
        capabilities.checksum.udp = Checksum::None;
        capabilities.checksum.tcp = Checksum::None;
        capabilities
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct Came<'a>(&'a [u8]);

impl phy::RxToken for Came<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}
