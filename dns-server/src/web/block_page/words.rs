//! What the page says, in French and in English.

use serde::Serialize;

use super::view::State;
use crate::policy::refusal::Language;

/// The page's own words in one language, for one state.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Words {
    title: &'static str,
    heading: &'static str,
    comfort: &'static str,
    ask: &'static str,
    retry: &'static str,
    home: &'static str,
    back: &'static str,
    /// The name of an engine follows.
    search: &'static str,
    search_button: &'static str,
    drawing: &'static str,
    adults: &'static str,
    site: &'static str,
    reason: &'static str,
    through: &'static str,
    list: &'static str,
    contact: &'static str,
    nobody: &'static str,
    report: &'static str,
    report_hint: &'static str,
    why: &'static str,
    harmless: &'static str,
    needed: &'static str,
    report_button: &'static str,
    unlock: &'static str,
    unlock_hint: &'static str,
    code: &'static str,
    time: &'static str,
    unlock_button: &'static str,
}

impl Words {
    pub(super) fn of(language: Language, state: State) -> Self {
        let words = match language {
            Language::French => FRENCH,
            Language::English => ENGLISH,
        };
        let [title, heading, comfort] = match (language, state) {
            (_, State::Refused) => return words,
            (Language::French, State::Open) => [
                "Page ouverte",
                "Cette page est ouverte.",
                "Attends une petite minute, puis réessaie.",
            ],
            (Language::English, State::Open) => {
                ["Page open", "This page is open.", "Wait a little minute, then try again."]
            }
            (Language::French, State::Nothing) => {
                ["À l’abri", "Ici, tu es à l’abri.", "Il n’y a pas de page à cette adresse."]
            }
            (Language::English, State::Nothing) => {
                ["Sheltered", "You are safe here.", "There is no page at this address."]
            }
        };
        Self { title, heading, comfort, ..words }
    }
}

const FRENCH: Words = Words {
    title: "Page fermée",
    heading: "Oups, cette page est fermée.",
    comfort: "Ce n’est pas ta faute.",
    ask: "Si tu en as besoin, demande à un adulte.",
    retry: "Réessayer",
    home: "Retourner à l’accueil",
    back: "Pour revenir en arrière, utilise la flèche ← de ton navigateur.",
    search: "Cherche autre chose avec",
    search_button: "Chercher",
    drawing: "Dessin : dehors il pleut, et des enfants jouent au sec sous le préau de l’école.",
    adults: "Pour les adultes",
    site: "Site",
    reason: "Raison",
    through: "Mène à",
    list: "Liste",
    contact: "Contact",
    nobody: "Le filtre de l’établissement ferme ce site. Il n’enregistre ni qui l’a demandé, ni quand.",
    report: "Ce site est fermé par erreur ?",
    report_hint: "L’équipe du réseau recevra le nom du site et sa catégorie, rien sur vous.",
    why: "Pourquoi",
    harmless: "Il n’a rien de choquant",
    needed: "Il sert à un cours ou à un travail",
    report_button: "Signaler l’erreur",
    unlock: "Ouvrir ce site pour un moment",
    unlock_hint: "Avec le code d’un enseignant. Il s’ouvre pour tout le groupe, et l’ouverture est notée, sans nom de personne.",
    code: "Code",
    time: "Durée",
    unlock_button: "Ouvrir",
};

const ENGLISH: Words = Words {
    title: "Page closed",
    heading: "Oops, this page is closed.",
    comfort: "You did nothing wrong.",
    ask: "If you need it, ask a grown-up.",
    retry: "Try again",
    home: "Back to the start page",
    back: "To go back, use the ← arrow of your browser.",
    search: "Look for something else with",
    search_button: "Search",
    drawing: "Drawing: it rains outside, and children play in the dry under the roof of their school yard.",
    adults: "For grown-ups",
    site: "Site",
    reason: "Reason",
    through: "Leads to",
    list: "List",
    contact: "Contact",
    nobody: "The school’s filter closes this site. It records neither who asked for it, nor when.",
    report: "Is this site closed by mistake?",
    report_hint: "The network team gets the name of the site and its category, nothing about you.",
    why: "Why",
    harmless: "There is nothing shocking about it",
    needed: "It is needed for a lesson or for work",
    report_button: "Report the mistake",
    unlock: "Open this site for a while",
    unlock_hint: "With a teacher’s code. It opens for the whole group, and that is recorded, without anybody’s name.",
    code: "Code",
    time: "For",
    unlock_button: "Open",
};
