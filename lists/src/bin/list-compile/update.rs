//! `list-compile update`: sources from the network to bundle.

use std::{
    fmt,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use filter_core::{Filter, Stamp};
use jiff::{SignedDuration, Timestamp};
use lists::{
    fetch::{self, Cache, FetchReport, Fetched, Limits, Options, Status},
    guard::{GuardPolicy, GuardReport},
    report::BuildReport,
    source::Sources,
};
use serde::Serialize;

use crate::{
    attempt::Attempt,
    bundle,
    cache::CacheArguments,
    failure::Failure,
    guard::Acceptance,
    output,
    progress::Downloads,
    replace::{self, replace},
};

const DAY: u64 = 24 * 60 * 60;

/// Fetch the lists of a sources file and compile them into one bundle
///
/// A list that does not come, is no longer a list, or is refused by the guards, is taken from the
/// cache: the last copy that was good. If there is none, if the guards refuse what came out even so,
/// or on any other error, an existing bundle is left as it is. A bundle that was refused is kept as
/// FILE.refused, until an update finds nothing to refuse.
#[derive(Args)]
pub(crate) struct Arguments {
    /// File that says which lists, where they are, and what each of them means
    #[arg(long, value_name = "FILE")]
    sources: PathBuf,
    /// Bundle to write, or to replace
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    cache: CacheArguments,
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
    guard: Option<&'a GuardReport>,
    /// Where the bundle is that the guards refused; a good one may have been written even so, with
    /// older lists.
    refused: Option<&'a Path>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sources = Sources::load(&arguments.sources).map_err(Failure::Sources)?;
    let out = &arguments.out;
    // Both held to the end. Another update would replace the bundle with which the new one is
    // compared, or sweep away the lists that are being read.
    let _lock = replace::lock(out)?;
    let cache = Arc::new(Cache::open(&arguments.cache.folder()?).map_err(Failure::failed)?);
    let previous = previous(out)?;
    let stamp = stamp(arguments, previous.as_ref())?;
    let mut policy = GuardPolicy::of(&sources);
    arguments.acceptance.apply(&mut policy);
    let attempt = |sources: &Sources| Attempt::new(sources, &stamp, previous.as_ref(), &policy);

    let mut fetched = fetched(arguments, &sources, &cache)?;
    let Some(sources) = &fetched.sources else {
        let fetch = &fetched.report;
        let report = Report { written: false, out, fetch, build: None, guard: None, refused: None };
        output::print(arguments.json, &report)?;
        return Err(Failure::Failed(nothing_for(fetch, out)));
    };
    let mut tried = attempt(sources)?;
    let refused = keep_refused(&tried, out)?;
    if tried.check().is_err() {
        // One list that went bad stops no other, nor does one category. First the fewest.
        let mut blamed = vec![tried.reasons(), tried.reasons_with_categories(sources)];
        blamed.dedup();
        for without in blamed.iter().filter_map(|reasons| fetched.without(reasons)) {
            let Some(sources) = &without.sources else { continue };
            let again = attempt(sources)?;
            if again.check().is_ok() {
                (fetched, tried) = (without, again);
                break;
            }
        }
    }

    let outcome = tried.check();
    let mut report = Report {
        written: false,
        out,
        fetch: &fetched.report,
        build: tried.outcome.as_ref().ok().map(|(compiled, _)| &compiled.report),
        guard: tried.outcome.as_ref().ok().map(|(_, guard)| guard),
        refused: refused.as_deref(),
    };
    let (Ok(()), Ok((compiled, _))) = (&outcome, &tried.outcome) else {
        output::print(arguments.json, &report)?;
        return outcome;
    };
    fetched.approve(&cache, |name| has_source(previous.as_ref(), name)).map_err(Failure::failed)?;
    replace(out, &compiled.bytes)?;
    report.written = true;
    if refused.is_none() {
        replace::remove(&beside(out))?;
    }
    output::print(arguments.json, &report)?;
    match fetched.report.with(Status::Cached).count() {
        0 => Ok(()),
        count => Err(Failure::FromCache { count, of: fetched.report.sources.len() }),
    }
}

/// Keeps a bundle that the guards refuse, so that it can be looked at. Returns where.
fn keep_refused(tried: &Attempt, out: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(compiled) = tried.refused() else { return Ok(None) };
    let path = beside(out);
    replace(&path, &compiled.bytes)?;
    Ok(Some(path))
}

/// `FILE.refused`
fn beside(out: &Path) -> PathBuf {
    let mut path = out.as_os_str().to_owned();
    path.push(".refused");
    path.into()
}

fn has_source(bundle: Option<&Filter>, name: &str) -> bool {
    let sources = bundle.map(|bundle| &bundle.manifest().sources);
    sources.into_iter().flatten().any(|record| record.source.name == name)
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
    let least = previous.map_or(0, |bundle| bundle.manifest().stamp.serial.saturating_add(1));
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
        if let Some(refused) = self.refused {
            writeln!(f, "what was refused is kept as {}", refused.display())?;
            if self.out.exists() {
                let (out, refused) = (shell_word(self.out), shell_word(refused));
                writeln!(f, "to see what it changes: list-compile diff {out} {refused}")?;
            }
        }
        if self.written { writeln!(f, "written to {}", self.out.display()) } else { Ok(()) }
    }
}

/// A path as a shell takes it for one word.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%=".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_a_shell() {
        let cases = [
            ("/srv/préau/out.bundle", "/srv/préau/out.bundle"),
            ("my lists/out", "'my lists/out'"),
            ("l'école", r"'l'\''école'"),
            ("$(x)", "'$(x)'"),
        ];
        for (path, word) in cases {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }
}
