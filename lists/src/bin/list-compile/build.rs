//! `list-compile build`: sources to bundle.

use std::{env, path::PathBuf};

use clap::Args;
use filter_core::Stamp;
use jiff::Timestamp;
use lists::{compile, source::Sources};

use crate::{failure::Failure, output, progress::Bar, replace::replace};

/// Compile the lists of a sources file into one bundle
///
/// Prints what became of every line. On any error an existing bundle is left as it is.
#[derive(Args)]
pub(crate) struct Arguments {
    /// File that says which lists, and what each of them means
    #[arg(long, value_name = "FILE")]
    sources: PathBuf,
    /// Bundle to write, or to replace
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Serial number, which grows with each publication [default: the seconds of `created`]
    #[arg(long)]
    serial: Option<u64>,
    /// Instant of making [default: SOURCE_DATE_EPOCH if set, else now]
    #[arg(long, value_name = "RFC3339")]
    created: Option<Timestamp>,
    /// Instant after which the bundle no longer replaces another
    #[arg(long, value_name = "RFC3339")]
    expires: Option<Timestamp>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let stamp = stamp(arguments)?;
    let sources = Sources::load(&arguments.sources).map_err(Failure::Sources)?;
    let bar = Bar::new();
    let compiled = compile::build(&sources, stamp, &bar);
    bar.finish();
    let compiled = compiled.map_err(Failure::failed)?;
    replace(&arguments.out, &compiled.bytes)?;
    output::print(arguments.json, &compiled.report)
}

/// Serial and instants, in whole seconds.
fn stamp(arguments: &Arguments) -> Result<Stamp, Failure> {
    let created = match arguments.created {
        Some(created) => created.as_second(),
        None => source_date_epoch()?.unwrap_or_else(|| Timestamp::now().as_second()),
    };
    let serial = match (arguments.serial, u64::try_from(created)) {
        (Some(serial), _) => serial,
        (None, Ok(seconds)) => seconds,
        (None, Err(_)) => {
            return Err(Failure::Usage("--created before 1970 needs a --serial".into()));
        }
    };
    let expires = arguments.expires.map(Timestamp::as_second);
    if expires.is_some_and(|expires| expires <= created) {
        return Err(Failure::Usage("--expires must come after --created".into()));
    }
    Ok(Stamp { serial, created: instant(created)?, expires: expires.map(instant).transpose()? })
}

/// <https://reproducible-builds.org/specs/source-date-epoch/>
fn source_date_epoch() -> Result<Option<i64>, Failure> {
    let Some(value) = env::var_os("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds = value.to_str().and_then(|text| text.parse().ok());
    let wrong = || Failure::Usage("SOURCE_DATE_EPOCH must be a number of seconds".into());
    seconds.map(Some).ok_or_else(wrong)
}

fn instant(seconds: i64) -> Result<String, Failure> {
    let instant = Timestamp::from_second(seconds);
    Ok(instant.map_err(|error| Failure::Usage(error.to_string()))?.to_string())
}
