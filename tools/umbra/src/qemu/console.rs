//! The guest's console: everything it printed, and waiting for a line of it.

use regex::bytes::Regex;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a line without an end must stay as it is to count.
const LINE_SETTLES: Duration = Duration::from_millis(100);

/// Where the console goes besides being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tee {
    /// Nowhere.
    Quiet,
    /// To this process's standard output, as it comes.
    Stdout,
}

/// How waiting for a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The line matched (without its line end).
    Matched(String),
    /// The loader gave up; what it said.
    LoaderFailed(String),
    /// The machine stopped first.
    Stopped,
    /// The time was up first.
    TimedOut,
}

impl End {
    /// What to tell the user if this is not what was wanted: the pattern, or with no pattern just running on.
    pub fn complaint(&self, pattern: Option<&Regex>) -> Option<String> {
        match (self, pattern) {
            (Self::LoaderFailed(line), _) => Some(format!("the machine did not boot: {line}")),
            (Self::Stopped, Some(pattern)) => {
                Some(format!("the machine stopped, and no line matched `{pattern}`"))
            }
            (Self::TimedOut, Some(pattern)) => {
                Some(format!("the time is up, and no line matched `{pattern}`"))
            }
            (Self::Matched(_), _) | (_, None) => None,
        }
    }
}

#[derive(Debug, Default)]
struct Transcript {
    bytes: Vec<u8>,
    closed: bool,
}

/// A console that is being read. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Console {
    shared: Arc<(Mutex<Transcript>, Condvar)>,
}

impl Console {
    /// Reads `source` in a thread of its own until it ends.
    pub fn reading(source: impl Read + Send + 'static, tee: Tee) -> Self {
        let console = Self::default();
        let writer = console.clone();
        std::thread::spawn(move || writer.pump(source, tee));
        console
    }

    /// Everything printed so far, without carriage returns.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().bytes).replace('\r', "")
    }

    /// Waits until a line at or behind `cursor` matches, and moves `cursor` behind it. Without a pattern it waits for the end.
    ///
    /// A line that is still being written counts as a line, if it stays so for a moment: prompts have no line end.
    pub fn wait_for(&self, pattern: Option<&Regex>, cursor: &mut usize, patience: Duration) -> End {
        let deadline = Instant::now() + patience;
        let mut settled = None;
        let mut transcript = self.lock();
        loop {
            let mut found = *cursor;
            let end = scan(&transcript.bytes, &mut found, pattern);
            let unfinished = end.is_some() && transcript.bytes.get(found - 1) != Some(&b'\n');
            if unfinished && !transcript.closed {
                settled = settled.or(Some(Instant::now() + LINE_SETTLES));
            } else {
                *cursor = found;
                settled = None;
            }
            let until = settled.map_or(deadline, |settled| settled.min(deadline));
            let left = until.saturating_duration_since(Instant::now());
            match end {
                Some(end) if settled.is_none() || left.is_zero() => {
                    *cursor = found;
                    return end;
                }
                None if transcript.closed => return End::Stopped,
                None if left.is_zero() => return End::TimedOut,
                _ => {}
            }
            let waited = self.shared.1.wait_timeout(transcript, left);
            transcript = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Transcript> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pump(&self, mut source: impl Read, tee: Tee) {
        let mut buffer = [0; 4096];
        loop {
            let count = match source.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            let new = &buffer[..count];
            if tee == Tee::Stdout && count > 0 {
                let mut out = std::io::stdout();
                // A reader of ours that went away is no reason to stop the machine.
                let _ = out.write_all(new).and_then(|()| out.flush());
            }
            let mut transcript = self.lock();
            transcript.bytes.extend_from_slice(new);
            transcript.closed = count == 0;
            self.shared.1.notify_all();
            if count == 0 {
                return;
            }
        }
    }
}

/// Looks at the lines from `cursor` on. Finished lines that do not match are left behind for good.
fn scan(bytes: &[u8], cursor: &mut usize, pattern: Option<&Regex>) -> Option<End> {
    loop {
        let rest = bytes.get(*cursor..).unwrap_or_default();
        let finished = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..finished.unwrap_or(rest.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = || String::from_utf8_lossy(line).into_owned();
        let end = if !line.is_empty() && pattern.is_some_and(|pattern| pattern.is_match(line)) {
            Some(End::Matched(text()))
        } else if finished.is_some() && line.starts_with(loader::ERROR_PREFIX.as_bytes()) {
            Some(End::LoaderFailed(text()))
        } else {
            None
        };
        match (end, finished) {
            (end, Some(length)) => {
                *cursor += length + 1;
                if end.is_some() {
                    return end;
                }
            }
            (Some(end), None) => {
                *cursor += rest.len();
                return Some(end);
            }
            (None, None) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn pattern(text: &str) -> Regex {
        Regex::new(text).unwrap()
    }

    fn console(text: &'static str) -> Console {
        Console::reading(text.as_bytes(), Tee::Quiet)
    }

    #[test]
    fn waiting_ends_at_the_first_matching_line() {
        let (console, mut cursor) = (console("one\r\ntwo 2\r\ntwo 3\r\n"), 0);
        let two = pattern("^two");
        assert_eq!(
            console.wait_for(Some(&two), &mut cursor, LONG),
            End::Matched("two 2".into())
        );
        assert_eq!(
            console.wait_for(Some(&two), &mut cursor, LONG),
            End::Matched("two 3".into())
        );
        assert_eq!(console.wait_for(Some(&two), &mut cursor, LONG), End::Stopped);
    }

    #[test]
    fn prompt_without_line_end_matches() {
        let (console, mut cursor) = (console("boot\n> "), 0);
        assert_eq!(
            console.wait_for(Some(&pattern("^> $")), &mut cursor, LONG),
            End::Matched("> ".into())
        );
    }

    #[test]
    fn line_in_two_pieces_is_waited_for() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let console = Console::reading(reader, Tee::Quiet);
        writer.write_all(b"TEST").unwrap();
        let rest = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(10));
            writer.write_all(b"_FAIL why\n").unwrap();
        });
        let end = console.wait_for(Some(&pattern("^TEST")), &mut 0, LONG);
        assert_eq!(end, End::Matched("TEST_FAIL why".into()));
        rest.join().unwrap();
    }

    #[test]
    fn loader_error_ends_waiting() {
        let (console, mut cursor) = (console("loader: error: no payload\n"), 0);
        let end = console.wait_for(Some(&pattern("ready")), &mut cursor, LONG);
        assert_eq!(end, End::LoaderFailed("loader: error: no payload".into()));
        assert!(end.complaint(None).is_some());
    }

    #[test]
    fn silence_ends_with_the_time() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let console = Console::reading(reader, Tee::Quiet);
        let end = console.wait_for(Some(&pattern("x")), &mut 0, Duration::from_millis(20));
        assert_eq!(end, End::TimedOut);
        assert_eq!(end.complaint(None), None, "running on was what was asked for");
    }
}
