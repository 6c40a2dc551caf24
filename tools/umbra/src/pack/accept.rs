//! Whether devices would take a package: what the stager would say, by the stager's own code.

use crate::ctl::{Client, ClientError};
use crate::keys::Keys;
use anyhow::{Context, Result};
use control_protocol::record::Reason;
use control_protocol::reply::TrustedKey;
use control_protocol::slot::{Slot, Slots};
use driver_package::package::signature::Trust;
use driver_package::package::{Configuration, Device, Package};
use stager::Machine;
use std::path::Path;
use system_spec::config::{DeviceIdentity, PCI_CLASS_STATED, StagerSlot};
use zerocopy::FromZeros;

use super::inspect;

/// What one device says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the device slot.
    pub device: String,
    /// What is known of the device.
    pub what: String,
    /// Why it refuses; `None`: the package would be built and tried.
    pub refusal: Option<Reason>,
}

/// Asks each device of a description, as an image that is built now, in the package's own kernel configuration, would answer.
pub fn verdicts(package: &[u8], description: &Path) -> Result<Vec<Verdict>> {
    let xml =
        std::fs::read_to_string(description).with_context(|| format!("reading {}", description.display()))?;
    let trust = Trust {
        keys: &Keys::open()?.trusted()?,
        revoked: 0,
    };
    let configuration =
        Package::parse(package).map_or(Configuration::Release, |package| package.manifest().configuration);
    let machine = Machine::ours(configuration, trust);
    let slots = sdf::device_slots(&description.display().to_string(), &xml)?;
    let of_slot = |(device, slot): (String, StagerSlot)| verdict(package, &machine, device, &slot);
    Ok(slots.into_iter().map(of_slot).collect())
}

/// Asks each device of a running machine, which is told nothing of the package: it says what it compares packages with.
///
/// # Errors
/// The machine does not answer.
pub fn verdicts_of_running(package: &[u8], client: &mut Client) -> Result<Vec<Verdict>, ClientError> {
    let (demands, keys) = (client.slots()?, client.keys()?);
    Ok(judge(package, &demands, &keys))
}

fn judge(package: &[u8], demands: &Slots, keys: &[TrustedKey]) -> Vec<Verdict> {
    let public: Vec<_> = keys.iter().map(|one| one.key).collect();
    let bits = keys
        .iter()
        .enumerate()
        .map(|(at, one)| u32::from(one.revoked) << at);
    let abi_of = |class| {
        let slot = demands.slots.iter().find(|slot| slot.class == class);
        // Of a class that no device has the machine may know the contract; no device takes it anyhow.
        slot.map_or_else(|| device_class::abi::hash_of(class), |slot| slot.class_abi)
    };
    let machine = Machine {
        // A number that this tool does not know is nobody's: the packages' own are known.
        configuration: Configuration::from_number(demands.configuration).unwrap_or(Configuration::Release),
        abi_of: &abi_of,
        trust: Trust {
            keys: &public,
            revoked: bits.fold(0, |all, bit| all | bit),
        },
    };
    let of_slot = |slot: &Slot| verdict(package, &machine, slot.name.to_string(), &stager_slot(slot));
    demands.slots.iter().map(of_slot).collect()
}

fn verdict(package: &[u8], machine: &Machine<'_>, device: String, slot: &StagerSlot) -> Verdict {
    let refusal = stager::verify(package, machine, slot, 0).err();
    Verdict {
        device,
        what: identity(&stager::device(&slot.device)),
        refusal: refusal.map(|failure| control::transaction::refusal(failure.refusal as u32, failure.detail)),
    }
}

/// A slot as the stager has it.
fn stager_slot(slot: &Slot) -> StagerSlot {
    let mut device = DeviceIdentity::new_zeroed();
    device.transport = slot.device.transport;
    device.virtio_id = slot.device.virtio_id;
    if let Some((vendor, id)) = slot.device.pci {
        device.pci_id = u32::from(id) << 16 | u32::from(vendor);
    }
    device.pci_class = slot.device.pci_class.map_or(0, |code| PCI_CLASS_STATED | code);
    for (byte, given) in device.compatible.iter_mut().zip(slot.device.compatible.bytes()) {
        *byte = given;
    }
    StagerSlot {
        slot: 0,
        class: slot.class,
        security_floor: slot.security_floor,
        device,
    }
}

/// A device, by all that packages may know it by.
fn identity(device: &Device<'_>) -> String {
    let marks: Vec<_> = device.marks().map(inspect::device).collect();
    let transport = inspect::transport_of(device.transport);
    format!("{} on {transport}", marks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_protocol::slot::Identity;
    use driver_package::image::{self, DRIVER_WINDOW, Rights, SegmentSource};
    use driver_package::package::signature::{Distrust, KeyPair};
    use driver_package::package::{self, DeviceMatch, ManifestSource, Mismatch, Transport};
    use driver_package::resources::WINDOW_VADDR;
    use stager::WrongClass;

    fn package(devices: &[DeviceMatch<'_>], key: &KeyPair) -> Vec<u8> {
        let code = SegmentSource {
            vaddr: WINDOW_VADDR,
            pages: 1,
            rights: Rights::ReadExecute,
            content: &[0; 64],
        };
        let source = ManifestSource {
            name: "test",
            version: "1",
            changelog: "",
            class: 1,
            class_abi: device_class::abi::BLOCK,
            transport: Transport::Virtio,
            configuration: Configuration::Debug,
            devices: devices.into(),
            heap_pages: 0,
            security_floor: 2,
        };
        let image = image::encode(WINDOW_VADDR, &[code], DRIVER_WINDOW).unwrap();
        let mut bytes = package::encode(&source, &image).unwrap();
        package::sign(&mut bytes, key).unwrap();
        bytes
    }

    fn refusal(devices: &[DeviceMatch<'_>], key: &KeyPair) -> Option<Reason> {
        let verdicts = verdicts(&package(devices, key), &crate::system::default_description()).unwrap();
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].device, "disk0");
        assert_eq!(
            verdicts[0].what,
            "virtio 2, pci 1af4:1042, pci class 01:00:00 on virtio-pci"
        );
        verdicts[0].refusal
    }

    /// A running machine that takes [`package`], and a device of a class that nobody here knows.
    fn running() -> Slots {
        let disk = Slot {
            name: "disk0".try_into().unwrap(),
            class: 1,
            class_abi: Some(device_class::abi::BLOCK),
            security_floor: 2,
            device: Identity {
                transport: Transport::VirtioMmio as u32,
                virtio_id: 2,
                compatible: "virtio,mmio".try_into().unwrap(),
                ..Identity::default()
            },
        };
        let other = Slot {
            class: 99,
            class_abi: None,
            ..disk.clone()
        };
        Slots {
            configuration: Configuration::Debug as u32,
            slots: [disk, other].into_iter().collect(),
        }
    }

    #[test]
    fn a_running_machine_is_judged_by_its_own_words() {
        let key = KeyPair::generate();
        let bytes = package(&[DeviceMatch::Compatible("virtio,mmio")], &key);
        let trusted = TrustedKey {
            key: *key.pk,
            revoked: false,
            drivers: 0,
        };
        let says = |change: fn(&mut Slots), keys: &[TrustedKey]| {
            let mut machine = running();
            change(&mut machine);
            let verdicts = judge(&bytes, &machine, keys);
            assert_eq!(verdicts.len(), 2);
            verdicts[0].refusal
        };
        let wrong = |what: WrongClass| Some(Reason::WrongClass { what: what as u32 });
        let untrusted = |why: Distrust| Some(Reason::Untrusted { why: why as u32 });
        assert_eq!(says(|_| {}, &[trusted]), None);
        let verdicts = judge(&bytes, &running(), &[trusted]);
        assert_eq!(verdicts[1].refusal, wrong(WrongClass::Class));
        let revoked = TrustedKey {
            revoked: true,
            ..trusted
        };
        assert_eq!(says(|_| {}, &[]), untrusted(Distrust::UnknownKey));
        assert_eq!(says(|_| {}, &[revoked]), untrusted(Distrust::RevokedKey));
        assert_eq!(
            says(|machine| machine.slots[0].security_floor = 3, &[trusted]),
            Some(Reason::BelowFloor { floor: 3 })
        );
        assert_eq!(
            says(|machine| machine.slots[0].class_abi = Some([7; 32]), &[trusted]),
            wrong(WrongClass::Abi)
        );
        assert_eq!(
            says(|machine| machine.configuration = 1, &[trusted]),
            wrong(WrongClass::Configuration)
        );
        let why = Mismatch::Device as u32;
        assert_eq!(
            says(|machine| machine.slots[0].device.compatible.clear(), &[trusted]),
            Some(Reason::WrongDevice { why })
        );
    }

    #[test]
    fn a_described_device_answers_as_the_stager_would() {
        let ours = Keys::open().unwrap().default_signer().unwrap();
        let disk = [DeviceMatch::Virtio(2)];
        let function = DeviceMatch::Pci {
            vendor: 0x1af4,
            device: 0x1042,
        };
        assert_eq!(refusal(&disk, &ours), None);
        assert_eq!(refusal(&[DeviceMatch::Virtio(1), function], &ours), None);
        assert_eq!(refusal(&[DeviceMatch::PciClass(0x01_0000)], &ours), None);
        let why = Mismatch::Device as u32;
        assert_eq!(
            refusal(&[DeviceMatch::Virtio(1)], &ours),
            Some(Reason::WrongDevice { why })
        );
        let why = Distrust::UnknownKey as u32;
        assert_eq!(
            refusal(&disk, &KeyPair::generate()),
            Some(Reason::Untrusted { why })
        );
    }
}
