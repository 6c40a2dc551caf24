//! The loader alone: what it hands over, and what it refuses. The "kernel" is `boot-protocol`, which looks at what it got.

use crate::case::{Case, Image, Kernel, Needs, built};
use anyhow::{Context, Result};
use loader::payload::HEADER_BYTES;
use std::time::Duration;
use umbra::build::{self, Config};
use umbra::image::boot_image;
use umbra::image::elf::Elf;
use umbra::image::user_image::UserImage;
use umbra::qemu::Machine;

/// All cases.
pub fn cases() -> Vec<Case> {
    let el2 = Machine {
        el2: true,
        ..Machine::default()
    };
    vec![
        case(
            "kernel_is_entered_by_the_boot_protocol/el1",
            Machine::default(),
            good,
            "^TEST_PASS",
        ),
        case(
            "kernel_is_entered_by_the_boot_protocol/el2",
            el2,
            good,
            "^TEST_PASS",
        ),
        case(
            "kernel_is_entered_by_the_boot_protocol/256M",
            with_memory("256M"),
            good,
            "^TEST_PASS",
        ),
        refused(
            "loader_without_payload_says_so",
            no_payload,
            "no payload behind the loader",
        ),
        refused(
            "damaged_header_is_refused",
            damaged,
            "the payload header is damaged",
        ),
        refused(
            "kernel_is_not_put_over_the_loader",
            over_loader,
            "the loader occupies 0x48000000",
        ),
        refused(
            "kernel_outside_ram_is_refused",
            outside_ram,
            "RAM is 0x40000000..0xc0000000",
        ),
        Case {
            machine: with_memory("129M"),
            ..refused(
                "payload_outside_ram_is_refused",
                larger_than_ram,
                "too little memory",
            )
        },
        refused(
            "kernel_in_the_lower_half_is_refused",
            lower_half,
            "not linked to the upper half",
        ),
    ]
}

fn with_memory(size: &str) -> Machine {
    Machine {
        memory: size.into(),
        ..Machine::default()
    }
}

fn case(name: &str, machine: Machine, image: Image, sentinel: &'static str) -> Case {
    Case {
        name: name.into(),
        config: Config::Release,
        machine,
        image,
        needs: Needs::OnlyLoader,
        sentinel,
        failure: "^TEST_FAIL",
        patience: Duration::from_secs(20),
    }
}

fn refused(name: &str, image: Image, complaint: &'static str) -> Case {
    Case {
        failure: "^loader: [^e]",
        ..case(name, Machine::default(), image, complaint)
    }
}

fn loader() -> Result<Elf> {
    built("loader", Config::Release)
}

fn kernel() -> Result<Elf> {
    built("boot-protocol", Config::Release)
}

/// The user image that `boot-protocol` expects: bytes that show their place, then zeroes.
fn user() -> UserImage {
    let bytes = (0..3 * 4096).map(|index| if index < 5000 { index as u8 ^ 0x5a } else { 0 });
    UserImage {
        virt: 0x1234_5000,
        entry: 0x1234_5040,
        bytes: bytes.collect(),
    }
}

fn good(_: &Kernel<'_>) -> Result<Vec<u8>> {
    Ok(boot_image::build(&loader()?, &kernel()?, &user())?)
}

fn no_payload(_: &Kernel<'_>) -> Result<Vec<u8>> {
    Ok(std::fs::read(build::loader()?)?)
}

/// One bit of the header is wrong. The header is found by its magic number.
fn damaged(kernel: &Kernel<'_>) -> Result<Vec<u8>> {
    let mut image = good(kernel)?;
    let magic = loader::payload::MAGIC;
    // The loader itself has the number among its constants; the payload is the last segment.
    let at = image
        .windows(magic.len())
        .rposition(|window| window == magic)
        .context("no payload in the image")?;
    image[at + HEADER_BYTES - 1] ^= 1;
    Ok(image)
}

fn over_loader(_: &Kernel<'_>) -> Result<Vec<u8>> {
    moved_kernel(|virt, _| (virt, 0x4800_0000))
}

/// Two megabytes more than the loader: see the machine of the case.
fn larger_than_ram(_: &Kernel<'_>) -> Result<Vec<u8>> {
    let mut user = user();
    user.bytes.resize(2 << 20, 1);
    Ok(boot_image::build(&loader()?, &kernel()?, &user)?)
}

fn outside_ram(_: &Kernel<'_>) -> Result<Vec<u8>> {
    moved_kernel(|virt, _| (virt, 0xc000_0000))
}

fn lower_half(_: &Kernel<'_>) -> Result<Vec<u8>> {
    moved_kernel(|_, phys| (phys, phys))
}

/// A boot image with the kernel at other (virtual, physical) addresses.
fn moved_kernel(place: fn(u64, u64) -> (u64, u64)) -> Result<Vec<u8>> {
    let mut kernel = kernel()?;
    let (virt, phys) = (kernel.segments[0].virt, kernel.segments[0].phys);
    let (new_virt, new_phys) = place(virt, phys);
    for segment in &mut kernel.segments {
        segment.virt = segment.virt - virt + new_virt;
        segment.phys = segment.phys - phys + new_phys;
    }
    kernel.entry = kernel.entry - virt + new_virt;
    Ok(boot_image::build(&loader()?, &kernel, &user())?)
}
