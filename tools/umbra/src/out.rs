//! Standard output and standard error of the tool. In this crate `println!` and its like are macros of this module, not the
//! standard library's, which panic when nobody listens any more (`umbra ctl history | head -1`).
//!
//! What nobody listens to is dropped, and the command goes on: its exit code is that of what it did. One that prints without
//! end asks [`closed`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: AtomicBool = AtomicBool::new(false);

/// Nobody listens to standard output any more.
pub fn closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Prints to standard output. If that cannot be done for another reason than that nobody listens (a full disk), the tool ends.
pub fn print(text: Arguments<'_>) {
    let Err(error) = write(&mut io::stdout().lock(), text) else {
        return;
    };
    error_with(format_args!(
        "umbra: error: writing to standard output: {error}\n"
    ));
    std::process::exit(crate::cli::Exit::CannotRun as i32);
}

/// Prints to standard error, if anybody listens.
pub fn error_with(text: Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(text);
}

/// Writes, at once: what is looked at by a program must not wait in a buffer.
fn write(to: &mut impl Write, text: Arguments<'_>) -> io::Result<()> {
    match to.write_fmt(text).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            CLOSED.store(true, Ordering::Relaxed);
            Ok(())
        }
        result => result,
    }
}

/// As the standard library's, but for a closed pipe.
macro_rules! print {
    ($($text:tt)*) => { $crate::out::print(format_args!($($text)*)) };
}

/// As the standard library's, but for a closed pipe.
macro_rules! println {
    () => { $crate::out::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::out::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// As the standard library's, but for a closed pipe.
macro_rules! eprint {
    ($($text:tt)*) => { $crate::out::error_with(format_args!($($text)*)) };
}

/// As the standard library's, but for a closed pipe.
macro_rules! eprintln {
    ($($text:tt)*) => { $crate::out::error_with(format_args!("{}\n", format_args!($($text)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pipe(ErrorKind);
    impl Write for Pipe {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn closed_pipe_is_no_error_and_a_full_disk_is() {
        assert!(write(&mut Pipe(ErrorKind::StorageFull), format_args!("x")).is_err());
        assert!(!closed());
        assert!(write(&mut Pipe(ErrorKind::BrokenPipe), format_args!("x")).is_ok());
        assert!(closed());
    }
}
