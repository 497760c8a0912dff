//! The naive oracle: the semantics of ARCHITECTURE.md said a second time, slowly and plainly.
//!
//! It keeps every rule as it was given and, for each question, looks at all that match, one category
//! at a time. It shares no code with the engine but names, sources and profiles.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(dead_code, unreachable_pub, reason = "each test that includes this module uses a part")]

use std::collections::{BTreeSet, HashMap};

use filter_core::{
    Action, Batch, BoundFilter, DomainName, Filter, FilterBuilder, Fragment, Learned,
    LearnedCategory, Mode, NamePattern, Options, Profile, RuleError, Scope, Source, Stamp, Step,
    Verdict, with_recomputed_digests,
};

/// All sources and rules, as given.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    sources: Vec<Source>,
    /// By the name that the rule is on.
    domains: HashMap<DomainName, Vec<DomainRule>>,
    /// Names of allow rules and exceptions, by their last two labels.
    sparing: HashMap<DomainName, Vec<(DomainName, DomainRule)>>,
    fragments: Vec<(String, usize)>,
    expressions: Vec<(String, usize)>,
    learned: Learned,
}

#[derive(Clone, Copy, Debug)]
struct DomainRule {
    source: usize,
    scope: Scope,
    options: Options,
}

/// What the engine and the oracle must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub blocked: bool,
    /// The rank that refused it.
    pub step: Option<Step>,
    pub spares_descendants: bool,
}

const ALLOWED: Answer = Answer { blocked: false, step: None, spares_descendants: false };

impl Oracle {
    pub fn source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    pub fn domain(&mut self, source: usize, name: &DomainName, scope: Scope, options: Options) {
        let rule = DomainRule { source, scope, options };
        self.domains.entry(name.clone()).or_default().push(rule);
        if self.is_allow(&rule) || options.exception {
            self.sparing.entry(name.suffix(2)).or_default().push((name.clone(), rule));
        }
    }

    pub fn fragment(&mut self, source: usize, text: &str) {
        self.fragments.push((text.to_lowercase(), source));
        self.fragments.sort();
    }

    pub fn expression(&mut self, source: usize, text: &str) {
        self.expressions.push((text.to_owned(), source));
        self.expressions.sort();
    }

    pub fn answer(&self, profile: &Profile, name: &DomainName) -> Answer {
        let blocked: BTreeSet<&String> = profile.block.difference(&profile.allow).collect();
        let below = |pattern: &NamePattern| lies_below(&pattern.name, pattern.scope, name);
        let operator_spares = profile.allow_names.iter().any(below);

        // 5: the operator's names.
        let deepest = |patterns: &[NamePattern]| {
            let matching = patterns.iter().filter(|pattern| {
                name.is_within(&pattern.name) && applies(pattern.scope, &pattern.name, name)
            });
            matching.map(|pattern| pattern.name.label_count()).max()
        };
        match (deepest(&profile.allow_names), deepest(&profile.block_names)) {
            (Some(allow), block) if block.is_none_or(|block| allow >= block) => return ALLOWED,
            (_, Some(_)) => return refuse(Step::OperatorNames, operator_spares),
            _ => {}
        }

        let rules = self.matching(name);
        let exceptions = || rules.iter().filter(|(_, rule)| rule.options.exception);
        let excepted = |depth: usize, rule: &DomainRule| {
            exceptions().any(|(exception_depth, exception)| {
                exception.source == rule.source
                    && (exception.options.important || !rule.options.important)
                    && (rule.options.narrow || !exception.options.narrow)
                    && (!exception.options.nearest
                        || matches_all_of(
                            (&name.suffix(depth), rule.scope),
                            (&name.suffix(*exception_depth), exception.scope),
                        ))
            })
        };
        // What lies below a name of two labels or more shares its last two.
        let sparing = match name.label_count() {
            0 | 1 => self.sparing.values().flatten().collect::<Vec<_>>(),
            _ => self.sparing.get(&name.suffix(2)).into_iter().flatten().collect(),
        };
        let lists_spare = sparing.into_iter().any(|(rule_name, rule)| {
            let source = &self.sources[rule.source];
            let in_force = match source.action {
                Action::Allow => {
                    profile.mode == Mode::Closed
                        || source.lifts.iter().any(|lift| blocked.contains(lift))
                }
                Action::Block => source.categories.iter().any(|c| blocked.contains(c)),
            };
            in_force && lies_below(rule_name, rule.scope, name)
        });
        let spared = operator_spares || lists_spare;

        // 7: important block rules.
        let blocks = |depth: usize, rule: &DomainRule, category: &String| {
            let source = &self.sources[rule.source];
            source.action == Action::Block
                && !rule.options.exception
                && source.categories.contains(category)
                && !excepted(depth, rule)
        };
        let important: Vec<_> = rules
            .iter()
            .filter(|(_, rule)| rule.options.important)
            .filter(|(depth, rule)| blocked.iter().any(|category| blocks(*depth, rule, category)))
            .collect();
        if let Some(depth) = important.iter().map(|(depth, _)| *depth).max() {
            let deepest = |(d, _): &&(usize, DomainRule)| *d == depth;
            let exact = |(depth, rule): &(usize, DomainRule)| self.is_alone(name, *depth, rule);
            let all_exact = important.into_iter().filter(deepest).all(exact);
            return refuse(Step::ImportantRules, spared || all_exact);
        }

        // 8: list rules, one category at a time.
        let lifted_from = |category: &String| {
            let lifts = |rule: &DomainRule| {
                !rule.options.exception && self.sources[rule.source].lifts.contains(category)
            };
            rules.iter().filter(|(_, rule)| lifts(rule)).map(|(depth, _)| *depth).max()
        };
        let mut refusing: Vec<(usize, bool)> = Vec::new();
        for &category in &blocked {
            let lifted = lifted_from(category);
            let standing = rules.iter().filter(|(depth, rule)| {
                blocks(*depth, rule, category) && lifted.is_none_or(|lifted| *depth > lifted)
            });
            refusing
                .extend(standing.map(|(depth, rule)| (*depth, self.is_alone(name, *depth, rule))));
        }
        if let Some(deepest) = refusing.iter().map(|(depth, _)| *depth).max() {
            let alone = refusing.iter().all(|(depth, alone)| *depth != deepest || *alone);
            return refuse(Step::ListRules, spared || alone);
        }

        // 9: patterns.
        let in_force = |source: usize| {
            self.sources[source].action == Action::Block
                && !exceptions().any(|(_, e)| e.source == source && !e.options.narrow)
                && self.sources[source]
                    .categories
                    .iter()
                    .any(|category| blocked.contains(category) && lifted_from(category).is_none())
        };
        let marked = format!("|.{name}.|");
        let fragment =
            self.fragments.iter().find(|(text, source)| marked.contains(text) && in_force(*source));
        if let Some((text, _)) = fragment {
            return refuse(Step::Patterns, spared || text.starts_with('|'));
        }
        let expression = |text: &str| {
            let anchored = text.trim_start_matches('^').trim_end_matches('$');
            let host = name.to_string();
            // The oracle's expressions are plain words with anchors: no regex engine to trust.
            assert!(anchored.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{text}");
            match (text.starts_with('^'), text.ends_with('$')) {
                (false, false) => host.contains(anchored),
                (true, false) => host.starts_with(anchored),
                (false, true) => host.ends_with(anchored),
                (true, true) => host == anchored,
            }
        };
        if self.expressions.iter().any(|(text, source)| expression(text) && in_force(*source)) {
            return refuse(Step::Patterns, true);
        }

        // 9, after patterns: the score of names that no list knows.
        let refuses = |category: &LearnedCategory| {
            let accepted =
                category.mistakes.iter().rfind(|(rate, _)| (1..=profile.unlisted).contains(rate));
            blocked.contains(&category.name)
                && accepted.is_some_and(|(_, least)| score(category, name) >= Some(*least))
        };
        if rules.is_empty() && self.learned.categories.iter().any(refuses) {
            return refuse(Step::Score, true);
        }

        // 10: a closed profile.
        let admits = |rule: &DomainRule| {
            let source = &self.sources[rule.source];
            !rule.options.exception
                && (source.action == Action::Allow
                    || source.categories.iter().any(|category| profile.allow.contains(category)))
        };
        match profile.mode {
            Mode::Closed if !rules.iter().any(|(_, rule)| admits(rule)) => {
                refuse(Step::Default, spared || !profile.allow.is_empty())
            }
            _ => ALLOWED,
        }
    }

    /// Rules that match the name, each with the number of labels of the name it is on.
    fn matching(&self, name: &DomainName) -> Vec<(usize, DomainRule)> {
        let mut matching = Vec::new();
        for depth in 0..=name.label_count() {
            let ancestor = name.suffix(depth);
            for rule in self.domains.get(&ancestor).into_iter().flatten() {
                if applies(rule.scope, &ancestor, name) {
                    matching.push((depth, *rule));
                }
            }
        }
        matching
    }

    /// True for an exact rule whose source says nothing alike of what is below its name.
    fn is_alone(&self, name: &DomainName, depth: usize, rule: &DomainRule) -> bool {
        let on_name = self.domains.get(&name.suffix(depth)).into_iter().flatten();
        rule.scope == Scope::Exact
            && on_name
                .filter(|twin| twin.source == rule.source && twin.options == rule.options)
                .all(|twin| twin.scope == Scope::Exact)
    }

    fn is_allow(&self, rule: &DomainRule) -> bool {
        self.sources[rule.source].action == Action::Allow
    }
}

/// Base and weights of all pieces, at each place where one is; none for what is no site of strangers.
fn score(category: &LearnedCategory, name: &DomainName) -> Option<i32> {
    let site = name.site()?.to_string();
    let mut looked_at = String::from(".");
    for octet in site.bytes().chain([b'|']).map(char::from) {
        if !looked_at.ends_with(&octet.to_string().repeat(3)) {
            looked_at.push(octet);
        }
    }
    let added = |(piece, weight): (&String, &i16)| {
        let places = (0..looked_at.len()).filter(|&at| looked_at[at..].starts_with(piece.as_str()));
        places.count() as i32 * i32::from(*weight)
    };
    Some(category.base + category.weights.iter().map(added).sum::<i32>())
}

fn refuse(step: Step, spares_descendants: bool) -> Answer {
    Answer { blocked: true, step: Some(step), spares_descendants }
}

fn applies(scope: Scope, rule_name: &DomainName, name: &DomainName) -> bool {
    match scope {
        Scope::Exact => rule_name == name,
        Scope::Subtree => true,
        Scope::SubdomainsOnly => rule_name != name,
    }
}

/// True when a rule matches every name that another one does. Of a rule's names, the one that it is on
/// and one below it that no list holds say all that there is to know.
fn matches_all_of(rule: (&DomainName, Scope), other: (&DomainName, Scope)) -> bool {
    let matches = |(on, scope): (&DomainName, Scope), name: &DomainName| {
        name.is_within(on) && applies(scope, on, name)
    };
    let below: DomainName = format!("unlisted.{}", other.0).parse().unwrap();
    [other.0, &below]
        .into_iter()
        .filter(|name| matches(other, name))
        .all(|name| matches(rule, name))
}

/// True when a rule on `rule_name` matches some name below `name`, and not because it covers `name`.
fn lies_below(rule_name: &DomainName, scope: Scope, name: &DomainName) -> bool {
    rule_name.is_within(name) && (rule_name != name || scope == Scope::SubdomainsOnly)
}

/// A builder and an oracle that are told the same.
#[derive(Debug, Default)]
pub struct Both {
    pub oracle: Oracle,
    builder: FilterBuilder,
    batches: Vec<Batch>,
}

impl Both {
    pub fn source(&mut self, source: Source) -> usize {
        let id = self.builder.source(source.clone()).unwrap();
        self.batches.push(self.builder.batch(id));
        self.oracle.source(source)
    }

    pub fn learned(&mut self, learned: &Learned) {
        self.builder.learned(learned.clone()).unwrap();
        self.oracle.learned = learned.clone();
    }

    /// A site that homographs are told by; of those the oracle knows nothing.
    pub fn protect(&mut self, source: usize, site: &str) {
        self.batches[source].protect(&site.parse().unwrap(), Options::default()).unwrap();
    }

    /// A rule in the notation of the table of cases: `d`, `=d` (exact), `*.d` (below), `~fragment`,
    /// `/expression/`, a network; `@@` before, or `@` for one that yields to what is more specific;
    /// `$important` and then `$narrow` after.
    pub fn rule(&mut self, source: usize, text: &str) -> Result<(), RuleError> {
        let rule = text.trim_start_matches('@');
        let (exception, nearest) = (rule.len() < text.len(), text.len() - rule.len() == 1);
        let text = rule;
        let (text, narrow) =
            text.strip_suffix("$narrow").map_or((text, false), |rest| (rest, true));
        let (text, important) =
            text.strip_suffix("$important").map_or((text, false), |rest| (rest, true));
        let options = Options { important, exception, narrow, nearest };
        let batch = &mut self.batches[source];
        if let Some(fragment) = text.strip_prefix('~') {
            batch.fragment(&Fragment::parse(fragment)?, options)?;
            self.oracle.fragment(source, fragment);
        } else if let Some(expression) = text.strip_prefix('/').and_then(|t| t.strip_suffix('/')) {
            batch.expression(expression, options)?;
            self.oracle.expression(source, expression);
        } else if let Ok(network) = text.parse() {
            batch.network(&network, options)?;
        } else {
            let (name, scope) = match (text.strip_prefix('='), text.strip_prefix("*.")) {
                (Some(name), _) => (name, Scope::Exact),
                (_, Some(name)) => (name, Scope::SubdomainsOnly),
                _ => (text, Scope::Subtree),
            };
            self.domain(source, &name.parse().unwrap(), scope, options)?;
        }
        Ok(())
    }

    pub fn domain(
        &mut self,
        source: usize,
        name: &DomainName,
        scope: Scope,
        options: Options,
    ) -> Result<(), RuleError> {
        self.batches[source].domain(name, scope, options)?;
        self.oracle.domain(source, name, scope, options);
        Ok(())
    }

    /// The bundle's bytes and the oracle.
    pub fn build(self) -> (Vec<u8>, Oracle) {
        let mut builder = self.builder;
        for batch in self.batches {
            builder.add(batch.finish());
        }
        let created = "2026-11-22T00:00:00Z".to_owned();
        let built = builder.build(Stamp { serial: 1, created, expires: None });
        (built.bytes, self.oracle)
    }
}

/// Opens and binds.
pub fn bind(bytes: Vec<u8>, profile: &Profile) -> BoundFilter {
    Filter::open(bytes).unwrap().bind(profile).unwrap()
}

/// The bundle as it would be had it no hot index: its section is of a kind that nobody knows.
pub fn without_index(mut bundle: Vec<u8>) -> Vec<u8> {
    let tag = b"hotindex";
    let at = bundle.windows(tag.len()).position(|octets| octets == tag).expect("it has one");
    bundle[at..at + tag.len()].copy_from_slice(b"tomorrow");
    with_recomputed_digests(bundle)
}

/// The engine's answer, checked against its own trace.
pub fn engine_answer(bound: &BoundFilter, name: &DomainName) -> Answer {
    let verdict = bound.verdict(name);
    let answer = match &verdict {
        Verdict::Blocked(reason) => Answer {
            blocked: true,
            step: Some(reason.step),
            spares_descendants: reason.spares_descendants,
        },
        Verdict::Allowed => ALLOWED,
        Verdict::Invalid(error) => panic!("{name}: {error}"),
    };
    check_trace(bound, name, &verdict);
    answer
}

/// A trace tells the same as the verdict, in order of precedence, with one winner.
fn check_trace(bound: &BoundFilter, name: &DomainName, verdict: &Verdict<'_>) {
    use filter_core::{Effect, Standing};
    let trace = bound.explain(name);
    let decisive = trace.decisive();
    assert_eq!(trace.blocked, verdict.is_blocked(), "{trace}");
    assert_eq!(trace.blocked, decisive.effect == Effect::Block, "{trace}");
    assert!(trace.candidates.is_sorted_by_key(|candidate| candidate.step), "{trace}");
    let deciding = trace.candidates.iter().filter(|c| c.standing == Standing::Decides).count();
    assert_eq!(deciding, 1, "{trace}");
    if let Verdict::Blocked(reason) = verdict {
        assert_eq!(decisive.step, reason.step, "{trace}");
        assert_eq!(decisive.source, reason.source, "{trace}");
        assert_eq!(decisive.matched, reason.matched(name), "{trace}");
        assert_eq!(trace.spares_descendants, reason.spares_descendants, "{trace}");
        if let Some(category) = reason.category {
            assert!(decisive.categories.contains(&category.name.as_str()), "{trace}");
        }
    }
}
