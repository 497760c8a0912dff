//! Figures of a commit, kept beside the code that they are of.

use std::{error::Error, fmt};

/// By how much a figure may differ from the recorded one, either way, in per cent. The same code gives
/// the same figure; another patch release of the compiler may shift it a little.
pub const TOLERANCE: f64 = 3.0;

/// Something that was counted: the less, the better.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was counted, in which unit.
    pub what: String,
    /// How much, to a tenth.
    pub value: f64,
}

impl Figure {
    /// A figure, rounded to what is recorded of it.
    pub fn new(what: impl Into<String>, value: f64) -> Self {
        Self { what: what.into(), value: (value * 10.0).round() / 10.0 }
    }
}

/// Figures, and the compiler whose code they are of.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// As `rustc --version` says it.
    pub compiler: String,
    /// In the order of the file.
    pub figures: Vec<Figure>,
}

impl Recorded {
    /// Reads lines of `name = value`; `#` begins a comment line.
    ///
    /// # Errors
    /// The first line that is neither.
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let mut recorded = Self { compiler: String::new(), figures: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = || LineError { number: number + 1, line: line.to_owned() };
            let (name, value) = line.split_once(" = ").ok_or_else(error)?;
            if name == COMPILER {
                recorded.compiler = value.trim_matches('"').to_owned();
                continue;
            }
            let value = value.parse().map_err(|_| error())?;
            recorded.figures.push(Figure { what: name.trim_matches('"').to_owned(), value });
        }
        Ok(recorded)
    }

    /// What was measured and differs from what is recorded; what only one of both has differs too.
    pub fn departures(&self, measured: &[Figure]) -> Vec<Departure> {
        let of = |figures: &[Figure], what: &str| {
            figures.iter().find(|figure| figure.what == what).map(|figure| figure.value)
        };
        let known = self.figures.iter().map(|figure| &figure.what);
        let new = measured.iter().map(|figure| &figure.what);
        let new = new.filter(|what| of(&self.figures, what).is_none());
        let all = known.chain(new).map(|what| Departure {
            what: what.clone(),
            recorded: of(&self.figures, what),
            measured: of(measured, what),
        });
        all.filter(|departure| !departure.is_tolerated()).collect()
    }
}

/// The file: [`Recorded::parse`] reads it.
impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What `cargo bench -p gate` counts and holds to; `-- --record` writes this file anew.\n\
             # benches/README.md says what each figure is.\n\
             {COMPILER} = \"{}\"",
            self.compiler
        )?;
        self.figures
            .iter()
            .try_for_each(|Figure { what, value }| writeln!(f, "\"{what}\" = {value}"))
    }
}

const COMPILER: &str = "compiler";

/// A line that is no figure.
#[derive(Debug, PartialEq, Eq)]
pub struct LineError {
    number: usize,
    line: String,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: `{}`: `\"name\" = number` is due", self.number, self.line)
    }
}

impl Error for LineError {}

/// A figure that is not as recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Departure {
    what: String,
    recorded: Option<f64>,
    measured: Option<f64>,
}

impl Departure {
    fn is_tolerated(&self) -> bool {
        let (Some(recorded), Some(measured)) = (self.recorded, self.measured) else { return false };
        // Of nothing, no share is tolerated.
        (measured - recorded).abs() <= recorded * TOLERANCE / 100.0
    }
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match (self.recorded, self.measured) {
            (Some(recorded), Some(measured)) => {
                let (more, word) = match measured > recorded {
                    true => (measured - recorded, "more"),
                    false => (recorded - measured, "less"),
                };
                write!(f, "{measured}, recorded {recorded}: {more:.1} {word}")?;
                match recorded > 0.0 {
                    true => write!(f, " ({:.1} %)", more / recorded * 100.0),
                    false => Ok(()),
                }
            }
            (Some(_), None) => f.write_str("recorded, and no longer measured"),
            (None, Some(measured)) => write!(f, "{measured}, not recorded yet"),
            (None, None) => f.write_str("neither recorded nor measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(figures: &[(&str, f64)]) -> Recorded {
        let figures = figures.iter().map(|&(what, value)| Figure::new(what, value)).collect();
        Recorded { compiler: "rustc 1.95.0".into(), figures }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = recorded(&[("verdict, listed, name: instructions", 672.0), ("octets", 18.8)]);
        assert_eq!(Recorded::parse(&written.to_string()), Ok(written));
    }

    #[test]
    fn a_line_without_a_number_is_told() {
        for (text, line) in [("# of\n\"octets\"\n", 2), ("\"octets\" = many", 1)] {
            let error = Recorded::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: `\"octets\"")), "{error}");
        }
    }

    #[test]
    fn both_worse_and_better_depart() {
        let recorded = recorded(&[("instructions", 1000.0), ("allocations", 0.0)]);
        type Case = (&'static [(&'static str, f64)], &'static [&'static str]);
        let cases: [Case; 6] = [
            (&[("instructions", 1000.0), ("allocations", 0.0)], &[]),
            (&[("instructions", 1030.0), ("allocations", 0.0)], &[]),
            (
                &[("instructions", 1031.0), ("allocations", 0.0)],
                &["instructions: 1031, recorded 1000: 31.0 more (3.1 %)"],
            ),
            (
                &[("instructions", 900.0), ("allocations", 0.0)],
                &["instructions: 900, recorded 1000: 100.0 less (10.0 %)"],
            ),
            (
                &[("instructions", 1000.0), ("allocations", 0.1)],
                &["allocations: 0.1, recorded 0: 0.1 more"],
            ),
            (
                &[("instructions", 1000.0), ("misses", 3.0)],
                &["allocations: recorded, and no longer measured", "misses: 3, not recorded yet"],
            ),
        ];
        for (measured, departures) in cases {
            let measured: Vec<_> =
                measured.iter().map(|&(what, value)| Figure::new(what, value)).collect();
            let told: Vec<_> =
                recorded.departures(&measured).iter().map(ToString::to_string).collect();
            assert_eq!(told, departures);
        }
    }

    #[test]
    fn the_committed_file_is_read() {
        let recorded = Recorded::parse(include_str!("../recorded.toml")).unwrap();
        assert!(recorded.figures.len() > 10 && recorded.compiler.starts_with("rustc "));
    }
}
