//! `<iommu>`: the machine's SMMUv3, behind which all functions of its PCI bus are.

use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// The SMMU.
#[derive(Clone, Debug)]
pub struct Iommu {
    /// Where it stands.
    pub at: At,
    /// Physical address of the first register.
    pub registers: u64,
}

impl Iommu {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        const NAME: &str = "registers";
        element.only(&[NAME])?;
        element.no_children()?;
        let max = (1 << 40) - smmu::registers::LEN;
        let registers = element.in_range(NAME, element.required_number(NAME)?, max)?;
        // Its two pages of registers are 64 KiB each.
        let to = 0x1_0000;
        if !registers.is_multiple_of(to) {
            return Err(element.fault(Rule::Misaligned {
                name: NAME,
                value: registers,
                to,
            }));
        }
        Ok(Self {
            at: element.at(),
            registers,
        })
    }
}
