//! `cargo umbra new`: a driver to begin with.

use crate::cli::Exit;
use crate::new::{self, Class};
use crate::workspace;
use anyhow::Result;

/// Begin something new
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// A driver crate in drivers/CLASS/NAME that builds, packs and passes its test at once (docs/writing-a-driver.md)
    Driver {
        /// Small letters, digits and -
        name: String,
        /// Class of its device
        #[arg(long, value_enum)]
        class: Class,
    },
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    let What::Driver { name, class } = &arguments.what;
    let root = workspace::root();
    let folder = new::driver(&root.join("drivers").join(class.folder()), name, *class)?;
    println!("made {}", folder.strip_prefix(&root).unwrap_or(&folder).display());
    println!("  cargo test -p {name}             on a fake device");
    println!("  cargo umbra pack {name}          the package, and where it is");
    println!(
        "  cargo umbra run, and in another terminal cargo umbra ctl update PACKAGE: docs/writing-a-driver.md"
    );
    Ok(Exit::Success)
}
