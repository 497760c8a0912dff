//! `list-compile diff`: what a new bundle changes.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;
use lists::diff::{Change, compare};
use serde::Serialize;

use crate::{bundle, failure::Failure, output};

/// Show what a new bundle changes: names and patterns, by category and source
///
/// Exit code 0 whether or not there is a difference. With --names, each change is a line: `+`, `-` or
/// `~`, then the name, its categories and its sources, parted by tabs; `old -> new` in a column that
/// changed. With --names --json, each line is a JSON object, the last one `{"summary": …}`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle before
    old: PathBuf,
    /// The bundle after
    new: PathBuf,
    /// Print every name and pattern that changed, in canonical name order, instead of tables
    #[arg(long)]
    names: bool,
    /// Changes of each kind to show of each row
    #[arg(long, value_name = "N", default_value_t = 5)]
    sample: usize,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary<T> {
    summary: T,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let old = bundle::open(&arguments.old)?;
    let new = bundle::open(&arguments.new)?;
    if !arguments.names {
        let done = compare(&old, &new, arguments.sample, |_| Ok::<_, Failure>(()))?;
        return output::print(arguments.json, &done);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written =
        write_changes(&mut out, arguments.json, |each| compare(&old, &new, arguments.sample, each));
    match written.and_then(|()| out.flush()) {
        // `list-compile diff OLD NEW --names | head` has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the changes: {error}")))
        }
        _ => Ok(()),
    }
}

fn write_changes<T: Serialize>(
    out: &mut impl Write,
    json: bool,
    compare: impl FnOnce(&mut dyn FnMut(&Change<'_>) -> io::Result<()>) -> io::Result<T>,
) -> io::Result<()> {
    let summary = compare(&mut |change| {
        if json {
            serde_json::to_writer(&mut *out, change)?;
            writeln!(out)
        } else {
            writeln!(out, "{change}")
        }
    })?;
    if json {
        serde_json::to_writer(&mut *out, &Summary { summary })?;
        writeln!(out)?;
    }
    Ok(())
}
