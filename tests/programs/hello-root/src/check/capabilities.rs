//! CNode invocations, and the errors of invocations in general.

use super::{Context, Outcome, ensure};
use crate::memory::path;
use sel4::init_thread::slot;
use sel4::{CapRights, Error, ObjectBlueprint, VmAttributes, cap, cap_type};

pub fn cnode_operations(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut context.memory;
    let master = memory.make::<cap_type::Notification>()?;
    let (copy, minted, moved): (cap::Notification, cap::Notification, cap::Notification) =
        (memory.slot(), memory.slot(), memory.slot());

    path(copy).copy(&path(master), CapRights::read_only())?;
    path(minted).mint(&path(master), CapRights::write_only(), 0x30)?;
    path(moved).move_(&path(minted))?;

    moved.signal();
    ensure!(copy.poll().1 == 0x30);

    path(copy).delete()?;
    path(copy).copy(&path(master), CapRights::all())?;
    path(master).revoke()?;
    // Copies are gone, the master is not: their slots can be used again.
    path(copy).copy(&path(master), CapRights::all())?;
    path(moved).move_(&path(copy))?;

    // Revoking an untyped destroys what was made of it, and its memory can be had again.
    const HALF: ObjectBlueprint = ObjectBlueprint::Untyped { size_bits: 12 };
    const WHOLE: ObjectBlueprint = ObjectBlueprint::Untyped { size_bits: 13 };
    let untyped: cap::Untyped = memory.make_sized(WHOLE)?;
    let first: cap::Untyped = memory.retype(untyped, HALF)?;
    let _second: cap::Untyped = memory.retype(untyped, HALF)?;
    ensure!(memory.retype::<cap_type::Untyped>(untyped, HALF) == Err(Error::NotEnoughMemory));
    path(untyped).revoke()?;
    path(first).copy(&path(master), CapRights::all())?;
    memory.retype::<cap_type::Untyped>(untyped, WHOLE)?;
    Ok(())
}

pub fn errors(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut context.memory;
    let full = memory.make::<cap_type::Endpoint>()?;
    let empty: cap::Endpoint = memory.slot();

    ensure!(path(full).copy(&path(empty), CapRights::all()) == Err(Error::DeleteFirst));
    ensure!(path(empty).copy(&path(empty), CapRights::all()) == Err(Error::FailedLookup));
    ensure!(empty.cast::<cap_type::Tcb>().tcb_resume() == Err(Error::InvalidCapability));
    ensure!(
        slot::TCB
            .cap()
            .cast::<cap_type::Untyped>()
            .upcast()
            .downcast::<cap_type::SmallPage>()
            .frame_unmap()
            == Err(Error::IllegalOperation)
    );

    let too_deep = slot::CNODE
        .cap()
        .absolute_cptr_from_bits_with_depth(full.bits(), 65);
    ensure!(too_deep.delete() == Err(Error::RangeError));

    let frame = memory.make::<cap_type::SmallPage>()?;
    let unaligned = frame.frame_map(
        slot::VSPACE.cap(),
        0x80_0000_0800,
        CapRights::all(),
        VmAttributes::DEFAULT,
    );
    ensure!(unaligned == Err(Error::AlignmentError));
    let too_high = frame.frame_map(
        slot::VSPACE.cap(),
        1 << 47,
        CapRights::all(),
        VmAttributes::DEFAULT,
    );
    ensure!(too_high == Err(Error::InvalidArgument));

    let too_important = slot::TCB.cap().tcb_set_priority(slot::TCB.cap(), 256);
    ensure!(too_important == Err(Error::RangeError));
    Ok(())
}
