//! Stand-in for control: walks through the life of generations, right and wrong, and says `root-probe: passed` at the end.
#![no_std]
#![no_main]

#[path = "../words.rs"]
mod words;

use root_probe::{ANSWER, JOB, JOB_NUMBER, REPORT, WORST};
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, debug_println, get_mr, protection_domain, set_mr,
    var,
};
use supervision::Code;
use supervision::root::{Event, EventKind, Op};
use system_spec::config::ControlConfig;
use words::{Words, counter};

/// Updates in a row.
const ROUNDS: u64 = 20;

/// What is waited for.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    Built,
    Report(u64),
    Event,
    Nothing,
}

struct Control {
    config: &'static ControlConfig,
    wait: Wait,
    step: u64,
    jobs: u64,
    generations: [u64; 2],
    worst: [u64; 3],
}

impl Control {
    fn root(&self, op: Op, words: &[u64]) -> Code {
        for (index, word) in words.iter().enumerate() {
            set_mr(index, *word);
        }
        let root = Channel::new(self.config.root_channel as usize);
        Code::from_label(root.pp_call(MessageInfo::new(op as u64, words.len())).label())
    }

    fn expect(&self, what: &str, op: Op, words: &[u64], expected: Code) {
        let code = self.root(op, words);
        if code != expected {
            debug_println!(
                "root-probe: failed: {what} in step {}: {code:?}, not {expected:?}",
                self.step
            );
            panic!("failed");
        }
    }

    fn timed(&mut self, which: usize, what: &str, op: Op, words: &[u64]) {
        let start = counter();
        self.expect(what, op, words, Code::Ok);
        self.worst[which] = self.worst[which].max(counter() - start);
    }

    fn reset(&self) {
        let answer = Channel::new(self.config.bus_channel as usize).pp_call(MessageInfo::new(1, 0));
        assert_eq!(Code::from_label(answer.label()), Code::Ok, "reset");
    }

    fn discard(&mut self, generation: u64) {
        let mut steps = 0;
        loop {
            let start = counter();
            let code = self.root(Op::Discard, &[0, generation]);
            self.worst[2] = self.worst[2].max(counter() - start);
            match code {
                Code::Again => steps += 1,
                Code::Ok => break,
                code => panic!("discard: {code:?}"),
            }
        }
        assert!(steps > 2, "discarded in {steps} steps");
    }

    fn job(&mut self, job: u64) {
        self.jobs += 1;
        let stager = Words(&self.config.stager);
        stager.set(JOB, job);
        stager.set(2, self.config.preloaded_len[0].into());
        stager.set(JOB_NUMBER, self.jobs);
        Channel::new(self.config.stager.channel as usize).notify();
        self.wait = Wait::Built;
    }

    fn built(&self) -> u64 {
        let stager = Words(&self.config.stager);
        assert_eq!(stager.peer(ANSWER[1]), Code::Ok as u64, "build");
        stager.peer(ANSWER[2])
    }

    fn report(&self, side: usize) -> [u64; 2] {
        REPORT[side].map(|word| Words(&self.config.shadows[0]).peer(word))
    }

    fn event(&self) -> Event {
        assert_eq!(self.root(Op::NextEvent, &[0]), Code::Ok, "an event");
        let event = Event::from_words(core::array::from_fn(get_mr)).expect("an event that is known");
        let number = get_mr(6);
        assert_eq!(self.root(Op::NextEvent, &[0]), Code::Ok, "not dealt with yet");
        self.expect("no other event", Op::NextEvent, &[number], Code::Empty);
        event
    }

    fn ready(&self) -> bool {
        match self.wait {
            Wait::Built => Words(&self.config.stager).peer(ANSWER[0]) == self.jobs,
            Wait::Report(side) => {
                let [state, generation] = self.report(side as usize);
                state != 0 && generation == self.generations[side as usize]
            }
            Wait::Event => true,
            Wait::Nothing => false,
        }
    }

    /// The first generation: nothing may happen to it that its state forbids.
    fn first(&mut self) {
        let generation = self.built();
        self.generations[0] = generation;
        self.expect("cut of a staged one", Op::Cut, &[0, generation], Code::WrongState);
        self.expect("start of another", Op::Start, &[0, generation + 1], Code::Invalid);
        self.expect("start in no slot", Op::Start, &[9, generation], Code::Invalid);
        self.expect("build by control", Op::BuildBegin, &[0, 0, 0, 0, 0], Code::Denied);
        self.expect("reset by control", Op::DeviceReset, &[0], Code::Denied);
        self.expect("no event", Op::NextEvent, &[0], Code::Empty);
        self.timed(0, "start", Op::Start, &[0, generation]);
        self.expect("start again", Op::Start, &[0, generation], Code::WrongState);
        self.expect(
            "discard of the running one",
            Op::Discard,
            &[0, generation],
            Code::WrongState,
        );
        self.wait = Wait::Report(0);
    }

    /// An update from one side to the other, with every wrong order tried.
    fn swap(&mut self, from: usize, to: usize) {
        let (old, new) = (self.generations[from], self.built());
        self.generations[to] = new;
        self.expect("start of a second", Op::Start, &[0, new], Code::WrongState);
        self.timed(1, "cut", Op::Cut, &[0, old]);
        self.expect("cut again", Op::Cut, &[0, old], Code::Ok);
        self.expect("discard in quarantine", Op::Discard, &[0, old], Code::WrongState);
        self.expect("start before the reset", Op::Start, &[0, new], Code::WrongState);
        self.reset();
        self.timed(0, "start", Op::Start, &[0, new]);
        self.discard(old);
        self.expect(
            "discard of one that is gone",
            Op::Discard,
            &[0, old],
            Code::Invalid,
        );
        self.wait = Wait::Report(to as u64);
    }

    fn state(&self) -> [u64; 5] {
        self.expect("state", Op::SlotState, &[0], Code::Ok);
        core::array::from_fn(get_mr)
    }

    fn next(&mut self) {
        self.step += 1;
        let round = self.step / 2;
        let (from, to) = ((round % 2) as usize, ((round + 1) % 2) as usize);
        match self.step {
            1 => self.first(),
            step if step < 2 * ROUNDS && step % 2 == 0 => {
                assert_eq!(self.report((round as usize + 1) % 2)[0], 1, "the driver is ready");
                // The stager builds for the side that does not run.
                self.job(round % 2);
            }
            step if step < 2 * ROUNDS => self.swap(to, from),
            step if step == 2 * ROUNDS => {
                self.expect("kill", Op::Kill, &[0], Code::Ok);
                self.expect("kill again", Op::Kill, &[0], Code::WrongState);
                self.wait = Wait::Event;
            }
            step if step == 2 * ROUNDS + 1 => {
                let event = self.event();
                assert_eq!((event.kind, event.slot), (EventKind::Killed, 0));
                self.expect(
                    "cut of a killed one",
                    Op::Cut,
                    &[0, event.generation.into()],
                    Code::Ok,
                );
                self.reset();
                self.discard(event.generation.into());
                assert_eq!(self.state()[..3], [0, 0, 3], "nothing is left");
                self.job(2);
            }
            step if step == 2 * ROUNDS + 2 => {
                let generation = self.built();
                self.expect("start of an empty image", Op::Start, &[0, generation], Code::Ok);
                self.wait = Wait::Event;
            }
            step if step == 2 * ROUNDS + 3 => {
                let event = self.event();
                // An empty page is an undefined instruction.
                assert_eq!((event.kind, event.detail), (EventKind::Fault, 3));
                self.expect(
                    "cut of a faulted one",
                    Op::Cut,
                    &[0, event.generation.into()],
                    Code::Ok,
                );
                self.expect(
                    "discard in quarantine",
                    Op::Discard,
                    &[0, event.generation.into()],
                    Code::WrongState,
                );
                self.reset();
                self.discard(event.generation.into());
                assert_eq!(self.state()[..3], [0, 0, 3], "nothing is left");
                let [start, cut, discard] = self.worst.map(|ticks| ticks * 16);
                let [step, finish] = WORST.map(|word| Words(&self.config.stager).peer(word) * 16);
                debug_println!(
                    "root-probe: worst in ns: start {start} cut {cut} discard {discard} step {step} finish {finish}"
                );
                debug_println!("root-probe: passed");
                self.wait = Wait::Nothing;
            }
            _ => self.wait = Wait::Nothing,
        }
    }
}

impl Handler for Control {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        if self.ready() {
            self.next();
        }
        Ok(())
    }
}

#[protection_domain]
fn init() -> Control {
    const NOTHING: ControlConfig = zerocopy::transmute!([0u8; size_of::<ControlConfig>()]);
    let config = var!(umbra_config: ControlConfig = NOTHING);
    let mut control = Control {
        config,
        wait: Wait::Nothing,
        step: 0,
        jobs: 0,
        generations: [0; 2],
        worst: [0; 3],
    };
    control.job(0);
    control
}
