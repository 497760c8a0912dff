//! `list-compile lint`: what a list's author should look at.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use filter_core::Source;
use lists::{
    compile::ListError,
    fetch::Copies,
    lint::{self, Check, LintReport},
    report::grouped,
    source::{Format, ListSource, Place, Sources},
};
use rayon::prelude::*;
use serde::Serialize;

use crate::{cache::CacheArguments, failure::Failure, output};

/// Look through a list for entries that are dead, doubled, too broad or mistaken
///
/// Exit code 1 when there are errors; warnings alone give 0.
#[derive(Args)]
#[command(after_help = CODES.as_str())]
pub(crate) struct Arguments {
    /// A list, the directory of one, or a sources file (*.toml) to look through all of its lists
    path: PathBuf,
    /// Format of the list [default: found out from its first lines]
    #[arg(long, value_name = "NAME", value_parser = format_named)]
    format: Option<Format>,
    /// Findings of each kind to show of each list; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    cache: CacheArguments,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

static CODES: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let row = |check: Check| format!("  {check:20} {}", check.severity());
    let rows: Vec<_> = Check::ALL.into_iter().map(row).collect();
    format!("What is looked for:\n{}", rows.join("\n"))
});

#[derive(Serialize)]
struct Linted {
    lists: Vec<LintReport>,
    /// Lists that were never fetched, so not looked at.
    elsewhere: Vec<String>,
    errors: u64,
    warnings: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sources = sources(&arguments.path, arguments.format)?;
    let is_elsewhere = |source: &ListSource| matches!(source.place, Place::Url(_));
    let copies = match sources.iter().any(is_elsewhere) {
        true => Some(Copies::of(&arguments.cache.existing()?)),
        false => None,
    };
    let lists = sources.par_iter().map(|source| match &copies {
        Some(copies) if is_elsewhere(source) => {
            copies.local(source).map(|local| linted(source, &local, arguments.limit)).transpose()
        }
        _ => lint::lint(source, arguments.limit).map(Some),
    });
    let lists = lists.collect::<Result<Vec<_>, _>>().map_err(Failure::failed)?;
    let unread = sources.iter().zip(&lists).filter(|(_, list)| list.is_none());
    let elsewhere = unread.map(|(source, _)| source.definition.name.clone()).collect();
    let mut lists: Vec<_> = lists.into_iter().flatten().collect();
    lint::compare(&mut lists);
    let linted = Linted {
        errors: lists.iter().map(LintReport::errors).sum(),
        warnings: lists.iter().map(LintReport::warnings).sum(),
        lists,
        elsewhere,
    };
    output::print(arguments.json, &linted)?;
    match linted.errors {
        0 => Ok(()),
        errors => Err(Failure::Failed(format!("lint found {}", counted(errors, "error")))),
    }
}

/// Looks through the copy of a list that `update` keeps, under the list's own address.
fn linted(source: &ListSource, copy: &ListSource, limit: usize) -> Result<LintReport, ListError> {
    let report = lint::lint(copy, limit)?;
    match (&source.place, &copy.place) {
        (Place::Url(remote), Place::Path(path)) => {
            Ok(report.under(path, Path::new(remote.url.as_str())))
        }
        _ => Ok(report),
    }
}

fn sources(path: &Path, format: Option<Format>) -> Result<Vec<ListSource>, Failure> {
    if path.extension() == Some("toml".as_ref()) {
        return Ok(Sources::load(path).map_err(Failure::Sources)?.sources);
    }
    // Categories play no part in what is looked for.
    let definition = Source::block("lint", &["porn"]);
    Ok(vec![ListSource { format, ..ListSource::at(definition, path) }])
}

fn format_named(name: &str) -> Result<Format, String> {
    let known = Format::ALL.map(Format::name).join(", ");
    let found = Format::ALL.into_iter().find(|format| format.name() == name);
    found.ok_or_else(|| format!("known formats: {known}"))
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

impl fmt::Display for Linted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, list) in self.lists.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{list}")?;
        }
        if !self.elsewhere.is_empty() {
            writeln!(f, "\nnot fetched yet, so not looked at: {}", self.elsewhere.join(", "))?;
        }
        if self.lists.len() > 1 {
            let (errors, warnings) =
                (counted(self.errors, "error"), counted(self.warnings, "warning"));
            writeln!(f, "\n{}: {errors}, {warnings}", counted(self.lists.len() as u64, "list"))?;
        }
        Ok(())
    }
}
