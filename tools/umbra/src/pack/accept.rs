//! Whether the devices of a described system would take a package: what the stager would say, by the stager's own code.

use crate::keys::Keys;
use anyhow::{Context, Result};
use control_protocol::record::Reason;
use driver_package::package::signature::Trust;
use driver_package::package::{Configuration, Package};
use std::path::Path;

/// What one device says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the device slot.
    pub device: String,
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
    let slots = sdf::device_slots(&description.display().to_string(), &xml)?;
    let verdict = |(device, slot)| Verdict {
        device,
        refusal: stager::verify(package, configuration, &trust, &slot, 0)
            .err()
            .map(|failure| control::transaction::refusal(failure.refusal as u32, failure.detail)),
    };
    Ok(slots.into_iter().map(verdict).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_package::image::{self, DRIVER_WINDOW, Rights, SegmentSource};
    use driver_package::package::signature::{Distrust, KeyPair};
    use driver_package::package::{self, ManifestSource, Transport};
    use driver_package::resources::WINDOW_VADDR;

    fn refusal(device_ids: &[u32], key: &KeyPair) -> Option<Reason> {
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
            device_ids,
            heap_pages: 0,
            security_floor: 0,
        };
        let image = image::encode(WINDOW_VADDR, &[code], DRIVER_WINDOW).unwrap();
        let mut bytes = package::encode(&source, &image).unwrap();
        package::sign(&mut bytes, key).unwrap();
        let verdicts = verdicts(&bytes, &crate::system::default_description()).unwrap();
        assert_eq!(verdicts.len(), 1);
        assert_eq!(verdicts[0].device, "disk0");
        verdicts[0].refusal
    }

    #[test]
    fn a_described_device_answers_as_the_stager_would() {
        let ours = Keys::open().unwrap().default_signer().unwrap();
        assert_eq!(refusal(&[2], &ours), None);
        assert_eq!(refusal(&[1], &ours), Some(Reason::WrongDevice));
        let why = Distrust::UnknownKey as u32;
        assert_eq!(
            refusal(&[2], &KeyPair::generate()),
            Some(Reason::Untrusted { why })
        );
    }
}
