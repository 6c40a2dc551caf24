//! Frames and translation tables.

use crate::{
    CapType, CapTypeForObjectOfFixedSize, ObjectBlueprint, ObjectBlueprintAArch64, ObjectBlueprintArm,
    cap_type,
};
use sel4_abi::object as abi;

/// The frames of this architecture.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // 4 KiB, 2 MiB, 1 GiB.
pub enum FrameObjectType {
    SmallPage,
    LargePage,
    HugePage,
}

impl FrameObjectType {
    /// The smallest.
    pub const GRANULE: Self = Self::SmallPage;
    /// log2 of the bytes of a small page, for patterns.
    pub const SMALL_PAGE_BITS: usize = Self::SmallPage.bits();
    /// log2 of the bytes of a large page, for patterns.
    pub const LARGE_PAGE_BITS: usize = Self::LargePage.bits();
    /// log2 of the bytes of a huge page, for patterns.
    pub const HUGE_PAGE_BITS: usize = Self::HugePage.bits();

    /// The blueprint of one.
    pub const fn blueprint(self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::SmallPage => ObjectBlueprintArm::SmallPage,
            Self::LargePage => ObjectBlueprintArm::LargePage,
            Self::HugePage => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage),
        })
    }

    /// The frame type with `2^bits` bytes.
    pub const fn from_bits(bits: usize) -> Option<Self> {
        match bits {
            Self::SMALL_PAGE_BITS => Some(Self::SmallPage),
            Self::LARGE_PAGE_BITS => Some(Self::LargePage),
            Self::HUGE_PAGE_BITS => Some(Self::HugePage),
            _ => None,
        }
    }

    /// log2 of its bytes.
    pub const fn bits(self) -> usize {
        self.blueprint().physical_size_bits()
    }

    /// Its bytes.
    pub const fn bytes(self) -> usize {
        1 << self.bits()
    }
}

/// The page tables of this architecture.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TranslationTableObjectType {
    PT,
    VSpace,
}

impl TranslationTableObjectType {
    /// The blueprint of one.
    pub const fn blueprint(&self) -> ObjectBlueprint {
        ObjectBlueprint::Arch(match self {
            Self::PT => ObjectBlueprintArm::PT,
            Self::VSpace => ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace),
        })
    }

    /// log2 of its entries.
    pub const fn index_bits(&self) -> usize {
        match self {
            Self::PT => abi::PAGE_TABLE_INDEX_BITS,
            Self::VSpace => abi::VSPACE_INDEX_BITS,
        }
    }

    /// The type at that level, 0 being the top.
    pub const fn from_level(level: usize) -> Option<Self> {
        match level {
            0 => Some(Self::VSpace),
            1..=3 => Some(Self::PT),
            _ => None,
        }
    }
}

/// Capability types of frames.
pub trait CapTypeForFrameObject: CapType {}

impl CapTypeForFrameObject for cap_type::UnspecifiedPage {}

/// Frames that come in one size.
pub trait CapTypeForFrameObjectOfFixedSize: CapTypeForObjectOfFixedSize + CapTypeForFrameObject {
    /// The frame type.
    const FRAME_OBJECT_TYPE: FrameObjectType;
}

/// Capability types of page tables.
pub trait CapTypeForTranslationTableObject: CapTypeForObjectOfFixedSize {
    /// The translation table type.
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType;
}

macro_rules! frame_types {
    ($($t:ident)*) => {
        $(
            impl CapTypeForFrameObject for cap_type::$t {}

            impl CapTypeForFrameObjectOfFixedSize for cap_type::$t {
                const FRAME_OBJECT_TYPE: FrameObjectType = FrameObjectType::$t;
            }
        )*
    };
}

frame_types!(SmallPage LargePage HugePage);

impl CapTypeForTranslationTableObject for cap_type::PT {
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType = TranslationTableObjectType::PT;
}

impl CapTypeForTranslationTableObject for cap_type::VSpace {
    const TRANSLATION_TABLE_OBJECT_TYPE: TranslationTableObjectType = TranslationTableObjectType::VSpace;
}

/// Shape of an address space: levels, and how much each covers.
pub mod vspace_levels {
    use super::{FrameObjectType, TranslationTableObjectType};

    /// The maximum number of levels of translation tables.
    pub const NUM_LEVELS: usize = sel4_abi::vm::NUM_LEVELS;

    /// The first level, seen from the root, that can map frames.
    pub const HIGHEST_LEVEL_WITH_PAGE_ENTRIES: usize = NUM_LEVELS - 3;

    fn index_bits(level: usize) -> usize {
        TranslationTableObjectType::from_level(level).map_or(0, |ty| ty.index_bits())
    }

    /// Address bits that a whole table at this level covers.
    ///
    /// Panics if there is no such level.
    pub fn span_bits(level: usize) -> usize {
        assert!(level < NUM_LEVELS);
        (level..NUM_LEVELS).map(index_bits).sum::<usize>() + FrameObjectType::GRANULE.bits()
    }

    /// Address bits that one entry of a table at this level covers.
    ///
    /// Panics if there is no such level.
    pub fn step_bits(level: usize) -> usize {
        span_bits(level) - index_bits(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_span_what_the_architecture_says() {
        assert_eq!([0, 1, 2, 3].map(vspace_levels::span_bits), [48, 39, 30, 21]);
        assert_eq!([0, 1, 2, 3].map(vspace_levels::step_bits), [39, 30, 21, 12]);
        assert_eq!(FrameObjectType::from_bits(21), Some(FrameObjectType::LargePage));
        assert_eq!(FrameObjectType::from_bits(16), None);
    }
}
