//! The two forms for adults: a mistake is reported, a teacher's code lets a site through for a while.
//!
//! A form counts only where the page itself sent it. There is no cookie that another site could
//! ride on, but one could have pupils' browsers report, or try codes.

use std::{net::IpAddr, time::Duration};

use axum::http::{Method, StatusCode, header, request::Parts};
use filter_core::DomainName;
use serde::Serialize;

use super::asked;
use crate::{
    policy::{group::GroupId, refusal::Language},
    service::{Service, codes::UnlockError, reports::ReportError},
    state::reports::Complaint,
};

/// Where the form of a report leads.
pub(super) const REPORT: &str = "/_preau/report";
/// Where that of a code does.
pub(super) const UNLOCK: &str = "/_preau/unlock";

/// A form that was sent, as far as it can be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    Report(Complaint),
    Unlock {
        code: String,
        time: Duration,
    },
    /// Another site sent it, or nobody's page did.
    Foreign,
    /// Ours has other fields.
    Odd,
}

/// What became of a form, for people.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Notice {
    /// What was wished for was done.
    pub(super) good: bool,
    pub(super) text: String,
    #[serde(skip)]
    pub(super) status: StatusCode,
}

impl Form {
    /// Whether a request is one of a form at all.
    pub(super) fn is_sent_by(request: &Parts) -> bool {
        request.method == Method::POST && [REPORT, UNLOCK].contains(&request.uri.path())
    }

    /// The form that such a request sends.
    pub(super) fn read(request: &Parts, body: &[u8]) -> Self {
        if !is_of_page(request) {
            return Self::Foreign;
        }
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(body).filter(|(key, _)| key == name);
            fields.next().map(|(_, value)| value.into_owned())
        };
        match request.uri.path() {
            REPORT => match field("why").as_deref().and_then(Complaint::of_word) {
                Some(complaint) => Self::Report(complaint),
                None => Self::Odd,
            },
            _ => match (field("code"), field("minutes").and_then(|number| number.parse().ok())) {
                (Some(code), Some(minutes)) => {
                    let time = Duration::from_secs(60_u64.saturating_mul(minutes));
                    Self::Unlock { code: code.trim().to_owned(), time }
                }
                _ => Self::Odd,
            },
        }
    }

    /// Does what a form wishes, for a client of a group. Writes to the disk.
    pub(super) fn obey(
        self,
        service: &Service,
        name: &DomainName,
        group: GroupId,
        client: IpAddr,
        language: Language,
    ) -> Notice {
        let done = match self {
            Self::Report(complaint) => {
                let done = service.report(name, complaint, group, client);
                done.map(|()| said_of_report()).map_err(|error| said_of_no_report(&error))
            }
            Self::Unlock { code, time } => {
                let done = service.unlock_with_code(name.clone(), group, client, &code, time);
                done.map(|_| said_of_unlock(time)).map_err(|error| said_of_no_unlock(&error))
            }
            Self::Foreign | Self::Odd => Err((
                StatusCode::FORBIDDEN,
                "Ce formulaire n’est pas parti de cette page : recommencez d’ici.".to_owned(),
                "That form did not come from this page: try again from here.".to_owned(),
            )),
        };
        let good = done.is_ok();
        let (status, french, english) = match done {
            Ok((french, english)) => (StatusCode::OK, french, english),
            Err(said) => said,
        };
        let text = match language {
            Language::French => french,
            Language::English => english,
        };
        Notice { good, text, status }
    }
}

/// Whether the page sent a form: browsers say from which origin a form comes (RFC 6454), and, where they trust the
/// connection, how that relates to the site.
fn is_of_page(request: &Parts) -> bool {
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(authority), Some(origin)) = (asked::authority(request), header(header::ORIGIN))
    else {
        return false;
    };
    let of_origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    of_origin.is_some_and(|own| own.eq_ignore_ascii_case(authority))
        && request.headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin")
}

/// In French and in English.
type Said = (String, String);
type Refused = (StatusCode, String, String);

fn said_of_report() -> Said {
    (
        "Merci : l’équipe du réseau sait que ce site est fermé par erreur.".to_owned(),
        "Thank you: the network team knows that this site is closed by mistake.".to_owned(),
    )
}

fn said_of_no_report(error: &ReportError) -> Refused {
    match error {
        ReportError::TooMany(left) => {
            let minutes = minutes(*left);
            (
                StatusCode::TOO_MANY_REQUESTS,
                format!("Trop de signalements d’ici : réessayez dans {minutes} min."),
                format!("Too many reports from here: try again in {minutes} min."),
            )
        }
        ReportError::NotASite(_) | ReportError::RefusedAlready(_) => (
            StatusCode::FORBIDDEN,
            "Il n’y a rien à signaler de ce nom.".to_owned(),
            "There is nothing to report about this name.".to_owned(),
        ),
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Le signalement n’a pas pu être gardé : écrivez à l’équipe du réseau.".to_owned(),
            "The report could not be kept: write to the network team.".to_owned(),
        ),
    }
}

fn said_of_unlock(time: Duration) -> Said {
    let minutes = minutes(time);
    (
        format!("Ce site est ouvert pour {minutes} min, pour tout le groupe."),
        format!("This site is open for {minutes} min, for the whole group."),
    )
}

fn said_of_no_unlock(error: &UnlockError) -> Refused {
    let (status, french, english) = match error {
        UnlockError::WrongCode { left } => (
            StatusCode::FORBIDDEN,
            format!("Ce n’est pas le bon code. Essais restants : {left}."),
            format!("That is not the code. Tries left: {left}."),
        ),
        UnlockError::TooManyTries(left) => {
            let minutes = minutes(*left);
            (
                StatusCode::TOO_MANY_REQUESTS,
                format!("Trop de mauvais codes : réessayez dans {minutes} min."),
                format!("Too many wrong codes: try again in {minutes} min."),
            )
        }
        UnlockError::Time { longest } => {
            let minutes = minutes(*longest);
            (
                StatusCode::FORBIDDEN,
                format!("Ce code ouvre un site pour {minutes} min au plus."),
                format!("This code opens a site for {minutes} min at most."),
            )
        }
        UnlockError::OutOfHours => (
            StatusCode::FORBIDDEN,
            "Ce code ne vaut pas à cette heure.".to_owned(),
            "This code does not hold at this hour.".to_owned(),
        ),
        UnlockError::NoCode | UnlockError::NotLiftable { .. } | UnlockError::Floor { .. } => (
            StatusCode::FORBIDDEN,
            "Aucun code n’ouvre ce site : écrivez à l’équipe du réseau.".to_owned(),
            "No code opens this site: write to the network team.".to_owned(),
        ),
        UnlockError::Change(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Le site n’a pas pu être ouvert : écrivez à l’équipe du réseau.".to_owned(),
            "The site could not be opened: write to the network team.".to_owned(),
        ),
    };
    (status, french, english)
}

/// Minutes, of which a part counts as one.
fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(60)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read(path: &str, headers: &[(&str, &str)], body: &str) -> Form {
        let mut request = Request::builder().method("POST").uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap().into_parts().0;
        assert!(Form::is_sent_by(&request));
        Form::read(&request, body.as_bytes())
    }

    #[test]
    fn only_the_page_itself_sends_forms() {
        let cases: [(&[(&str, &str)], bool); 10] = [
            (&[("host", "porn.example"), ("origin", "http://porn.example")], true),
            (&[("host", "Porn.example:8080"), ("origin", "http://porn.example:8080")], true),
            (
                &[
                    ("host", "porn.example"),
                    ("origin", "https://porn.example"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (
                &[
                    ("host", "porn.example"),
                    ("origin", "https://porn.example"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (&[("host", "porn.example")], false),
            (&[("host", "porn.example"), ("origin", "null")], false),
            (&[("host", "porn.example"), ("origin", "http://evil.example")], false),
            (&[("host", "porn.example"), ("origin", "http://porn.example.evil.example")], false),
            (&[("host", "porn.example"), ("origin", "ftp://porn.example")], false),
            (&[("origin", "http://")], false),
        ];
        for (headers, expected) in cases {
            let form = read(REPORT, headers, "why=needed");
            let own = if expected { Form::Report(Complaint::Needed) } else { Form::Foreign };
            assert_eq!(form, own, "{headers:?}");
        }
    }

    #[test]
    fn fields() {
        let own = [("host", "porn.example"), ("origin", "http://porn.example")];
        let reports = [
            ("why=harmless", Form::Report(Complaint::Harmless)),
            ("x=1&why=needed&why=harmless", Form::Report(Complaint::Needed)),
            ("", Form::Odd),
            ("why=%3Cscript%3E", Form::Odd),
            ("why", Form::Odd),
            ("%ff%fe=%zz&&&=", Form::Odd),
        ];
        for (body, expected) in reports {
            assert_eq!(read(REPORT, &own, body), expected, "{body}");
        }
        let unlock = |code: &str, minutes: u64| Form::Unlock {
            code: code.to_owned(),
            time: Duration::from_secs(60 * minutes),
        };
        let codes = [
            ("code=+caf%C3%A9+3+&minutes=15", unlock("café 3", 15)),
            ("code=&minutes=0", unlock("", 0)),
            ("code=a", Form::Odd),
            ("code=a&minutes=-1", Form::Odd),
            ("code=a&minutes=1e9", Form::Odd),
            ("minutes=15", Form::Odd),
        ];
        for (body, expected) in codes {
            assert_eq!(read(UNLOCK, &own, body), expected, "{body}");
        }
        let most = read(UNLOCK, &own, &format!("code=a&minutes={}", u64::MAX));
        assert!(matches!(most, Form::Unlock { time, .. } if time == Duration::from_secs(u64::MAX)));
    }
}
