//! Stand-in for the stager: builds the package in the store's first slot.
#![no_std]
#![no_main]

#[path = "../words.rs"]
mod words;

use driver_package::package::Package;
use driver_package::resources::WINDOW_VADDR;
use root_probe::{ANSWER, JOB, JOB_NUMBER, WORST};
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, debug_println, get_mr, protection_domain, set_mr,
    var,
};
use supervision::Code;
use supervision::root::Op;
use system_spec::config::StagerConfig;
use words::{Words, counter};

struct Stager {
    config: &'static StagerConfig,
    done: u64,
    worst: [u64; 2],
}

impl Stager {
    fn root(&self, op: Op, words: &[u64]) -> Code {
        for (index, word) in words.iter().enumerate() {
            set_mr(index, *word);
        }
        let root = Channel::new(self.config.root_channel as usize);
        Code::from_label(root.pp_call(MessageInfo::new(op as u64, words.len())).label())
    }

    fn build(&mut self, side: u64, fill: bool) -> Result<u64, Code> {
        // SAFETY: the store is mapped there, read-only; control fills no slot while it waits for us.
        let store = unsafe {
            core::slice::from_raw_parts(
                self.config.store.vaddr as *const u8,
                self.config.package_size as usize,
            )
        };
        // The package says how long it is; its image is the rest. This stand-in tries the lengths that control tells.
        let len = Words(&self.config.control).peer(2) as usize;
        let package = Package::parse(&store[..len]).map_err(|error| {
            debug_println!("stager: {error:?}");
            Code::BadImage
        })?;
        let (manifest, image) = (package.manifest(), package.image());
        let segments = image.layout().segments();
        let heap_pages = u64::from(manifest.heap_pages());
        let mut words = [0; 21];
        words[..5].copy_from_slice(&[0, side, image.layout().entry(), heap_pages, segments.len() as u64]);
        for (pair, segment) in words[5..].chunks_exact_mut(2).zip(segments) {
            pair.copy_from_slice(&[
                segment.vaddr,
                u64::from(segment.pages) << 8 | u64::from(segment.rights.bits()),
            ]);
        }
        match self.root(Op::BuildBegin, &words[..5 + 2 * segments.len()]) {
            Code::Ok => {}
            code => return Err(code),
        }
        let generation = get_mr(0);
        self.repeat(Op::BuildStep, generation)?;
        for (segment, content) in image.segments().filter(|_| fill) {
            let at = self.config.window + (segment.vaddr - WINDOW_VADDR);
            // SAFETY: root mapped the generation's window there, writable, and the image lies in it.
            unsafe { core::ptr::copy_nonoverlapping(content.as_ptr(), at as *mut u8, content.len()) };
        }
        self.repeat(Op::BuildFinish, generation)?;
        Ok(generation)
    }

    fn expect(&self, what: &str, op: Op, words: &[u64], expected: Code) {
        let code = self.root(op, words);
        if code != expected {
            debug_println!("root-probe: failed: {what}: {code:?}, not {expected:?}");
            panic!("failed");
        }
    }

    /// What a stager must not get, and a build that is given up half-way.
    fn misuse(&self) {
        let page = |pages: u64, rights: u64| pages << 8 | rights;
        let begin = |words: &[u64]| {
            let mut all = [0; 32];
            all[..words.len()].copy_from_slice(words);
            all
        };
        let (at, code) = (WINDOW_VADDR, page(1, 5));
        let cases = [
            (
                "writable code",
                begin(&[0, 0, at, 1, 1, at, page(1, 7)]),
                Code::BadImage,
            ),
            (
                "code outside the window",
                begin(&[0, 0, at, 1, 1, at - 0x1000, code]),
                Code::BadImage,
            ),
            (
                "an image longer than the window",
                begin(&[0, 0, at, 1, 1, at, page(513, 5)]),
                Code::BadImage,
            ),
            (
                "segments that overlap",
                begin(&[0, 0, at, 1, 2, at, page(2, 5), at + 0x1000, page(1, 3)]),
                Code::BadImage,
            ),
            (
                "an entry point in data",
                begin(&[0, 0, at, 1, 1, at, page(1, 3)]),
                Code::BadImage,
            ),
            (
                "nine segments",
                begin(&[0, 0, at, 1, 9, at, code]),
                Code::BadImage,
            ),
            ("no segments", begin(&[0, 0, at, 1, 0]), Code::BadImage),
            (
                "a heap that does not fit",
                begin(&[0, 0, at, 500, 1, at, code]),
                Code::NoMemory,
            ),
            (
                "a heap without end",
                begin(&[0, 0, at, u64::MAX, 1, at, code]),
                Code::NoMemory,
            ),
            ("no such slot", begin(&[1, 0, at, 1, 1, at, code]), Code::Invalid),
            ("no such side", begin(&[0, 2, at, 1, 1, at, code]), Code::Invalid),
        ];
        for (what, words, expected) in cases {
            self.expect(what, Op::BuildBegin, &words, expected);
        }
        self.expect("too few words", Op::BuildBegin, &[0, 0, at], Code::Invalid);
        self.expect(
            "step of what is not there",
            Op::BuildStep,
            &[0, 999],
            Code::Invalid,
        );
        self.expect("start by the stager", Op::Start, &[0, 1], Code::Denied);
        self.expect("a build", Op::BuildBegin, &[0, 0, at, 100, 1, at, code], Code::Ok);
        let generation = get_mr(0);
        self.expect(
            "a second build",
            Op::BuildBegin,
            &[0, 1, at, 1, 1, at, code],
            Code::WrongState,
        );
        self.expect(
            "finish without frames",
            Op::BuildFinish,
            &[0, generation],
            Code::WrongState,
        );
        self.expect("a step", Op::BuildStep, &[0, generation], Code::Again);
        self.expect(
            "finish without all frames",
            Op::BuildFinish,
            &[0, generation],
            Code::WrongState,
        );
        while self.root(Op::Discard, &[0, generation]) == Code::Again {}
        self.expect(
            "step of what is gone",
            Op::BuildStep,
            &[0, generation],
            Code::Invalid,
        );
    }

    fn repeat(&mut self, op: Op, generation: u64) -> Result<(), Code> {
        let worst = usize::from(op == Op::BuildFinish);
        loop {
            let start = counter();
            let code = self.root(op, &[0, generation]);
            self.worst[worst] = self.worst[worst].max(counter() - start);
            match code {
                Code::Again => {}
                Code::Ok => return Ok(()),
                code => return Err(code),
            }
        }
    }
}

impl Handler for Stager {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        let control = Words(&self.config.control);
        let (job, number) = (control.peer(JOB), control.peer(JOB_NUMBER));
        if number == self.done {
            return Ok(());
        }
        if self.done == 0 {
            self.misuse();
        }
        self.done = number;
        let (code, generation) = match self.build(job & 1, job & 2 == 0) {
            Ok(generation) => (Code::Ok, generation),
            Err(code) => (code, 0),
        };
        control.set(ANSWER[1], code as u64);
        control.set(ANSWER[2], generation);
        control.set(WORST[0], self.worst[0]);
        control.set(WORST[1], self.worst[1]);
        control.set(ANSWER[0], number);
        Channel::new(self.config.control.channel as usize).notify();
        Ok(())
    }
}

#[protection_domain]
fn init() -> Stager {
    const NOTHING: StagerConfig = zerocopy::transmute!([0u8; size_of::<StagerConfig>()]);
    Stager {
        config: var!(umbra_config: StagerConfig = NOTHING),
        done: 0,
        worst: [0; 2],
    }
}
