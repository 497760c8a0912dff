//! Reasons, in the words of people.

use filter_core::{CategoryInfo, Matched, TextReason};

use crate::policy::{
    check::Grounds,
    lookalikes::resemblance,
    refusal::{Authority, Cause, Language},
};

/// Why something is refused, in a sentence or two.
pub(super) fn reason(language: Language, authority: Authority, grounds: &Grounds<'_>) -> String {
    let mut words = match language {
        Language::French => french(authority, grounds),
        Language::English => english(authority, grounds),
    };
    if authority == Authority::Floor {
        words.push_str(match language {
            Language::French => " La règle est celle d'une autorité supérieure.",
            Language::English => " The rule is a higher authority's.",
        });
    }
    words
}

/// What is said of something that has no host.
pub(super) fn no_host(language: Language) -> &'static str {
    match language {
        Language::French => "Ce n'est pas un nom d'hôte.",
        Language::English => "That is not a host name.",
    }
}

/// A category's name for people; of an operator's own, perhaps only its identifier.
pub(super) fn category(language: Language, info: &CategoryInfo) -> &str {
    let name = match language {
        Language::French => &info.fr,
        Language::English => &info.en,
    };
    if name.is_empty() { &info.name } else { name }
}

fn french(authority: Authority, grounds: &Grounds<'_>) -> String {
    let named = |info: Option<&CategoryInfo>| {
        info.map_or("page listée".to_owned(), |info| category(Language::French, info).to_owned())
    };
    match grounds {
        Grounds::Host(name, Cause::Rule(reason)) => match (reason.source, reason.matched(name)) {
            (Some(source), Matched::Nothing) => {
                format!("Refusé : {} (liste {source}).", named(reason.category))
            }
            (Some(source), rule) => match resemblance(Language::French, &rule) {
                Some(resemblance) => format!(
                    "Refusé : {} (liste {source}) : ce nom {resemblance}.",
                    named(reason.category)
                ),
                None => {
                    format!("Refusé : {} (liste {source}, règle {rule}).", named(reason.category))
                }
            },
            (None, Matched::Nothing) => {
                "Refusé : ce profil n'ouvre que les sites choisis.".to_owned()
            }
            (None, rule) if authority == Authority::Floor => format!("Refusé (règle {rule})."),
            (None, rule) => format!("Refusé par l'établissement (règle {rule})."),
        },
        Grounds::Host(_, Cause::Engine(engine)) => {
            format!("Refusé : {} n'est pas un moteur de recherche ouvert ici.", engine.label)
        }
        Grounds::Host(_, Cause::Objection(_) | Cause::Rebinding(_)) => {
            "Refusé : le nom mène à ce qui est refusé.".to_owned()
        }
        Grounds::NoSuchName => "Ce nom n'existe pas sur ce réseau.".to_owned(),
        Grounds::Page(reason) => format!(
            "Refusé : {} (liste {}, page {}).",
            named(reason.category),
            reason.source,
            reason.matched
        ),
        Grounds::Text(TextReason { category, source, is_banned: true, .. }) => {
            format!("Refusé : {} (liste {source}, expression interdite).", named(Some(category)))
        }
        Grounds::Text(TextReason { category, source, score, threshold, .. }) => format!(
            "Refusé : {} (liste {source}, score {score} pour un seuil de {threshold}).",
            named(Some(category))
        ),
    }
}

fn english(authority: Authority, grounds: &Grounds<'_>) -> String {
    let named = |info: Option<&CategoryInfo>| {
        info.map_or("listed page".to_owned(), |info| category(Language::English, info).to_owned())
    };
    match grounds {
        Grounds::Host(name, Cause::Rule(reason)) => match (reason.source, reason.matched(name)) {
            (Some(source), Matched::Nothing) => {
                format!("Refused: {} (list {source}).", named(reason.category))
            }
            (Some(source), rule) => match resemblance(Language::English, &rule) {
                Some(resemblance) => format!(
                    "Refused: {} (list {source}): the name {resemblance}.",
                    named(reason.category)
                ),
                None => {
                    format!("Refused: {} (list {source}, rule {rule}).", named(reason.category))
                }
            },
            (None, Matched::Nothing) => {
                "Refused: this profile opens nothing but chosen sites.".to_owned()
            }
            (None, rule) if authority == Authority::Floor => format!("Refused (rule {rule})."),
            (None, rule) => format!("Refused by the establishment (rule {rule})."),
        },
        Grounds::Host(_, Cause::Engine(engine)) => {
            format!("Refused: {} is not among the search engines that are open here.", engine.label)
        }
        Grounds::Host(_, Cause::Objection(_) | Cause::Rebinding(_)) => {
            "Refused: the name leads to what is refused.".to_owned()
        }
        Grounds::NoSuchName => "The name does not exist on this network.".to_owned(),
        Grounds::Page(reason) => format!(
            "Refused: {} (list {}, page {}).",
            named(reason.category),
            reason.source,
            reason.matched
        ),
        Grounds::Text(TextReason { category, source, is_banned: true, .. }) => {
            format!("Refused: {} (list {source}, banned phrase).", named(Some(category)))
        }
        Grounds::Text(TextReason { category, source, score, threshold, .. }) => format!(
            "Refused: {} (list {source}, score {score}, threshold {threshold}).",
            named(Some(category))
        ),
    }
}
