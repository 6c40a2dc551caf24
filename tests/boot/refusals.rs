//! Every reason for which a running machine refuses a package; and that none of them stops the clients.

use anyhow::{Context, Result, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::reply::Error;
use control_protocol::request::{Commit, Policy};
use driver_package::image::{ImageError, MAX_SEGMENTS};
use driver_package::package::signature::{self, Distrust, KeyPair};
use driver_package::package::{
    self, Configuration, DeviceMatch, ManifestSource, Mismatch, Package, PackageError, Transport,
};
use stager::WrongClass;
use umbra::ctl::{Client, ClientError};
use umbra::demo::{self, CLIENTS, DEVICE, Patience};
use umbra::keys::Keys;

/// Requests that clients have answered at least while something that takes long is done. (Thousands are.)
const SOME: u64 = 100;

/// A driver that works, to be spoilt in all ways.
struct Good<'a> {
    bytes: &'a [u8],
    key: KeyPair,
}

/// Something wrong, and what the machine says of it.
#[derive(Clone)]
struct Case {
    what: &'static str,
    bytes: Vec<u8>,
    reason: Reason,
}

/// Has the machine look at every package that it must refuse.
pub fn all(client: &mut Client, good: &[u8], patience: &Patience) -> Result<()> {
    let good = Good {
        bytes: good,
        key: Keys::open()?.default_signer()?,
    };
    let cases = [
        good.damaged(),
        good.malformed(),
        good.unsuitable()?,
        good.untrusted()?,
    ]
    .concat();
    for case in cases {
        let package = client.upload(&case.bytes, |_, _| {})?;
        demo::settled(client, DEVICE, patience.transaction)?;
        let job = client.check(DEVICE, package)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(
            record.state == State::Done(Outcome::Refused(case.reason)),
            "{}: {record:?}",
            case.what
        );
        // Only root knows what memory there is.
        let said = Some(case.reason).filter(|reason| *reason != Reason::NoMemory);
        foretold(client, &case.bytes, said).context(case.what)?;
    }
    too_large(client)?;
    taken_by_any_mark(client, &good, patience)?;
    clients_go_on(client, patience)
}

/// `inspect --running` says the same, without the machine's having the package.
fn foretold(client: &mut Client, package: &[u8], expected: Option<Reason>) -> Result<()> {
    let verdicts = umbra::pack::verdicts_of_running(package, client)?;
    ensure!(
        verdicts.len() == 1 && verdicts[0].refusal == expected,
        "{verdicts:?}"
    );
    Ok(())
}

/// A driver that knows the disk as a PCI function, or as any function of its class, is taken as one that knows virtio disks.
fn taken_by_any_mark(client: &mut Client, good: &Good<'_>, patience: &Patience) -> Result<()> {
    let function = DeviceMatch::Pci {
        vendor: 0x1af4,
        device: 0x1042,
    };
    for mark in [function, DeviceMatch::PciClass(0x01_0000)] {
        let bytes = alter_manifest(good.bytes, &good.key, |source| source.devices = [mark].into())?;
        let package = client.upload(&bytes, |_, _| {})?;
        demo::settled(client, DEVICE, patience.transaction)?;
        let job = client.check(DEVICE, package)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(record.state == State::Done(Outcome::Done), "{mark:?}: {record:?}");
        foretold(client, &bytes, None)?;
    }
    Ok(())
}

impl Good<'_> {
    fn damaged(&self) -> Vec<Case> {
        let damaged = |error: PackageError| Reason::Damaged {
            detail: error.number(),
        };
        let mut flipped = self.bytes.to_vec();
        *flipped.last_mut().unwrap_or(&mut 0) ^= 1;
        let mut other = self.bytes.to_vec();
        other[4] += 1;
        vec![
            case(
                "no package",
                b"not a package at all",
                damaged(PackageError::Truncated),
            ),
            case("other bytes", &[7; 2000], damaged(PackageError::Magic)),
            case("another version", &other, damaged(PackageError::Version)),
            case(
                "truncated",
                &self.bytes[..self.bytes.len() - 1],
                damaged(PackageError::Hash),
            ),
            case("a flipped bit", &flipped, damaged(PackageError::Hash)),
        ]
    }

    /// Images that break a rule, in packages whose hash is right.
    fn malformed(&self) -> Vec<Case> {
        let malformed = |what, error: ImageError, spoil: fn(&mut [u8])| {
            let mut bytes = self.bytes.to_vec();
            spoil(&mut bytes[package::HEAD_LEN..]);
            let hash = driver_package::sha256(&bytes[signature::RANGE.end..]);
            bytes[8..signature::RANGE.start].copy_from_slice(&hash);
            let detail = PackageError::Image(error).number();
            case(what, &bytes, Reason::Malformed { detail })
        };
        // A record: address, pages, rights, offset, bytes; the first stands behind 56 bytes of header.
        vec![
            malformed("writable code", ImageError::Rights, |image| {
                image[56 + 12] = 0b111
            }),
            malformed("overlap", ImageError::Overlap, |image| {
                image.copy_within(56..64, 56 + 24);
            }),
            malformed("outside the window", ImageError::Window, |image| {
                image[56 + 5] = 1
            }),
            malformed("huge", ImageError::Window, |image| image[56 + 10] = 1),
            malformed("too many segments", ImageError::SegmentCount, |image| {
                image[44] = MAX_SEGMENTS as u8 + 1;
            }),
            malformed("entry in no code", ImageError::Entry, |image| image[48 + 5] = 1),
        ]
    }

    /// Drivers that are all right, but not here.
    fn unsuitable(&self) -> Result<Vec<Case>> {
        let wrong = |what: WrongClass| Reason::WrongClass { what: what as u32 };
        let network = |source: &mut ManifestSource<'_>| source.class = 77;
        let other_abi = |source: &mut ManifestSource<'_>| source.class_abi[0] ^= 1;
        let other_kernel = |source: &mut ManifestSource<'_>| {
            source.configuration = match source.configuration {
                Configuration::Debug => Configuration::Release,
                _ => Configuration::Debug,
            };
        };
        let wrong_device = |why: Mismatch| Reason::WrongDevice { why: why as u32 };
        let console = |source: &mut ManifestSource<'_>| source.devices = [DeviceMatch::Virtio(3)].into();
        // The disk is 1af4:1042, of class 01:00:00.
        let other_function = |source: &mut ManifestSource<'_>| {
            source.devices = [
                DeviceMatch::Pci {
                    vendor: 0x1b36,
                    device: 0x10,
                },
                DeviceMatch::PciClass(0x01_0802),
                DeviceMatch::Compatible("virtio,mmio"),
            ]
            .into();
        };
        let registers = |source: &mut ManifestSource<'_>| source.transport = Transport::VirtioMmio;
        Ok(vec![
            self.altered("another class", wrong(WrongClass::Class), network)?,
            self.altered("another class ABI", wrong(WrongClass::Abi), other_abi)?,
            self.altered("another kernel", wrong(WrongClass::Configuration), other_kernel)?,
            self.altered("another device", wrong_device(Mismatch::Device), console)?,
            self.altered("another function", wrong_device(Mismatch::Device), other_function)?,
            self.altered("another transport", wrong_device(Mismatch::Transport), registers)?,
            self.altered("more memory than there is", Reason::NoMemory, |source| {
                source.heap_pages = 512;
            })?,
        ])
    }

    fn untrusted(&self) -> Result<Vec<Case>> {
        let untrusted = |why: Distrust| Reason::Untrusted { why: why as u32 };
        let mut foreign = self.bytes.to_vec();
        sign(&mut foreign, &KeyPair::generate())?;
        let mut unsigned = self.bytes.to_vec();
        unsigned[signature::RANGE].fill(0);
        let mut false_one = self.bytes.to_vec();
        false_one[signature::RANGE.end - 40] ^= 1;
        Ok(vec![
            case("of a stranger", &foreign, untrusted(Distrust::UnknownKey)),
            case("unsigned", &unsigned, untrusted(Distrust::Unsigned)),
            case("false signature", &false_one, untrusted(Distrust::BadSignature)),
        ])
    }

    /// The package with something else in its manifest, signed.
    fn altered(
        &self,
        what: &'static str,
        reason: Reason,
        alter: impl FnOnce(&mut ManifestSource<'_>),
    ) -> Result<Case> {
        Ok(case(what, &alter_manifest(self.bytes, &self.key, alter)?, reason))
    }
}

fn case(what: &'static str, bytes: &[u8], reason: Reason) -> Case {
    Case {
        what,
        bytes: bytes.to_vec(),
        reason,
    }
}

/// A package with something else in its manifest, signed with `key`.
pub fn alter_manifest(
    bytes: &[u8],
    key: &KeyPair,
    alter: impl FnOnce(&mut ManifestSource<'_>),
) -> Result<Vec<u8>> {
    let package = Package::parse(bytes).ok().context("a package")?;
    let mut source = package.manifest().source();
    alter(&mut source);
    let mut altered = package::encode(&source, &bytes[package::HEAD_LEN..])
        .ok()
        .context("a package")?;
    sign(&mut altered, key)?;
    Ok(altered)
}

fn sign(package: &mut [u8], key: &KeyPair) -> Result<()> {
    package::sign(package, key).ok().context("a package")
}

/// Refused before a byte of it is sent.
fn too_large(client: &mut Client) -> Result<()> {
    let max = client.hello()?.package_max;
    match client.upload(&vec![0; max as usize + 1], |_, _| {}) {
        Err(ClientError::Refused(Error::TooLarge { max: said })) if said == max => Ok(()),
        other => anyhow::bail!("{other:?}"),
    }
}

/// Neither the upload of the largest package nor its verification stops the clients.
fn clients_go_on(client: &mut Client, patience: &Patience) -> Result<()> {
    let max = client.hello()?.package_max as usize;
    let mut large = vec![0; max];
    large[..4].copy_from_slice(b"UMPK");
    large[4..8].copy_from_slice(&package::VERSION.to_le_bytes());
    let before = answered(client)?;
    let package = client.upload(&large, |_, _| {})?;
    let after = answered(client)?;
    ensure!(
        after.iter().sum::<u64>() > before.iter().sum::<u64>() + SOME,
        "answers of the clients before and after an upload: {before:?}, {after:?}"
    );
    // The one that works through whole files may have none in a short upload.
    demo::wait(patience.transaction, "answers for both clients", || {
        let now = answered(client)?;
        let both = before.iter().zip(&now).all(|(before, now)| now > before);
        Ok(both.then_some(()))
    })?;
    demo::settled(client, DEVICE, patience.transaction)?;
    let job = client.check(DEVICE, package)?;
    let record = demo::finished(client, job, patience.transaction)?;
    let refused = matches!(
        record.state,
        State::Done(Outcome::Refused(Reason::Damaged { .. }))
    );
    ensure!(refused && record.figures.completions > SOME, "{record:?}");
    Ok(())
}

fn answered(client: &mut Client) -> Result<[u64; 2]> {
    let [first, second] = CLIENTS;
    Ok([
        demo::header(client, first)?.requests,
        demo::header(client, second)?.requests,
    ])
}

/// A commit raises the device's floor, and a key is revoked: nothing older and nothing of that key is taken any more, and the
/// driver that runs goes on. Nothing can be put in after this.
pub fn for_good(client: &mut Client, good: &[u8], patience: &Patience) -> Result<()> {
    let key = Keys::open()?.default_signer()?;
    let done = |client: &mut Client, job: u32| -> Result<State> {
        let record = demo::finished(client, job, patience.transaction)?;
        demo::settled(client, DEVICE, patience.transaction)?;
        Ok(record.state)
    };
    let safer = alter_manifest(good, &key, |source| source.security_floor = 3)?;
    let safer: PackageHash = client.upload(&safer, |_, _| {})?;
    demo::settled(client, DEVICE, patience.transaction)?;
    let job = client.update_until(DEVICE, safer, Policy::Refuse, Commit::Manual, None)?;
    ensure!(done(client, job)? == State::Done(Outcome::Done));
    ensure!(client.status()?.devices[0].security_floor == 0, "not committed");
    client.commit(DEVICE)?;
    let device = demo::settled(client, DEVICE, patience.transaction)?;
    ensure!(device.security_floor == 3, "{device:?}");
    let refused = |reason| State::Done(Outcome::Refused(reason));
    demo::settled(client, DEVICE, patience.transaction)?;
    let job = client.rollback(DEVICE)?;
    let below = Reason::BelowFloor { floor: 3 };
    ensure!(done(client, job)? == refused(below));
    foretold(client, good, Some(below))?;

    let bytes = alter_manifest(good, &key, |source| source.security_floor = 4)?;
    foretold(client, &bytes, None)?;
    let safest = client.upload(&bytes, |_, _| {})?;
    let keys = client.revoke(*key.pk)?;
    ensure!(
        keys.iter()
            .any(|one| one.key == *key.pk && one.revoked && one.drivers == 1),
        "{keys:?}"
    );
    demo::settled(client, DEVICE, patience.transaction)?;
    let job = client.update(DEVICE, safest, Policy::Refuse)?;
    let why = Distrust::RevokedKey as u32;
    ensure!(done(client, job)? == refused(Reason::Untrusted { why }));
    foretold(client, &bytes, Some(Reason::Untrusted { why }))?;
    demo::still_loaded(client)?;
    Ok(())
}
