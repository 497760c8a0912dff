//! The first reading: which rules the list holds, and the lines that gave none.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use filter_core::{Batch, DomainName, FilterBuilder, Options, RuleError, Scope, Source, SourceId};

use super::{
    Check,
    findings::{Findings, Place, Reading},
    header::{Claim, claim},
    written::{alike, foreign, is_html, quoted},
};
use crate::{
    compile::BatchSink,
    formats::{Rule, Sink, Skip, taken_back},
    source::{Format, ListSource},
};

/// Rules that are checked by one batch before it is thrown away.
const BATCH: usize = 1 << 16;
/// Lines within which a header stands.
const HEADER: u64 = 60;
/// Percent by which the number of entries may differ from the one in the header.
const TOLERANCE: u64 = 5;
/// Entries by which it may differ in any case: some count their own header.
const SLACK: u64 = 20;

/// Knows every rule of a list by the hash of its name.
pub(super) struct Survey {
    pub(super) findings: Findings,
    pub(super) rules: Rules,
    /// Exceptions by name, until a rule is found that they are an exception to.
    pub(super) exceptions: HashMap<u64, Exception>,
    /// Fragments and expressions: what they match is not known here.
    pub(super) patterns: u64,
    reading: Reading,
    /// Hash of the text of a rule that is taken back, the line that does so, and whether it is there.
    badfilters: HashMap<u64, (Place, String)>,
    taken_back: Vec<u64>,
    claims: Vec<(Place, Claim)>,
    given: Option<Format>,
    found: Option<Format>,
    builder: FilterBuilder,
    id: SourceId,
    checked: BatchSink,
    in_batch: usize,
}

/// An exception that has not been found to except anything.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) place: Place,
    pub(super) column: u64,
    pub(super) name: DomainName,
    /// It leaves rules on names below its own.
    pub(super) nearest: bool,
}

impl Survey {
    pub(super) fn new(source: &ListSource, found: Option<Format>, limit: usize) -> Self {
        let mut builder = FilterBuilder::new();
        let definition = Source {
            suffixes: source.definition.suffixes,
            // The name and its categories do not matter: nothing is built.
            ..Source::block("lint", &["porn"])
        };
        let id = builder.source(definition).expect("a fresh builder takes a built-in category");
        let checked = BatchSink(builder.batch(id));
        Self {
            findings: Findings::new(limit),
            rules: Rules::default(),
            exceptions: HashMap::new(),
            patterns: 0,
            reading: Reading::default(),
            badfilters: HashMap::new(),
            taken_back: Vec::new(),
            claims: Vec::new(),
            given: source.format,
            found,
            builder,
            id,
            checked,
            in_batch: 0,
        }
    }

    pub(super) fn into_findings(mut self) -> Findings {
        self.findings.read(&self.reading);
        self.findings
    }

    /// Looks at what the header claims, once everything has been read.
    pub(super) fn compare_with_header(&mut self, format: Format, accepted: u64) {
        for (place, claim) in std::mem::take(&mut self.claims) {
            match claim {
                Claim::Format(claimed) if !alike(self.found.unwrap_or(format), claimed) => {
                    self.findings.add(Check::WrongFormat, place, 1, || {
                        let found = self.found.unwrap_or(format);
                        format!("the header says {claimed}, the lines are {found}")
                    });
                }
                Claim::Entries(claimed) if !self.is_near(claimed, accepted) => {
                    let names = self.rules.names();
                    self.findings.add(Check::WrongCount, place, 1, || {
                        format!(
                            "the header says {claimed} entries; there are {accepted} on {names} names"
                        )
                    });
                }
                _ => {}
            }
        }
    }

    fn is_near(&self, claimed: u64, accepted: u64) -> bool {
        let near = |count: u64| claimed.abs_diff(count) <= SLACK.max(claimed / 100 * TOLERANCE);
        near(accepted) || near(self.rules.names())
    }

    /// The `$badfilter` rules that took nothing back.
    pub(super) fn dead_badfilters(&mut self) {
        for hash in std::mem::take(&mut self.taken_back) {
            self.badfilters.remove(&hash);
        }
        let mut dead: Vec<_> = std::mem::take(&mut self.badfilters).into_values().collect();
        dead.sort_unstable();
        for (place, text) in dead {
            let message = || format!("{} takes back a rule that is not there", quoted(&text));
            self.findings.add(Check::DeadBadfilter, place, 1, message);
        }
    }

    /// A rule as the builder would judge it, in bounded memory.
    fn judge(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        if self.in_batch == BATCH {
            let fresh: Batch = self.builder.batch(self.id);
            self.checked = BatchSink(fresh);
            self.in_batch = 0;
        }
        self.in_batch += 1;
        self.checked.rule(line, rule, options)
    }

    fn domain(&mut self, line: u64, name: &DomainName, scope: Scope, options: Options) {
        let place = self.reading.place(line);
        self.rules.add(name, scope, options, place);
        if options.exception && !options.narrow {
            let column = self.reading.column(line, &name.to_string());
            let nearest = options.nearest;
            let exception = Exception { place, column, name: name.clone(), nearest };
            self.exceptions.entry(hash(name)).or_insert(exception);
        }
    }
}

impl Sink for Survey {
    fn file(&mut self, path: &Path) {
        self.reading.file(path);
    }

    fn line(&mut self, number: u64, text: &str) {
        self.reading.line(number, text);
        if number <= HEADER
            && let Some(claim) = claim(text)
            && !self
                .claims
                .iter()
                .any(|(_, other)| std::mem::discriminant(other) == std::mem::discriminant(&claim))
        {
            self.claims.push((self.reading.place(number), claim));
        }
    }

    fn skipped(&mut self, number: u64, reason: &Skip, text: &str) {
        let place = self.reading.place(number);
        match reason {
            Skip::Badfilter => {
                if let Some(target) = taken_back(text) {
                    self.badfilters.entry(hash(target.as_ref())).or_insert((place, text.into()));
                }
                return;
            }
            Skip::TakenBack => self.taken_back.push(hash(text.trim())),
            _ => {}
        }
        let Some(mut check) = Check::of_skip(reason) else { return };
        let list = self.given.or(self.found);
        let mut other = None;
        if list != Some(Format::Phrases) && is_html(text) {
            check = Check::Html;
        } else if check == Check::InvalidEntry && *reason != Skip::NoName {
            other = foreign(text, list);
            check = if other.is_some() { Check::ForeignLine } else { check };
        }
        let column = self.reading.column(number, text.trim());
        self.findings.add(check, place, column, || {
            let text = quoted(text);
            match (check, other) {
                (Check::ForeignLine, Some(other)) => {
                    format!("{text} is a line of the {other} format")
                }
                (Check::PublicSuffix, _) => format!("{text} is a public suffix"),
                (Check::SharedHost, _) => format!("{text} is shared by sites of many people"),
                (Check::GluedAddress, _) => format!("{text} begins with an address"),
                (Check::Html, _) => format!("{text} is HTML"),
                _ => format!("{text}: {reason}"),
            }
        });
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        self.judge(line, rule, options)?;
        match rule {
            Rule::Domain { name, scope } => self.domain(line, name, scope, options),
            Rule::Fragment(_) | Rule::Expression(_) => self.patterns += 1,
            // Resolvers, for which such lists are, ask of hosts alone.
            Rule::UrlExpression(text) if self.given.or(self.found) == Some(Format::Adblock) => {
                let text = format!("/{text}/");
                let (place, column) = (self.reading.place(line), self.reading.column(line, &text));
                let told = || format!("{} matches no host name", quoted(&text));
                self.findings.add(Check::DeadExpression, place, column, told);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The place of every rule on a name, the first where there are several.
#[derive(Debug, Default)]
pub(super) struct Rules {
    places: HashMap<u64, Place>,
    hashes: Vec<u64>,
}

impl Rules {
    fn add(&mut self, name: &DomainName, scope: Scope, options: Options, place: Place) {
        let name = hash(name);
        self.places.entry(rule_hash(name, scope, options)).or_insert(place);
        self.hashes.push(name);
    }

    /// The first place of this very rule.
    pub(super) fn place(&self, name: u64, scope: Scope, options: Options) -> Option<Place> {
        self.places.get(&rule_hash(name, scope, options)).copied()
    }

    /// The hashes of the names, sorted, each once.
    pub(super) fn into_hashes(mut self) -> Vec<u64> {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes
    }

    fn names(&self) -> u64 {
        let mut hashes = self.hashes.clone();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.len() as u64
    }
}

/// The same in every run: findings of a run can be compared with those of another.
pub(super) fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn rule_hash(name: u64, scope: Scope, options: Options) -> u64 {
    let Options { important, exception, narrow, nearest } = options;
    hash(&(name, scope, [important, exception, narrow, nearest]))
}

/// Says where name, caller and lines disagree on the format.
pub(super) fn compare_formats(
    given: Option<Format>,
    found: Option<Format>,
    path: &Path,
    findings: &mut Findings,
) {
    let Some(found) = found else { return };
    let named = path.extension().and_then(|extension| match extension.to_str()? {
        "hosts" => Some(Format::Hosts),
        "rpz" => Some(Format::Rpz),
        "abp" | "adblock" => Some(Format::Adblock),
        _ => None,
    });
    let mut compare = |claimed: Option<Format>, who: &str| {
        if let Some(claimed) = claimed.filter(|&claimed| !alike(found, claimed)) {
            findings.add(Check::WrongFormat, Place::start(), 1, || {
                format!("{who} says {claimed}, the lines are {found}")
            });
        }
    };
    compare(given, "the caller");
    compare(named, "the file's name");
}
