//! Unbound configuration: the clauses by which lists refuse names (unbound.conf(5)).
//!
//! | clause | taken as |
//! |---|---|
//! | `local-zone: "d" always_nxdomain`, `…always_null`, `…static`, `…refuse` and their like | `d` and everything under it |
//! | `local-zone: "d" redirect` | the same, unless its data leads somewhere |
//! | `local-zone: "d" transparent`, `always_transparent`, `typetransparent`, `inform` | exception within this list |
//! | `local-data: "d A 0.0.0.0"` | `d` only |
//! | `local-data: "d A 192.0.2.1"` | nothing: a rewrite |
//!
//! Every other zone type, clause and record is counted and left out; nothing is ever included. A
//! `view:` is one of these, and what stands in it is read as if it stood outside.
//!
//! The most specific zone decides: an exception leaves zones that refuse further down, and names that
//! `local-data` refuses, its own included. (Unbound passes over the data of an `always_transparent`
//! zone; here it refuses.)

use std::{collections::HashSet, io::BufRead};

use filter_core::{DomainName, Options, Scope};

use super::{
    Kind, Out, ReadError, ReadOptions, Rule, Sink, Skip, host, hosts,
    lines::{Line, Lines},
};

/// Most `redirect` zones with data that one list may hold. Lists that refuse hold none.
const MAX_REWRITTEN: usize = 10_000;

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    match Clause::read(text)? {
        Clause::Zone { name: text, kind } => {
            let name = host::name(text)?;
            let exception = match kind {
                Zone::Refuses => false,
                Zone::Redirects if options.corrections.rewritten.contains(&name) => {
                    return Err(Skip::Rewrite);
                }
                Zone::Redirects => false,
                Zone::Passes => true,
            };
            let scope = host::scope(text, options.scope.unwrap_or(Scope::Subtree));
            let flags = Options { exception, nearest: exception, ..Options::default() };
            out.rule(Rule::Domain { name: &name, scope }, flags)
        }
        Clause::Data(record) => {
            let name = refused_by(record)?;
            out.plain(Rule::Domain { name: &name, scope: Scope::Exact })
        }
    }
}

/// A clause that says something of a name.
enum Clause<'t> {
    Zone { name: &'t str, kind: Zone },
    Data(Record<'t>),
}

/// What a `local-zone` does.
enum Zone {
    Refuses,
    /// Answers for everything under it with its own data.
    Redirects,
    Passes,
}

impl<'t> Clause<'t> {
    fn read(text: &'t str) -> Result<Self, Skip> {
        let mut words = Words(text);
        let mut key = match words.next()? {
            Some(key) => key,
            None if text.trim_start().is_empty() => return Err(Skip::Blank),
            None => return Err(Skip::Comment),
        };
        if key == "server:" {
            // The heading of the clauses that follow, on this line or the next ones.
            key = words.next()?.ok_or(Skip::Comment)?;
        }
        let clause = match key {
            "local-zone:" => {
                let name = words.next()?.ok_or(Skip::NoName)?;
                let kind = Zone::named(words.next()?.ok_or(Skip::Syntax)?)?;
                Self::Zone { name, kind }
            }
            "local-data:" => {
                Self::Data(Record::read(words.next()?.ok_or(Skip::NoName)?).ok_or(Skip::Syntax)?)
            }
            "include:" | "include-toplevel:" => return Err(Skip::Include),
            key if key.ends_with(':') => return Err(Skip::Setting),
            _ => return Err(Skip::Syntax),
        };
        // Two clauses on one line, or a value without its quotes: not all of it would be read.
        if words.next()?.is_some() { Err(Skip::SeveralWords) } else { Ok(clause) }
    }
}

impl Zone {
    fn named(name: &str) -> Result<Self, Skip> {
        match name {
            "always_nxdomain" | "always_nodata" | "always_null" | "always_refuse" | "static"
            | "refuse" => Ok(Self::Refuses),
            "redirect" | "inform_redirect" => Ok(Self::Redirects),
            "transparent" | "always_transparent" | "typetransparent" | "inform" => Ok(Self::Passes),
            "deny" | "always_deny" | "inform_deny" => Err(Skip::Drop),
            _ => Err(Skip::ZoneType),
        }
    }
}

/// `NAME [TTL] [CLASS] TYPE DATA`.
struct Record<'t> {
    name: &'t str,
    rtype: &'t str,
    data: &'t str,
}

impl<'t> Record<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let name = words.next()?;
        let is_ttl = |word: &str| word.bytes().all(|octet| octet.is_ascii_digit());
        let rtype = words.find(|word| !is_ttl(word) && !word.eq_ignore_ascii_case("IN"))?;
        Some(Self { name, rtype, data: words.next()? })
    }

    /// True when the record answers with an address that leads nowhere.
    fn leads_nowhere(&self) -> Result<bool, Skip> {
        if self.rtype.eq_ignore_ascii_case("A") || self.rtype.eq_ignore_ascii_case("AAAA") {
            hosts::refuses(self.data)
        } else {
            Ok(false)
        }
    }
}

/// The name that a record refuses.
fn refused_by(record: Record<'_>) -> Result<DomainName, Skip> {
    let is = |name| record.rtype.eq_ignore_ascii_case(name);
    if record.leads_nowhere()? {
        return host::name(record.name);
    }
    Err(if is("A") || is("AAAA") || is("CNAME") { Skip::Rewrite } else { Skip::LocalData })
}

/// Words of a line, quoted or not, up to a comment.
struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    fn next(&mut self) -> Result<Option<&'t str>, Skip> {
        self.0 = self.0.trim_start();
        let (word, rest) = match self.0.as_bytes().first() {
            None | Some(b'#') => return Ok(None),
            Some(&quote @ (b'"' | b'\'')) => {
                self.0[1..].split_once(char::from(quote)).ok_or(Skip::Syntax)?
            }
            Some(_) => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
                self.0.split_at(self.0.find(ends).unwrap_or(self.0.len()))
            }
        };
        self.0 = rest;
        Ok(Some(word))
    }
}

/// The names of `redirect` zones that answer with an address or name of their own: a search engine
/// sent to its safe version, say. They refuse nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct RewrittenZones {
    names: HashSet<Box<[u8]>>,
    /// There were more: any zone may be one.
    overflow: bool,
}

impl RewrittenZones {
    /// Looks through a list for them; the data may come long after its zone.
    pub(super) fn scan(input: impl BufRead) -> Result<Self, ReadError> {
        let mut lines = Lines::new(input)?;
        let mut zones = Self::default();
        while let Some(line) = lines.next()? {
            let Line::Whole(text) = line else { continue };
            if !text.contains("local-data:") {
                continue;
            }
            let Ok(Clause::Data(record)) = Clause::read(&text) else { continue };
            if let (Ok(false), Ok(name)) = (record.leads_nowhere(), host::name(record.name)) {
                zones.overflow |= zones.names.len() == MAX_REWRITTEN;
                if !zones.overflow {
                    zones.names.insert(name.as_wire().into());
                }
            }
        }
        Ok(zones)
    }

    fn contains(&self, name: &DomainName) -> bool {
        self.overflow || self.names.contains(name.as_wire())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quoted_and_not() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  # comment", &[]),
            ("a b", &["a", "b"]),
            ("\tlocal-zone:\"a.b.\" static#c", &["local-zone:", "a.b.", "static#c"]),
            ("a 'b c' \"d # e\" # f", &["a", "b c", "d # e"]),
            ("a\"\"b", &["a", "", "b"]),
        ];
        for (text, expected) in cases {
            let mut words = Words(text);
            let mut seen = Vec::new();
            while let Some(word) = words.next().unwrap() {
                seen.push(word);
            }
            assert_eq!(seen, *expected, "{text}");
        }
        assert_eq!(Words("\"a b").next(), Err(Skip::Syntax));
    }

    #[test]
    fn rewritten_zones_are_bounded() {
        let list = |n: usize| -> String {
            (0..n).map(|n| format!("local-data: \"a{n}.example A 192.0.2.1\"\n")).collect()
        };
        let name = |text: &str| DomainName::parse(text).unwrap();
        let zones = RewrittenZones::scan(list(MAX_REWRITTEN).as_bytes()).unwrap();
        assert!(zones.contains(&name("a0.example")) && !zones.contains(&name("b.example")));
        let zones = RewrittenZones::scan(list(MAX_REWRITTEN + 1).as_bytes()).unwrap();
        assert!(zones.names.len() == MAX_REWRITTEN && zones.contains(&name("b.example")));
    }
}
