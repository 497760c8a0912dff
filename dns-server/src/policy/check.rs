//! Hosts, URLs, texts and results of searches, decided as questions are: by the same precedence, for
//! a group at a moment.
//!
//! What is refused of a host is refused of every page there. Pages and words are the lists' affair
//! alone: the higher authority's profile is asked first, then the group's own. A host that is let
//! through for a while has no refused pages; what is searched for there is judged all the same.

use filter_core::{
    DomainName, NameError, PageReason, SearchResult, TextReason, TextTrace, TextVerdict, host_of,
    query_of,
};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Policy,
    audience::{Audience, Level},
    decide::{Asked, Decision, Ruling},
    explain::Explanation,
    group::GroupId,
    refusal::{Authority, Cause, Refusal},
    unblock::Unblock,
};

/// Type code of addresses: what a browser asks first.
const A: u16 = 1;

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'s> {
    /// A host as people write it.
    Host(&'s str),
    /// A URL, with or without its scheme.
    Url(&'s str),
    /// A query, a title, a page without its markup.
    Text(&'s str),
    /// A result of a search.
    Result(SearchResult<'s>),
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made at a time")]
pub enum Finding<'p> {
    /// Nothing refuses it.
    Allowed,
    /// Refused: by whom, and why.
    Refused(Authority, Grounds<'p>),
    /// It has no host.
    Invalid(NameError),
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one is made at a time")]
pub enum Grounds<'p> {
    /// Its host is.
    Host(DomainName, Cause<'p>),
    /// Its host is a special-use name, or a canary, that does not exist here.
    NoSuchName,
    /// A list has the beginning of its URL, or an expression that it matches.
    Page(PageReason<'p>),
    /// What it says, or what is searched for there, is.
    Text(TextReason<'p>),
}

/// What has a say about a URL.
#[derive(Clone, Debug, Serialize)]
pub struct UrlExplanation<'p> {
    /// It is refused.
    pub blocked: bool,
    /// What has a say about its host.
    pub host: Explanation<'p>,
    /// By whose lists its page is refused, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// What is found in the words of its query.
    pub query: TextExplanation<'p>,
}

/// What is found in a text.
#[derive(Clone, Debug, Serialize)]
pub struct TextExplanation<'p> {
    /// It is refused.
    pub blocked: bool,
    /// By the profile of a higher authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<TextTrace<'p>>,
    /// By the group's own.
    pub trace: TextTrace<'p>,
}

impl Policy {
    /// Name of the profile in force for a group; `None` for one that there is not.
    pub fn profile(&self, group: GroupId, now: Timestamp) -> Option<&str> {
        Some(self.plans.get(group.index())?.at(now).audience.own.filter.profile())
    }

    /// Decides about anything; `None` for a group that there is not.
    pub fn check(
        &self,
        subject: Subject<'_>,
        group: GroupId,
        now: Timestamp,
    ) -> Option<Finding<'_>> {
        let audience = self.plans.get(group.index())?.at(now).audience;
        Some(match subject {
            Subject::Host(host) => match DomainName::parse(host) {
                Ok(name) => {
                    let ruling = self.decide(asked(&name), group, now)?;
                    of_host(ruling, name).unwrap_or(Finding::Allowed)
                }
                Err(error) => Finding::Invalid(error),
            },
            Subject::Url(url) => self.url(url, "", group, now)?,
            Subject::Text(text) => read(audience, &[text.as_bytes()]).unwrap_or(Finding::Allowed),
            Subject::Result(SearchResult { url, title, snippet }) => {
                self.url(url, &[title, "\n", snippet].concat(), group, now)?
            }
        })
    }

    /// A URL, and what is said of it.
    fn url(&self, url: &str, said: &str, group: GroupId, now: Timestamp) -> Option<Finding<'_>> {
        let name = match host_of(url) {
            Ok(name) => name,
            Err(error) => return Some(Finding::Invalid(error)),
        };
        let ruling = self.decide(asked(&name), group, now)?;
        let (audience, unblock) = (ruling.audience, ruling.unblock);
        let refused = of_host(ruling, name)
            .or_else(|| {
                let (authority, reason) = page(audience, unblock, url)?;
                Some(Finding::Refused(authority, Grounds::Page(reason)))
            })
            .or_else(|| read(audience, &[&query_of(url), said.as_bytes()]));
        Some(refused.unwrap_or(Finding::Allowed))
    }

    /// Explains what becomes of a URL; `None` for a group that there is not.
    ///
    /// # Errors
    /// [`NameError`]: it has no host.
    pub fn explain_url(
        &self,
        url: &str,
        group: GroupId,
        now: Timestamp,
    ) -> Result<Option<UrlExplanation<'_>>, NameError> {
        let name = host_of(url)?;
        let explain = || {
            let host = self.explain(&name, group, now)?;
            let ruling = self.decide(asked(&name), group, now)?;
            let page = page(ruling.audience, ruling.unblock, url);
            let query = self.explain_text(&query_of(url), group, now)?;
            let blocked = host.blocked || page.is_some() || query.blocked;
            let page = page.map(|(authority, reason)| {
                let whose = match authority {
                    Authority::Floor => "floor: ",
                    Authority::Profile => "",
                };
                format!("{whose}{reason}")
            });
            Some(UrlExplanation { blocked, host, page, query })
        };
        Ok(explain())
    }

    /// Explains what becomes of a text; `None` for a group that there is not.
    pub fn explain_text(
        &self,
        text: &[u8],
        group: GroupId,
        now: Timestamp,
    ) -> Option<TextExplanation<'_>> {
        let audience = self.plans.get(group.index())?.at(now).audience;
        let floor = audience.floor.as_ref().map(|level| level.filter.explain_text(text));
        let trace = audience.own.filter.explain_text(text);
        let blocked = trace.blocked || floor.as_ref().is_some_and(|floor| floor.blocked);
        Some(TextExplanation { blocked, floor, trace })
    }
}

fn asked(name: &DomainName) -> Asked<'_> {
    Asked { name, record_type: A, internet: true, recursion_desired: true }
}

/// Who has a say, first to last.
fn levels(audience: &Audience) -> impl Iterator<Item = (Authority, &Level)> {
    let floor = audience.floor.as_ref().map(|level| (Authority::Floor, level));
    floor.into_iter().chain([(Authority::Profile, &audience.own)])
}

/// What refuses a host.
fn of_host<'p>(ruling: Ruling<'p>, name: DomainName) -> Option<Finding<'p>> {
    match ruling.decision {
        Decision::Refuse(Refusal { authority, cause, .. }) => {
            Some(Finding::Refused(authority, Grounds::Host(name, cause)))
        }
        Decision::NxDomain => Some(Finding::Refused(Authority::Profile, Grounds::NoSuchName)),
        _ => None,
    }
}

/// Whose lists refuse the page of a URL. What lets its host through has its own limit for theirs.
fn page<'p>(
    audience: &'p Audience,
    unblock: Option<&'p Unblock>,
    url: &str,
) -> Option<(Authority, PageReason<'p>)> {
    let own = match unblock {
        None => Some(&audience.own.filter),
        Some(unblock) => unblock.limit.as_ref(),
    };
    let floor = audience.floor.as_ref().map(|level| (Authority::Floor, &level.filter));
    let mut filters = floor.into_iter().chain(own.map(|filter| (Authority::Profile, filter)));
    filters.find_map(|(authority, filter)| Some((authority, filter.page(url)?)))
}

/// What refuses the first of texts that anything refuses.
fn read<'p>(audience: &'p Audience, texts: &[&[u8]]) -> Option<Finding<'p>> {
    let verdict = |text: &&[u8]| {
        levels(audience).find_map(|(authority, level)| match level.filter.text(text) {
            TextVerdict::Blocked(reason) => {
                Some(Finding::Refused(authority, Grounds::Text(reason)))
            }
            TextVerdict::Allowed => None,
        })
    };
    texts.iter().filter(|text| !text.is_empty()).find_map(verdict)
}

#[cfg(test)]
mod tests;
