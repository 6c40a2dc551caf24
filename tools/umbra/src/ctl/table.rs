//! Tables on a terminal: columns as wide as their widest cell.

use std::fmt::Write;

/// A table; the first row is the heading.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// One with this heading.
    pub fn new<const N: usize>(heading: [&str; N]) -> Self {
        Self {
            rows: vec![heading.map(str::to_owned).into()],
        }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Nanoseconds in a unit that suits them.
pub fn duration(nanos: u64) -> String {
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", nanos as f64 / 1e6),
        _ => format!("{:.2} s", nanos as f64 / 1e9),
    }
}

/// Microseconds of a time with its unit, such as `80us` or `5ms`.
///
/// # Errors
/// It is none, or longer than a second.
pub fn micros(text: &str) -> Result<u32, &'static str> {
    let (number, unit) = match (text.strip_suffix("us"), text.strip_suffix("ms")) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 1000),
        _ => return Err("a time with its unit, us or ms"),
    };
    let number: u32 = number.parse().map_err(|_| "not a whole number")?;
    let micros = number.checked_mul(unit);
    micros
        .filter(|micros| *micros <= 1_000_000)
        .ok_or("longer than a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!(
            ["0us", "80us", "5ms", "1000ms"].map(micros),
            [Ok(0), Ok(80), Ok(5000), Ok(1_000_000)]
        );
        for wrong in ["", "5", "5s", "ms", "-1us", "1.5ms", "1001ms", "99999999ms"] {
            assert!(micros(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(["a", "long heading", "c"]);
        table.row(["wide cell".into(), "µ".into(), String::new()]);
        assert_eq!(table.to_string(), "a          long heading  c\nwide cell  µ\n");
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        assert_eq!(
            [5, 5_000, 5_000_000, 5_000_000_000].map(duration),
            ["5 ns", "5.0 µs", "5.00 ms", "5.00 s"]
        );
    }
}
