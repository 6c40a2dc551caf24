//! Why a package is refused, and what to do: each reason in other words than all others.

use control_protocol::record::Reason;
use driver_package::image::ImageError;
use driver_package::package::signature::Distrust;
use driver_package::package::{Mismatch, PackageError};
use stager::WrongClass;

/// Why a package is not taken. Other reasons have nothing to do with the package.
pub fn package(reason: &Reason) -> String {
    match *reason {
        Reason::Damaged { detail } | Reason::Malformed { detail } => broken_rule(detail),
        Reason::WrongClass { what } => wrong_class(what).into(),
        Reason::WrongDevice { why } => wrong_device(why).into(),
        Reason::Untrusted { why } => distrust(why).into(),
        Reason::BelowFloor { floor } => format!(
            "the package is too old to be safe: the device takes none with a security floor below {floor} (`cargo umbra inspect` \
             shows the package's)"
        ),
        _ => "the package is not taken".into(),
    }
}

fn broken_rule(detail: u32) -> String {
    let Some(error) = PackageError::from_number(detail) else {
        return format!("the package breaks a rule that this tool does not know (error {detail})");
    };
    let remedy = match error {
        PackageError::Truncated | PackageError::Magic | PackageError::Hash => "fetch it or pack it again",
        PackageError::Version => "pack it with the tool of the checkout that the image was built from",
        _ => "it was not made by `cargo umbra pack`, which refuses to write such a one",
    };
    format!("the package is wrong: {}; {remedy}", package_error(error))
}

fn wrong_class(what: u32) -> &'static str {
    match WrongClass::from_number(what) {
        Some(WrongClass::Class) => {
            "a driver of another class than the device, or of one that the machine does not know: `cargo umbra inspect` says which"
        }
        Some(WrongClass::Abi) => {
            "the driver was built with another version of its class's interface: build it in the checkout that the image was \
             built from"
        }
        Some(WrongClass::Configuration) => {
            "the driver was built for another kernel configuration than the machine's: `cargo umbra pack --config`"
        }
        None => "a driver of a wrong class",
    }
}

fn wrong_device(why: u32) -> &'static str {
    match Mismatch::from_number(why) {
        Some(Mismatch::Transport) => {
            "the driver reaches devices in another way than this one is attached: `cargo umbra inspect` shows both, `transport` in the \
             driver's `[package.metadata.umbra]` says it"
        }
        Some(Mismatch::Device) => {
            "the driver does not serve this device: `cargo umbra inspect` shows which ones it serves, and what the device is"
        }
        None => "the driver does not serve this device",
    }
}

fn distrust(why: u32) -> &'static str {
    match Distrust::from_number(why) {
        Some(Distrust::Unsigned) => "the package is not signed: `cargo umbra pack` signs",
        Some(Distrust::UnknownKey) => {
            "the package is signed by a key that the machine was not built to trust: `cargo umbra inspect` names it, `key trust` \
             and a new image change that"
        }
        Some(Distrust::RevokedKey) => {
            "the package is signed by a key that was revoked (`cargo umbra ctl keys`): sign it with another one"
        }
        Some(Distrust::BadSignature) => {
            "the package's signature is false: it was changed, or never signed by that key; fetch it again, or sign it anew"
        }
        None => "the package is not trusted",
    }
}

/// Which rule of the package format is broken, in words.
pub fn package_error(error: PackageError) -> String {
    let what = match error {
        PackageError::Truncated => "shorter than its header",
        PackageError::Magic => "not a driver package",
        PackageError::Version => "of another version of the format",
        PackageError::Hash => "damaged: the content is not what was hashed (or was cut off, or added to)",
        PackageError::Signature => "the signature's scheme is unknown, or its block malformed",
        PackageError::Length => "the image's length is not what the manifest says",
        PackageError::Text => "a text is empty, too long, or not printable",
        PackageError::Transport => "unknown transport",
        PackageError::Devices => "it names no devices, too many, or one that cannot be",
        PackageError::Heap => "the heap is larger than a driver's window",
        PackageError::Reserved => "a reserved field is set",
        PackageError::Configuration => "unknown kernel configuration",
        PackageError::Image(error) => {
            return format!("image: {} (error {})", image_error(error), error as u32);
        }
    };
    format!("{what} (error {})", error.number())
}

fn image_error(error: ImageError) -> &'static str {
    match error {
        ImageError::Truncated => "shorter than its header",
        ImageError::Magic => "not a flat image",
        ImageError::Version => "of another version of the format",
        ImageError::Length => "not as long as it says",
        ImageError::Hash => "damaged: the content is not what was hashed",
        ImageError::SegmentCount => "no segments, or too many",
        ImageError::Rights => "a segment is writable and executable, or not readable",
        ImageError::Misaligned => "a segment does not start on a page boundary",
        ImageError::SegmentSize => "a segment without pages, or with more content than pages",
        ImageError::Window => "a segment lies outside the driver's window, or is larger than it",
        ImageError::Overlap => "segments overlap or are not in order",
        ImageError::Content => "a segment's content lies outside the image",
        ImageError::Entry => "the entry point is not in an executable segment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_refusals_read_the_same() {
        let numbers = (0..0x200).filter(|number| PackageError::from_number(*number).is_some());
        let mut reasons: Vec<_> = numbers.map(|detail| Reason::Malformed { detail }).collect();
        reasons.extend((1..=4).map(|why| Reason::Untrusted { why }));
        reasons.extend((1..=3).map(|what| Reason::WrongClass { what }));
        reasons.extend((1..=2).map(|why| Reason::WrongDevice { why }));
        reasons.push(Reason::BelowFloor { floor: 3 });
        let texts: BTreeSet<_> = reasons.iter().map(package).collect();
        assert_eq!(texts.len(), reasons.len());
        // Each says what to do, behind a colon or a semicolon.
        for text in &texts {
            assert!(text.contains([':', ';']), "{text}");
        }
    }
}
