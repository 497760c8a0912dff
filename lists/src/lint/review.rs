//! The second reading: every rule in the light of all others.

use std::{collections::HashMap, path::Path};

use filter_core::{Action, DomainName, Options, RuleError, Scope};

use super::{
    Check, bystanders,
    findings::{Findings, Place, Reading},
    lookalike::{self, Suspicion},
    survey::{Exception, Rules, Survey, hash},
};
use crate::formats::{Rule, Sink};

pub(super) struct Review {
    findings: Findings,
    rules: Rules,
    /// Those not seen to except anything, so far.
    dead_exceptions: HashMap<u64, Exception>,
    /// The list refuses; otherwise it allows.
    blocks: bool,
    reading: Reading,
}

impl Review {
    pub(super) fn new(mut survey: Survey, action: Action) -> Self {
        survey.dead_badfilters();
        let mut dead_exceptions = survey.exceptions;
        if survey.patterns > 0 {
            // A pattern may match any name: what an exception to it is good for is not known.
            dead_exceptions.clear();
        }
        Self {
            findings: survey.findings,
            rules: survey.rules,
            dead_exceptions,
            blocks: action == Action::Block,
            reading: Reading::default(),
        }
    }

    /// The findings, and the hashes of the names.
    pub(super) fn finish(mut self) -> (Findings, Vec<u64>) {
        let mut dead: Vec<_> = self.dead_exceptions.into_values().collect();
        dead.sort_by_key(|exception| exception.place);
        for Exception { place, column, name, nearest } in dead {
            let below = if nearest { "" } else { " or a name below it" };
            let message = || format!("no rule of the list matches `{name}`{below}");
            self.findings.add(Check::DeadException, place, column, message);
        }
        self.findings.read(&self.reading);
        (self.findings, self.rules.into_hashes())
    }

    fn domain(&mut self, line: u64, name: &DomainName, scope: Scope, options: Options) {
        let place = self.reading.place(line);
        let hashes = Lineage::of(name);
        let own = hashes.own();
        let Some(first) = self.rules.place(own, scope, options) else {
            return; // refused: a public suffix, say
        };
        if first != place {
            return self.add(Check::Duplicate, line, name, |reading| {
                format!("`{}` stands on {}", rule(name, scope), reading.shown(first))
            });
        }
        self.name(line, name);
        if options.exception {
            self.revive_if_blocked(&hashes);
        } else {
            self.reach(line, name, own, scope);
            self.revive_above(&hashes);
        }
        // What `denyallow` leaves out of a rule is not looked at: neither covers the other for sure.
        if options.narrow {
            return;
        }
        if let Some((labels, above, covering)) = self.covering(&hashes, scope, options) {
            self.add(Check::Covered, line, name, |reading| {
                let above_rule = rule(&name.suffix(labels), covering);
                let place = reading.shown(above);
                format!("`{}` is within `{above_rule}` on {place}", rule(name, scope))
            });
        } else if !options.exception {
            self.www_only(line, name, &hashes, options);
        }
    }

    /// The nearest rule of the same kind that matches all that this one matches, with none of the other
    /// kind in between that would decide in its place.
    fn covering(
        &self,
        hashes: &Lineage,
        scope: Scope,
        options: Options,
    ) -> Option<(usize, Place, Scope)> {
        let own = hashes.own();
        if self.is_parted(own, options) {
            return None;
        }
        if scope != Scope::Subtree
            && let Some(place) = self.rules.place(own, Scope::Subtree, options)
        {
            return Some((hashes.labels(), place, Scope::Subtree));
        }
        let above = (1..hashes.labels()).rev();
        let mut above = above.take_while(|&labels| !self.is_parted(hashes.at(labels), options));
        above.find_map(|labels| {
            WIDE.into_iter().find_map(|covering| {
                let place = self.rules.place(hashes.at(labels), covering, options)?;
                Some((labels, place, covering))
            })
        })
    }

    /// True when the name has, for what is below it, an exception that leaves more specific rules, or a
    /// rule that such exceptions leave: rules alike above and below it are then not for the same names.
    fn is_parted(&self, name: u64, options: Options) -> bool {
        let has = |other: Options| {
            WIDE.into_iter().any(|scope| self.rules.place(name, scope, other).is_some())
        };
        match options {
            Options { exception: true, nearest: false, .. } => false,
            Options { exception, .. } => {
                has(Options { exception: !exception, nearest: !exception, ..options })
            }
        }
    }

    fn www_only(&mut self, line: u64, name: &DomainName, hashes: &Lineage, options: Options) {
        if name.labels().next() != Some(b"www") || hashes.labels() < 3 {
            return;
        }
        let site = name.suffix(hashes.labels() - 1).to_string();
        if psl::domain_str(&site) != Some(site.as_str()) {
            return;
        }
        let apex = hashes.at(hashes.labels() - 1);
        let any = [Scope::Exact, Scope::Subtree].into_iter().any(|scope| {
            [options, Options { important: !options.important, ..options }]
                .into_iter()
                .any(|options| self.rules.place(apex, scope, options).is_some())
        });
        if !any {
            self.add(Check::WwwOnly, line, name, |_| {
                format!("`{name}` is listed, `{site}` is not")
            });
        }
    }

    /// An exception on this name has something to except: a rule on the name or above it.
    fn revive_if_blocked(&mut self, hashes: &Lineage) {
        if !self.dead_exceptions.contains_key(&hashes.own()) {
            return;
        }
        let blocked = (1..=hashes.labels()).any(|labels| {
            let at_own = labels == hashes.labels();
            let hash = hashes.at(labels);
            [Scope::Exact, Scope::Subtree, Scope::SubdomainsOnly].into_iter().any(|scope| {
                let reaches = scope != Scope::Exact || at_own;
                let block = |(important, narrow)| {
                    let options = Options { important, narrow, ..Options::default() };
                    self.rules.place(hash, scope, options).is_some()
                };
                let any = [(false, false), (true, false), (false, true), (true, true)];
                reaches && any.into_iter().any(block)
            })
        });
        if blocked {
            self.dead_exceptions.remove(&hashes.own());
        }
    }

    /// Exceptions on ancestors except this rule, but for those that leave more specific ones.
    fn revive_above(&mut self, hashes: &Lineage) {
        if self.dead_exceptions.is_empty() {
            return;
        }
        for labels in 1..=hashes.labels() {
            let hash = hashes.at(labels);
            if self.dead_exceptions.get(&hash).is_some_and(|exception| !exception.nearest) {
                self.dead_exceptions.remove(&hash);
            }
        }
    }

    /// Whom the rule hits besides those that it means.
    fn reach(&mut self, line: u64, name: &DomainName, own: u64, scope: Scope) {
        if !self.blocks {
            return;
        }
        if let Some(hit) = bystanders::trusted(name, own, scope) {
            self.add(Check::TrustedName, line, name, |_| {
                if hit == name {
                    format!("`{name}` is a trusted name")
                } else {
                    format!("`{}` refuses the trusted {hit}", rule(name, scope))
                }
            });
        }
        if let Some(hit) = bystanders::shared(name, own, scope) {
            self.add(Check::SharedHost, line, name, |_| {
                format!("`{}` refuses all of {hit}", rule(name, scope))
            });
        }
    }

    /// What the name itself looks like.
    fn name(&mut self, line: u64, name: &DomainName) {
        if is_address(name) {
            self.add(Check::Address, line, name, |_| format!("`{name}` is an address"));
        }
        match lookalike::suspicion(name) {
            Some(Suspicion::LooksLike(known)) => {
                let shown = lookalike::shown(name);
                self.add(Check::Lookalike, line, name, |_| {
                    format!("`{name}` ({shown}) looks like {known}")
                });
            }
            Some(Suspicion::Mixes(scripts)) => {
                let shown = lookalike::shown(name);
                self.add(Check::MixedScript, line, name, |_| {
                    format!("`{name}` ({shown}) mixes {scripts} letters")
                });
            }
            None => {}
        }
    }

    fn add(
        &mut self,
        check: Check,
        line: u64,
        name: &DomainName,
        message: impl FnOnce(&Reading) -> String,
    ) {
        let reading = &self.reading;
        let column = reading.column(line, &name.to_string());
        self.findings.add(check, reading.place(line), column, || message(reading));
    }
}

impl Sink for Review {
    fn file(&mut self, path: &Path) {
        self.reading.file(path);
    }

    fn line(&mut self, number: u64, text: &str) {
        self.reading.line(number, text);
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        if let Rule::Domain { name, scope } = rule {
            self.domain(line, name, scope, options);
        }
        Ok(())
    }
}

/// Hashes of a name and its ancestors.
struct Lineage(Vec<u64>);

impl Lineage {
    fn of(name: &DomainName) -> Self {
        Self((0..=name.label_count()).map(|labels| hash(&name.suffix(labels))).collect())
    }

    /// The ancestor of so many labels.
    fn at(&self, labels: usize) -> u64 {
        self.0.get(labels).copied().unwrap_or_default()
    }

    fn own(&self) -> u64 {
        self.0.last().copied().unwrap_or_default()
    }

    fn labels(&self) -> usize {
        self.0.len() - 1
    }
}

/// Scopes of rules on a name that match what is below it.
const WIDE: [Scope; 2] = [Scope::Subtree, Scope::SubdomainsOnly];

/// The rule as a wildcard list would write it.
fn rule(name: &DomainName, scope: Scope) -> String {
    if scope == Scope::SubdomainsOnly { format!("*.{name}") } else { name.to_string() }
}

/// True for a host written as an address.
fn is_address(name: &DomainName) -> bool {
    let last = name.labels().next_back().unwrap_or_default();
    let may_be = last.iter().all(u8::is_ascii_digit) || last.contains(&b':');
    may_be && name.to_string().parse::<std::net::IpAddr>().is_ok()
}
