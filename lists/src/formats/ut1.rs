//! Lines of a UT1 category, and the two files that say what it is for.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use filter_core::{Options, Scope};

use super::{
    Kind, Out, ReadError, Rule, Sink, Skip, expression, host,
    lines::{Line, Lines},
};

/// Octets of a `usage` file that are looked at: real ones have fewer than a hundred.
const USAGE_LENGTH: u64 = 4096;
/// Octets of a `global_usage` file that are looked at: the real one has 30 kB.
const GLOBAL_USAGE_LENGTH: u64 = 1 << 20;

/// A line of `urls`.
pub(super) fn url_line<S: Sink>(text: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let entry = entry(text)?;
    let Some(host) = host::host_of_bare_url(entry) else { return out.url(entry) };
    // A prefix match on URLs: it says nothing of the hosts below this one.
    let name = host::name(host)?;
    out.plain(Rule::Domain { name: &name, scope: Scope::Exact })
}

/// A line of `expressions`.
pub(super) fn expression_line<S: Sink>(text: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let entry = entry(text)?;
    expression::rule(&expression::from_posix(entry), Options::default(), out)
}

pub(super) fn entry(text: &str) -> Result<&str, Skip> {
    match text.trim() {
        "" => Err(Skip::Blank),
        text if text.starts_with('#') => Err(Skip::Comment),
        text => Ok(text),
    }
}

/// What a category is mainly for, as its publisher sees it. The two places that say so disagree on
/// five real categories, and eight are both: neither is ever policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Black,
    White,
}

impl Colour {
    fn of(text: &str) -> Option<Self> {
        match text.trim() {
            "black" => Some(Self::Black),
            "white" => Some(Self::White),
            _ => None,
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if *self == Self::Black { "black" } else { "white" })
    }
}

/// What a category's `usage` file says first. The lines after it are the other colour, for lists of
/// two uses, or other names of the category.
pub(super) fn usage(path: &Path) -> Result<Option<Colour>, ReadError> {
    let mut found = None;
    lines(path, USAGE_LENGTH, |text| {
        if found.is_none() && !text.trim().is_empty() && !text.starts_with('#') {
            found = Some(Colour::of(text));
        }
    })?;
    Ok(found.flatten())
}

/// What `global_usage` says of a category.
pub(super) fn global_usage(path: &Path, category: &str) -> Result<Option<Colour>, ReadError> {
    let mut within = false;
    let mut found = None;
    lines(path, GLOBAL_USAGE_LENGTH, |text| {
        let (key, value) = text.split_once(':').unwrap_or_default();
        match key {
            "NAME" => within = value.trim() == category,
            "DEFAULT_TYPE" if within => found = Colour::of(value),
            _ => {}
        }
    })?;
    Ok(found)
}

/// Gives each line to `take`; what is too long or too far on is left out.
fn lines(path: &Path, length: u64, mut take: impl FnMut(&str)) -> Result<(), ReadError> {
    let mut lines = Lines::new(BufReader::new(File::open(path)?.take(length)))?;
    while let Some(line) = lines.next()? {
        if let Line::Whole(text) = line {
            take(&text);
        }
    }
    Ok(())
}
