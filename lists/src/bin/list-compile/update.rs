//! `list-compile update`: sources from the network to bundle.

use std::{
    env, fmt,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use filter_core::{Filter, Stamp};
use jiff::{SignedDuration, Timestamp};
use lists::{
    compile::{self, Compiled},
    fetch::{self, Cache, FetchReport, Fetched, Limits, Options, Status},
    guard::{GuardPolicy, GuardReport, examine},
    report::BuildReport,
    source::Sources,
};
use serde::Serialize;

use crate::{
    bundle,
    failure::Failure,
    guard::{self, Acceptance},
    output,
    progress::{Bar, Downloads},
    replace::replace,
};

const DAY: u64 = 24 * 60 * 60;

/// Fetch the lists of a sources file and compile them into one bundle
///
/// A list that does not come, or is no longer a list, is taken from the cache: the last copy that
/// was good. If there is none, if the guards refuse what came out, or on any other error, an existing
/// bundle is left as it is.
#[derive(Args)]
pub(crate) struct Arguments {
    /// File that says which lists, where they are, and what each of them means
    #[arg(long, value_name = "FILE")]
    sources: PathBuf,
    /// Bundle to write, or to replace
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Folder of fetched lists [default: $CACHE_DIRECTORY, $XDG_CACHE_HOME/preau/lists or
    /// ~/.cache/preau/lists]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Use no copy that its server confirmed longer ago than this [default: however old, with a
    /// warning]
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u32>,
    /// Fetch lists outside of the hours that their sources state, too
    #[arg(long)]
    ignore_windows: bool,
    /// Serial number, greater than that of the bundle replaced [default: the seconds of now]
    #[arg(long)]
    serial: Option<u64>,
    /// Days after which the bundle no longer replaces another, so that a stale one is noticed
    #[arg(long, value_name = "DAYS", default_value = "30")]
    expires_in: NonZeroU32,
    /// Most seconds for one list
    #[arg(long, value_name = "SECONDS", default_value = "900")]
    timeout: NonZeroU32,
    /// Most seconds in which nothing comes
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    idle_timeout: NonZeroU32,
    /// Most attempts for one list, where the connection fails or the server errs
    #[arg(long, value_name = "NUMBER", default_value = "3")]
    attempts: NonZeroU32,
    #[command(flatten)]
    acceptance: Acceptance,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// An update, whether or not it came to a bundle.
#[derive(Serialize)]
struct Report<'a> {
    /// The bundle was written, or replaced.
    written: bool,
    out: &'a Path,
    fetch: &'a FetchReport,
    /// None where it did not come to that.
    build: Option<&'a BuildReport>,
    guard: Option<GuardReport>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sources = Sources::load(&arguments.sources).map_err(Failure::Sources)?;
    let previous = previous(&arguments.out)?;
    let stamp = stamp(arguments, previous.as_ref())?;
    // Held to the end: another update would sweep away what is being read.
    let cache = Arc::new(Cache::open(&cache_folder(arguments)?).map_err(Failure::failed)?);
    let Fetched { report: fetch, sources } = fetched(arguments, &sources, &cache)?;

    let out = &arguments.out;
    let mut report = Report { written: false, out, fetch: &fetch, build: None, guard: None };
    let Some(sources) = sources else {
        output::print(arguments.json, &report)?;
        return Err(Failure::Failed(nothing_for(&fetch, out)));
    };
    let compiled = match compiled(&sources, stamp) {
        Ok(compiled) => compiled,
        Err(error) => {
            output::print(arguments.json, &report)?;
            return Err(error);
        }
    };
    report.build = Some(&compiled.report);
    let guard = guarded(arguments, &sources, &compiled, previous.as_ref())?;
    let refused = guard::refuse(&guard);
    report.guard = Some(guard);
    if refused.is_err() {
        output::print(arguments.json, &report)?;
        return refused;
    }
    replace(out, &compiled.bytes)
        .map_err(|error| Failure::Failed(format!("cannot write {}: {error}", out.display())))?;
    report.written = true;
    output::print(arguments.json, &report)?;
    match fetch.with(Status::Cached).count() {
        0 => Ok(()),
        count => Err(Failure::FromCache { count, of: fetch.sources.len() }),
    }
}

/// The bundle that is to be replaced.
fn previous(out: &Path) -> Result<Option<Filter>, Failure> {
    match out.try_exists() {
        Ok(false) => Ok(None),
        _ => match bundle::open(out) {
            Ok(filter) => Ok(Some(filter)),
            Err(Failure::Bundle(text)) => Err(Failure::Bundle(format!(
                "{text}: what a new one would change cannot be known; remove it to begin anew"
            ))),
            Err(error) => Err(error),
        },
    }
}

/// Newer than the bundle that is to be replaced.
fn stamp(arguments: &Arguments, previous: Option<&Filter>) -> Result<Stamp, Failure> {
    let now = Timestamp::now();
    let least = previous.map_or(0, |filter| filter.manifest().stamp.serial.saturating_add(1));
    let serial = match arguments.serial {
        Some(serial) if serial < least => {
            return Err(Failure::Usage(format!(
                "--serial must be at least {least}: the bundle to replace has {}",
                least - 1
            )));
        }
        Some(serial) => serial,
        None => least.max(now.as_second().unsigned_abs()),
    };
    let expires = now + SignedDuration::from_hours(24 * i64::from(arguments.expires_in.get()));
    let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).map(|at| at.to_string());
    let (created, expires) = (whole(now), whole(expires));
    Ok(Stamp {
        serial,
        created: created.map_err(Failure::failed)?,
        expires: Some(expires.map_err(Failure::failed)?),
    })
}

fn cache_folder(arguments: &Arguments) -> Result<PathBuf, Failure> {
    if let Some(folder) = &arguments.cache {
        return Ok(folder.clone());
    }
    let folder = |name: &str, below: &str| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        // systemd separates several folders by colons.
        let first = env::split_paths(&value).next()?;
        Some(first.join(below))
    };
    folder("CACHE_DIRECTORY", "")
        .or_else(|| folder("XDG_CACHE_HOME", "preau/lists"))
        .or_else(|| folder("HOME", ".cache/preau/lists"))
        .ok_or_else(|| Failure::Usage("there is no HOME: say where with --cache".into()))
}

fn fetched(
    arguments: &Arguments,
    sources: &Sources,
    cache: &Arc<Cache>,
) -> Result<Fetched, Failure> {
    let seconds = |number: NonZeroU32| Duration::from_secs(number.get().into());
    let idle = seconds(arguments.idle_timeout);
    let connect = Limits::default().connect.min(idle);
    let (whole, attempts) = (seconds(arguments.timeout), arguments.attempts.get());
    let options = Options {
        max_age: arguments.max_age.map(|days| Duration::from_secs(u64::from(days) * DAY)),
        ignore_windows: arguments.ignore_windows,
        limits: Limits { connect, idle, whole, attempts },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot begin to fetch: {error}")))?;
    let downloads = Arc::new(Downloads::new());
    let fetched = runtime.block_on(fetch::fetch(sources, cache, &options, downloads.clone()));
    downloads.finish();
    fetched.map_err(Failure::failed)
}

fn compiled(sources: &Sources, stamp: Stamp) -> Result<Compiled, Failure> {
    let bar = Bar::new();
    let compiled = compile::build(sources, stamp, &bar);
    bar.finish();
    compiled.map_err(Failure::failed)
}

fn guarded(
    arguments: &Arguments,
    sources: &Sources,
    compiled: &Compiled,
    previous: Option<&Filter>,
) -> Result<GuardReport, Failure> {
    let mut policy = GuardPolicy::of(sources);
    arguments.acceptance.apply(&mut policy);
    let filter = Filter::open(compiled.bytes.clone()).map_err(Failure::failed)?;
    let mut report = examine(&filter, previous, &policy);
    // They stand in the report of the build already.
    report.overblocked.clear();
    Ok(report)
}

fn nothing_for(fetch: &FetchReport, out: &Path) -> String {
    let failed = fetch.with(Status::Failed).map(|source| {
        let error = source.error.as_deref().unwrap_or_default();
        format!("source `{}`: {error}", source.name)
    });
    let failed: Vec<_> = failed.collect();
    let outcome = if out.exists() { "left as it is" } else { "not written" };
    format!("{}\n{} is {outcome}", failed.join("\n"), out.display())
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.fetch)?;
        let Some(build) = self.build else { return Ok(()) };
        write!(f, "\n{build}")?;
        if let Some(guard) = &self.guard {
            write!(f, "\n{guard}")?;
        }
        if self.written { writeln!(f, "written to {}", self.out.display()) } else { Ok(()) }
    }
}
