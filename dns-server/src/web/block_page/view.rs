//! What a page shows: all that a template can name.

use axum::http::StatusCode;
use filter_core::{DomainName, Step};
use serde::Serialize;

use super::{
    forms::{self, Notice},
    words::Words,
};
use crate::{
    config::Page,
    policy::{
        inspect::Objection,
        lookalikes::resemblance,
        refusal::{Authority, Cause, Contact, Detail, Language, Refusal, Telling},
        search::Engine,
    },
};

/// Everything that a template can name, beside `css` and `drawing`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct View<'a> {
    /// `fr` or `en`.
    lang: &'static str,
    text: Words,
    state: State,
    /// The name that was asked for, unless there is none.
    name: Option<String>,
    #[serde(flatten)]
    why: Why<'a>,
    town: Option<&'a str>,
    home: Option<&'a str>,
    search: Option<Search<'a>>,
    contact: ContactView<'a>,
    /// Where the form of reports leads, and that of codes.
    report: Option<&'static str>,
    unlock: Option<&'static str>,
    /// What became of a form.
    notice: Option<Notice>,
}

/// What became of the name that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is refused.
    Refused,
    /// It is not refused, or no longer.
    Open,
    /// There is no such name, or no site of the outside.
    Nothing,
}

/// Why a name is refused, as far as its group is told.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Why<'a> {
    /// Of the category, where the name is refused for one: `porn`.
    category: Option<&'a str>,
    /// In words.
    reason: Option<String>,
    /// What it leads to, where that is what is refused.
    through: Option<String>,
    list: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
struct Search<'a> {
    label: &'a str,
    action: &'a str,
    parameter: &'a str,
    fixed: &'a [(String, String)],
}

#[derive(Clone, Debug, Serialize)]
struct ContactView<'a> {
    organisation: Option<&'a str>,
    links: Vec<Link<'a>>,
}

#[derive(Clone, Debug, Serialize)]
struct Link<'a> {
    uri: &'a str,
    /// Without its scheme.
    label: &'a str,
}

impl<'a> View<'a> {
    /// The page in a language, of a name and what became of it.
    pub(super) fn new(
        page: &'a Page,
        language: Language,
        state: State,
        name: Option<&DomainName>,
        why: Why<'a>,
    ) -> Self {
        Self {
            lang: language.tag(),
            text: Words::of(language, state),
            state,
            name: name.map(DomainName::to_string),
            why,
            town: page.town.as_deref(),
            home: page.home.as_deref(),
            search: page.search.as_ref().and_then(Search::of),
            contact: ContactView::of(&page.contact),
            report: None,
            unlock: None,
            notice: None,
        }
    }

    /// The same, with forms: that of codes only where one may help.
    pub(super) fn with_forms(self, may_unlock: bool) -> Self {
        Self { report: Some(forms::REPORT), unlock: may_unlock.then_some(forms::UNLOCK), ..self }
    }

    /// The same, and what became of a form.
    pub(super) fn with_notice(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }

    /// A page in every state and both languages, with all that it may say and with as little as it
    /// may: what a template is tried on.
    pub(super) fn samples() -> impl Iterator<Item = View<'static>> {
        let states = [State::Refused, State::Open, State::Nothing];
        let languages = [Language::French, Language::English];
        let pairs = states.into_iter().flat_map(move |state| languages.map(|own| (state, own)));
        pairs.flat_map(|(state, language)| {
            let text = Words::of(language, state);
            let contact = ContactView { organisation: None, links: Vec::new() };
            let (lang, why) = (language.tag(), Why::default());
            let (name, town, home, search) = (None, None, None, None);
            let (report, unlock, notice) = (None, None, None);
            let least = View {
                lang,
                text,
                state,
                name,
                why,
                town,
                home,
                search,
                contact,
                report,
                unlock,
                notice,
            };
            let most = View {
                name: Some("www.example.com".to_owned()),
                why: Why {
                    category: Some("porn"),
                    reason: Some("pornographie".to_owned()),
                    through: Some("alias.example.com".to_owned()),
                    list: Some("ut1-adult"),
                },
                town: Some("Villeneuve"),
                home: Some("https://ent.example.org/"),
                search: Some(Search {
                    label: "Qwant Junior",
                    action: "https://www.qwantjunior.com/",
                    parameter: "q",
                    fixed: &[],
                }),
                contact: ContactView {
                    organisation: Some("Académie"),
                    links: vec![Link { uri: "mailto:a@b.example", label: "a@b.example" }],
                },
                report: Some(forms::REPORT),
                unlock: Some(forms::UNLOCK),
                notice: Some(Notice { good: false, text: "…".into(), status: StatusCode::OK }),
                ..least.clone()
            };
            [least, most]
        })
    }
}

impl<'a> Why<'a> {
    /// As much of a refusal's reason as the group's profile tells of the name that was asked for.
    pub(super) fn of(
        refusal: &'a Refusal<'a>,
        telling: Telling,
        language: Language,
        name: Option<&DomainName>,
    ) -> Self {
        let with_list = match telling.detail {
            Detail::None | Detail::Code => return Self::default(),
            Detail::Category => false,
            Detail::Full => true,
        };
        let rule = match &refusal.cause {
            Cause::Rule(reason) | Cause::Objection(Objection { reason, .. }) => Some(reason),
            Cause::Engine(_) | Cause::Rebinding(_) => None,
        };
        let through = match &refusal.cause {
            Cause::Objection(objection) => Some(objection.element.to_string()),
            Cause::Rebinding(element) => Some(element.to_string()),
            Cause::Rule(_) | Cause::Engine(_) => None,
        };
        let mut reason = in_words(refusal, language);
        if let (Cause::Rule(rule), Some(name)) = (&refusal.cause, name)
            && let Some(resemblance) = resemblance(language, &rule.matched(name))
        {
            reason = format!("{reason} ({resemblance})");
        }
        Self {
            category: refusal.cause.category().map(|category| category.name.as_str()),
            reason: Some(reason),
            through: through.filter(|_| with_list),
            list: rule.and_then(|reason| reason.source).filter(|_| with_list),
        }
    }
}

/// Why something is refused and, where it is not the school, who decides so, in the words of a
/// language.
fn in_words(refusal: &Refusal<'_>, language: Language) -> String {
    let is_floor = refusal.authority == Authority::Floor;
    let decision = match (language, is_floor) {
        (Language::French, false) => "choix de l’établissement",
        (Language::French, true) => "décision d’une autorité supérieure",
        (Language::English, false) => "a choice of the school’s",
        (Language::English, true) => "a higher authority’s decision",
    };
    match cause_in_words(&refusal.cause, language) {
        Some(cause) if is_floor => format!("{cause} ({decision})"),
        Some(cause) => cause.to_owned(),
        None => decision.to_owned(),
    }
}

/// A cause in the words of a language; `None`: it is nothing but somebody's choice.
fn cause_in_words<'a>(cause: &Cause<'a>, language: Language) -> Option<&'a str> {
    if let Some(category) = cause.category() {
        let label = match language {
            Language::French => &category.fr,
            Language::English => &category.en,
        };
        return Some(if label.is_empty() { &category.name } else { label });
    }
    let [french, english] = match cause {
        Cause::Rule(reason) | Cause::Objection(Objection { reason, .. }) => match reason.step {
            Step::OperatorNames => return None,
            Step::Default => ["seuls les sites choisis sont ouverts", "only chosen sites are open"],
            _ => ["règle d’une liste", "a rule of a list"],
        },
        Cause::Engine(_) => [
            "moteur de recherche que l’on ne peut pas rendre sûr",
            "a search engine that cannot be made safe",
        ],
        Cause::Rebinding(_) => [
            "adresse du réseau interne derrière un nom public",
            "an address of the inside behind a public name",
        ],
    };
    Some(match language {
        Language::French => french,
        Language::English => english,
    })
}

impl<'a> Search<'a> {
    fn of(engine: &'a Engine) -> Option<Self> {
        let form = engine.form.as_ref()?;
        let (action, parameter, fixed) = (&form.action, &form.parameter, &form.fixed);
        Some(Self { label: &engine.label, action, parameter, fixed })
    }
}

impl<'a> ContactView<'a> {
    fn of(contact: &'a Contact) -> Self {
        let link = |uri: &'a String| {
            let (_, label) = uri.split_once(':').unwrap_or(("", uri));
            Link { uri, label }
        };
        let organisation = contact.organisation.as_deref();
        Self { organisation, links: contact.uris.iter().map(link).collect() }
    }
}
