//! Clients and their sessions.

use system_spec::config::{ClientConfig, LinkConfig, RegionConfig};

use super::control::ControlPlan;
use super::small::TimerPlan;
use super::{configure, own_region};
use crate::check::pd_index;
use crate::element::device_slot::CLASS_NET;
use crate::element::session::Session;
use crate::error::Fault;
use crate::plan::Plan;

/// What a shadow has of a session.
pub(crate) struct AtShadow {
    /// Its end of the link.
    pub link: LinkConfig,
    /// Network: its end of the link for deliveries.
    pub deliveries: LinkConfig,
    /// The client's data region.
    pub region: usize,
    /// Network: where the shadow sees it.
    pub data: RegionConfig,
}

/// Configures a client of a slot of this class; what its shadow has of it.
pub(crate) fn client(
    plan: &mut Plan<'_>,
    shadow: usize,
    class: u32,
    session: &Session,
    timer: &mut TimerPlan,
    control: &mut ControlPlan,
) -> Result<AtShadow, Fault> {
    let pd = pd_index(&plan.description.pds, &session.at, &session.client)?;
    let [link, at_shadow] = super::link(plan, pd, shadow, true)?;
    let region = plan.memory(format!("data of {}", session.client), session.data_size);
    let mut data = |pd| RegionConfig {
        vaddr: plan.map(pd, region, true),
        len: session.data_size,
    };
    let data_here = data(pd);
    let (data_there, [deliveries, deliveries_there]) = if class == CLASS_NET {
        let data_there = data(shadow);
        let ends = ((pd, link.channel), (shadow, at_shadow.channel));
        (data_there, super::pages(plan, "buffers", ends.0, ends.1))
    } else {
        Default::default()
    };
    let report = (session.report_size > 0).then(|| own_region(plan, pd, "report", session.report_size));
    let config = ClientConfig {
        link,
        deliveries,
        data: data_here,
        report: report.map(|(_, config)| config).unwrap_or_default(),
        control_channel: control.client(plan, pd, report.map(|(region, _)| region))?,
        timer_channel: timer.client(plan, pd)?,
    };
    configure(plan, pd, &config);
    Ok(AtShadow {
        link: at_shadow,
        deliveries: deliveries_there,
        region,
        data: data_there,
    })
}
