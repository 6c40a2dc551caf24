//! Microkit's own elements mean what they mean there.

use driver_package::image::{Rights, SegmentSource, encode};
use sdf::{File, PD_WINDOW, System};
use system_spec::spec::{Spec, Trigger};

const SYSTEM: &str = r#"
<system>
    <memory_region name="uart" size="0x1000" phys_addr="0x900_0000"/>
    <memory_region name="large" size="0x200000"/>
    <memory_region name="dma" size="0x2000"/>
    <memory_region name="table" prefill_path="table.bin"/>
    <protection_domain name="serial" priority="254" budget="100" period="1000" passive="true">
        <program_image path="serial.elf"/>
        <map mr="uart" vaddr="0x2000000" perms="rw" cached="false" setvar_vaddr="uart"/>
        <map mr="large" vaddr="0x4000000" perms="r" setvar_size="large_size"/>
        <map mr="table" vaddr="0x5000000" perms="r" setvar_prefill_size="table_len"/>
        <irq irq="33" id="5" setvar_id="irq_id"/>
        <setvar symbol="dma_paddr" region_paddr="dma"/>
        <protection_domain name="child" priority="3" id="7" setvar_id="child_id">
            <program_image path="child.elf" path_for_symbols="child.sym"/>
        </protection_domain>
    </protection_domain>
    <protection_domain name="client" stack_size="0x4000" fpu="false">
        <program_image path="client.elf"/>
    </protection_domain>
    <channel>
        <end pd="client" id="1" pp="true" notify="false" setvar_id="serial_channel"/>
        <end pd="serial" id="2"/>
    </channel>
</system>"#;

fn system() -> System {
    let files = |file: File<'_>| match file {
        File::Prefill("table.bin") => Ok(vec![3; 5000]),
        other => Err(format!("{other:?}")),
    };
    sdf::compile("serial.system", SYSTEM, &[], &files).unwrap_or_else(|error| panic!("{error}"))
}

fn word(system: &System, pd: &str, symbol: &str) -> u64 {
    let program = system.programs.iter().find(|program| program.name == pd).unwrap();
    let patch = program
        .patches
        .iter()
        .find(|patch| patch.symbol == symbol)
        .unwrap();
    u64::from_le_bytes(patch.bytes.as_slice().try_into().unwrap())
}

#[test]
fn symbols_are_written() {
    let system = system();
    let cases = [
        ("serial", "uart", 0x200_0000),
        ("serial", "large_size", 0x20_0000),
        ("serial", "table_len", 5000),
        ("serial", "irq_id", 5),
        ("serial", "child_id", 7),
        ("client", "serial_channel", 1),
        ("serial", "microkit_irqs", 1 << 5),
        ("serial", "microkit_notifications", 1 << 2),
        ("serial", "microkit_pps", 0),
        ("client", "microkit_notifications", 0),
        ("client", "microkit_pps", 1 << 1),
    ];
    for (pd, symbol, value) in cases {
        assert_eq!(word(&system, pd, symbol), value, "{symbol} of {pd}");
    }
    // An address that the program is told must be where the region will be.
    assert_eq!(word(&system, "serial", "dma_paddr") % 0x1000, 0);
    assert_eq!(system.programs[1].image_for_symbols.as_deref(), Some("child.sym"));
}

#[test]
fn root_is_told_the_same() {
    let system = system();
    let code = SegmentSource {
        vaddr: 0x20_0000,
        pages: 3,
        rights: Rights::ReadExecute,
        content: &[1; 64],
    };
    let image = encode(0x20_0010, &[code], PD_WINDOW).unwrap();
    let payload = system.payload(&vec![image; 3]).unwrap();
    let spec = Spec::parse(&payload).unwrap();
    let pd = |index: usize| spec.pds().get(index).unwrap();
    assert_eq!(
        (pd(0).passive, pd(0).fpu_off, pd(0).budget_us, pd(0).period_us),
        (true, false, 100, 1000)
    );
    assert_eq!((pd(1).parent, pd(1).priority), (Some((0, 7)), 3));
    // Microkit's defaults.
    assert_eq!(
        (
            pd(2).priority,
            pd(2).budget_us,
            pd(2).period_us,
            pd(2).stack_pages
        ),
        (0, 1000, 1000, 4)
    );
    assert_eq!((pd(2).fpu_off, pd(2).entry), (true, 0x20_0010));
    let sizes: Vec<_> = spec.regions().map(|r| (r.size, r.page_bits)).collect();
    assert_eq!(sizes, [(0x1000, 12), (0x20_0000, 21), (0x2000, 12), (0x2000, 12)]);
    let dma = spec.regions().get(2).unwrap();
    assert_eq!(dma.phys_addr, Some(word(&system, "serial", "dma_paddr")));
    let irq = spec.irqs().next().unwrap();
    assert_eq!((irq.irq, irq.trigger, irq.channel), (33, Trigger::Level, 5));
    let [a, b] = spec.channels().next().unwrap();
    assert_eq!((a.pd, a.id, a.call, a.notify), (2, 1, true, false));
    assert_eq!((b.pd, b.id, b.call, b.notify), (0, 2, false, true));
}

#[test]
fn an_image_in_the_way_of_a_mapping_is_refused() {
    let system = system();
    let image = |vaddr| {
        let code = SegmentSource {
            vaddr,
            pages: 3,
            rights: Rights::ReadExecute,
            content: &[1; 64],
        };
        encode(vaddr, &[code], PD_WINDOW).unwrap()
    };
    let images = [image(0x1ff_e000), image(0x20_0000), image(0x20_0000)];
    assert!(matches!(
        system.payload(&images),
        Err(sdf::PayloadError::Overlap { .. })
    ));
    assert!(matches!(
        system.payload(&images[..2]),
        Err(sdf::PayloadError::Count { .. })
    ));
}
