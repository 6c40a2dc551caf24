//! The guard clock: whom it asks for signs of life.

use core::cmp::Reverse;
use system_spec::config::{GuardConfig, Watched};
use system_spec::spec;

use super::{blob, configure};
use crate::element::protection_domain::Role;
use crate::error::{Fault, Rule};
use crate::plan::Plan;

/// Time from one question to the next, in µs: who is asked has as long to answer, which is more than anybody takes for a wake-up, and
/// more than those above him take.
const ROUND_US: u64 = 500_000;

/// Its blob, and a channel to each part of the system that root starts anew and that nobody else finds hanging. The stager is not among them:
/// clients may keep the processor from it, and control has a deadline for it.
pub(crate) fn guard(plan: &mut Plan<'_>) -> Result<(), Fault> {
    let pds = &plan.description.pds;
    let Some(guard) = pds.iter().position(|pd| pd.role == Some(Role::Guard)) else {
        return Ok(());
    };
    const ROLES: [Role; 6] = [
        Role::Timer,
        Role::Bus,
        Role::Iommu,
        Role::Control,
        Role::Command,
        Role::Shadow,
    ];
    let is_watched = |pd: &usize| pds[*pd].restart && pds[*pd].role.is_some_and(|role| ROLES.contains(&role));
    let mut watched: Vec<usize> = (0..pds.len()).filter(is_watched).collect();
    watched.sort_by_key(|pd| Reverse(pds[*pd].priority));
    let mut config = GuardConfig {
        root_channel: plan.caller(guard, spec::Role::Guard)?.into(),
        round_us: ROUND_US,
        ..GuardConfig::default()
    };
    for (pd, entry) in watched.into_iter().zip(&mut config.watched) {
        if pds[pd].priority >= pds[guard].priority {
            let (upper, lower) = (pds[guard].name.clone(), pds[pd].name.clone());
            let rule = Rule::Priority { upper, lower };
            return Err(Fault {
                at: pds[guard].at.clone(),
                rule,
            });
        }
        let (at_guard, at_pd) = plan.channel(guard, pd, false)?;
        let (channel, at_pd) = (u64::from(at_guard), u64::from(at_pd));
        *entry = Watched {
            channel,
            pd: pd as u64,
        };
        config.watched_count += 1;
        blob(plan, pd, "umbra_guard", &at_pd);
    }
    configure(plan, guard, &config);
    Ok(())
}
