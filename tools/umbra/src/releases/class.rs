//! What a device class is to a run: who loads the device, what a record is made of, and what clients say in the end.

use super::verdict::Verdict;
use crate::demo::{self, FIRST, Load, Patience};
use crate::disk::Header;
use crate::{ctl::Client, disk};
use anyhow::Result;
use device_class::block::{BlockCapabilities, CAP_WRITE_BACK};
use device_class::net::{Address, NetCapabilities};
use std::path::Path;

/// A device class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Disks: `disk-check` and `file-check` write, read and compare.
    Block,
    /// Networks: two `net-check` ask the gateway for echoes.
    Net,
}

/// What a release says that it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// With a disk.
    Block(BlockCapabilities),
    /// With a network device.
    Net(NetCapabilities),
}

/// The network device of `tests/systems/net`.
const NETWORK: Load = Load {
    device: "net0",
    clients: ["net-a", "net-b"],
};

impl Class {
    /// The device, and who loads it.
    pub(super) const fn load(self) -> Load {
        match self {
            Self::Block => FIRST,
            Self::Net => NETWORK,
        }
    }

    /// From a record's numbers, in the order of its fields.
    pub(super) fn record(self, numbers: &[u64]) -> Option<Record> {
        let word = |at: usize| u32::try_from(*numbers.get(at)?).ok();
        let half = |at: usize| u16::try_from(*numbers.get(at)?).ok();
        Some(match (self, numbers) {
            (Self::Block, [capacity, _, _, _, _]) => Record::Block(BlockCapabilities {
                capacity: *capacity,
                block_size: word(1)?,
                flags: word(2)?,
                max_transfer: word(3)?,
                queue_depth: word(4)?,
            }),
            (Self::Net, [mac, _, _, _, _, _, _]) => Record::Net(NetCapabilities {
                mac: Address::from_word(*mac).0,
                mtu: half(1)?,
                flags: word(2)?,
                segment_max: word(3)?,
                link: word(4)?,
                transmit_depth: half(5)?,
                receive_depth: half(6)?,
            }),
            _ => return None,
        })
    }

    /// The two columns of the table that are the class's.
    pub(super) const fn columns(self) -> [&'static str; 2] {
        match self {
            Self::Block => ["writes", "at a time"],
            Self::Net => ["MTU", "at a time"],
        }
    }

    /// Stops the clients in order; what they wrote down.
    pub(super) fn stop(self, client: &mut Client, patience: &Patience) -> Result<Reports> {
        demo::stopped(client, patience.stop)?;
        let load = self.load();
        let [first, second] = load.clients;
        Ok(match self {
            Self::Block => Reports::Disk(load.reports(client)?),
            Self::Net => Reports::Net([demo::header(client, first)?, demo::header(client, second)?]),
        })
    }
}

impl Record {
    /// What `new` lacks and this has, as the class's `LOST_*` bits.
    pub fn lost(&self, new: &Self) -> u32 {
        match (self, new) {
            (Self::Block(old), Self::Block(new)) => old.lost(new),
            (Self::Net(old), Self::Net(new)) => old.lost(new),
            // Nobody's releases are of two classes.
            _ => u32::MAX,
        }
    }

    /// What stands in the columns of its class.
    pub(super) fn cells(&self) -> [String; 2] {
        match self {
            Self::Block(record) => [writes(record).into(), record.queue_depth.to_string()],
            Self::Net(record) => [record.mtu.to_string(), record.transmit_depth.to_string()],
        }
    }

    /// What clients were told of that began with it, as far as it decides.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Block(record) if record.has(CAP_WRITE_BACK) => "a cache".into(),
            Self::Block(_) => "none".into(),
            Self::Net(record) => format!("frames of {} bytes", record.frame_max()),
        }
    }
}

/// What an answered write means.
fn writes(record: &BlockCapabilities) -> &'static str {
    if record.has(CAP_WRITE_BACK) {
        "cached"
    } else {
        "through"
    }
}

/// What clients wrote down.
pub(super) enum Reports {
    /// Of the disk.
    Disk([disk::ClientReport; 2]),
    /// Of the network.
    Net([Header; 2]),
}

impl Reports {
    /// Compared with what is on the disk of a machine that has ended.
    pub(super) fn verdict(&self, image: &Path) -> Result<Verdict> {
        Ok(match self {
            Self::Disk(reports) => {
                let [blocks, files] = reports;
                disk::check(image, blocks, files)?.into()
            }
            Self::Net(reports) => Verdict::of_network(reports),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_a_record_of_their_class_only() {
        let net = [0x5634_1200_5452, 1500, 3, 0, 2, 31, 30];
        let Some(Record::Net(record)) = Class::Net.record(&net) else {
            panic!("a record");
        };
        assert_eq!(record.mac, [0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        assert_eq!(
            (record.mtu, record.transmit_depth, record.receive_depth),
            (1500, 31, 30)
        );
        assert!(record.is_sane());
        let disk = [131_072, 512, 6, 2048, 16];
        assert!(matches!(Class::Block.record(&disk), Some(Record::Block(_))));
        assert_eq!(Class::Net.record(&disk), None);
        assert_eq!(Class::Block.record(&net), None);
        assert_eq!(
            Class::Net.record(&[0, 65_536, 0, 0, 0, 0, 0]),
            None,
            "an MTU has 16 bits"
        );
    }

    #[test]
    fn records_of_two_classes_have_nothing_in_common() {
        let (disk, net) = (
            Record::Block(BlockCapabilities::default()),
            Record::Net(NetCapabilities::default()),
        );
        assert_eq!(disk.lost(&disk), 0);
        assert_eq!(net.lost(&net), 0);
        assert_ne!(disk.lost(&net), 0);
        assert_ne!(net.lost(&disk), 0);
    }
}
