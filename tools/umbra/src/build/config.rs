//! The three configurations of the kernel, as with a Microkit SDK.

/// Kernel configuration: userland and kernel are built for the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Config {
    /// Kernel with console output and debug system calls.
    Debug,
    /// What is shipped.
    Release,
    /// Release plus what measuring needs.
    Benchmark,
}

impl Config {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Debug, Self::Release, Self::Benchmark];

    /// Its name on the command line and in paths.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
            Self::Benchmark => "benchmark",
        }
    }

    /// The cargo feature of kernel and `sel4` crates that selects it; release is the absence of both.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            Self::Debug => Some("debug-build"),
            Self::Release => None,
            Self::Benchmark => Some("benchmark-build"),
        }
    }
}
