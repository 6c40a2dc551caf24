//! Where everything goes in physical memory.
//!
//! ```text
//! RAM   kernel   device tree   user image   …free…   loader, payload   …free…
//! ```
//!
//! The kernel's place is fixed; what follows it is packed page by page so that the rest of RAM stays in few large
//! untypeds. A user image that finds no room below the loader goes behind the payload. Copying runs in the order device tree, kernel, user image: the tree's old place (QEMU: the start of RAM) may
//! then be overwritten, the loader and its payload must not be.

use crate::payload::{Header, PAGE_BYTES};
use core::fmt;
use core::ops::Range;

/// What the loader found in the machine; physical addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The RAM range that the kernel is linked into.
    pub ram: Range<u64>,
    /// Loader, its stack and tables, and the payload behind it.
    pub loader: Range<u64>,
    /// Used length of the device tree in bytes; 0 if there is none.
    pub device_tree_bytes: u64,
}

/// Where everything goes; physical addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The kernel, zeroed parts included.
    pub kernel: Range<u64>,
    /// The device tree; empty if there is none.
    pub device_tree: Range<u64>,
    /// The user image, whole pages.
    pub user: Range<u64>,
    /// Physical minus virtual address of the user image (modulo 2^64).
    pub user_offset: u64,
}

/// Why there is no way to place everything. The numbers are what the operator needs to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The kernel is linked to addresses that are not RAM.
    KernelNotInRam {
        /// Where the kernel must go.
        kernel: Range<u64>,
        /// What RAM there is.
        ram: Range<u64>,
    },
    /// Kernel and device tree reach into the loader or its payload.
    MeetsLoader {
        /// End of the device tree.
        end: u64,
        /// The loader and its payload.
        loader: Range<u64>,
    },
    /// The payload ends behind the end of RAM: parts of it are lost.
    PayloadNotInRam {
        /// The loader and its payload.
        loader: Range<u64>,
        /// What RAM there is.
        ram: Range<u64>,
    },
    /// The user image ends behind the end of RAM.
    RamTooSmall {
        /// Needed end of RAM.
        end: u64,
        /// What RAM there is.
        ram: Range<u64>,
    },
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelNotInRam { kernel, ram } => {
                write!(f, "the kernel is linked to {kernel:#x?}, RAM is {ram:#x?}")
            }
            Self::MeetsLoader { end, loader } => {
                write!(
                    f,
                    "kernel and device tree reach {end:#x}, the loader occupies {loader:#x?}"
                )
            }
            Self::PayloadNotInRam { loader, ram } => {
                write!(
                    f,
                    "loader and payload occupy {loader:#x?}, RAM is {ram:#x?}: too little memory"
                )
            }
            Self::RamTooSmall { end, ram } => {
                write!(
                    f,
                    "the user image reaches {end:#x}, RAM is {ram:#x?}: too little memory"
                )
            }
        }
    }
}

impl core::error::Error for LayoutError {}

/// Places everything, or says why that is impossible.
pub fn plan(header: &Header, machine: &Machine) -> Result<Plan, LayoutError> {
    let ram = &machine.ram;
    // `Header` guarantees that this sum does not overflow.
    let kernel = header.kernel.phys..header.kernel.phys + header.kernel.bytes;
    if kernel.start < ram.start || kernel.end > ram.end {
        return Err(LayoutError::KernelNotInRam {
            kernel,
            ram: ram.clone(),
        });
    }
    if machine.loader.end > ram.end {
        return Err(LayoutError::PayloadNotInRam {
            loader: machine.loader.clone(),
            ram: ram.clone(),
        });
    }
    let too_small = || LayoutError::RamTooSmall {
        end: u64::MAX,
        ram: ram.clone(),
    };
    let tree_start = page_up(kernel.end).ok_or_else(too_small)?;
    let tree_end = tree_start
        .checked_add(machine.device_tree_bytes)
        .ok_or_else(too_small)?;
    let meets_loader = |part: Range<u64>| part.start < machine.loader.end && machine.loader.start < part.end;
    if meets_loader(kernel.start..tree_end) {
        return Err(LayoutError::MeetsLoader {
            end: tree_end,
            loader: machine.loader.clone(),
        });
    }
    let place = |behind: u64| {
        let start = page_up(behind)?;
        Some(start..start.checked_add(header.user.bytes)?)
    };
    let mut user = place(tree_end).ok_or_else(too_small)?;
    if meets_loader(user.clone()) {
        user = place(machine.loader.end).ok_or_else(too_small)?;
    }
    if user.end > ram.end {
        return Err(LayoutError::RamTooSmall {
            end: user.end,
            ram: ram.clone(),
        });
    }
    Ok(Plan {
        kernel,
        device_tree: tree_start..tree_end,
        user_offset: user.start.wrapping_sub(header.user.virt),
        user,
    })
}

fn page_up(address: u64) -> Option<u64> {
    address.checked_next_multiple_of(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{HEADER_BYTES, KernelImage, UserImage};
    use proptest::prelude::*;

    const RAM: Range<u64> = 0x4000_0000..0xc000_0000;
    const LOADER: Range<u64> = 0x4800_0000..0x4900_0000;

    fn header(kernel_bytes: u64, user_bytes: u64) -> Header {
        let virt = 0xffff_ff80_4000_0000;
        let kernel = KernelImage {
            virt,
            phys: 0x4000_0000,
            bytes: kernel_bytes,
            entry: virt,
        };
        let user = UserImage {
            virt: 0x20_0000,
            bytes: user_bytes,
            entry: 0x20_0000,
        };
        Header::new(HEADER_BYTES as u64, kernel, user, &[]).unwrap()
    }

    fn machine(device_tree_bytes: u64) -> Machine {
        Machine {
            ram: RAM,
            loader: LOADER,
            device_tree_bytes,
        }
    }

    #[test]
    fn parts_follow_the_kernel_page_by_page() {
        let plan = plan(&header(0x25_a010, 0x5000), &machine(0x1f01)).unwrap();
        assert_eq!(plan.kernel, 0x4000_0000..0x4025_a010);
        assert_eq!(plan.device_tree, 0x4025_b000..0x4025_cf01);
        assert_eq!(plan.user, 0x4025_d000..0x4026_2000);
        assert_eq!(plan.user_offset, 0x4025_d000 - 0x20_0000);
    }

    #[test]
    fn machine_without_tree_has_an_empty_range() {
        let plan = plan(&header(0x1000, 0x1000), &machine(0)).unwrap();
        assert!(plan.device_tree.is_empty());
        assert_eq!(plan.user.start, 0x4000_1000);
    }

    #[test]
    fn large_user_image_goes_behind_the_payload() {
        let fits = plan(&header(0x1000, 0x7ff_f000), &machine(0)).unwrap();
        assert_eq!(fits.user, 0x4000_1000..0x4800_0000, "up to the loader is fine");
        let large = plan(&header(0x1000, 0x800_0000), &machine(0)).unwrap();
        assert_eq!(large.user, 0x4900_0000..0x5100_0000);
        assert_eq!(large.user_offset, 0x4900_0000 - 0x20_0000);
    }

    #[test]
    fn loader_is_never_overwritten() {
        let found = plan(&header(0x800_0000, 0x1000), &machine(1));
        let (end, loader) = (0x4800_0001, LOADER);
        assert_eq!(found, Err(LayoutError::MeetsLoader { end, loader }));
    }

    #[test]
    fn payload_must_be_in_ram() {
        let small = Machine {
            ram: RAM.start..LOADER.end - 1,
            ..machine(0)
        };
        let found = plan(&header(0x1000, 0x1000), &small);
        assert!(matches!(found, Err(LayoutError::PayloadNotInRam { .. })));
    }

    #[test]
    fn kernel_must_be_linked_into_ram() {
        let small = Machine {
            ram: 0x4000_0000..0x4000_1000,
            loader: 0x3fff_0000..0x4000_0000,
            ..machine(0)
        };
        assert!(matches!(
            plan(&header(0x2000, 0x1000), &small),
            Err(LayoutError::KernelNotInRam { .. })
        ));
        let elsewhere = Machine {
            ram: 0x8000_0000..0xc000_0000,
            ..machine(0)
        };
        assert!(matches!(
            plan(&header(0x2000, 0x1000), &elsewhere),
            Err(LayoutError::KernelNotInRam { .. })
        ));
    }

    #[test]
    fn user_image_must_end_in_ram() {
        let low = Machine {
            ram: RAM,
            loader: 0x4000_0000 - 0x1000..0x4000_0000,
            device_tree_bytes: 0,
        };
        let found = plan(&header(0x1000, 0x8000_0000), &low);
        assert_eq!(
            found,
            Err(LayoutError::RamTooSmall {
                end: 0xc000_1000,
                ram: RAM
            })
        );
        let huge = plan(&header(0x1000, 0xffff_ffff_ff00_0000), &low);
        assert_eq!(
            huge,
            Err(LayoutError::RamTooSmall {
                end: u64::MAX,
                ram: RAM
            })
        );
    }

    proptest! {
        #[test]
        fn parts_never_overlap(kernel in 1u64..0x1000_0000, tree in 0u64..0x20_0000, user in 1u64..0x9_0000) {
            if let Ok(plan) = plan(&header(kernel, user * PAGE_BYTES), &machine(tree)) {
                prop_assert!(plan.kernel.end <= plan.device_tree.start);
                prop_assert!(plan.device_tree.end <= plan.user.start);
                prop_assert!(plan.device_tree.end <= LOADER.start);
                prop_assert!(plan.user.end <= LOADER.start || plan.user.start >= LOADER.end);
                prop_assert!(plan.user.end <= RAM.end);
                prop_assert_eq!(plan.user.end - plan.user.start, user * PAGE_BYTES);
            }
        }
    }
}
