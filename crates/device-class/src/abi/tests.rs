//! Generates the canonical text and compares.

extern crate std;

use std::fmt::Write;
use std::string::String;
use std::{env, format, fs};

use driver_package::resources::{self, DataRegion, DriverResources, MmioRegion};
use zerocopy::FromZeros;

use super::*;
use crate::block::{self, BlockCapabilities, BlockRequest, BlockResponse};
use crate::net::{self, NetCapabilities, NetRequest, NetResponse};
use crate::report::{self, DriverReport};

/// One struct: size, and offset, size and type of each field. The pattern makes sure that none is left out.
macro_rules! layout {
    ($text:ident, $type:ident { $($field:ident),* }) => {{
        let $type { $($field),* } = $type::new_zeroed();
        writeln!($text, "struct {} {}", stringify!($type), size_of::<$type>()).unwrap();
        $(writeln!(
            $text, "  {} {} {} {}",
            std::mem::offset_of!($type, $field), size_of_val(&$field), stringify!($field), type_of(&$field),
        ).unwrap();)*
    }};
}

fn type_of<T>(_: &T) -> String {
    let name = std::any::type_name::<T>();
    let array = if name.starts_with('[') { "[" } else { "" };
    format!(
        "{array}{}",
        name.trim_start_matches('[')
            .rsplit("::")
            .next()
            .unwrap_or_default()
    )
}

/// Constants by name, with their values.
macro_rules! numbers {
    ($text:ident, $module:path { $($name:ident),* }) => {{
        use $module as module;
        $(writeln!($text, "const {} {:#x}", stringify!($name), module::$name).unwrap();)*
    }};
}

fn block_text() -> String {
    let mut text = format!(
        "class block {} semantics {BLOCK_SEMANTICS}\n",
        ClassId::Block as u32
    );
    layout!(
        text,
        BlockRequest {
            id,
            generation,
            op,
            flags,
            region,
            count,
            block,
            offset
        }
    );
    for op in (0..=255).filter_map(block::Op::from_byte) {
        writeln!(text, "op {} {op:?}", op as u8).unwrap();
    }
    layout!(
        text,
        BlockResponse {
            id,
            generation,
            status,
            reserved,
            count
        }
    );
    for status in (0..=255).filter_map(block::Status::from_byte) {
        writeln!(text, "status {} {status:?}", status as u8).unwrap();
    }
    layout!(
        text,
        BlockCapabilities {
            capacity,
            block_size,
            flags,
            max_transfer,
            queue_depth
        }
    );
    numbers!(
        text,
        block {
            CAP_READ_ONLY,
            CAP_WRITE_BACK,
            CAP_FLUSH,
            CAP_DISCARD,
            CAP_WRITE_ZEROES
        }
    );
    every_class(&mut text);
    text
}

fn net_text() -> String {
    let mut text = format!("class net {} semantics {NET_SEMANTICS}\n", ClassId::Net as u32);
    layout!(
        text,
        NetRequest {
            id,
            generation,
            op,
            flags,
            region,
            length,
            offset,
            checksum_start,
            checksum_offset,
            segment,
            headers
        }
    );
    for op in (0..=255).filter_map(net::Op::from_byte) {
        writeln!(text, "op {} {op:?}", op as u8).unwrap();
    }
    layout!(
        text,
        NetResponse {
            id,
            generation,
            status,
            flags,
            start,
            length
        }
    );
    for status in (0..=255).filter_map(net::Status::from_byte) {
        writeln!(text, "status {} {status:?}", status as u8).unwrap();
    }
    layout!(
        text,
        NetCapabilities {
            mac,
            mtu,
            flags,
            segment_max,
            link,
            transmit_depth,
            receive_depth
        }
    );
    numbers!(
        text,
        net {
            HEADROOM,
            RECEIVE_BUFFER,
            FLAG_CHECKSUM,
            FLAG_SEGMENT_4,
            FLAG_SEGMENT_6,
            FLAG_VERIFIED,
            FILTER_BROADCAST,
            FILTER_ALL_GROUPS,
            FILTER_EVERYTHING,
            CAP_EVERYTHING,
            CAP_GROUPS,
            CAP_CHECKSUM,
            CAP_VERIFY,
            CAP_SEGMENT_4,
            CAP_SEGMENT_6,
            LINK_UNKNOWN,
            LINK_DOWN,
            LINK_UP
        }
    );
    every_class(&mut text);
    text
}

/// What the drivers of all classes share: report, link, resources page, address space.
fn every_class(text: &mut String) {
    layout!(
        text,
        DriverReport {
            state,
            generation,
            class,
            reason,
            heartbeat,
            record_len,
            record
        }
    );
    numbers!(
        text,
        report {
            STATE_NONE,
            STATE_READY,
            STATE_FAILED
        }
    );
    numbers!(
        text,
        shared_ring {
            CAPACITY,
            TAIL,
            HEAD,
            ASLEEP,
            ASLEEP_FOR_ENTRIES,
            ASLEEP_FOR_ALL,
            ENTRIES,
            INFO
        }
    );
    layout!(
        text,
        DriverResources {
            magic,
            version,
            slot,
            generation,
            class,
            mmio_count,
            irq_count,
            data_count,
            window_paddr,
            window_len,
            heap_vaddr,
            heap_len,
            counter_hz,
            config_vaddr,
            mmio,
            data
        }
    );
    layout!(text, MmioRegion { vaddr, paddr, len });
    layout!(text, DataRegion { vaddr, io_addr, len });
    numbers!(
        text,
        resources {
            MAGIC,
            VERSION,
            WINDOW_VADDR,
            WINDOW_MAX,
            RESOURCES_VADDR,
            IPC_BUFFER_VADDR,
            LINK_OWN_VADDR,
            LINK_PEER_VADDR,
            CONFIG_VADDR,
            MMIO_VADDR,
            MMIO_STRIDE,
            DATA_VADDR,
            DATA_STRIDE,
            SLOT_NOTIFICATION,
            SLOT_SHADOW,
            SLOT_IRQ,
            CNODE_BITS,
            BADGE_SHADOW,
            BADGE_IRQ
        }
    );
}

/// The text that is kept is `text`, and `hash` is its.
fn check(class: &str, text: &str, hash: [u8; 32]) {
    let path = format!("{}/abi/{class}.txt", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("UMBRA_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{path} is not what the types say; UMBRA_BLESS=1 writes it anew:\n{text}"
    );
    let must = driver_package::sha256(text.as_bytes());
    let digits: String = must.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, must, "the hash of class {class} must be {digits}");
}

#[test]
fn block_text_and_hash_are_those_of_the_types() {
    check("block", &block_text(), BLOCK);
}

#[test]
fn net_text_and_hash_are_those_of_the_types() {
    check("net", &net_text(), NET);
}

#[test]
fn only_known_classes_have_a_hash() {
    assert_eq!(hash_of(1), Some(BLOCK));
    assert_eq!(hash_of(2), Some(NET));
    assert_eq!(hash_of(0), None);
    assert_eq!(hash_of(3), None);
}
