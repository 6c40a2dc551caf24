//! Two clients share files through the file server while the disk's driver is replaced: what they wrote is there, and nothing
//! ever looked wrong to them.

use crate::running::Running;
use anyhow::{Result, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use file_user::{ACCOUNT_LEN, FILE_LEN, fill};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::{disk, pack};

const UPDATES: usize = 6;

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("files", config, kernel)?;
    running.operate(|client, patience| play(client, config, patience))?;
    let image = running.disk()?;
    let accounts = [0, 1].map(|number| account(&image, number));
    let [first, second] = accounts;
    let (first, second) = (first?, second?);
    for [rounds, errors, _] in [first, second] {
        ensure!(rounds > 1 && errors == 0, "{rounds} rounds, {errors} errors");
    }
    ensure!(first[2] + second[2] == 1, "one client met the other's account");
    Ok(())
}

fn play(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    demo::settled(client, DEVICE, patience.boot)?;
    let mut packages = Vec::new();
    for label in ["virtio-blk-0.12.0", "virtio-blk-0.13.0"] {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        packages.push(client.upload(&package, |_, _| {})?);
    }
    for update in 0..UPDATES {
        let job = client.update(DEVICE, packages[update % 2], Policy::Refuse)?;
        let record = demo::finished(client, job, patience.transaction)?;
        ensure!(
            record.state == State::Done(Outcome::Done),
            "update {update}: {record:?}"
        );
    }
    Ok(())
}

/// The account of a client, whose file is that of the round it states or, if the stop came over it, of the next.
fn account(image: &[u8], number: u64) -> Result<[u64; 3]> {
    let read = |name: String| disk::file(image, &name);
    let bytes = read(format!("ACC{number}.BIN"))?;
    ensure!(bytes.len() == ACCOUNT_LEN, "an account of {} bytes", bytes.len());
    let word = |at: usize| u64::from_le_bytes(bytes[8 * at..][..8].try_into().expect("eight bytes"));
    let account = [word(0), word(1), word(2)];
    let content = read(format!("USER{number}.BIN"))?;
    let whole = |round| {
        let mut expected = vec![0; FILE_LEN];
        fill(number, round, 0, &mut expected);
        content == expected
    };
    let partial = |round| {
        let mut expected = vec![0; FILE_LEN];
        fill(number, round, 0, &mut expected);
        expected.starts_with(&content)
    };
    ensure!(
        whole(account[0]) || partial(account[0] + 1),
        "client {number}: {} bytes that are not of round {} or the next",
        content.len(),
        account[0]
    );
    Ok(account)
}
