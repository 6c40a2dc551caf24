//! The demo's description compiles, and root accepts what comes out.

use driver_package::image::{Rights, SegmentSource, encode};
use sdf::{File, PD_WINDOW, Patch, PayloadError, System};
use system_spec::config::{
    BusConfig, ClientConfig, ControlConfig, GuardConfig, IommuConfig, ShadowConfig, Watched,
};
use system_spec::spec::{MAX_RELOAD, Role, Spec, Trigger};
use zerocopy::FromBytes;

const DEMO: &str = include_str!("../../../systems/disk-demo/system.xml");

const TWO_DISKS: &str = include_str!("../../../systems/two-disks/system.xml");

fn demo() -> System {
    compiled(DEMO)
}

fn compiled(xml: &str) -> System {
    let files = |file: File<'_>| match file {
        File::Package(name) => Ok(name.as_bytes().to_vec()),
        File::Prefill(path) => Err(format!("no {path}")),
    };
    sdf::compile("system.xml", xml, &[], &files).unwrap_or_else(|error| panic!("{error}"))
}

fn patch<'a>(system: &'a System, pd: &str, symbol: &str) -> &'a Patch {
    let program = system.programs.iter().find(|program| program.name == pd).unwrap();
    program
        .patches
        .iter()
        .find(|patch| patch.symbol == symbol)
        .unwrap()
}

fn config<T: FromBytes>(system: &System, pd: &str) -> T {
    T::read_from_bytes(&patch(system, pd, "umbra_config").bytes).unwrap()
}

fn image() -> Vec<u8> {
    let code = SegmentSource {
        vaddr: 0x20_0000,
        pages: 1,
        rights: Rights::ReadExecute,
        content: &[1; 64],
    };
    encode(0x20_0000, &[code], PD_WINDOW).unwrap()
}

fn payload() -> Vec<u8> {
    let system = demo();
    system
        .payload(&vec![image(); system.programs.len()])
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A program with so many pages of writable data.
fn image_writing(pages: u32) -> Vec<u8> {
    let segment = |vaddr, pages, rights| SegmentSource {
        vaddr,
        pages,
        rights,
        content: &[1; 64],
    };
    let code = segment(0x20_0000, 1, Rights::ReadExecute);
    let data = segment(0x30_0000, pages, Rights::ReadWrite);
    encode(0x20_0000, &[code, data], PD_WINDOW).unwrap()
}

#[test]
fn program_that_root_could_not_write_anew_is_refused_with_a_remedy() {
    let system = demo();
    let with = |name: &str, pages| {
        let of = |program: &sdf::Program| if program.name == name { pages } else { 2 };
        let images: Vec<_> = system
            .programs
            .iter()
            .map(|program| image_writing(of(program)))
            .collect();
        system.payload(&images)
    };
    let most = u32::try_from(MAX_RELOAD).unwrap();
    with("stager", most).unwrap();
    let refused = with("stager", most + 1).unwrap_err();
    let pd = "stager".to_owned();
    assert_eq!(
        refused,
        PayloadError::Reload {
            pd,
            pages: MAX_RELOAD + 1
        }
    );
    assert!(
        refused.to_string().contains("umbra_restart=\"false\""),
        "{refused}"
    );
    // Nobody starts a client anew.
    with("disk-check", most + 1).unwrap();
}

#[test]
fn root_accepts_the_payload() {
    let payload = payload();
    let spec = Spec::parse(&payload).unwrap();
    assert_eq!(spec.pds().len(), DEMO.matches("</protection_domain>").count());
    let roles: Vec<Role> = spec.callers().map(|caller| caller.role).collect();
    assert_eq!(
        roles,
        [Role::Control, Role::Bus, Role::Iommu, Role::Stager, Role::Guard]
    );
    let slot = spec.slots().next().unwrap();
    // The shadow's scratch region and two clients' data regions.
    assert_eq!(slot.data().count(), 3);
    assert!(spec.fills().any(|fill| fill.content == b"virtio-blk-0.8.0"));
}

#[test]
fn both_ends_of_a_session_agree() {
    let system = demo();
    let client: ClientConfig = config(&system, "disk-check");
    let shadow: ShadowConfig = config(&system, "shadow-block");
    assert_eq!((shadow.slot_count, shadow.session_count), (1, 2));
    assert_eq!(client.data.len, shadow.sessions[0].data_len);
    let payload = payload();
    let spec = Spec::parse(&payload).unwrap();
    let at = |pd: &str, vaddr: u64| {
        let pd = spec.pds().position(|record| record.name == pd).unwrap();
        spec.maps()
            .find(|map| map.pd == pd && map.vaddr == vaddr)
            .unwrap()
    };
    let (own, peer) = (
        at("disk-check", client.link.own),
        at("shadow-block", shadow.sessions[0].link.peer),
    );
    assert_eq!(
        (own.region, own.rights.write, peer.rights.write),
        (peer.region, true, false)
    );
    let slot = spec.slots().next().unwrap();
    let data = at("disk-check", client.data.vaddr).region;
    assert_eq!(
        slot.data().nth(shadow.sessions[0].data_region as usize),
        Some(data)
    );
    // A client's data is mapped at the client and at drivers, never at the shadow.
    assert_eq!(spec.maps().filter(|map| map.region == data).count(), 1);
}

#[test]
fn nobody_but_bus_maps_the_devices_registers() {
    let system = demo();
    let bus: BusConfig = config(&system, "bus");
    let payload = payload();
    let spec = Spec::parse(&payload).unwrap();
    let slot = spec.slots().next().unwrap();
    let owners = |region: usize| -> Vec<(&str, bool)> {
        spec.maps()
            .filter(|m| m.region == region)
            .map(|m| (spec.pds().get(m.pd).unwrap().name, m.cached))
            .collect()
    };
    let mmio = slot.mmio().next().unwrap();
    assert_eq!(owners(mmio.region), [("bus", false)]);
    let function = bus.slots[0].function;
    assert_eq!((function.bar_count, function.bars[0].paddr), (1, mmio.phys_addr));
    // Nor does anybody else map configuration space or the page that messages are written to.
    for paddr in [0x40_1000_0000, 0x0802_0000, bus.host.spare_paddr] {
        let region = spec.regions().position(|region| region.phys_addr == Some(paddr));
        assert_eq!(owners(region.unwrap()), [("bus", false)], "{paddr:#x}");
    }
    // The copy that drivers see is written by bus.
    assert_eq!(owners(slot.config.unwrap()), [("bus", true)]);
    assert_eq!(slot.irqs().collect::<Vec<_>>(), [(80, Trigger::Edge)]);
}

#[test]
fn guard_watches_the_parts_that_outrank_clients_from_the_highest_down() {
    let system = demo();
    let guard: GuardConfig = config(&system, "guard-clock");
    let watched = &guard.watched[..guard.watched_count as usize];
    let name = |one: &Watched| system.programs[one.pd as usize].name.as_str();
    assert_eq!(
        watched.iter().map(name).collect::<Vec<_>>(),
        ["timer", "bus", "iommu", "control", "shadow-block", "command"]
    );
    let payload = payload();
    let spec = Spec::parse(&payload).unwrap();
    for one in watched {
        let at_pd = patch(&system, name(one), "umbra_guard");
        let id = u64::read_from_bytes(&at_pd.bytes).unwrap();
        let joined = spec.channels().any(|[a, b]| {
            (u64::from(a.id), b.pd as u64, u64::from(b.id)) == (one.channel, one.pd, id)
                && a.notify
                && b.notify
        });
        assert!(joined, "{}", name(one));
    }
    assert_eq!(guard.round_us, 500_000);
}

#[test]
fn control_knows_everybody() {
    let system = demo();
    let control: Box<ControlConfig> = Box::new(config(&system, "control"));
    let counts = (
        control.shadow_count,
        control.slot_count,
        control.report_count,
        control.trace_count,
    );
    assert_eq!(counts, (1, 1, 2, 2));
    assert_eq!((control.preloaded_count, control.preloaded_len[0]), (1, 16));
    let channels = [
        control.root_channel,
        control.bus_channel,
        control.timer_channel,
        control.command.channel,
    ];
    for (index, channel) in channels.iter().enumerate() {
        assert!(*channel < 62 && !channels[..index].contains(channel));
    }
}

#[test]
fn every_page_of_a_link_has_one_writer() {
    let payload = payload();
    let spec = Spec::parse(&payload).unwrap();
    let slot_pages: Vec<usize> = spec
        .slots()
        .flat_map(|slot| slot.sides)
        .flat_map(|side| [side.driver_page])
        .collect();
    for (index, region) in spec.regions().enumerate() {
        let writers = spec
            .maps()
            .filter(|map| map.region == index && map.rights.write)
            .count();
        let drivers = usize::from(slot_pages.contains(&index));
        assert!(
            writers + drivers <= 1,
            "region {index} of {} bytes has {writers} writers",
            region.size
        );
    }
}

#[test]
fn each_disk_has_a_shadow_and_a_stream_of_its_own() {
    let system = compiled(TWO_DISKS);
    for (name, slot) in [("shadow-virtio", 0), ("shadow-nvme", 1)] {
        let shadow: ShadowConfig = config(&system, name);
        assert_eq!((shadow.slot_count, shadow.session_count), (1, 2), "{name}");
        assert_eq!(shadow.slots[0].slot, slot);
    }
    let iommu: IommuConfig = config(&system, "iommu");
    let streams: Vec<u32> = iommu.slots().iter().map(|slot| slot.stream).collect();
    assert_eq!(streams, [2 << 3, 4 << 3]);
    let control: ControlConfig = config(&system, "control");
    assert_eq!((control.slots[0].shadow, control.slots[1].shadow), (0, 1));
}
