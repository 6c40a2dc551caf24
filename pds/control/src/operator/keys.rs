//! Whose packages the machine takes, and taking that back.

use control_protocol::PublicKey;
use control_protocol::reply::{Error, Reply, TrustedKey};

use crate::control::Core;
use crate::world::World;

/// The keys that the machine was built to trust.
pub(super) fn keys<'b>(core: &Core, world: &mut impl World) -> Reply<'b> {
    let signers: heapless::Vec<_, { control_protocol::reply::MAX_DEVICES }> = core
        .devices
        .iter()
        .map(|(_, machine)| {
            let holder = machine.holder()?;
            core.store.limits(world, holder.package).1
        })
        .collect();
    let keys = core.keys.iter().enumerate().map(|(at, key)| {
        let runs = |(index, signer): (usize, &Option<PublicKey>)| u8::from(*signer == Some(*key)) << index;
        TrustedKey {
            key: *key,
            // A predecessor may have died between two devices: until the operator asks again it is half done.
            revoked: core
                .devices
                .iter()
                .all(|(_, machine)| machine.revoked() & 1 << at != 0),
            drivers: signers.iter().enumerate().map(runs).fold(0, |all, bit| all | bit),
        }
    });
    Reply::Keys(keys.collect())
}

/// Takes no more packages of a key, for any device.
pub(super) fn revoke<'b>(
    core: &mut Core,
    world: &mut impl World,
    key: &PublicKey,
) -> Result<Reply<'b>, Error> {
    let at = core
        .keys
        .iter()
        .position(|known| known == key)
        .ok_or(Error::UnknownKey)?;
    for index in 0..core.devices.len() {
        core.with(world, index, |machine, env| machine.revoke(env, 1 << at, key));
    }
    Ok(keys(core, world))
}
