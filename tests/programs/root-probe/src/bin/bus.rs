//! Stand-in for bus: a call by control becomes a reset that is reported to root.
#![no_std]
#![no_main]

use sel4_microkit::{Channel, Handler, Infallible, MessageInfo, protection_domain, set_mr, var};
use supervision::Code;
use supervision::root::Op;
use system_spec::config::BusConfig;

struct Bus {
    config: &'static BusConfig,
}

impl Handler for Bus {
    type Error = Infallible;

    fn protected(&mut self, _: Channel, _: MessageInfo) -> Result<MessageInfo, Infallible> {
        let registers = self.config.slots[0].registers as *mut u32;
        // SAFETY: the device's status register (virtio-mmio: offset 0x70), mapped for bus alone but for the driver.
        let status = unsafe {
            core::ptr::write_volatile(registers.add(0x70 / 4), 0);
            core::ptr::read_volatile(registers.add(0x70 / 4))
        };
        if status != 0 {
            return Ok(MessageInfo::new(Code::DeviceFailed as u64, 0));
        }
        set_mr(0, 0);
        let root = Channel::new(self.config.root_channel as usize);
        let answer = root.pp_call(MessageInfo::new(Op::DeviceReset as u64, 1));
        Ok(MessageInfo::new(answer.label(), 0))
    }
}

#[protection_domain]
fn init() -> Bus {
    const NOTHING: BusConfig = zerocopy::transmute!([0u8; size_of::<BusConfig>()]);
    Bus {
        config: var!(umbra_config: BusConfig = NOTHING),
    }
}
