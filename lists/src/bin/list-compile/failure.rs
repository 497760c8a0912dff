//! Exit codes, and messages on standard error.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use lists::source::SourcesError;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something failed; exit code 1.
    Failed(String),
    /// An argument or environment variable makes no sense; exit code 2.
    Usage(String),
    /// The sources file cannot be used; exit code 3.
    Sources(SourcesError),
    /// The file is no bundle that can be served; exit code 4.
    Bundle(String),
    /// The guards refuse the bundle, for so many reasons that were printed; exit code 5.
    Guarded { count: usize },
    /// It was done, but for some of the sources with copies of the cache; exit code 6.
    FromCache { count: usize, of: usize },
}

impl Failure {
    pub(crate) fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Prints the message, and returns the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let text = match self {
            Self::Failed(text) | Self::Usage(text) | Self::Bundle(text) => format!("error: {text}"),
            Self::Sources(SourcesError::Invalid(faults)) => {
                let shown = faults.iter().map(|fault| {
                    if io::stderr().is_terminal() { fault.colored() } else { fault.to_string() }
                });
                shown.collect::<Vec<_>>().join("\n\n")
            }
            Self::Sources(error) => format!("error: {error}"),
            Self::Guarded { count } => format!("error: the guards refuse the bundle ({count})"),
            Self::FromCache { count, of } => format!(
                "warning: {count} of {of} sources come from the cache: their latest could not be \
                 fetched, or cannot be used"
            ),
        };
        // Where standard error is closed, the exit code still tells.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Sources(_) => 3,
            Self::Bundle(_) => 4,
            Self::Guarded { .. } => 5,
            Self::FromCache { .. } => 6,
        })
    }
}
