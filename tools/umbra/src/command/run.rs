//! `cargo umbra run`: the system of the demo, left running.

use crate::build::Config;
use crate::cli::Exit;
use crate::ctl::place;
use crate::demo::machine::{self, Attached, Setup};
use crate::demo::{self, Clock};
use crate::disk::Layout;
use crate::qemu::{End, Guest, Tee};
use crate::setup;
use crate::system;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// How often to look for an interrupt.
const LOOK: Duration = Duration::from_millis(100);
/// How long the clients may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Boot the demo's system and leave console and command channel open
///
/// Ctrl-C, SIGTERM and the end of the terminal stop the clients in order and end the machine, which never outlives this command.
#[derive(clap::Args)]
pub struct Arguments {
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Debug)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
    /// Description of the system, instead of the demo's
    #[arg(long, value_name = "FILE")]
    system: Option<PathBuf>,
    /// Virtual time: count instructions, a nanosecond each
    #[arg(long)]
    icount: bool,
    /// Seed of the disk's content
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Port of this host's that leads to the web server, if the system has a network
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    web: u16,
    /// Seconds after which the machine ends
    #[arg(long, value_name = "S", default_value_t = 86_400)]
    timeout: u64,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let description = arguments
        .system
        .clone()
        .unwrap_or_else(system::default_description);
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let limit = Duration::from_secs(arguments.timeout);
    let mut attached = Attached::of(&description)?;
    attached.web = attached.net.map(|_| arguments.web);
    let mut guest = machine::start(&Setup {
        image: &image,
        layout: Layout {
            seed: arguments.seed,
            ..Layout::default()
        },
        attached,
        clock: if arguments.icount {
            Clock::Icount
        } else {
            Clock::Real
        },
        limit,
        tee: Tee::Stdout,
        detached: true,
    })?;
    let _current = place::make_current(guest.folder()).context("remembering the machine for `ctl`")?;
    let socket = machine::command(&guest);
    eprintln!(
        "umbra: command channel {}; in another terminal: cargo umbra ctl status",
        socket.display()
    );
    if attached.net.is_some() {
        eprintln!(
            "umbra: if the system has a web server, it is at http://127.0.0.1:{}/",
            arguments.web
        );
    }
    eprintln!("umbra: Ctrl-C (or SIGTERM) stops the clients in order and ends the machine");
    let (interrupt, interrupted) = mpsc::channel();
    ctrlc::set_handler(move || {
        let _ = interrupt.send(());
    })
    .context("catching Ctrl-C")?;
    while guest.wait_for(None, LOOK) == End::TimedOut {
        if interrupted.try_recv().is_ok() {
            return stop(&mut guest);
        }
    }
    eprint!("{}", guest.messages());
    eprintln!("umbra: the machine has ended");
    Ok(Exit::Failed)
}

/// Stops the clients, so that the disk is as they left it, and ends the machine.
fn stop(guest: &mut Guest) -> Result<Exit> {
    eprintln!("umbra: stopping");
    let clients =
        demo::connect(&machine::command(guest)).and_then(|mut client| demo::stopped(&mut client, PATIENCE));
    guest.shut_down()?;
    clients.context("the clients did not stop in order")?;
    Ok(Exit::Success)
}
