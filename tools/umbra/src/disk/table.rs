//! The partition table (GPT).

use anyhow::{Context, Result};
use gpt::{GptConfig, mbr::ProtectiveMBR, partition_types};
use std::io::Cursor;
use std::ops::Range;

const SECTOR: u64 = 512;
const MIB: u64 = 1 << 20;

/// An empty disk with these partitions (name, MiB), each aligned to 1 MiB.
pub fn make(partitions: &[(&str, u32)]) -> Result<Vec<u8>> {
    // 1 MiB before the first partition and one behind the last, for the table and its copy.
    let mib: u64 = partitions.iter().map(|(_, mib)| u64::from(*mib)).sum::<u64>() + 2;
    let len = mib * MIB;
    let mut device = Cursor::new(vec![0; usize::try_from(len)?]);
    let sectors = u32::try_from(len / SECTOR - 1).unwrap_or(u32::MAX);
    ProtectiveMBR::with_lb_size(sectors).overwrite_lba0(&mut device)?;
    let mut disk = GptConfig::new().writable(true).create_from_device(device, None)?;
    for (name, mib) in partitions {
        let size = u64::from(*mib) * MIB;
        disk.add_partition(name, size, partition_types::BASIC, 0, Some(MIB / SECTOR))
            .with_context(|| format!("making partition {name}"))?;
    }
    Ok(disk.write()?.into_inner())
}

/// Where a partition is in the image, in bytes.
pub fn find(image: &[u8], name: &str) -> Result<Range<usize>> {
    let disk = GptConfig::new()
        .writable(false)
        .open_from_device(Cursor::new(image.to_vec()))
        .context("reading the partition table")?;
    let partition = disk
        .partitions()
        .values()
        .find(|partition| partition.name == name)
        .with_context(|| format!("the disk has no partition {name}"))?;
    let range = partition.first_lba * SECTOR..(partition.last_lba + 1) * SECTOR;
    let range = usize::try_from(range.start)?..usize::try_from(range.end)?;
    anyhow::ensure!(
        range.end <= image.len() && range.start < range.end,
        "partition {name} is not on the disk"
    );
    Ok(range)
}
