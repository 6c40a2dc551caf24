//! Whose packages the machine takes, and taking that back while it runs.

use super::Exit;
use super::show::print_json;
use crate::ctl::Client;
use crate::ctl::text::hex;
use crate::keys::{self, Entry, Keys};
use anyhow::{Result, bail};
use control_protocol::PublicKey;
use control_protocol::reply::TrustedKey;
use serde_json::{Value, json};

/// Prints the keys that the machine was built to trust.
pub fn list(client: &mut Client, as_json: bool) -> Result<Exit> {
    let keys = client.keys()?;
    show(client, &keys, as_json)?;
    Ok(Exit::Success)
}

/// Has the machine take no more packages of a key.
pub fn revoke(client: &mut Client, named: &str, as_json: bool) -> Result<Exit> {
    let key = find(&client.keys()?, &known(), named)?;
    let keys = client.revoke(key)?;
    show(client, &keys, as_json)?;
    if !as_json {
        println!(
            "revoked until the machine is booted again; to revoke it for good: `cargo umbra key revoke`, and build the image anew"
        );
        if keys.iter().any(|one| one.key == key && one.drivers != 0) {
            println!(
                "drivers of that key go on running until they are replaced (`ctl update`), fail or are killed"
            );
        }
    }
    Ok(Exit::Success)
}

/// Keys that have a name here.
fn known() -> Vec<Entry> {
    Keys::open().and_then(|keys| keys.list()).unwrap_or_default()
}

/// The key that is meant: by the name it has here, or the beginning of its hexadecimal form.
fn find(keys: &[TrustedKey], known: &[Entry], named: &str) -> Result<PublicKey> {
    if let Some(entry) = known.iter().find(|entry| entry.name == named) {
        return Ok(entry.public);
    }
    let lower = named.to_ascii_lowercase();
    let mut meant = keys
        .iter()
        .filter(|one| lower.len() >= 4 && hex(&one.key).starts_with(&lower));
    match (meant.next(), meant.next()) {
        (Some(only), None) => Ok(only.key),
        (None, _) => {
            bail!("{named} is neither a key here (`key list`) nor one of the machine's (`ctl keys`)")
        }
        _ => bail!("several keys of the machine begin with {named}"),
    }
}

fn show(client: &mut Client, keys: &[TrustedKey], as_json: bool) -> Result<()> {
    let devices = client.status()?.devices;
    let drivers = |one: &TrustedKey| -> Vec<String> {
        let runs = devices
            .iter()
            .enumerate()
            .filter(|(index, _)| one.drivers & 1 << index != 0);
        runs.map(|(_, device)| device.name.as_str().to_owned()).collect()
    };
    let known = known();
    let name = |one: &TrustedKey| known.iter().find(|entry| entry.public == one.key);
    if as_json {
        let keys: Vec<Value> = keys
            .iter()
            .map(|one| {
                json!({
                    "public": hex(&one.key),
                    "name": name(one).map(|entry| &entry.name),
                    "revoked": one.revoked,
                    "drivers": drivers(one),
                })
            })
            .collect();
        return print_json(&json!({ "keys": keys })).map(drop);
    }
    println!(
        "{:<17} {:<20} {:<8} drivers",
        "public key", "name here", "revoked"
    );
    for one in keys {
        println!(
            "{:<17} {:<20} {:<8} {}",
            keys::short(&one.key),
            name(one).map_or("-", |entry| entry.name.as_str()),
            if one.revoked { "yes" } else { "no" },
            drivers(one).join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_meant_by_name_or_by_what_no_other_begins_with() {
        let key = |byte| TrustedKey {
            key: [byte; 32],
            revoked: false,
            drivers: 0,
        };
        let keys = [key(0xaa), key(0xab), key(0xaa)];
        let known = [Entry {
            name: "ship".to_owned(),
            public: [9; 32],
            ours: true,
            trusted: false,
        }];
        let found = |named| find(&keys, &known, named).ok();
        assert_eq!(found("ship"), Some([9; 32]));
        assert_eq!(found("ABAB"), Some([0xab; 32]));
        assert_eq!(found("aaaa"), None, "two of them");
        assert_eq!(found("ab"), None, "too short");
        assert_eq!(found("dead"), None);
    }
}
