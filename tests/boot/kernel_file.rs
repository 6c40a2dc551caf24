//! The kernel's ELF file as the Microkit tool's `--override-kernel` reads it.

use crate::case::Kernel;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use umbra::build::Config;

/// The tool works out which memory is left from the lowest segment and two symbols, and maps the kernel by one offset.
pub fn run(config: Config, other: Option<&Path>) -> Result<()> {
    let kernel = Kernel { other, config }.elf()?;
    let symbol = |name: &str| {
        let symbol = kernel.symbol(name);
        symbol
            .map(|symbol| symbol.address)
            .with_context(|| format!("no symbol `{name}`"))
    };
    let (first, last) = (&kernel.segments[0], &kernel.segments[kernel.segments.len() - 1]);
    let window = first.virt - first.phys;
    for segment in &kernel.segments {
        ensure!(
            segment.virt - segment.phys == window,
            "one offset for all segments"
        );
    }
    let (boot_end, end) = (symbol("ki_boot_end")?, symbol("ki_end")?);
    ensure!(
        (first.virt..=end).contains(&boot_end),
        "boot memory is in the kernel"
    );
    ensure!(
        end >= last.end() && end % 4096 == 0,
        "the kernel ends with a page"
    );
    Ok(())
}
