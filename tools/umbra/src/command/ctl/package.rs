//! The package that an order means.

use crate::ctl::{Client, text};
use anyhow::{Context, Result, bail};
use control_protocol::PackageHash;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;

/// A package file is uploaded; anything else names a package in the store.
pub fn find(client: &mut Client, named: &str) -> Result<PackageHash> {
    if Path::new(named).is_file() {
        let bytes = std::fs::read(named).with_context(|| format!("reading {named}"))?;
        return upload(client, named, &bytes);
    }
    let packages = client.packages()?;
    let lower = named.to_ascii_lowercase();
    let found: Vec<_> = packages
        .iter()
        .filter(|package| {
            package.label == named
                || text::word(&package.label) == named
                || (lower.len() >= 4 && text::hex(&package.sha256).starts_with(&lower))
        })
        .collect();
    match found[..] {
        [only] => Ok(only.sha256),
        [] => bail!(
            "{named} is neither a file nor a package in the store (`cargo umbra ctl packages` lists those)"
        ),
        _ => bail!("several packages in the store are meant by {named}: say more of the hash"),
    }
}

fn upload(client: &mut Client, named: &str, bytes: &[u8]) -> Result<PackageHash> {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(bytes.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("uploading {msg} [{bar:30}] {bytes}/{total_bytes}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(named.to_owned());
    let hash = client.upload(bytes, |done, _| bar.set_position(done as u64));
    bar.finish_and_clear();
    Ok(hash?)
}
