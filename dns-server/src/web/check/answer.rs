//! What is answered, as JSON.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Answered,
    problem::{Kind, Problem},
    terms::Audience,
    words,
};
use crate::{
    answer::Snapshot,
    policy::{
        check::{Finding, Grounds, Subject, TextExplanation, UrlExplanation},
        explain::Explanation,
        refusal::{Authority, Cause, Language},
    },
    stats::{ItemKind, ItemVerdict},
};

/// The answer to a request: one for each item, in the order of the items.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CheckAnswer<'a> {
    /// The profile that was asked about, or the group's at this moment.
    profile: &'a str,
    /// The group, where one was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    /// The language of the reasons: `fr` or `en`.
    language: &'a str,
    /// One for each item, in their order.
    answers: Vec<Answer<'a>>,
    /// Places of the items that are allowed, in their order: what is left of a page of results.
    kept: Vec<usize>,
}

/// What becomes of an item.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer<'a> {
    verdict: Word,
    /// Absent where it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason<'a>>,
}

/// A verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Verdict")]
enum Word {
    /// Nothing refuses it.
    Allowed,
    /// It is refused.
    Blocked,
    /// It has no host; it is none of what is kept.
    Invalid,
}

/// Why an item is not allowed.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Reason<'a> {
    /// Why, in words for people, in `language`.
    text: String,
    /// What is refused of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<What>,
    /// Whose profile refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<By>,
    /// Identifier of the category, such as `porn`; absent where it is not refused for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
    /// The category's name in `language`.
    #[serde(skip_serializing_if = "Option::is_none")]
    category_name: Option<&'a str>,
    /// The list that holds the rule; absent where the operator or the profile itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<&'a str>,
    /// The rule: a name, a pattern, the beginning of a URL, `/…/` of an expression on URLs.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What the phrases found in a text add up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<i64>,
    /// From where on the profile refuses a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<u32>,
}

/// What is refused of an item.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum What {
    /// Its host.
    Host,
    /// Its host, being a search engine that is not open.
    SearchEngine,
    /// Its URL: the beginning, or an expression on it.
    Page,
    /// Its text, the words of its URL's query, its title or its snippet.
    Text,
}

/// Whose profile refuses an item.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum By {
    /// A higher authority's.
    Floor,
    /// Its own.
    Profile,
}

/// Decides about every subject, and counts them.
pub(super) fn check(
    snapshot: &Snapshot,
    audience: Audience<'_>,
    subjects: &[Subject<'_>],
    language: Language,
    now: Timestamp,
) -> Answered {
    let gone = || Problem::new(Kind::Failure);
    let policy = &snapshot.policy;
    let profile = policy.profile(audience.id, now).ok_or_else(gone)?;
    let mut answer = CheckAnswer {
        profile,
        group: audience.group,
        language: language.tag(),
        answers: Vec::with_capacity(subjects.len()),
        kept: Vec::new(),
    };
    for (place, &subject) in subjects.iter().enumerate() {
        let finding = policy.check(subject, audience.id, now).ok_or_else(gone)?;
        let (one, verdict) = Answer::of(&finding, language);
        snapshot.stats.checks().count_item(kind(subject), verdict);
        if one.verdict == Word::Allowed {
            answer.kept.push(place);
        }
        answer.answers.push(one);
    }
    json(&answer)
}

fn kind(subject: Subject<'_>) -> ItemKind {
    match subject {
        Subject::Host(_) => ItemKind::Host,
        Subject::Url(_) => ItemKind::Url,
        Subject::Text(_) => ItemKind::Text,
        Subject::Result(_) => ItemKind::Result,
    }
}

fn json(answer: &impl Serialize) -> Answered {
    serde_json::to_vec(answer).map_err(|_| Problem::new(Kind::Failure))
}

impl<'a> Answer<'a> {
    fn of(finding: &Finding<'a>, language: Language) -> (Self, ItemVerdict) {
        match finding {
            Finding::Allowed => {
                (Self { verdict: Word::Allowed, reason: None }, ItemVerdict::Allowed)
            }
            Finding::Refused(authority, grounds) => {
                let reason = Some(Reason::of(*authority, grounds, language));
                (Self { verdict: Word::Blocked, reason }, ItemVerdict::Blocked)
            }
            Finding::Invalid(_) => {
                let text = words::no_host(language).to_owned();
                let reason = Some(Reason { text, ..Reason::default() });
                (Self { verdict: Word::Invalid, reason }, ItemVerdict::Invalid)
            }
        }
    }
}

impl<'a> Reason<'a> {
    fn of(authority: Authority, grounds: &Grounds<'a>, language: Language) -> Self {
        let by = Some(match authority {
            Authority::Floor => By::Floor,
            Authority::Profile => By::Profile,
        });
        let text = words::reason(language, authority, grounds);
        let named = |info: Option<&'a filter_core::CategoryInfo>| {
            (info.map(|info| info.name.as_str()), info.map(|info| words::category(language, info)))
        };
        match grounds {
            Grounds::Host(name, cause) => {
                let (category, category_name) = named(cause.category());
                let (what, list, rule) = match cause {
                    Cause::Rule(reason) => {
                        let rule = match reason.matched(name) {
                            filter_core::Matched::Nothing => None,
                            matched => Some(matched.to_string()),
                        };
                        (What::Host, reason.source, rule)
                    }
                    Cause::Engine(engine) => (What::SearchEngine, None, Some(engine.id.clone())),
                    Cause::Objection(_) | Cause::Rebinding(_) => (What::Host, None, None),
                };
                let what = Some(what);
                Self { text, what, by, category, category_name, list, rule, ..Self::default() }
            }
            Grounds::NoSuchName => Self { text, what: Some(What::Host), by, ..Self::default() },
            Grounds::Page(reason) => {
                let (category, category_name) = named(reason.category);
                let (what, list) = (Some(What::Page), Some(reason.source));
                let rule = Some(reason.matched.to_string());
                Self { text, what, by, category, category_name, list, rule, ..Self::default() }
            }
            Grounds::Text(reason) => {
                let (category, category_name) = named(Some(reason.category));
                Self {
                    text,
                    what: Some(What::Text),
                    by,
                    category,
                    category_name,
                    list: Some(reason.source),
                    rule: None,
                    score: Some(reason.score),
                    threshold: Some(reason.threshold),
                }
            }
        }
    }
}

/// The answer of [`explain`]: what `preau explain --json` says, and of what.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(flatten)]
    explanation: AnyExplanation<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyExplanation<'a> {
    Host(Explanation<'a>),
    Url(UrlExplanation<'a>),
    Text(TextExplanation<'a>),
}

/// Tells what has a say about a subject.
pub(super) fn explain(
    snapshot: &Snapshot,
    audience: Audience<'_>,
    subject: Subject<'_>,
    now: Timestamp,
) -> Answered {
    let (policy, id) = (&snapshot.policy, audience.id);
    let no_host = |_| Problem::new(Kind::NoHost);
    let explanation = match subject {
        Subject::Host(host) => {
            let name = filter_core::DomainName::parse(host).map_err(no_host)?;
            policy.explain(&name, id, now).map(AnyExplanation::Host)
        }
        Subject::Url(url) => {
            policy.explain_url(url, id, now).map_err(no_host)?.map(AnyExplanation::Url)
        }
        Subject::Text(text) => {
            policy.explain_text(text.as_bytes(), id, now).map(AnyExplanation::Text)
        }
        Subject::Result(_) => return Err(Problem::new(Kind::NotOne)),
    };
    let explanation = explanation.ok_or_else(|| Problem::new(Kind::Failure))?;
    json(&Explained { group: audience.group, explanation })
}
