//! `cargo umbra pack` and `cargo umbra inspect`: driver packages.

use crate::build::Config;
use crate::cli::Exit;
use crate::complete;
use crate::ctl::{Client, place, text};
use crate::keys::Keys;
use crate::pack::{self, Driver, Packed, Room, Verdict};
use crate::setup;
use crate::system;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Build drivers and pack them
#[derive(clap::Args)]
pub struct Arguments {
    /// Driver: crate, label, folder, or an ELF file whose name is a driver crate's; none: all of drivers/
    #[arg(add = complete::drivers())]
    drivers: Vec<String>,
    /// All of tests/drivers/ too
    #[arg(long)]
    tests: bool,
    /// File to write (one driver only), or folder
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Kernel configuration
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
    /// Sign with the key of this name, instead of the first of ours that is trusted (`key list`)
    #[arg(long, value_name = "NAME", add = complete::key_names())]
    key: Option<String>,
}

/// Show what a driver package says, and whether a system would take it
///
/// The answer is that of the stager of an image built now, or, with `--running`, of that of a running machine, whose floors, keys and
/// contracts may be others. Nothing changes on the machine; `ctl update PKG --dry-run` also builds the driver there, and finds out
/// whether there is memory.
#[derive(clap::Args)]
#[command(after_help = INSPECT_EXIT_CODES)]
pub struct InspectArguments {
    /// Package file
    file: PathBuf,
    /// Description of the system whose devices are asked
    #[arg(long, value_name = "XML", default_value_os_t = system::default_description())]
    system: PathBuf,
    /// Ask the devices of the machine that runs instead
    #[arg(long, conflicts_with = "system")]
    running: bool,
    /// Command socket of that machine [default: that of the machine started last by `cargo umbra run`]
    #[arg(long, value_name = "PATH", requires = "running")]
    socket: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

const INSPECT_EXIT_CODES: &str = "\
Exit status:
  0  a device would take the package
  1  none would, or it is no package (the reasons are printed)
  2  it could not be found out (no such file, no machine answers, wrong usage)";

/// Runs `pack`.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::rust_target()?;
    let mut packed = Vec::new();
    for called in &arguments.drivers {
        packed.push(one(called, arguments.config)?);
    }
    if arguments.drivers.is_empty() {
        packed.extend(pack::all(Room::Product, arguments.config)?);
    }
    if arguments.tests {
        packed.extend(pack::all(Room::Tests, arguments.config)?);
    }
    if let Some(name) = &arguments.key {
        let key = Keys::open()?.signer(name)?;
        packed.iter_mut().try_for_each(|packed| packed.sign(&key))?;
    }
    for (path, packed) in paths(arguments, &packed)?.iter().zip(&packed) {
        let folder = path.parent().unwrap_or(Path::new(""));
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        std::fs::write(path, &packed.bytes).with_context(|| format!("writing {}", path.display()))?;
        println!("{}", path.display());
        if let Some(note) = packed.note() {
            eprintln!("umbra: {note}");
        }
    }
    Ok(Exit::Success)
}

fn one(called: &str, config: Config) -> Result<Packed> {
    let path = Path::new(called);
    if !path.is_file() {
        return pack::pack(&pack::find(called)?, config);
    }
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let driver: Driver =
        pack::find(name).context("an ELF file takes its manifest from the crate of its name")?;
    pack::pack_elf(&driver, path, config)
}

/// Where each package goes.
fn paths(arguments: &Arguments, packed: &[Packed]) -> Result<Vec<PathBuf>> {
    let folder = match &arguments.output {
        None => pack::folder(arguments.config),
        Some(output) if output.is_dir() => output.clone(),
        Some(file) if packed.len() == 1 => return Ok(vec![file.clone()]),
        Some(output) => bail!("{} packages, but {} is no folder", packed.len(), output.display()),
    };
    Ok(packed
        .iter()
        .map(|packed| folder.join(packed.file_name()))
        .collect())
}

/// Runs `inspect`.
pub fn inspect(arguments: &InspectArguments) -> Result<Exit> {
    let file = &arguments.file;
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    let described = pack::describe(&bytes);
    let verdicts = if arguments.running {
        let socket = arguments.socket.clone().unwrap_or_else(place::current);
        pack::verdicts_of_running(&bytes, &mut Client::connect(&socket)?)?
    } else {
        pack::verdicts(&bytes, &arguments.system)?
    };
    if arguments.json {
        let mut shown = pack::to_json(&bytes);
        shown["devices"] = verdicts.iter().map(verdict_json).collect();
        println!("{shown:#}");
    } else if let Ok(table) = &described {
        print!("{table}");
        for verdict in &verdicts {
            let refusal = verdict.refusal.as_ref().map(text::reason);
            let answer = refusal.map_or("takes it".to_owned(), |why| format!("refuses it: {why}"));
            let Verdict { device, what, .. } = verdict;
            println!("{:<15} {device} ({what}) {answer}", "device");
        }
    }
    match described {
        Ok(_) if verdicts.iter().all(|verdict| verdict.refusal.is_some()) => Ok(Exit::Failed),
        Ok(_) => Ok(Exit::Success),
        Err(what) => {
            eprintln!("umbra: {}: {what}", file.display());
            Ok(Exit::Failed)
        }
    }
}

fn verdict_json(verdict: &Verdict) -> Value {
    json!({
        "device": verdict.device,
        "is": verdict.what,
        "takes_it": verdict.refusal.is_none(),
        "refusal": verdict.refusal.as_ref().map(text::reason),
    })
}
