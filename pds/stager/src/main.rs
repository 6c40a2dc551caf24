//! The protection domain of the stager: joins [`Stager`] to its link, the store, root and the window.

#![no_std]
#![no_main]

use core::ptr::NonNull;

use driver_package::resources::WINDOW_MAX;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, set_mr, var,
};
use shared_ring::{Link, Violation};
use stager::{ANSWER_WORDS, Copy, Root, Stager, Unreported};
use supervision::Code;
use supervision::root::Op;
use supervision::stager::{Job, Outcome};
use system_spec::config::StagerConfig;

/// Root as it is reached from here.
struct RootPd {
    channel: Channel,
    window: NonNull<u8>,
}

impl Root for RootPd {
    fn call(&mut self, op: Op, words: &[u64]) -> (Code, [u64; ANSWER_WORDS]) {
        for (register, word) in words.iter().enumerate() {
            set_mr(register, *word);
        }
        crash_point(10 * op as u32);
        let answer = self.channel.pp_call(MessageInfo::new(op as u64, words.len()));
        crash_point(10 * op as u32 + 1);
        let count = answer.count();
        let word = |register| if register < count { get_mr(register) } else { 0 };
        (Code::from_label(answer.label()), core::array::from_fn(word))
    }

    fn write(&mut self, offset: usize, content: &[u8]) -> bool {
        if offset
            .checked_add(content.len())
            .is_none_or(|end| end > WINDOW_MAX as usize)
        {
            return false;
        }
        // SAFETY: the range lies in the window, in which root has mapped all frames of the generation's image after
        // the last `BuildStep` and unmaps them in `BuildFinish` (the trait's rule says when we are called). They are
        // nobody else's yet, so they do not overlap the package.
        unsafe {
            self.window
                .add(offset)
                .copy_from_nonoverlapping(NonNull::from(content).cast(), content.len())
        };
        true
    }
}

/// A point where a test lets the stager die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::Stager, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

/// Copies of packages that were verified: those of the drivers that run, and of those they were updated from.
static mut COPIES: [Copy; 4] = [Copy::EMPTY; 4];

struct Pd {
    stager: Stager<'static>,
    root: RootPd,
    control: Channel,
    link: Link<Outcome, Job>,
}

impl Pd {
    /// Gives back what a predecessor built and did not live to report. Its job is still in the ring and is done again.
    fn clean_up(&mut self, config: &StagerConfig) {
        let reported = self.link.published();
        let left = self
            .link
            .read_own_info::<Unreported>()
            .filter(|left| left.is_of(reported));
        let slots = config.slots.iter().take(config.slot_count as usize);
        for slot in slots.map(|slot| slot.slot) {
            let staged = left.filter(|left| left.slot == slot).map(|left| left.generation);
            stager::clean_up(slot, staged, &mut self.root);
        }
    }

    /// Carries out the jobs there are, and asks to be notified of the next.
    fn work(&mut self) -> Result<(), Violation> {
        loop {
            self.link.awake();
            while let Some(job) = self.link.recv()? {
                crash_point(0);
                let reported = self.link.published();
                let link = &mut self.link;
                let outcome = self.stager.run(&job, &mut self.root, |slot, generation| {
                    link.write_info(&Unreported::new(slot, generation, reported));
                });
                crash_point(1);
                // Control has fewer jobs under way than a link has entries.
                let _ = self.link.send(&outcome);
                if self.link.publish() {
                    self.control.notify();
                }
                crash_point(2);
            }
            if self.link.sleep()? {
                return Ok(());
            }
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        // A link that control broke stays broken; control sees that nothing is answered.
        let _ = self.work();
        Ok(())
    }
}

fn address(vaddr: u64) -> NonNull<u8> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr as usize))
        .expect("an address in the configuration")
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: StagerConfig = zerocopy::transmute!([0u8; size_of::<StagerConfig>()]);
    let config: &'static StagerConfig = var!(umbra_config: StagerConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    // SAFETY: the description's compiler mapped the store here, readable, for ever. Its one writer, control, leaves a
    // package alone from its job until the outcome, and nothing of it is read at other times.
    let store = unsafe {
        core::slice::from_raw_parts(address(config.store.vaddr).as_ptr(), config.store.len as usize)
    };
    // SAFETY: this function runs once, and nothing else names it.
    let copies = unsafe { &mut *core::ptr::addr_of_mut!(COPIES) };
    let link = &config.control;
    // SAFETY: the description's compiler mapped the two pages for this link and nothing else, the first writable.
    let link = unsafe { Link::attach(address(link.own).as_ptr(), address(link.peer).as_ptr()) };
    let mut pd = Pd {
        stager: Stager::new(store, config).keeping(copies),
        root: RootPd {
            channel: Channel::new(config.root_channel as usize),
            window: address(config.window),
        },
        control: Channel::new(config.control.channel as usize),
        link,
    };
    pd.clean_up(config);
    // A predecessor may have died before it did so.
    pd.control.notify();
    // Nobody notifies us before we asked for it.
    let _ = pd.work();
    pd
}
