//! Lines of a squidGuard destination.
//!
//! A `domainlist` names domains and everything under them. A `urllist` holds prefixes of URLs,
//! compared once the scheme and a leading `www.`, `web.` or `ftp.` (with a number or without) are
//! taken off both: an entry is given as written so and with `www.`, the form that people use. A
//! `.diff` beside a list says what to add (`+entry`) and to take back (`-entry`); of several lines on
//! one entry the last counts.

use std::{borrow::Cow, collections::HashMap, io::BufRead};

use filter_core::Scope;

use super::{
    Kind, Out, Part, ReadError, ReadOptions, Rule, Sink, Skip, domains, host,
    lines::{Line, Lines},
    ut1::entry,
};

/// Most lines of a diff: the largest real one has 20 000.
const MAX_CHANGES: usize = 500_000;

/// What the `.diff` of a list says of each entry in the end.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Of URLs, which are compared without their prefixes.
    urls: bool,
    of: HashMap<Box<str>, Change>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Added,
    TakenBack,
}

impl Changes {
    /// Reads the diff of a list.
    ///
    /// # Errors
    /// [`ReadError`], when the input fails, is no text, or holds more than half a million changes.
    pub(super) fn scan(input: impl BufRead, part: Part) -> Result<Self, ReadError> {
        let mut lines = Lines::new(input)?;
        let urls = matches!(part, Part::Urllist | Part::UrllistChanges);
        let mut changes = Self { urls, of: HashMap::new() };
        while let Some(line) = lines.next()? {
            let Line::Whole(text) = line else { continue };
            let Some((change, entry)) = change(&text) else { continue };
            let entry = changes.normal(entry).into();
            changes.of.insert(entry, change);
            if changes.of.len() > MAX_CHANGES {
                return Err(ReadError::TooManyChanges(MAX_CHANGES));
            }
        }
        Ok(changes)
    }

    fn take_back(&self, entry: &str) -> bool {
        !self.of.is_empty() && self.of.get(&*self.normal(entry)) == Some(&Change::TakenBack)
    }

    /// The form in which entries are compared.
    fn normal<'e>(&self, entry: &'e str) -> Cow<'e, str> {
        let bare = if self.urls { without_prefix(entry.trim()) } else { entry.trim() };
        if bare.bytes().any(|octet| octet.is_ascii_uppercase()) {
            Cow::Owned(bare.to_ascii_lowercase())
        } else {
            Cow::Borrowed(bare)
        }
    }
}

/// The change of one line.
fn change(text: &str) -> Option<(Change, &str)> {
    let text = text.trim();
    let added = text.strip_prefix('+').map(|entry| (Change::Added, entry));
    added.or_else(|| text.strip_prefix('-').map(|entry| (Change::TakenBack, entry)))
}

/// A line of a `domainlist`.
pub(super) fn domain_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    if options.corrections.changes.take_back(text) {
        return Err(Skip::TakenBack);
    }
    domains::line(text, options, out)
}

/// A line of a `urllist`.
pub(super) fn url_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let entry = without_prefix(entry(text)?);
    if options.corrections.changes.take_back(entry) {
        return Err(Skip::TakenBack);
    }
    let with_www = format!("www.{entry}");
    let kind = url(entry, out)?;
    let host = entry.split(['/', '?', ':']).next().unwrap_or_default();
    if host::is_address(host) { Ok(kind) } else { url(&with_www, out) }
}

fn url<S: Sink>(entry: &str, out: &mut Out<'_, S>) -> Result<Kind, Skip> {
    let Some(host) = host::host_of_bare_url(entry) else { return out.url(entry) };
    let name = host::name(host)?;
    out.plain(Rule::Domain { name: &name, scope: Scope::Exact })
}

/// A line of `domains.diff`.
pub(super) fn domain_change_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    domain_line(added(text)?, options, out)
}

/// A line of `urls.diff`.
pub(super) fn url_change_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    url_line(added(text)?, options, out)
}

/// The entry that a line of a diff adds.
fn added(text: &str) -> Result<&str, Skip> {
    match change(entry(text)?) {
        Some((Change::Added, entry)) => Ok(entry),
        Some((Change::TakenBack, _)) => Err(Skip::TakesBack),
        None => Err(Skip::NoChange),
    }
}

/// An entry without its scheme and the host's `www.`, `web3.`, `ftp.`.
fn without_prefix(entry: &str) -> &str {
    let bare = entry.split_once("://").map_or(entry, |(_, rest)| rest);
    let Some((first, rest)) = bare.split_once('.') else { return bare };
    let number = ["www", "web", "ftp"].into_iter().find_map(|prefix| {
        first.get(..3).filter(|start| start.eq_ignore_ascii_case(prefix)).map(|_| &first[3..])
    });
    match number {
        // `www.fr` is a site of its own.
        Some(number)
            if number.bytes().all(|octet| octet.is_ascii_digit()) && rest.contains('.') =>
        {
            rest
        }
        _ => bare,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        let cases = [
            ("example.com/a", "example.com/a"),
            ("http://www.example.com/a", "example.com/a"),
            ("WWW2.example.com", "example.com"),
            ("web.example.com", "example.com"),
            ("ftp://ftp17.example.com/pub", "example.com/pub"),
            ("www.web.example.com", "web.example.com"),
            ("webcom.com/~gumbo", "webcom.com/~gumbo"),
            ("www2s.example.jp/~m", "www2s.example.jp/~m"),
            ("www.fr", "www.fr"),
            ("www", "www"),
            ("éé.example", "éé.example"),
            ("", ""),
        ];
        for (entry, expected) in cases {
            assert_eq!(without_prefix(entry), expected, "{entry}");
        }
    }

    #[test]
    fn the_last_change_counts() {
        let text = "# c\n+a.example\n-a.example\n-b.example\n+B.example\n- www.c.example\nx\n";
        let cases = [
            ("a.example", true, true),
            ("A.example", true, true),
            ("b.example", false, false),
            ("c.example", true, false),
            ("www.c.example", true, true),
            ("x", false, false),
        ];
        for (entry, of_urls, of_domains) in cases {
            for (part, expected) in [(Part::Urllist, of_urls), (Part::Domainlist, of_domains)] {
                let changes = Changes::scan(text.as_bytes(), part).unwrap();
                assert_eq!(changes.take_back(entry), expected, "{entry} {part:?}");
            }
        }
        let many: String = (0..MAX_CHANGES + 1).map(|n| format!("-{n}.example\n")).collect();
        let error = Changes::scan(many.as_bytes(), Part::Domainlist).unwrap_err();
        assert!(error.to_string().contains("500000"), "{error}");
    }
}
