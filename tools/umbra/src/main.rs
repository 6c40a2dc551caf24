//! `cargo umbra`: see `umbra::cli`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    umbra::cli::run()
}
