//! `cargo umbra bench`: measurements.

mod block;
mod net;
mod running;
mod split;
mod update;

use crate::cli::Exit;
use anyhow::Result;

/// Measure
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Read and write blocks with and without the shadow: requests per second, instructions per request and whose they are
    Block(block::Arguments),
    /// Send, receive and echo frames with and without the shadow: frames per second, instructions per frame and whose they are
    Net(net::Arguments),
    /// Update the disk driver again and again under load: how long clients wait, and for what
    Update(update::Arguments),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    match &arguments.what {
        What::Block(arguments) => block::run(arguments),
        What::Net(arguments) => net::run(arguments),
        What::Update(arguments) => update::run(arguments),
    }
}
