//! Faults of requests, as JSON (RFC 9457), in French or English.

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::Response,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{policy::refusal::Language, stats::CheckOutcome};

/// Where each kind is described.
const TYPE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/check-api.md#");

/// Why a request is not answered.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    /// Where in the request (RFC 6901); absent: nowhere in particular.
    pointer: Option<String>,
    /// The language that the request asks for, where it could be read.
    language: Option<Language>,
}

/// What is wrong.
#[derive(Debug)]
pub(super) enum Kind {
    Path,
    Method,
    Token,
    /// The body is longer than so many octets.
    Body {
        limit: usize,
    },
    /// More items than that.
    Items {
        limit: usize,
    },
    /// An item of more octets than that.
    Text {
        limit: usize,
    },
    /// Not UTF-8, from that octet on.
    Encoding {
        octet: usize,
    },
    /// The body is not the JSON that it should be.
    Json {
        said: String,
    },
    /// The body ended early.
    Broken,
    NoAudience,
    TwoAudiences,
    NoSuchProfile,
    NoSuchGroup,
    /// An item is none of what there is, or more than one.
    NotOne,
    /// What is to be explained has no host.
    NoHost,
    Slow,
    Busy,
    Failure,
}

/// As JSON.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Told<'p> {
    /// Which kind of fault: an address where it is described.
    r#type: String,
    /// The same in a few words.
    title: &'p str,
    /// The HTTP status.
    status: u16,
    /// What to do about it.
    detail: String,
    /// Where in the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place<'p>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fault")]
pub(super) struct Place<'p> {
    /// A JSON Pointer (RFC 6901), such as `/items/3/host`; empty: the whole of it.
    pointer: &'p str,
    /// What the reader of JSON says, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'p str>,
}

impl Problem {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, pointer: None, language: None }
    }

    /// One of a place in the request.
    pub(super) fn at(pointer: impl Into<String>, kind: Kind) -> Self {
        Self { kind, pointer: Some(pointer.into()), language: None }
    }

    /// The same, in the language that the request itself asks for.
    pub(super) fn told_in(self, language: Language) -> Self {
        Self { language: Some(language), ..self }
    }

    /// As a response, in that language unless the request asks for another.
    pub(super) fn response(&self, language: Language) -> Response {
        let status = self.kind.status();
        let (title, detail) = match self.language.unwrap_or(language) {
            Language::French => self.kind.french(),
            Language::English => self.kind.english(),
        };
        let said = match &self.kind {
            Kind::Json { said } => Some(said.as_str()),
            _ => None,
        };
        let pointer = self.pointer.as_deref().or(said.map(|_| ""));
        let told = Told {
            r#type: format!("{TYPE}{}", self.kind.anchor()),
            title,
            status: status.as_u16(),
            detail,
            errors: pointer.map(|pointer| Place { pointer, detail: said }).into_iter().collect(),
        };
        let json = serde_json::to_vec(&told).unwrap_or_default(); // strings and numbers: no error
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            Kind::Token => {
                let scheme = HeaderValue::from_static("Bearer realm=\"preau\"");
                headers.insert(WWW_AUTHENTICATE, scheme);
            }
            Kind::Busy => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Kind::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            // What is left of the body is not read.
            Kind::Slow | Kind::Body { .. } | Kind::Broken => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

impl Kind {
    fn status(&self) -> StatusCode {
        match self {
            Self::Path => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Body { .. } | Self::Items { .. } | Self::Text { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failure => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// What it counts as.
    pub(super) fn outcome(&self) -> CheckOutcome {
        match self {
            Self::Token => CheckOutcome::Unauthorized,
            Self::Body { .. } | Self::Items { .. } | Self::Text { .. } => CheckOutcome::TooLarge,
            Self::Slow => CheckOutcome::Slow,
            Self::Busy | Self::Failure => CheckOutcome::Busy,
            _ => CheckOutcome::Invalid,
        }
    }

    /// Of its paragraph in the documentation.
    fn anchor(&self) -> &'static str {
        match self {
            Self::Path | Self::Method => "paths",
            Self::Token => "token",
            Self::Body { .. } | Self::Items { .. } | Self::Text { .. } => "limits",
            Self::Slow | Self::Busy | Self::Failure => "busy",
            Self::NoAudience | Self::TwoAudiences | Self::NoSuchProfile | Self::NoSuchGroup => {
                "for-whom"
            }
            Self::Encoding { .. } | Self::Json { .. } | Self::Broken => "json",
            Self::NotOne | Self::NoHost => "items",
        }
    }

    /// Title and what to do.
    fn french(&self) -> (&'static str, String) {
        match self {
            Self::Path => ("Adresse inconnue", "Il y a POST /v1/check et POST /v1/explain.".into()),
            Self::Method => ("Méthode inconnue", "Utilisez POST.".into()),
            Self::Token => (
                "Jeton absent ou faux",
                "Envoyez l'en-tête « Authorization: Bearer JETON », avec le jeton du fichier que \
                 nomme [check] token_file."
                    .into(),
            ),
            Self::Body { limit } => (
                "Demande trop longue",
                format!(
                    "Le corps peut avoir {limit} octets : envoyez-le en plusieurs demandes, ou \
                     relevez [check] body."
                ),
            ),
            Self::Items { limit } => (
                "Trop d'éléments",
                format!(
                    "Une demande peut avoir {limit} éléments : faites-en plusieurs, ou relevez \
                     [check] items."
                ),
            ),
            Self::Text { limit } => (
                "Élément trop long",
                format!(
                    "Un élément peut avoir {limit} octets : coupez-le entre deux phrases, ou \
                     relevez [check] text."
                ),
            ),
            Self::Encoding { octet } => (
                "Pas de l'UTF-8",
                format!("À partir de l'octet {octet} : convertissez le corps en UTF-8."),
            ),
            Self::Json { .. } => (
                "Pas le JSON attendu",
                "Comparez la demande à la documentation, à l'endroit qu'indique « pointer ».".into(),
            ),
            Self::Broken => ("Corps interrompu", "Renvoyez la demande.".into()),
            Self::NoAudience => (
                "Pour qui ?",
                "Ajoutez « profile », le nom d'un profil, ou « group », celui d'un groupe.".into(),
            ),
            Self::TwoAudiences => (
                "Pour qui ?",
                "Gardez « profile » ou « group », pas les deux : un groupe a ses profils.".into(),
            ),
            Self::NoSuchProfile => (
                "Profil inconnu",
                "Nommez child, teen, staff ou un [profile.NOM] de la configuration.".into(),
            ),
            Self::NoSuchGroup => (
                "Groupe inconnu",
                "Nommez un [[group]] de la configuration.".into(),
            ),
            Self::NotOne => (
                "Pas un élément",
                "Donnez soit « host », soit « url » (avec « title » et « snippet » s'il s'agit d'un \
                 résultat), soit « text », soit « items »."
                    .into(),
            ),
            Self::NoHost => ("Pas un nom d'hôte", "Donnez un nom, ou une URL qui en a un.".into()),
            Self::Slow => (
                "Demande trop lente",
                "Envoyez tout le corps dans le temps de [check] timeout.".into(),
            ),
            Self::Busy => (
                "Trop de demandes à la fois",
                "Revenez dans une seconde. Si cela dure, groupez les demandes ou relevez [check] \
                 requests."
                    .into(),
            ),
            Self::Failure => ("Erreur du serveur", "Renvoyez la demande.".into()),
        }
    }

    /// The same.
    fn english(&self) -> (&'static str, String) {
        match self {
            Self::Path => ("Unknown path", "There are POST /v1/check and POST /v1/explain.".into()),
            Self::Method => ("Unknown method", "Use POST.".into()),
            Self::Token => (
                "Token absent or wrong",
                "Send the header \"Authorization: Bearer TOKEN\", with the token of the file that \
                 [check] token_file names."
                    .into(),
            ),
            Self::Body { limit } => (
                "Request too long",
                format!(
                    "A body may have {limit} octets: send several requests, or raise [check] body."
                ),
            ),
            Self::Items { limit } => (
                "Too many items",
                format!(
                    "A request may have {limit} items: send several requests, or raise [check] \
                     items."
                ),
            ),
            Self::Text { limit } => (
                "Item too long",
                format!(
                    "An item may have {limit} octets: cut it between two sentences, or raise \
                     [check] text."
                ),
            ),
            Self::Encoding { octet } => {
                ("Not UTF-8", format!("From octet {octet} on: convert the body to UTF-8."))
            }
            Self::Json { .. } => (
                "Not the JSON expected",
                "Compare the request with the documentation, where \"pointer\" says.".into(),
            ),
            Self::Broken => ("Body cut short", "Send the request again.".into()),
            Self::NoAudience => (
                "For whom?",
                "Add \"profile\", the name of a profile, or \"group\", that of a group.".into(),
            ),
            Self::TwoAudiences => (
                "For whom?",
                "Keep \"profile\" or \"group\", not both: a group has its profiles.".into(),
            ),
            Self::NoSuchProfile => (
                "Unknown profile",
                "Name child, teen, staff or a [profile.NAME] of the configuration.".into(),
            ),
            Self::NoSuchGroup => ("Unknown group", "Name a [[group]] of the configuration.".into()),
            Self::NotOne => (
                "Not an item",
                "Give either \"host\", or \"url\" (with \"title\" and \"snippet\" for a result), or \
                 \"text\", or \"items\"."
                    .into(),
            ),
            Self::NoHost => ("Not a host name", "Give a name, or a URL that has one.".into()),
            Self::Slow => (
                "Request too slow",
                "Send the whole body within the time of [check] timeout.".into(),
            ),
            Self::Busy => (
                "Too many requests at once",
                "Come again in a second. If that goes on, send more items a request, or raise \
                 [check] requests."
                    .into(),
            ),
            Self::Failure => ("Server error", "Send the request again.".into()),
        }
    }
}
