//! Cache maintenance of pages, of address spaces, and by the thread itself.

use super::tests;
use super::vspace::tables;
use crate::api::{self, VSPACE, cache, page_map};
use crate::arena::VOID;
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, invoke, message};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    cache_operations_of_a_page,
    cache_operations_of_a_page_refuse,
    cache_operations_of_an_address_space,
    cache_operations_of_an_address_space_refuse,
    cache_operations_after_the_pool_is_gone,
    user_cache_instructions,
];

/// The four operations of pages.
const OF_PAGES: [L; 4] = [
    L::ARMPageCleanData,
    L::ARMPageInvalidateData,
    L::ARMPageCleanInvalidateData,
    L::ARMPageUnifyInstruction,
];

/// The four operations of address spaces.
const OF_SPACES: [L; 4] = [
    L::ARMVSpaceCleanData,
    L::ARMVSpaceInvalidateData,
    L::ARMVSpaceCleanInvalidateData,
    L::ARMVSpaceUnifyInstruction,
];

fn cache_operations_of_a_page(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(0x1234) };
    for operation in OF_PAGES {
        ok!(cache(frame, operation, 0, 4096));
        ok!(cache(frame, operation, 5, 6));
        ok!(cache(frame, operation, 64, 4095));
    }
    // SAFETY: still mapped.
    eq!(unsafe { (address as *const u64).read_volatile() }, 0x1234);
    // Read-only mappings too, but for what would lose written data.
    ok!(page_map(frame, VSPACE, address, 2, 7));
    for operation in OF_PAGES {
        if operation == L::ARMPageInvalidateData {
            err!(cache(frame, operation, 0, 4096), IllegalOperation, []);
        } else {
            ok!(cache(frame, operation, 0, 4096));
        }
    }
    let large = t.make(O::LargePage, 0)?;
    tables(t, VSPACE, VOID, 2)?;
    ok!(page_map(large, VSPACE, VOID, 3, 7));
    ok!(cache(large, L::ARMPageCleanInvalidateData, 0, 0x20_0000));
    Ok(())
}

fn cache_operations_of_a_page_refuse(t: &mut Test) -> Outcome {
    let (frame, _) = t.mapped()?;
    let unmapped = t.frame()?;
    for operation in OF_PAGES {
        err!(cache(unmapped, operation, 0, 4096), IllegalOperation, []);
        err!(cache(frame, operation, 5, 5), InvalidArgument, [1]);
        err!(cache(frame, operation, 6, 5), InvalidArgument, [1]);
        err!(cache(frame, operation, 4096, 4097), InvalidArgument, [0]);
        err!(cache(frame, operation, 0, 4097), InvalidArgument, [0]);
        err!(cache(frame, operation, u64::MAX, 1), InvalidArgument, [1]);
        err!(invoke(frame, operation, &[0], &[]), TruncatedMessage, []);
    }
    Ok(())
}

fn cache_operations_of_an_address_space(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    for operation in OF_SPACES {
        ok!(cache(VSPACE, operation, address, address + 4096));
        ok!(cache(VSPACE, operation, address + 5, address + 6));
        // Where nothing is mapped there is nothing to do.
        ok!(cache(VSPACE, operation, VOID, VOID + 64));
    }
    Ok(())
}

fn cache_operations_of_an_address_space_refuse(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let vspace = t.make(O::VSpace, 0)?;
    for operation in OF_SPACES {
        err!(cache(VSPACE, operation, address, address), InvalidArgument, [1]);
        err!(
            cache(VSPACE, operation, address + 1, address),
            InvalidArgument,
            [1]
        );
        err!(cache(VSPACE, operation, address, 1 << 48), IllegalOperation, []);
        err!(
            cache(VSPACE, operation, address, address + 4097),
            RangeError,
            [address, address + 4095]
        );
        err!(
            cache(VSPACE, operation, address + 0xff0, address + 0x1010),
            RangeError,
            [address + 0xff0, address + 0xfff]
        );
        err!(
            cache(vspace, operation, address, address + 1),
            InvalidCapability,
            [0]
        );
        err!(invoke(VSPACE, operation, &[address], &[]), TruncatedMessage, []);
    }
    err!(
        invoke(VSPACE, L::ARMPageMap, &[0, 0, 0], &[VSPACE]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn cache_operations_after_the_pool_is_gone(t: &mut Test) -> Outcome {
    let (untyped, pool, vspace) = (t.untyped(12)?, t.slot(), t.make(O::VSpace, 0)?);
    ok!(api::asid_control_make_pool(untyped, api::root(pool)));
    ok!(api::asid_pool_assign(pool, vspace));
    tables(t, vspace, VOID, 3)?;
    let frame = t.frame()?;
    ok!(page_map(frame, vspace, VOID, 3, 7));
    ok!(api::cnode_delete(api::root(pool)));
    for operation in OF_SPACES {
        err!(cache(vspace, operation, VOID, VOID + 64), FailedLookup, [0, 1]);
    }
    for operation in OF_PAGES {
        err!(cache(frame, operation, 0, 64), FailedLookup, [0, 1]);
    }
    Ok(())
}

fn user_cache_instructions(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(5) };
    let worker = t.run(Spec::priority(210).fault(ep), code::cache::address(), &[address])?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    eq!(registers(worker.tcb)?[reg::PC], code::cache::address() + 16);
    // Zeroing a block is not allowed; the register that says so can be read.
    let worker = t.run(
        Spec::priority(210).fault(ep),
        code::zero_block::address(),
        &[address],
    )?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    let seen: [u64; 4] = words();
    eq!((seen[0], seen[3]), (code::zero_block::address() + 4, 0x6212_dc08));
    // Prohibited (bit 4), blocks of 64 bytes.
    eq!(registers(worker.tcb)?[reg::X0 + 2], 0x14);
    Ok(())
}
