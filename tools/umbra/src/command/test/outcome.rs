//! Counting: what cargo's and the harness's output says.

use crate::testing;
use regex::Regex;
use serde_json::{Value, json};
use std::fmt;
use std::process::Output;

/// What came of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The part.
    pub name: &'static str,
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed; a command that failed without saying how often counts as one.
    pub failed: u64,
    /// Tests that did not run.
    pub ignored: u64,
    /// What the tests that failed said.
    pub failures: Vec<Failure>,
    /// Tests that passed only when they were tried again.
    pub again: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// Its name; of a command that failed without saying which test it was, the part's.
    pub test: String,
    /// The end of what it said.
    pub said: String,
}

/// Lines of what a test said that are repeated: what went wrong stands at the end, behind a machine's console.
const LINES: usize = 40;

impl Outcome {
    /// Of a part that has not run.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            passed: 0,
            failed: 0,
            ignored: 0,
            failures: Vec::new(),
            again: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Counts a finished command; false if it failed.
    pub fn add(&mut self, output: &Output) -> bool {
        let text = String::from_utf8_lossy(&output.stdout);
        let again = text.lines().filter_map(|line| line.strip_prefix(testing::AGAIN));
        self.again.extend(again.map(String::from));
        let good = self.count(&text, output.status.success());
        if !good {
            let errors = String::from_utf8_lossy(&output.stderr);
            self.failures.extend(failures(self.name, &text, &errors));
        }
        good
    }

    fn count(&mut self, text: &str, success: bool) -> bool {
        let mut lines = 0;
        let mut failed = 0;
        // The pattern is a constant; if it were wrong, every command would count as one test.
        let pattern = Regex::new(r"(?m)^test result: \S+ (\d+) passed; (\d+) failed; (\d+) ignored");
        for found in pattern.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            let number = |index: usize| found[index].parse::<u64>().unwrap_or(0);
            lines += 1;
            self.passed += number(1);
            failed += number(2);
            self.ignored += number(3);
        }
        if lines == 0 && success {
            self.passed += 1;
        }
        // Whatever the lines say, a command that failed has at least one failure.
        self.failed += if success { failed } else { failed.max(1) };
        success && failed == 0
    }
}

/// What the harness says of tests that failed, or else the end of what the command said.
fn failures(part: &str, text: &str, errors: &str) -> Vec<Failure> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        let head = line
            .strip_prefix("---- ")
            .and_then(|line| line.strip_suffix(" ----"));
        match (head, found.last_mut()) {
            (Some(test), _) => found.push((test.strip_suffix(" stdout").unwrap_or(test), Vec::new())),
            // The list of names that comes last.
            (None, Some(_)) if line == "failures:" => break,
            (None, Some((_, said))) => said.push(line),
            (None, None) => {}
        }
    }
    if found.is_empty() {
        found.push((part, errors.lines().collect()));
    }
    let told = |(test, said): (&str, Vec<&str>)| Failure {
        test: test.to_string(),
        said: said[said.len().saturating_sub(LINES)..]
            .join("\n")
            .trim()
            .to_string(),
    };
    found.into_iter().map(told).collect()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.test, self.said)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            passed,
            failed,
            ignored,
            again,
            seconds,
            ..
        } = self;
        write!(
            f,
            "{name:<14} {passed:>5} passed {failed:>3} failed {ignored:>3} ignored {seconds:>7.1} s"
        )?;
        if again.is_empty() {
            return Ok(());
        }
        write!(f, "  {} only when tried again", again.len())
    }
}

/// Sum over the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
}

impl Total {
    /// Adds up.
    pub fn of(outcomes: &[Outcome]) -> Self {
        Self {
            passed: outcomes.iter().map(|outcome| outcome.passed).sum(),
            failed: outcomes.iter().map(|outcome| outcome.failed).sum(),
        }
    }

    /// The results for machines.
    pub fn json(&self, outcomes: &[Outcome]) -> Value {
        let parts: Vec<Value> = outcomes
            .iter()
            .map(|part| {
                json!({
                    "part": part.name, "passed": part.passed, "failed": part.failed,
                    "ignored": part.ignored, "seconds": part.seconds,
                    "failures": part.failures, "again": part.again,
                })
            })
            .collect();
        json!({ "parts": parts, "passed": self.passed, "failed": self.failed, "ok": self.failed == 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str, success: bool) -> (u64, u64, u64) {
        let mut outcome = Outcome::new("x");
        outcome.count(text, success);
        (outcome.passed, outcome.failed, outcome.ignored)
    }

    #[test]
    fn results_of_several_test_binaries_add_up() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n\
                    test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured\n";
        assert_eq!(counted(text, false), (5, 4, 1));
    }

    #[test]
    fn command_without_tests_counts_as_one() {
        assert_eq!(counted("", true), (1, 0, 0));
        assert_eq!(counted("error: could not compile", false), (0, 1, 0));
    }

    #[test]
    fn what_failing_tests_said_is_kept() {
        let said = |text, errors| -> Vec<_> {
            let failures = failures("boot", text, errors).into_iter();
            failures.map(|failure| (failure.test, failure.said)).collect()
        };
        let text = "test a ... FAILED\n\nfailures:\n\n---- a ----\nconsole\nwhy\n\n---- b stdout ----\nelse\n\n\nfailures:\n    a\n    b\n";
        let pair = |test: &str, why: &str| (test.to_string(), why.to_string());
        assert_eq!(
            said(text, "noise"),
            [pair("a", "console\nwhy"), pair("b", "else")]
        );
        assert_eq!(said("", "error: x"), [pair("boot", "error: x")]);
        let long: String = (0..LINES + 5).map(|line| format!("{line}\n")).collect();
        let [(_, end)] = &said("", &long)[..] else {
            panic!("one");
        };
        assert_eq!((end.lines().next(), end.lines().count()), (Some("5"), LINES));
    }

    #[test]
    fn failing_command_is_never_counted_as_passed_only() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(
            counted(text, false),
            (3, 1, 0),
            "a doc test that does not compile, say"
        );
    }
}
