//! Counting: what cargo's and the harness's output says.

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
    /// Wall time.
    pub seconds: f64,
}

impl Outcome {
    /// Of a part that has not run.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            passed: 0,
            failed: 0,
            ignored: 0,
            seconds: 0.0,
        }
    }

    /// Counts a finished command; false if it failed.
    pub fn add(&mut self, output: &Output) -> bool {
        self.count(&String::from_utf8_lossy(&output.stdout), output.status.success())
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

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            passed,
            failed,
            ignored,
            seconds,
        } = self;
        write!(
            f,
            "{name:<14} {passed:>5} passed {failed:>3} failed {ignored:>3} ignored {seconds:>7.1} s"
        )
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
    fn failing_command_is_never_counted_as_passed_only() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(
            counted(text, false),
            (3, 1, 0),
            "a doc test that does not compile, say"
        );
    }
}
