//! Any interleaving of requests, answers, updates, crashes and misdeeds: every request is answered once, what a read
//! returns is what was written last, and the disk ends as the clients believe.

use device_class::block::*;
use device_class::report::STATE_FAILED;
use proptest::prelude::*;
use supervision::shadow::{CommandKind, EventKind, Policy};

use crate::world::driver::{carry_out, done};
use crate::world::*;

const SESSIONS: [&str; 2] = ["raw", "files"];

/// What happens next. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Submit {
        client: usize,
        op: u8,
        block: u64,
        count: u32,
    },
    Exchange,
    Take,
    Answer(usize),
    AnswerAll,
    Pass(u64),
    Update,
    Crash,
    Misdeed(u8),
    /// Control goes on with what it has begun; the next driver comes up well, or fails.
    Control {
        fails: bool,
    },
    /// A driver that was cut writes into its page.
    Ghost(usize),
    /// The shadow dies before its effect of this number from now, its successor before the one of the second.
    Die(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0usize..2, 0u8..12, 0u64..40, 1u32..6)
            .prop_map(|(client, op, block, count)| Step::Submit { client, op, block, count }),
        4 => Just(Step::Exchange),
        4 => Just(Step::Take),
        6 => (0usize..64).prop_map(Step::Answer),
        1 => Just(Step::AnswerAll),
        1 => (1u64..3_000).prop_map(Step::Pass),
        1 => Just(Step::Update),
        1 => Just(Step::Crash),
        1 => (0u8..8).prop_map(Step::Misdeed),
        5 => any::<bool>().prop_map(|fails| Step::Control { fails }),
        1 => (0usize..64).prop_map(Step::Ghost),
        2 => (0u64..150, 0u64..1500).prop_map(|(this, next)| Step::Die(this, next)),
    ]
}

/// Where control is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Serving,
    AwaitingQuiesced,
    /// To be cut (or cut already), then attached.
    ToAttach,
    ToStart,
    AwaitingReport,
}

struct Play {
    machine: Machine,
    phase: Phase,
    ghost: Option<Driver>,
    misdeeds: usize,
    retired: usize,
    swaps: usize,
}

impl Play {
    fn new() -> Self {
        let machine = Machine::running(&SESSIONS);
        Self {
            machine,
            phase: Phase::Serving,
            ghost: None,
            misdeeds: 0,
            retired: 0,
            swaps: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit {
                client,
                op,
                block,
                count,
            } => {
                let (op, count) = match op {
                    0..=3 => (Op::Read, count),
                    4..=8 => (Op::Write, count),
                    9 => (Op::WriteZeroes, count),
                    10 => (Op::Discard, count),
                    _ => (Op::Flush, 0),
                };
                let block = if op == Op::Flush { 0 } else { block };
                self.machine.submit(client, op, block, count);
            }
            Step::Exchange => self.machine.exchange(),
            Step::Take => self.machine.driver_takes(),
            Step::Answer(which) => self.machine.driver_answers(which),
            Step::AnswerAll => (0..64).for_each(|_| self.machine.driver_answers(0)),
            Step::Pass(ticks) => self.machine.pass(ticks),
            Step::Update if self.phase == Phase::Serving => {
                self.machine.drain(Policy::Refuse, 1_000);
                self.phase = Phase::AwaitingQuiesced;
            }
            Step::Crash if self.machine.driver.is_some() && self.phase == Phase::Serving => {
                self.impersonate()
            }
            Step::Misdeed(which) if self.phase == Phase::Serving => self.misdeed(which),
            Step::Control { fails } => self.control(fails),
            Step::Ghost(which) => self.haunt(which),
            Step::Die(this, next) => {
                mortal::arm(Some(this));
                self.machine.lives = vec![next];
            }
            Step::Update | Step::Crash | Step::Misdeed(_) => {}
        }
        self.listen();
    }

    fn impersonate(&mut self) {
        self.cut();
        self.machine
            .command(CommandKind::Impersonate, Policy::Refuse, 0, 0, 0);
        self.phase = Phase::AwaitingQuiesced;
    }

    fn cut(&mut self) {
        if let Some(driver) = self.machine.cut() {
            self.ghost = Some(driver);
        }
    }

    /// The driver does something that a driver must not do.
    fn misdeed(&mut self, which: u8) {
        let Some(driver) = &mut self.machine.driver else {
            return;
        };
        let some = driver.pending.first().map(done).unwrap_or_default();
        let response = match which {
            // The first answer again; without one, an answer to nothing.
            0 => driver.given.first().copied().unwrap_or_default(),
            1 => BlockResponse {
                generation: some.generation.wrapping_sub(1),
                ..some
            },
            2 => BlockResponse {
                id: some.id.wrapping_add(64),
                ..some
            },
            3 => BlockResponse {
                count: some.count + 1,
                ..some
            },
            4 => BlockResponse { status: 77, ..some },
            5 => BlockResponse { id: u32::MAX, ..some },
            _ => BlockResponse {
                generation: u32::MAX,
                ..some
            },
        };
        driver.answer(response);
        let _ = driver.link.publish();
        self.misdeeds += 1;
        self.machine.ring();
    }

    fn control(&mut self, fails: bool) {
        match self.phase {
            Phase::ToAttach => {
                // Until here the old driver has done what it wants. Now it is cut and the device reset.
                self.cut();
                self.machine.attach(Policy::Refuse);
                self.phase = Phase::ToStart;
            }
            Phase::ToStart => {
                let generation = self.machine.generation;
                match (fails, generation % 3) {
                    (false, _) => self.machine.start(RECORD),
                    (true, 0) => self
                        .machine
                        .start_with(block_report(generation, STATE_FAILED, 3, &RECORD)),
                    (true, 1) => self.machine.start(BlockCapabilities { flags: 0, ..RECORD }),
                    (true, _) => self.machine.pass(11_000),
                }
                self.phase = Phase::AwaitingReport;
                self.swaps += 1;
            }
            Phase::Serving | Phase::AwaitingQuiesced | Phase::AwaitingReport => {}
        }
    }

    fn listen(&mut self) {
        for event in std::mem::take(&mut self.machine.events) {
            let is = |kind: EventKind| event.kind == kind as u32;
            match self.phase {
                Phase::AwaitingQuiesced if is(EventKind::Quiesced) => self.phase = Phase::ToAttach,
                Phase::AwaitingReport if is(EventKind::Enabled) => {
                    assert_eq!(event.generation, self.machine.generation);
                    self.phase = Phase::Serving;
                }
                // It was not even started in time.
                Phase::ToStart if is(EventKind::Failed) => self.phase = Phase::ToAttach,
                Phase::AwaitingReport if is(EventKind::Failed) || is(EventKind::Refused) => {
                    self.phase = Phase::ToAttach;
                }
                Phase::Serving if is(EventKind::Retire) => {
                    self.retired += 1;
                    self.impersonate();
                    self.listen();
                }
                phase => panic!("{event:?} in {phase:?}"),
            }
        }
    }

    /// A ghost still has its page until root clears it for another generation.
    fn haunt(&mut self, which: usize) {
        let clears = self.machine.generation.saturating_sub(1);
        let Some(ghost) = &mut self.ghost else { return };
        if ghost.generation < clears {
            return;
        }
        if let Some(request) = ghost.pending.get(which % ghost.pending.len().max(1)) {
            let response = done(request);
            if ghost.link.send(&response).is_ok() {
                let _ = ghost.link.publish();
                self.machine.ring();
            }
        }
    }

    fn finish(mut self) {
        mortal::arm(None);
        self.machine.lives.clear();
        for _ in 0..1_000 {
            self.step(Step::Control { fails: false });
            self.step(Step::Exchange);
            self.step(Step::Take);
            self.step(Step::AnswerAll);
            self.step(Step::Pass(100));
            let left: usize = self
                .machine
                .clients
                .iter()
                .map(|client| client.in_flight.len())
                .sum();
            if left == 0 && self.phase == Phase::Serving {
                break;
            }
        }
        assert_eq!(self.phase, Phase::Serving);
        assert!(self.retired <= self.misdeeds, "nobody is retired for nothing");
        for (client, (_, start, _)) in self.machine.clients.iter().zip(gpt::PARTITIONS) {
            assert!(client.in_flight.is_empty(), "every request is answered");
            assert!(
                client.answered.iter().all(|(_, status)| *status == Status::Ok),
                "clients notice nothing"
            );
            client.check_disk(&self.machine.disk, start);
        }
    }
}

/// While it is not cut a driver may carry out what it has, though nobody listens to it any more.
fn old_driver_goes_on(play: &mut Play, which: usize) {
    if play.phase == Phase::ToAttach
        && let Some(driver) = &mut play.machine.driver
        && !driver.pending.is_empty()
    {
        let request = driver.pending[which % driver.pending.len()];
        carry_out(&play.machine.disk, &play.machine.regions, &request);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clients_notice_nothing(steps in prop::collection::vec(step(), 1..400)) {
        let mut play = Play::new();
        for (at, step) in steps.into_iter().enumerate() {
            old_driver_goes_on(&mut play, at);
            play.step(step);
        }
        play.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// A shadow that takes short ways, and one that never does: nobody can tell them apart.
    #[test]
    fn short_ways_end_where_the_general_one_does(steps in prop::collection::vec(step(), 1..400)) {
        let mut plays = [Play::new(), Play::new()];
        plays.iter_mut().for_each(|play| play.machine.env.still = true);
        plays[1].machine.thorough = true;
        for step in steps {
            if !matches!(step, Step::Die(..)) {
                plays.iter_mut().for_each(|play| play.step(step));
                prop_assert_eq!(plays[0].machine.seen(), plays[1].machine.seen(), "{:?}", step);
            }
        }
        plays.into_iter().for_each(Play::finish);
    }
}
