//! Whatever an image is, and whatever root answers: only pages that root was told of are filled, and nothing that was begun is
//! left behind.
//!
//! Input: eight bytes that say how root behaves, then an image.

use std::sync::LazyLock;

use crate::mend::{check_image, mend_image};
use device_class::abi;
use driver_package::image::{DRIVER_WINDOW, FlatImage, PAGE, Window};
use driver_package::package::signature::{KeyPair, Seed};
use driver_package::package::{self, DeviceMatch, ManifestSource, Transport};
use driver_package::resources::WINDOW_VADDR;
use stager::{ANSWER_WORDS, CONFIGURATION, Root, Stager};
use supervision::root::Op;
use supervision::stager::{Job, JobKind};
use supervision::{Code, Side};
use system_spec::config::{COMPATIBLE_MAX, DeviceIdentity, StagerConfig, StagerSlot};
use system_spec::spec::USER_END;
use zerocopy::FromZeros;

/// Where static PDs may be linked.
const PD_WINDOW: Window = Window {
    start: 0x1000,
    end: USER_END,
};
/// Bytes of a store slot.
const STORE: usize = 0x2_0000;
const GENERATION: u64 = 77;

static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::from_seed(Seed::new([1; 32])));

/// See the module.
pub fn image(bytes: &[u8]) {
    let Some((behaviour, image)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    for window in [DRIVER_WINDOW, PD_WINDOW] {
        if let Ok(image) = FlatImage::parse(image, window) {
            check_image(&image, window);
        }
    }
    let mut image = image.to_vec();
    mend_image(&mut image);
    if let Ok(image) = FlatImage::parse(&image, PD_WINDOW) {
        check_image(&image, PD_WINDOW);
    }
    let parsed = FlatImage::parse(&image, DRIVER_WINDOW);
    let source = ManifestSource {
        name: "fuzzed",
        version: "1",
        changelog: "",
        class: 1,
        class_abi: abi::BLOCK,
        transport: Transport::VirtioMmio,
        configuration: CONFIGURATION,
        devices: [DeviceMatch::Virtio(2)].into(),
        heap_pages: 1,
        security_floor: 0,
    };
    let packed = package::encode(&source, &image);
    assert_eq!(packed.is_ok(), parsed.is_ok());
    let (Ok(mut packed), Ok(parsed)) = (packed, parsed) else {
        return;
    };
    package::sign(&mut packed, &KEY).expect("a package");
    if packed.len() <= STORE {
        stage(&packed, &parsed, *behaviour);
    }
}

/// Stages a package that is right, with a root that behaves as it likes.
fn stage(package: &[u8], image: &FlatImage<'_>, behaviour: [u8; 8]) {
    let mut store = vec![0; STORE];
    store[..package.len()].copy_from_slice(package);
    let mut config = StagerConfig::new_zeroed();
    config.package_size = STORE as u64;
    config.slot_count = 1;
    config.slots[0] = StagerSlot {
        slot: 4,
        class: 1,
        security_floor: 0,
        device: DeviceIdentity {
            transport: 1,
            virtio_id: 2,
            pci_id: 0,
            pci_class: 0,
            compatible: [0; COMPATIBLE_MAX],
        },
    };
    config.trust.count = 1;
    config.trust.keys[0] = *KEY.pk;
    let job = Job {
        id: 8,
        kind: JobKind::Build as u32,
        slot: 4,
        side: Side::A as u32,
        package: 0,
        len: package.len() as u32,
        security_floor: 0,
        revoked_keys: 0,
    };
    let mut root = Fickle {
        behaviour,
        at: 0,
        window: vec![0; (DRIVER_WINDOW.end - DRIVER_WINDOW.start) as usize],
        announced: Vec::new(),
        state: State::Nothing,
        discards: 0,
    };
    let mut begun = 0;
    let outcome = Stager::new(&store, &config).run(&job, &mut root, |slot, generation| {
        assert_eq!((slot, u64::from(generation)), (4, GENERATION));
        begun += 1;
    });
    assert_eq!(outcome.id, 8);
    if outcome.refusal == 0 {
        assert_eq!((u64::from(outcome.generation), begun), (GENERATION, 1));
        assert!(root.state == State::Finished);
        root.holds(image);
    } else {
        assert_eq!(outcome.generation, 0);
        assert!(root.state == State::Nothing || root.discards > 0, "left behind");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Nothing,
    Begun,
    Mapped,
    Finished,
}

/// A root that answers by the input's first bytes and checks what it is asked.
struct Fickle {
    behaviour: [u8; 8],
    at: usize,
    window: Vec<u8>,
    /// First byte and length of each segment.
    announced: Vec<(usize, usize)>,
    state: State,
    discards: u32,
}

impl Fickle {
    /// The next of the input's whims; after the last of them root is as it should be.
    fn whim(&mut self) -> Code {
        let byte = self.behaviour.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        match byte {
            0..200 => Code::Ok,
            200..240 => Code::Again,
            240..245 => Code::NoMemory,
            245..250 => Code::BadImage,
            _ => Code::WrongState,
        }
    }

    fn begin(&mut self, words: &[u64]) {
        let [slot, side, entry, heap, count, segments @ ..] = words else {
            panic!("BuildBegin has five words and the segments")
        };
        assert_eq!((*slot, *side, *heap), (4, Side::A as u64, 1));
        assert_eq!(segments.len() as u64, 2 * count);
        assert!((DRIVER_WINDOW.start..DRIVER_WINDOW.end).contains(entry));
        for pair in segments.chunks_exact(2) {
            let from = pair[0].checked_sub(WINDOW_VADDR).expect("in the window");
            let len = (pair[1] >> 8) * PAGE;
            assert_ne!(pair[1] & 0b110, 0b110, "writable and executable");
            self.announced.push((from as usize, len as usize));
        }
        self.state = State::Begun;
    }

    /// Each segment's content is there and all else is zero.
    fn holds(&self, image: &FlatImage<'_>) {
        let mut expected = vec![0; self.window.len()];
        for (segment, content) in image.segments() {
            let from = (segment.vaddr - WINDOW_VADDR) as usize;
            expected[from..from + content.len()].copy_from_slice(content);
        }
        assert!(self.window == expected);
    }
}

impl Root for Fickle {
    fn call(&mut self, op: Op, words: &[u64]) -> (Code, [u64; ANSWER_WORDS]) {
        if op != Op::BuildBegin {
            assert_eq!(words, [4, GENERATION]);
        }
        let code = self.whim();
        match (op, code) {
            (Op::Discard, _) => {
                self.discards += 1;
                return (Code::Ok, [0; ANSWER_WORDS]);
            }
            (_, Code::Ok) => {}
            _ => return (code, [0; ANSWER_WORDS]),
        }
        match op {
            Op::BuildBegin => self.begin(words),
            Op::BuildStep => self.state = State::Mapped,
            Op::BuildFinish => self.state = State::Finished,
            _ => panic!("a stager builds, and asks for nothing else"),
        }
        (Code::Ok, [GENERATION, 0, 0, 0, 0])
    }

    fn write(&mut self, offset: usize, content: &[u8]) -> bool {
        assert!(
            self.state == State::Mapped,
            "written while the frames are not mapped"
        );
        let inside = |&(from, len): &(usize, usize)| from <= offset && offset + content.len() <= from + len;
        assert!(
            self.announced.iter().any(inside),
            "written where root mapped nothing"
        );
        self.window[offset..offset + content.len()].copy_from_slice(content);
        true
    }
}
