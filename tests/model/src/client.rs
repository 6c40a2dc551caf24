//! The clients, each with a session of its own, and what is kept of the truth: what each block may contain, by what was
//! answered. Of one session's requests that overlap, the contract keeps the order; of two sessions' it does not.

use device_class::block::{BlockRequest, BlockResponse, Status};
use shadow::slot::Mode;
use shared_ring::Link;

use crate::disk::{Asking, CONTENTS, Origin, SCRIPT_MAX, Wanted};
use crate::memory::PageRef;
use crate::shadow::channel_of;
use crate::state::{State, Violation};

/// A set of contents: a bit for each.
type Contents = u16;

/// A client.
#[derive(Clone, Debug, Hash)]
pub struct Client {
    link: Link<BlockRequest, BlockResponse, PageRef>,
    /// The block of the disk that its requests are about.
    home: usize,
    /// What it will ask, in this order.
    pub script: &'static [Wanted],
    /// How much of it was sent.
    pub sent: usize,
    /// How requests ended, by place in the script.
    pub answers: [Option<u8>; SCRIPT_MAX],
    /// What reads got.
    data: [u8; SCRIPT_MAX],
    /// Of requests that are not answered: the device has carried them out.
    carried_out: [bool; SCRIPT_MAX],
    /// Of requests that are not answered: contents that a block does not have any more when this write is answered, or that this
    /// read or flush must not find.
    gone: [Contents; SCRIPT_MAX],
}

fn content(wanted: Wanted) -> Contents {
    match wanted {
        Wanted::Write(content) => 1 << content,
        Wanted::Read | Wanted::Flush => 0,
    }
}

impl Client {
    /// The client of session `index`; it asks nothing yet.
    pub fn new(index: usize, asking: &Asking) -> Self {
        assert!(asking.script.len() <= SCRIPT_MAX);
        Self {
            link: Link::over(PageRef::client(index), PageRef::session(index)),
            home: asking.home(),
            script: &[],
            sent: 0,
            answers: [None; SCRIPT_MAX],
            data: [0; SCRIPT_MAX],
            carried_out: [false; SCRIPT_MAX],
            gone: [0; SCRIPT_MAX],
        }
    }

    /// There is something that it has not asked yet.
    pub fn wants(&self) -> bool {
        self.sent < self.script.len()
    }

    /// Everything that was sent was answered.
    pub fn is_answered(&self) -> bool {
        self.answers[..self.sent].iter().all(Option::is_some)
    }

    /// What its first requests write, as far as `which` says.
    fn written(&self, requests: usize, which: impl Fn(Option<u8>) -> bool) -> Contents {
        let places = (0..requests).filter(|place| which(self.answers[*place]));
        places.fold(0, |all, place| all | content(self.script[place]))
    }

    /// Where a request of its is in the script.
    fn place(&self, origin: Origin) -> Option<usize> {
        let flush = || self.script.iter().position(|wanted| *wanted == Wanted::Flush);
        origin.place.or_else(flush)
    }
}

impl State {
    /// A client sends its next request, and notifies the shadow if that sleeps.
    pub fn client_sends(&mut self, which: usize) {
        let wakes = self.client_writes(which);
        self.shadow_notified(wakes);
    }

    /// All clients send all that is left, before the shadow runs.
    pub fn clients_send(&mut self) {
        let mut wakes = 0;
        for which in 0..self.clients.len() {
            while self.clients[which].wants() {
                wakes |= self.client_writes(which);
            }
        }
        self.shadow_notified(wakes);
    }

    /// Answers whom it notifies: a bit for the channel.
    fn client_writes(&mut self, which: usize) -> u64 {
        let place = self.clients[which].sent;
        let gone = self.overwritten_by(which, place);
        let client = &mut self.clients[which];
        let request = client.script[place].request(place);
        client.gone[place] = gone;
        client.sent += 1;
        let link = &mut client.link;
        let wakes = self.memory.with(|| {
            let _ = link.send(&request);
            link.publish()
        });
        u64::from(wakes) << channel_of(which)
    }

    /// What a write that is sent now overwrites for certain: what its own session sent before, and what others were answered. What a
    /// read or a flush must not find is what others have overwritten by now.
    fn overwritten_by(&self, which: usize, place: usize) -> Contents {
        let client = &self.clients[which];
        if client.script[place] == Wanted::Read || client.script[place] == Wanted::Flush {
            return self.overwritten;
        }
        let beside = self.clients.iter().filter(|other| other.home == client.home);
        let answered = beside.fold(0, |all, other| {
            all | other.written(other.sent, |answer| answer.is_some())
        });
        1 << CONTENTS[client.home] | answered | client.written(place, |_| true)
    }

    /// A driver has taken a request: one that was answered is not begun again, and none before what it overlaps with, of its own
    /// session, is answered. Answers what it writes.
    pub fn begun(&mut self, origin: Origin) -> u8 {
        let Some(client) = self.clients.get(origin.session) else {
            return 0;
        };
        let Some(place) = client.place(origin) else {
            return 0;
        };
        let (wanted, answers) = (client.script[place], client.answers);
        let overlaps = |earlier: &usize| client.script[*earlier].overlaps(wanted);
        let early = (0..place)
            .filter(overlaps)
            .any(|earlier| answers[earlier].is_none());
        if answers[place].is_some() {
            self.violate(Violation::StaleReplay);
        } else if early {
            self.violate(Violation::Disorder);
        }
        match wanted {
            Wanted::Write(content) => content,
            Wanted::Read | Wanted::Flush => 0,
        }
    }

    /// The device has carried out a request, on the block that it was told: into a disk that may have newer data, or a buffer that the
    /// client uses again.
    pub fn carried_out(&mut self, origin: Origin, block: u64, content: u8) {
        let Some(at) = self.device.blocks.get_mut(block as usize) else {
            return self.violate(Violation::LostWrite);
        };
        let Some(client) = self.clients.get_mut(origin.session) else {
            return;
        };
        let Some(place) = client.place(origin) else { return };
        let answer = client.answers[place];
        match client.script[place] {
            Wanted::Write(_) => *at = content,
            Wanted::Read => client.data[place] = *at,
            Wanted::Flush => self.device.stable = self.device.blocks,
        }
        client.carried_out[place] = answer.is_none();
        // What was answered `Offline` may still be carried out by a device that cannot be reset; nobody can prevent that.
        if answer == Some(Status::Ok as u8) {
            self.violate(Violation::StaleReplay);
        }
    }

    /// The clients take their answers.
    pub fn clients_take(&mut self) {
        for which in 0..self.clients.len() {
            let link = &mut self.clients[which].link;
            let mut answers = Vec::new();
            self.memory.with(|| {
                while let Ok(Some(answer)) = link.recv() {
                    answers.push(answer);
                }
                let _ = link.publish();
            });
            answers.iter().for_each(|answer| self.answered(which, answer));
        }
        self.check_contents();
    }

    fn answered(&mut self, which: usize, answer: &BlockResponse) {
        let client = &mut self.clients[which];
        let (place, ok) = (answer.id as usize, answer.status == Status::Ok as u8);
        // A driver that lacks the flush was taken under `degrade`: that it lacks it is said.
        let wanted = client.script.get(place).copied();
        let lacking = answer.status == Status::CapabilityLost as u8 && wanted == Some(Wanted::Flush);
        let unknown = place >= client.sent || client.answers[place].replace(answer.status).is_some();
        if !ok && !lacking && !matches!(self.shadow.mode(), Mode::Offline { .. }) {
            self.violate(Violation::ClientError);
        }
        if unknown {
            return self.violate(Violation::AnsweredTwice);
        }
        let client = &mut self.clients[which];
        let gone = std::mem::take(&mut client.gone[place]);
        if !std::mem::take(&mut client.carried_out[place]) && ok {
            return self.violate(Violation::NotDone);
        }
        if ok && !self.is_possible(which, place, gone) {
            self.violate(Violation::LostWrite);
        }
    }

    /// Notes what an answer proves, or compares what it says with that.
    fn is_possible(&mut self, which: usize, place: usize, gone: Contents) -> bool {
        let client = &mut self.clients[which];
        match client.script[place] {
            Wanted::Write(_) => {
                self.overwritten |= gone;
                // Reads that were sent behind it are carried out behind it.
                let behind = (place + 1..client.sent).filter(|later| client.script[*later] == Wanted::Read);
                for later in behind {
                    client.gone[later] |= gone;
                }
                true
            }
            Wanted::Read => {
                let found: Contents = 1 << client.data[place];
                let later = client.written(client.sent, |_| true) & !client.written(place, |_| true);
                let sent = self.sent_to(self.clients[which].home);
                found & sent & !later & !gone != 0
            }
            Wanted::Flush => {
                let mut stable = self.device.stable.iter();
                stable.all(|content| 1 << content & gone == 0)
            }
        }
    }

    /// What a block may contain by what was sent.
    fn sent_to(&self, home: usize) -> Contents {
        let clients = self.clients.iter().filter(|client| client.home == home);
        clients.fold(1 << CONTENTS[home], |all, client| {
            all | client.written(client.sent, |_| true)
        })
    }

    /// What is on the disk was sent there, and acknowledged last, or may still be.
    pub fn check_contents(&mut self) {
        let mut blocks = self.device.blocks.iter().enumerate();
        let lost = |(home, content): (usize, &u8)| 1 << content & self.sent_to(home) & !self.overwritten == 0;
        if blocks.any(lost) {
            self.violate(Violation::LostWrite);
        }
    }
}
