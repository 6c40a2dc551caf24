//! The operator at the other end of a command channel.

use super::operator::{Operator, wait};
use crate::ctl::{Client, ClientError};
use anyhow::{Context, Result};
use control_protocol::PackageHash;
use control_protocol::record::Record;
use control_protocol::reply::{Status, Stop};
use control_protocol::request::Policy;
use std::path::Path;
use std::time::Duration;

/// Connects to a machine that was just started. The socket is there before anybody listens at it.
pub fn connect(socket: &Path) -> Result<Client> {
    wait(
        Duration::from_secs(10),
        "the machine's command socket",
        || match Client::connect(socket) {
            Err(ClientError::NotUp { .. }) => Ok(None),
            other => Ok(Some(other?)),
        },
    )
    .context("the system does not answer on its command channel")
}

impl Operator for Client {
    fn status(&mut self) -> Result<Status> {
        Ok(Self::status(self)?)
    }
    fn upload(&mut self, package: &[u8]) -> Result<PackageHash> {
        Ok(Self::upload(self, package, |_, _| {})?)
    }
    fn update(&mut self, device: &str, package: PackageHash) -> Result<u32> {
        Ok(Self::update(self, device, package, Policy::Refuse)?)
    }
    fn kill(&mut self, device: &str) -> Result<u32> {
        Ok(Self::kill(self, device)?)
    }
    fn job(&mut self, job: u32) -> Result<Record> {
        Ok(Self::job(self, job)?)
    }
    fn report(&mut self, client: &str, offset: usize, len: usize) -> Result<Vec<u8>> {
        Ok(Self::report(self, client, offset, len)?)
    }
    fn stop(&mut self) -> Result<Stop> {
        Ok(Self::stop(self)?)
    }
}
