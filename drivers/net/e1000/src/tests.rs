extern crate std;

use std::vec;
use std::vec::Vec;

use super::*;
use device::{DONE, STATUS_LU, queue};
use fake::end;
use ring::tests::registers;

const FROM_EEPROM: [u32; 2] = [0x1200_5452, 0x8000_5634];

fn started() -> Driver {
    let mut registers = registers();
    for (at, word) in register::ADDRESS.into_iter().zip(FROM_EEPROM) {
        registers.write(at, word);
    }
    registers.write(register::STATUS, STATUS_LU);
    Driver::start(registers).unwrap()
}

/// A buffer of so many bytes, for ever.
fn buffer(bytes: usize) -> Buffer {
    Buffer::of_test(vec![0; bytes].leak())
}

fn frame(id: u32, bytes: usize) -> Frame {
    Frame {
        id,
        data: buffer(HEADROOM as usize + bytes),
        offload: driver_runtime::net::Offload::default(),
    }
}

fn ended(driver: &mut Driver) -> Vec<(Ended, Completion)> {
    let mut all = Vec::new();
    driver.poll(|ended, completion| all.push((ended, completion)));
    all
}

#[test]
fn record_is_sane_and_the_address_is_the_devices() {
    let record = started().capabilities();
    assert!(record.is_sane(), "{record:?}");
    assert_eq!(record.mac, [0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    assert_eq!(record.link, LINK_UP);
}

#[test]
fn frame_is_sent_from_where_it_lies() {
    let mut driver = started();
    let frame = frame(7, 60);
    assert_eq!(driver.transmit(&frame), Begin::Accepted);
    assert_eq!(driver.registers.read(register::TRANSMIT + queue::TAIL), 1);
    assert!(ended(&mut driver).is_empty());
    end(&driver.registers, register::TRANSMIT, 0, DONE, 60);
    assert_eq!(
        ended(&mut driver),
        [(Ended::Frame, Completion::of(7, Status::Ok))]
    );
}

#[test]
fn queues_refuse_what_is_too_much_and_go_on() {
    let mut driver = started();
    for id in 0..DEPTH as u32 {
        assert_eq!(driver.transmit(&frame(id, 60)), Begin::Accepted);
        assert_eq!(driver.receive(id, buffer(2040)), Begin::Accepted);
    }
    assert_eq!(driver.transmit(&frame(99, 60)), Begin::Busy);
    assert_eq!(driver.receive(99, buffer(2040)), Begin::Busy);
    end(&driver.registers, register::TRANSMIT, 0, DONE, 60);
    assert_eq!(ended(&mut driver).len(), 1);
    assert_eq!(driver.transmit(&frame(99, 60)), Begin::Accepted);
}

#[test]
fn what_the_device_cannot_take_is_refused_before_it_hears_of_it() {
    let mut driver = started();
    assert_eq!(driver.transmit(&frame(1, 0)), Begin::Refused(Status::Invalid));
    assert_eq!(
        driver.transmit(&frame(1, FRAME_MAX + 1)),
        Begin::Refused(Status::Invalid)
    );
    assert_eq!(
        driver.receive(1, buffer(FRAME_MAX - 1)),
        Begin::Refused(Status::Invalid)
    );
    for register in [register::TRANSMIT, register::RECEIVE] {
        assert_eq!(driver.registers.read(register + queue::TAIL), 0);
    }
}

#[test]
fn frame_that_came_is_told_and_nonsense_is_an_error() {
    let mut driver = started();
    for (slot, (status, length, expected)) in [
        (DONE | END, 1514, Status::Ok),
        (DONE | END, u16::MAX, Status::IoError),
        (DONE, 60, Status::IoError),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(driver.receive(slot as u32, buffer(2040)), Begin::Accepted);
        end(&driver.registers, register::RECEIVE, slot, status, length);
        let all = ended(&mut driver);
        let [(Ended::Buffer, completion)] = all[..] else {
            panic!("{all:?}");
        };
        assert_eq!((completion.id, completion.status), (slot as u32, expected));
        let told = if expected == Status::Ok { length } else { 0 };
        assert_eq!(completion.length, u32::from(told));
    }
}

#[test]
fn rest_of_a_frame_in_pieces_is_no_frame() {
    let mut driver = started();
    for (slot, (status, expected)) in [
        (DONE, Status::IoError),
        (DONE, Status::IoError),
        (DONE | END, Status::IoError),
        (DONE | END, Status::Ok),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(driver.receive(slot as u32, buffer(2040)), Begin::Accepted);
        end(&driver.registers, register::RECEIVE, slot, status, 60);
        let all = ended(&mut driver);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].1.status, expected, "{slot}");
    }
}

#[test]
fn nothing_of_a_predecessor_delays_or_changes_frames() {
    let mut registers = registers();
    registers.write(register::CTRL, u32::MAX);
    for delay in register::DELAYS {
        registers.write(delay, 0xffff);
    }
    let driver = Driver::start(registers).unwrap();
    assert_eq!(driver.registers.read(register::CTRL) & device::CTRL_NOT_OURS, 0);
    assert_eq!(driver.registers.read(register::MDIC), device::MDIC_NEGOTIATE);
    assert!(register::DELAYS.iter().all(|at| driver.registers.read(*at) == 0));
}

#[test]
fn filter_is_the_devices_own_bits_and_no_others() {
    let mut driver = started();
    let on = driver.registers.read(register::RCTL);
    let mut set = |flags, groups| {
        assert_eq!(driver.set_filter(Wanted { flags, groups }), Status::Ok);
        driver.registers.read(register::RCTL)
    };
    assert_eq!(set(0, 0), on);
    assert_eq!(set(0, 1), on | RCTL_MPE);
    assert_eq!(set(FILTER_ALL_GROUPS, 0), on | RCTL_MPE);
    assert_eq!(set(FILTER_EVERYTHING, 0), on | RCTL_UPE | RCTL_MPE);
    assert_eq!(set(0, 0), on);
}

#[test]
fn link_is_looked_at_with_each_interrupt() {
    let mut driver = started();
    driver.registers.write(register::STATUS, 0);
    assert_eq!(driver.link(), LINK_UP);
    driver.handle_interrupt();
    assert_eq!(driver.link(), LINK_DOWN);
}
