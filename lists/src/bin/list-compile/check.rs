//! `list-compile check`: is this file a bundle that can be served?

use std::{fmt, path::PathBuf};

use clap::Args;
use filter_core::{Profile, Stamp};
use jiff::Timestamp;
use lists::report::grouped;
use serde::Serialize;

use crate::{bundle, failure::Failure, output};

/// Verify every checksum and table of a bundle
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A bundle that can be served.
#[derive(Serialize)]
struct Sound<'a> {
    file: String,
    stamp: &'a Stamp,
    names: u64,
    sources: usize,
    /// It can be served, but no longer replaces another.
    expired: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = bundle::open(&arguments.file)?;
    let file = arguments.file.display().to_string();
    // Patterns are compiled when a profile is bound: a bundle whose patterns do not compile is none.
    let everything_open = Profile::custom("check");
    filter.bind(&everything_open).map_err(|error| Failure::Bundle(format!("{file}: {error}")))?;
    let manifest = filter.manifest();
    let sound = Sound {
        stamp: &manifest.stamp,
        names: manifest.counts.names,
        sources: manifest.sources.len(),
        expired: expired(&manifest.stamp),
        file,
    };
    output::print(arguments.json, &sound)
}

fn expired(stamp: &Stamp) -> bool {
    let expires = stamp.expires.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
    expires.is_some_and(|expires| expires <= Timestamp::now())
}

impl fmt::Display for Sound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, stamp, names, sources, expired } = self;
        let names = grouped(*names);
        writeln!(f, "{file}: sound; serial {}, {names} names of {sources} sources", stamp.serial)?;
        match &stamp.expires {
            Some(expires) if *expired => writeln!(f, "warning: it expired on {expires}"),
            _ => Ok(()),
        }
    }
}
