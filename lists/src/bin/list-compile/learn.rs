//! `list-compile learn`: from lists to pieces of names that no list knows yet.

use std::{fmt::Write, fs, path::PathBuf};

use clap::{ArgGroup, Args};
use lists::{
    learn::{Corpus, evaluate, mine},
    source::Sources,
};

use crate::{failure::Failure, output, replace::replace};

/// Mine weighted pieces of names, by which names that no list knows are judged
///
/// The table is text, one piece a line; `[learned]` of a sources file takes it into a bundle, and a
/// profile's `unlisted` switches it on. With --evaluate: leave out each list in turn, mine the others, and
/// say what is found of the names that it alone has.
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["out", "evaluate"]))]
pub(crate) struct Arguments {
    /// File that says which lists, and what each of them means
    #[arg(long, value_name = "FILE")]
    sources: PathBuf,
    /// Harmless names, one a line, and what kind they are of; may be given several times
    #[arg(long, value_name = "KIND=FILE", required = true, value_parser = kind_and_file)]
    benign: Vec<(String, PathBuf)>,
    /// Names of those files that are not harmless after all; may be given several times
    #[arg(long, value_name = "FILE")]
    not_benign: Vec<PathBuf>,
    /// Category to mine; up to four
    #[arg(long, value_name = "NAME", default_value = "porn")]
    category: Vec<String>,
    /// Table to write, or to replace
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure instead of writing a table
    #[arg(long)]
    evaluate: bool,
    /// With --evaluate, leave out only this list; may be given several times
    #[arg(long, value_name = "NAME", requires = "evaluate")]
    without: Vec<String>,
    /// With --evaluate, print JSON
    #[arg(long, requires = "evaluate")]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sources = Sources::load(&arguments.sources).map_err(Failure::Sources)?;
    let corpus = Corpus::read(&sources, &arguments.benign, &arguments.not_benign);
    let corpus = corpus.map_err(Failure::failed)?;
    let Some(out) = &arguments.out else {
        return arguments.category.iter().try_for_each(|category| {
            output::print(arguments.json, &evaluate(&corpus, category, &arguments.without))
        });
    };
    let learned = mine(&corpus, &arguments.category).map_err(Failure::failed)?;
    let mut text = String::from("# Weighted pieces of names, mined by `list-compile learn`.\n");
    write!(text, "{learned}").map_err(Failure::failed)?;
    // What is written is what `build` reads.
    text.parse::<filter_core::Learned>().map_err(Failure::failed)?;
    replace(out, text.as_bytes())
}

fn kind_and_file(text: &str) -> Result<(String, PathBuf), String> {
    let (kind, file) =
        text.split_once('=').ok_or("expected KIND=FILE, as `schools=schools.txt`")?;
    fs::metadata(file).map_err(|error| format!("{file}: {error}"))?;
    Ok((kind.to_owned(), file.into()))
}
