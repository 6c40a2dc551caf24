//! Requests that change something: what they need is looked up, then the device's machine is asked.

use control_protocol::PackageHash;
use control_protocol::record::Kind;
use control_protocol::reply::{Error, Reply};
use control_protocol::request::Policy;
use supervision::shadow;

use crate::control::Core;
use crate::transaction::{Busy, Env, Machine, Order};
use crate::world::World;

/// How a driver is put in, as [`Order`] has it.
struct How {
    policy: shadow::Policy,
    manual: bool,
    drain_us: Option<u32>,
}

impl How {
    fn of(policy: shadow::Policy) -> Self {
        Self {
            policy,
            manual: false,
            drain_us: None,
        }
    }
}

pub(super) fn update<'b>(
    core: &mut Core,
    world: &mut impl World,
    device: &str,
    package: &PackageHash,
    policy: Policy,
    (manual, drain_us): (bool, Option<u32>),
) -> Result<Reply<'b>, Error> {
    let index = core.device(device)?;
    let package = core.store.find(package).ok_or(Error::UnknownPackage)?;
    let policy = match policy {
        Policy::Refuse => shadow::Policy::Refuse,
        Policy::Degrade => shadow::Policy::Degrade,
        Policy::Force => shadow::Policy::Force,
    };
    let how = How {
        policy,
        manual,
        drain_us,
    };
    order(core, world, index, Kind::Update, package, how)
}

/// An order that puts no driver in. It must not end a probation by the way.
pub(super) fn beside<'b>(
    core: &mut Core,
    world: &mut impl World,
    device: &str,
    kind: Kind,
    package: &PackageHash,
) -> Result<Reply<'b>, Error> {
    let index = core.device(device)?;
    let package = core.store.find(package).ok_or(Error::UnknownPackage)?;
    let machine = core.machine(index)?;
    if machine.probation().is_some() {
        return Err(Error::Uncommitted);
    }
    if kind == Kind::Stage && machine.busy().is_none() && !machine.serves() {
        return Err(Error::NoDriver);
    }
    order(core, world, index, kind, package, How::of(shadow::Policy::Refuse))
}

/// Commit or discard; `nothing` is the answer when there is nothing to do it to.
pub(super) fn settle<'b, W: World>(
    core: &mut Core,
    world: &mut W,
    device: &str,
    nothing: Error,
    act: impl FnOnce(&mut Machine, &mut Env<'_, W>) -> Result<u32, Option<Busy>>,
) -> Result<Reply<'b>, Error> {
    let index = core.device(device)?;
    core.not_stopping()?;
    match core.with(world, index, act) {
        Some(Ok(job)) => Ok(Reply::Accepted { job }),
        Some(Err(Some(busy))) => Err(Error::Busy { job: busy.job }),
        Some(Err(None)) => Err(nothing),
        None => Err(Error::UnknownDevice),
    }
}

pub(super) fn rollback<'b>(
    core: &mut Core,
    world: &mut impl World,
    device: &str,
) -> Result<Reply<'b>, Error> {
    let index = core.device(device)?;
    let package = core.machine(index)?.previous().ok_or(Error::NothingToRollBack)?;
    // The older version may be able to do less; to go back is what the operator ordered.
    order(
        core,
        world,
        index,
        Kind::Rollback,
        package,
        How::of(shadow::Policy::Degrade),
    )
}

fn order<'b>(
    core: &mut Core,
    world: &mut impl World,
    index: usize,
    kind: Kind,
    package: u8,
    how: How,
) -> Result<Reply<'b>, Error> {
    core.not_stopping()?;
    let machine = core.machine(index)?;
    if let Some(busy) = machine.busy() {
        return Err(Error::Busy { job: busy.job });
    }
    if machine.probation().is_some_and(|probation| probation.manual) {
        return Err(Error::Uncommitted);
    }
    let from = machine.package().and_then(|package| core.store.label(package));
    let to = core.store.label(package);
    let record = core.history.open(index as u8, kind, from, to, None);
    // Before it has an effect: who takes over must know that it was asked for, and by whom.
    core.history.flush(world);
    let order = Order {
        record,
        kind,
        package,
        policy: how.policy,
        manual: how.manual,
        drain_us: how.drain_us,
    };
    match core.with(world, index, |machine, env| machine.accept(env, order)) {
        Some(Ok(())) => Ok(Reply::Accepted { job: record }),
        Some(Err(busy)) => Err(Error::Busy { job: busy.job }),
        None => Err(Error::UnknownDevice),
    }
}
