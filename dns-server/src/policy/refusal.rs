//! Refusals: who refuses and why, what it looks like, and what is told of it.

use std::{fmt, net::IpAddr, sync::Arc};

use filter_core::{CategoryInfo, Reason, Step};

use super::{
    audience::Audience,
    inspect::{Element, Objection},
    search::Engine,
};
use crate::wire::structured::SubError;

/// A question that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// Who refuses.
    pub authority: Authority,
    /// Why.
    pub cause: Cause<'a>,
    /// What it looks like.
    pub form: RefusalForm,
}

/// Whose rule refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The higher authority, whose profile is the floor.
    Floor,
    /// The group's own profile.
    Profile,
}

/// Why a question is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A rule on the name.
    Rule(Reason<'a>),
    /// It belongs to a search engine that is not to be had.
    Engine(&'a Engine),
    /// A rule on something that its answer leads to.
    Objection(Objection<'a>),
    /// A public name has an address of the inside.
    Rebinding(Element),
}

/// What a refusal looks like to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RefusalForm {
    /// The name does not exist; where names below it may be reachable, it has no data instead
    /// (RFC 8020).
    #[default]
    NxDomain,
    /// The name has no data of any type.
    NoData,
    /// The address is `0.0.0.0` or `::`; no data of any other type.
    Null,
    /// The addresses are these, of whoever serves the block page; no data of any other type.
    Page(Arc<[IpAddr]>),
}

/// What is told of a refusal's reason (RFC 8914), and to whom it is owed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// How much.
    pub detail: Detail,
    /// In which language categories are named; without one, by their identifiers.
    pub language: Option<Language>,
    /// The client itself asked to be filtered: "Filtered", not "Blocked".
    pub on_request: bool,
}

/// How much is told of a refusal's reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: no extended error.
    None,
    /// That it is a refusal.
    Code,
    /// The category too.
    Category,
    /// Category and list.
    #[default]
    Full,
}

/// Whom clients complain to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Who refuses, for people.
    pub organisation: Option<String>,
    /// How to reach them: `mailto:` and `tel:` URIs.
    pub uris: Vec<String>,
}

/// A language that pupils and teachers read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English.
    English,
}

impl Language {
    /// Its tag (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }
}

impl<'a> Refusal<'a> {
    /// Refused by a rule on the asked name.
    pub(super) fn by_rule(
        authority: Authority,
        reason: Reason<'a>,
        audience: &'a Audience,
        spares_descendants: bool,
    ) -> Self {
        let form = match audience.refusal {
            RefusalForm::NxDomain if spares_descendants || reason.spares_descendants => {
                RefusalForm::NoData
            }
            ref form => form.clone(),
        };
        Self { authority, cause: Cause::Rule(reason), form }
    }

    /// For a cause that says nothing of names below the one that was asked for: NODATA.
    pub(super) fn of_name_alone(
        authority: Authority,
        cause: Cause<'a>,
        audience: &Audience,
    ) -> Self {
        let form = match audience.refusal {
            RefusalForm::NxDomain => RefusalForm::NoData,
            ref form => form.clone(),
        };
        Self { authority, cause, form }
    }

    /// What kind of refusal it is, for programs.
    pub fn sub_error(&self) -> SubError {
        let category = self.cause.category().map(|category| category.name.as_str());
        match (category, self.authority) {
            (Some("malware"), _) => SubError::Malware,
            (Some("phishing"), _) => SubError::Phishing,
            (_, Authority::Profile) => SubError::NetworkOperatorPolicy,
            (_, Authority::Floor) => SubError::DnsOperatorPolicy,
        }
    }

    /// Whether a court or a ministry asked for it, not the school (RFC 8914 §4.17).
    pub fn is_legal(&self) -> bool {
        match &self.cause {
            Cause::Rule(reason) => reason.is_legal,
            Cause::Objection(objection) => objection.reason.is_legal,
            Cause::Engine(_) | Cause::Rebinding(_) => false,
        }
    }
}

impl<'a> Cause<'a> {
    /// The category whose names are refused; `None` for any other cause.
    pub fn category(&self) -> Option<&'a CategoryInfo> {
        match self {
            Cause::Rule(reason) => reason.category,
            Cause::Objection(objection) => objection.reason.category,
            Cause::Engine(_) | Cause::Rebinding(_) => None,
        }
    }

    /// What may be told of it; `None`: nothing but that it is one.
    pub fn told(&self, telling: Telling) -> Option<Told<'_>> {
        let with_list = match telling.detail {
            Detail::None | Detail::Code => return None,
            Detail::Category => false,
            Detail::Full => true,
        };
        Some(Told { cause: self, language: telling.language, with_list })
    }
}

/// What is told of a cause.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    cause: &'a Cause<'a>,
    language: Option<Language>,
    with_list: bool,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Rule(reason) => self.reason(reason, f),
            Cause::Engine(engine) => {
                self.words("search", "moteur de recherche", "search engine", f)?;
                if self.with_list { write!(f, " · {}", engine.id) } else { Ok(()) }
            }
            Cause::Objection(Objection { element, reason }) => {
                self.reason(reason, f)?;
                if !self.with_list {
                    return Ok(());
                }
                f.write_str(" · ")?;
                self.words("by", "par", "by", f)?;
                write!(f, " {element}")
            }
            Cause::Rebinding(_) => {
                self.words("private address", "adresse privée", "private address", f)
            }
        }
    }
}

impl Told<'_> {
    /// Category and list; what else decided, where there is no category.
    fn reason(&self, reason: &Reason<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(category) = reason.category else {
            return match (self.language, reason.step) {
                (Some(Language::French), Step::OperatorNames) => {
                    f.write_str("choix de l’administrateur")
                }
                (Some(Language::French), Step::Default) => f.write_str("hors des sites choisis"),
                (Some(Language::French), _) => f.write_str("règle d’une liste"),
                (Some(Language::English) | None, _) => write!(f, "{reason}"),
            };
        };
        self.words(&category.name, &category.fr, &category.en, f)?;
        match reason.source {
            Some(source) if self.with_list => write!(f, " · {source}"),
            _ => Ok(()),
        }
    }

    fn words(
        &self,
        identifier: &str,
        french: &str,
        english: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        f.write_str(match self.language {
            None => identifier,
            Some(Language::French) => french,
            Some(Language::English) => english,
        })
    }
}
