//! Sites that impostors imitate: one a line.
//!
//! Each gives itself, by which homographs are told, and a rule on each name that it is mistyped as
//! ([`filter_core::typos`]) and all below. A line `!example.com` says of a site that it only looks like
//! one. Names that are known to be somebody else's give no rule: all sites of the list, those of the
//! tables that ship with the product ([`crate::trusted`]), and those of the files that the source names.

use std::{collections::HashSet, io::BufRead};

use filter_core::{DomainName, Options, RuleError, Scope, typos};

use super::{
    Kind, Line, Lines, Out, Part, ReadError, ReadOptions, Rule, Sink, Skip, host, read_part,
};
use crate::trusted::{must_allow, trusted};

/// Sites that are not to be taken for others.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(HashSet<DomainName>);

impl Known {
    /// Those that ship with the product, and those of the list itself, which is looked through.
    pub(super) fn scan(input: impl BufRead) -> Result<Self, ReadError> {
        let mut known = Self::default();
        known.0.extend(must_allow().iter().chain(&trusted()).filter_map(DomainName::site));
        let mut lines = Lines::new(input)?;
        while let Some(line) = lines.next()? {
            if let Line::Whole(text) = line
                && let Ok((site, _)) = entry(&text)
            {
                known.0.insert(site);
            }
        }
        Ok(known)
    }

    /// Adds the sites of a list of names.
    pub(super) fn add(&mut self, input: impl BufRead) -> Result<(), ReadError> {
        read_part(Part::Domains, Default::default(), input, &ReadOptions::default(), self)?;
        Ok(())
    }
}

impl Sink for Known {
    fn rule(&mut self, _: u64, rule: Rule<'_>, _: Options) -> Result<(), RuleError> {
        if let Rule::Domain { name, .. } = rule {
            self.0.extend(name.site());
        }
        Ok(())
    }
}

pub(super) fn line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let (site, exception) = entry(text)?;
    let kind = out.rule(Rule::Protected(&site), Options { exception, ..Options::default() })?;
    if !exception {
        for (typo, _) in typos(&site) {
            if !options.corrections.known.0.contains(&typo) {
                out.plain(Rule::Domain { name: &typo, scope: Scope::Subtree })?;
            }
        }
    }
    Ok(kind)
}

/// The site of a line, and whether it is one that only looks like others.
fn entry(text: &str) -> Result<(DomainName, bool), Skip> {
    let is_comment = text.contains('#');
    let text = text.split('#').next().unwrap_or_default().trim();
    let (text, is_known) = match text.strip_prefix('!') {
        Some(rest) => (rest.trim(), true),
        None => (text, false),
    };
    match text {
        "" if is_comment => Err(Skip::Comment),
        "" => Err(Skip::Blank),
        _ if text.contains(char::is_whitespace) => Err(Skip::SeveralWords),
        _ => Ok((host::name(text)?, is_known)),
    }
}
