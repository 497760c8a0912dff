//! Answers: a verdict with its reason, and the trace that explains it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{
    CategoryInfo, DomainName, Letter, NameError, Network, Scope, Slip,
    homograph::{Reading, letters},
    raw::patterns::Patterns,
    score::{Score, Scored},
    typo::typo_of,
};

/// The answer to "is this host fit for this audience?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing refuses it.
    Allowed,
    /// Refused, and why.
    Blocked(Reason<'a>),
    /// The text asked about is not a host name.
    Invalid(NameError),
}

impl Verdict<'_> {
    /// True when refused.
    pub fn is_blocked(&self) -> bool {
        matches!(self, Self::Blocked(_))
    }
}

/// Why a host is refused: category, source and matched rule.
///
/// Displays as `porn · ut1-adult`, which is what a refusal may tell anyone. It is small, and holds no
/// name: [`matched`](Self::matched) tells the rule to who has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// Which rank of rules decided.
    pub step: Step,
    /// The first category that the profile blocks and no allow rule lifted; none where the operator
    /// named the host, or the profile is closed.
    pub category: Option<&'a CategoryInfo>,
    /// The list that holds the rule; none where the operator named the host, or the profile is
    /// closed.
    pub source: Option<&'a str>,
    /// Whether the law asks for that list ([`Source::legal`](crate::Source::legal)).
    pub is_legal: bool,
    pub(crate) matcher: Matcher<'a>,
    /// True when names below this one are or may be reachable: the answer must then be NODATA, not
    /// NXDOMAIN, which says of a name that nothing exists below it (RFC 8020).
    pub spares_descendants: bool,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.category, self.source, self.matcher) {
            (Some(category), Some(source), _) => write!(f, "{} · {source}", category.name),
            (Some(category), None, _) => {
                write!(f, "{} · {}", category.name, self.step.label())
            }
            (_, _, Matcher::Network(_)) => f.write_str("operator's networks"),
            _ => f.write_str(self.step.label()),
        }
    }
}

impl<'a> Reason<'a> {
    /// The rule that matched, given the name that was asked about.
    pub fn matched(&self, asked: &DomainName) -> Matched<'a> {
        self.matcher.on(asked)
    }

    /// The whole of it, given the name that was asked about: `porn · ut1-adult · matched example.com`.
    pub fn about(&self, asked: &DomainName) -> String {
        match self.matched(asked) {
            Matched::Nothing => self.to_string(),
            matched => format!("{self} · matched {matched}"),
        }
    }
}

/// The rule that matched a name, which is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matcher<'a> {
    /// On the name or its ancestor of so many labels.
    Domain {
        labels: usize,
        scope: Scope,
    },
    /// The same, by a source that protects sites: it may be what one of them is mistyped as.
    Typo {
        labels: usize,
        scope: Scope,
        protected: &'a Patterns,
    },
    Fragment(&'a str),
    Expression(&'a str),
    Network(Network),
    /// It reads like this site.
    HomographOf(&'a str),
    /// It reads like a name that is refused by a rule on its ancestor of so many labels.
    HomographOfListed {
        labels: usize,
    },
    Score(Scored<'a>),
    Nothing,
}

impl<'a> Matcher<'a> {
    pub(crate) fn on(self, name: &DomainName) -> Matched<'a> {
        match self {
            Self::Domain { labels, scope } => Matched::Domain { name: name.suffix(labels), scope },
            Self::Typo { labels, scope, protected } => {
                let name = name.suffix(labels);
                match typo_of(&name, protected.texts.iter().map(String::as_str)) {
                    Some(typo) => Matched::Typo { name, of: Box::new(typo.of), slip: typo.slip },
                    None => Matched::Domain { name, scope },
                }
            }
            Self::Fragment(text) => Matched::Fragment { text },
            Self::Expression(text) => Matched::Expression { text },
            Self::Network(network) => Matched::Network { network },
            Self::HomographOf(site) => homograph(name, |plain| site.parse().unwrap_or(plain)),
            Self::HomographOfListed { labels } => homograph(name, |plain| plain.suffix(labels)),
            Self::Score(scored) => Matched::Score(scored.tell(name)),
            Self::Nothing => Matched::Nothing,
        }
    }
}

/// A homograph of what is made of the name that it reads as.
fn homograph<'a>(name: &DomainName, of: impl Fn(DomainName) -> DomainName) -> Matched<'a> {
    let reading = name.site_labels().and_then(|site| Reading::of(name, site));
    match reading {
        Some(reading) => Matched::Homograph { of: of(reading.plain), letters: letters(name) },
        None => Matched::Nothing,
    }
}

/// The rule that matched, as its list wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Matched<'a> {
    /// A rule on a domain.
    Domain {
        /// The name that the rule is on: the asked one or an ancestor.
        name: DomainName,
        /// Which names it matches.
        scope: Scope,
    },
    /// A name that another is mistyped as, or misread as, with all below it.
    Typo {
        /// The name that the rule is on.
        name: DomainName,
        /// The one that is meant.
        of: Box<DomainName>,
        /// How they differ.
        slip: Slip,
    },
    /// An internationalised name that reads like another.
    Homograph {
        /// The other: a site that is protected, or a name that a list refuses.
        of: DomainName,
        /// The letters that are not what they seem.
        letters: Vec<Letter>,
    },
    /// A host-name fragment.
    Fragment {
        /// In the notation of [`Fragment`](crate::Fragment).
        text: &'a str,
    },
    /// A regular expression.
    Expression {
        /// Its text.
        text: &'a str,
    },
    /// A network, which holds an address of the answer.
    Network {
        /// The network.
        #[serde(serialize_with = "as_text")]
        network: Network,
    },
    /// The pieces of a name that no list knows.
    Score(Score<'a>),
    /// No rule: a closed profile refuses what no rule names, an open one allows it.
    Nothing,
}

impl fmt::Display for Matched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain { name, scope: Scope::Subtree } => write!(f, "{name}"),
            Self::Domain { name, scope: Scope::Exact } => write!(f, "{name} (exactly)"),
            Self::Domain { name, scope: Scope::SubdomainsOnly } => write!(f, "*.{name}"),
            Self::Typo { name, of, slip } => write!(f, "{name} ({of} {})", slip.label()),
            Self::Homograph { of, letters } => {
                write!(f, "reads like {of}")?;
                for (number, letter) in letters.iter().enumerate() {
                    write!(f, "{} {letter}", if number == 0 { ":" } else { "," })?;
                }
                Ok(())
            }
            Self::Fragment { text } => write!(f, "fragment {text}"),
            Self::Expression { text } => write!(f, "/{text}/"),
            Self::Network { network } => write!(f, "{network}"),
            Self::Score(score) => write!(f, "{score}"),
            Self::Nothing => f.write_str("no rule"),
        }
    }
}

fn as_text<S: Serializer>(network: &Network, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(network)
}

/// The ranks of rules, first to last. Numbers are those of the precedence in ARCHITECTURE.md; those
/// missing here are the resolver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// 5: the operator's names; most specific, tie: allow. Of what answers hold: the operator's networks.
    OperatorNames,
    /// 7: `$important` block rules of lists.
    ImportantRules,
    /// 8: list rules; most specific, at equal depth an allow wins for the categories it lifts.
    ListRules,
    /// 9: fragments, then expressions.
    Patterns,
    /// 9, after patterns: internationalised names that no list knows, and that read like others.
    Homographs,
    /// 9, after those: the pieces of a name that no list knows.
    Score,
    /// 10: a closed profile refuses the rest, an open one allows it.
    Default,
}

impl Step {
    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Self::OperatorNames => 5,
            Self::ImportantRules => 7,
            Self::ListRules => 8,
            Self::Patterns | Self::Homographs | Self::Score => 9,
            Self::Default => 10,
        }
    }

    /// A few words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::OperatorNames => "operator's names",
            Self::ImportantRules => "important rules",
            Self::ListRules => "list rules",
            Self::Patterns => "patterns",
            Self::Homographs => "homographs",
            Self::Score => "names like it",
            Self::Default => "profile's default",
        }
    }
}

/// Every rule that matched a name, in order of precedence, and the one that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace<'a> {
    /// The name asked about.
    pub name: DomainName,
    /// The profile.
    pub profile: &'a str,
    /// The outcome.
    pub blocked: bool,
    /// True when a refusal must leave names below reachable ([`Reason::spares_descendants`]).
    pub spares_descendants: bool,
    /// All candidates; the last one is the profile's default.
    pub candidates: Vec<Candidate<'a>>,
    /// Index in `candidates` of the one that decided.
    pub winner: usize,
}

/// A rule that matched, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate<'a> {
    /// Its rank.
    pub step: Step,
    /// What it does where it decides.
    pub effect: Effect,
    /// What matched.
    pub matched: Matched<'a>,
    /// The list that holds it; none for the operator's names and the default.
    pub source: Option<&'a str>,
    /// Names of the categories of the source.
    pub categories: Vec<&'a str>,
    /// Names of the categories that an allow rule lifts in this profile.
    pub lifts: Vec<&'a str>,
    /// Why it did or did not decide.
    pub standing: Standing,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Refuses.
    Block,
    /// Allows.
    Allow,
    /// Cancels block rules of its own source.
    Except,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It decided.
    Decides,
    /// An earlier or more specific one decided.
    Outranked,
    /// The profile does not block its categories, or blocks none that it lifts.
    NotInForce,
    /// An allow rule lifted every category of it that the profile blocks.
    Lifted,
    /// An exception of its own source cancelled it.
    Excepted,
    /// Its score is too low.
    BelowThreshold,
}

impl Standing {
    fn label(self) -> &'static str {
        match self {
            Self::Decides => "decides",
            Self::Outranked => "outranked",
            Self::NotInForce => "not in force in this profile",
            Self::Lifted => "lifted by an allow rule",
            Self::BelowThreshold => "below the threshold",
            Self::Excepted => "cancelled by an exception of its source",
        }
    }
}

impl Trace<'_> {
    /// The candidate that decided.
    pub fn decisive(&self) -> &Candidate<'_> {
        &self.candidates[self.winner]
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.blocked { "refused" } else { "allowed" };
        writeln!(f, "{} is {outcome} in profile {}", self.name, self.profile)?;
        for (number, candidate) in self.candidates.iter().enumerate() {
            let mark = if number == self.winner { '→' } else { ' ' };
            writeln!(f, "{mark} {candidate}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Candidate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Block => "block",
            Effect::Allow => "allow",
            Effect::Except => "except",
        };
        write!(f, "{} {}: {effect} {}", self.step.number(), self.step.label(), self.matched)?;
        if let Some(source) = self.source {
            write!(f, " · {} · {source}", self.categories.join(", "))?;
        }
        if !self.lifts.is_empty() {
            write!(f, " · lifts {}", self.lifts.join(", "))?;
        }
        write!(f, " · {}", self.standing.label())
    }
}
