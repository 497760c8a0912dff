//! Standard output.

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

use crate::failure::Failure;

/// Prints text for people, or JSON for machines.
pub(crate) fn print(json: bool, value: &(impl Display + Serialize)) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(value).map_err(Failure::failed)? + "\n"
    } else {
        value.to_string()
    };
    match io::stdout().write_all(text.as_bytes()) {
        // `list-compile stats FILE | head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the report: {error}")))
        }
        _ => Ok(()),
    }
}
