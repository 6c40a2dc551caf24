//! File sessions: a server's clients.

use system_spec::config::{FileServerConfig, FileSessionConfig, MAX_FILE_SESSIONS, RegionConfig};
use zerocopy::FromZeros;

use super::blob;
use crate::check::pd_index;
use crate::error::Fault;
use crate::plan::Plan;

/// Configures all file servers and their clients.
pub(crate) fn sessions(plan: &mut Plan<'_>) -> Result<(), Fault> {
    let description = plan.description;
    let mut servers: Vec<(usize, FileServerConfig)> = Vec::new();
    for session in &description.file_sessions {
        let client = pd_index(&description.pds, &session.at, &session.client)?;
        let server = pd_index(&description.pds, &session.at, &session.server)?;
        let [at_client, at_server] = super::link(plan, client, server, false)?;
        let region = plan.memory(format!("files of {}", session.client), session.data_size);
        let mut end = |pd, link| FileSessionConfig {
            link,
            data: RegionConfig {
                vaddr: plan.map(pd, region, true),
                len: session.data_size,
            },
        };
        let (client_end, server_end) = (end(client, at_client), end(server, at_server));
        blob(plan, client, "umbra_files", &client_end);
        let found = servers.iter().position(|(pd, _)| *pd == server);
        let index = found.unwrap_or_else(|| {
            servers.push((server, FileServerConfig::new_zeroed()));
            servers.len() - 1
        });
        let config = &mut servers[index].1;
        // Their number was checked.
        config.sessions[config.count as usize % MAX_FILE_SESSIONS] = server_end;
        config.count += 1;
    }
    for (server, config) in servers {
        blob(plan, server, "umbra_file_sessions", &config);
    }
    Ok(())
}
