//! `cargo umbra key`: who may sign drivers.

use crate::cli::Exit;
use crate::complete;
use crate::ctl::text::hex;
use crate::keys::{self, Keys};
use anyhow::Result;
use serde_json::json;

/// Make, list, trust and revoke the keys that sign driver packages
///
/// The first use of the tool makes a key called `development` and trusts it, so that everything works at once. To ship, replace
/// it: `key new ship`, `key trust ship`, `key revoke development`, build the image again, and pack drivers with `--key ship`.
/// Keys lie in .umbra/keys of the checkout, or where UMBRA_KEYS says.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Make a key pair; it is not trusted yet
    New {
        /// Letters, digits, - and _
        name: String,
    },
    /// Show all keys: which can sign here, which are trusted by images that are built from now on
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust a key in images that are built from now on
    Trust {
        /// Name of a key of ours, or file with a public key (PEM)
        #[arg(add = complete::key_names())]
        key: String,
    },
    /// Trust it no longer in images that are built from now on
    Revoke {
        /// Name of a trusted key
        #[arg(add = complete::key_names())]
        name: String,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let keys = Keys::open()?;
    match &arguments.what {
        What::New { name } => {
            keys.create(name)?;
            println!("made key {name}; `cargo umbra key trust {name}` lets images take what it signs");
        }
        What::List { json } => list(&keys, *json)?,
        What::Trust { key } => {
            let name = keys.trust(key)?;
            println!("images built from now on take packages signed by {name}");
        }
        What::Revoke { name } => {
            let public = keys.revoke(name)?;
            println!(
                "images built from now on refuse packages signed by {name} ({}); a machine that runs goes on trusting it until \
                 `cargo umbra ctl revoke {name}`",
                keys::short(&public)
            );
        }
    }
    Ok(Exit::Success)
}

fn list(keys: &Keys, as_json: bool) -> Result<()> {
    let entries = keys.list()?;
    if as_json {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "name": entry.name,
                    "public": hex(&entry.public),
                    "ours": entry.ours,
                    "trusted": entry.trusted,
                })
            })
            .collect();
        println!("{:#}", json!({ "keys": entries }));
        return Ok(());
    }
    println!("{:<20} {:<16} {:<10} trusted", "name", "public key", "signs here");
    let yes = |yes| if yes { "yes" } else { "no" };
    for entry in entries {
        println!(
            "{:<20} {:<16} {:<10} {}",
            entry.name,
            keys::short(&entry.public),
            yes(entry.ours),
            yes(entry.trusted)
        );
    }
    Ok(())
}
