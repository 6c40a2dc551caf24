//! Clients and their sessions.

use system_spec::config::{ClientConfig, LinkConfig, RegionConfig};

use super::control::ControlPlan;
use super::small::TimerPlan;
use super::{configure, own_region};
use crate::check::pd_index;
use crate::element::session::Session;
use crate::error::Fault;
use crate::plan::Plan;

/// Configures a client; the shadow's end of the link, and the data region.
pub(crate) fn client(
    plan: &mut Plan<'_>,
    shadow: usize,
    session: &Session,
    timer: &mut TimerPlan,
    control: &mut ControlPlan,
) -> Result<(LinkConfig, usize), Fault> {
    let pd = pd_index(&plan.description.pds, &session.at, &session.client)?;
    let [link, at_shadow] = super::link(plan, pd, shadow, true)?;
    let data_region = plan.memory(format!("data of {}", session.client), session.data_size);
    let data = RegionConfig {
        vaddr: plan.map(pd, data_region, true),
        len: session.data_size,
    };
    let report = (session.report_size > 0).then(|| own_region(plan, pd, "report", session.report_size));
    let config = ClientConfig {
        link,
        deliveries: LinkConfig::default(),
        data,
        report: report.map(|(_, config)| config).unwrap_or_default(),
        control_channel: control.client(plan, pd, report.map(|(region, _)| region))?,
        timer_channel: timer.client(plan, pd)?,
    };
    configure(plan, pd, &config);
    Ok((at_shadow, data_region))
}
