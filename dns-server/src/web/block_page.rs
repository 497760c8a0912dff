//! The block page: what a browser shows for a name that leads here because it is refused.
//!
//! A request's `Host` says which name, its client's address which group; the policy that answers DNS
//! says why. Nothing is kept of either. The page needs no script, sets no cookie and loads nothing:
//! style and drawing stand in it.

mod asked;
pub(crate) mod colour;
mod forms;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod view;
mod words;

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Extension, Request, State as Shared},
    http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts},
};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use tokio::{task::spawn_blocking, time::timeout};

use self::{
    asked::Asked,
    forms::{Form, Notice},
    view::{State, View, Why},
};
use super::{
    certificates::{self, AuthorityError},
    server::{Bounds, Client, WebServer},
};
use crate::{
    answer::Snapshot,
    config::Page,
    policy::{
        decide::{self, Decision},
        refusal::{Authority, Refusal, Telling},
    },
    service::Service,
    wire::rr_type,
};

/// Connections of a client at once: browsers take six, and many of them may stand behind an address.
const CONNECTIONS_PER_CLIENT: usize = 64;
/// Octets of a form.
const FORM: usize = 4 << 10;
/// How long it is looked where a name leads.
const PATIENCE: Duration = Duration::from_secs(2);

/// The server of the page.
pub(crate) fn server(service: Arc<Service>) -> WebServer {
    let bounds = Bounds { per_client: CONNECTIONS_PER_CLIENT, body: FORM, ..Bounds::default() };
    WebServer {
        router: Router::new().fallback(respond).with_state(service),
        bounds,
        tells_clients: true,
        ..WebServer::new("the block page")
    }
}

/// The same over HTTPS.
///
/// # Errors
/// [`AuthorityError`]: there is no randomness.
pub(crate) fn https(service: Arc<Service>) -> Result<WebServer, AuthorityError> {
    let tls = Some(certificates::acceptor(&service)?);
    Ok(WebServer { tls, ..server(service) })
}

async fn respond(
    Shared(service): Shared<Arc<Service>>,
    Extension(Client(client)): Extension<Client>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if ![Method::GET, Method::HEAD, Method::POST].contains(&parts.method) {
        return nothing(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !asked::wants_document(&parts.headers) {
        return nothing(StatusCode::FORBIDDEN);
    }
    let asked = Asked::read(&parts);
    let notice = match Form::is_sent_by(&parts) {
        true => obey(&service, &asked, client, &parts, body).await,
        false => None,
    };
    // After what a form may have changed.
    let snapshot = Arc::clone(&service.snapshot());
    let Some(page) = snapshot.terms.page() else { return nothing(StatusCode::FORBIDDEN) };
    let standing = Standing::of(&snapshot, &asked, client).await;
    // Against the floor no code helps.
    let is_floor = |refusal: &Refusal<'_>| refusal.authority == Authority::Floor;
    let may_unlock = !matches!(&standing, Standing::Refused(refusal, _) if is_floor(refusal))
        && snapshot.group_of(client).is_some_and(|group| snapshot.terms.has_code(group));
    show(page, &asked, &standing, may_unlock, notice)
}

/// Does what a form wishes, about a name that is refused; what became of it.
async fn obey(
    service: &Arc<Service>,
    asked: &Asked,
    client: IpAddr,
    parts: &Parts,
    body: Body,
) -> Option<Notice> {
    let form = match body.collect().await {
        Ok(body) => Form::read(parts, &body.to_bytes()),
        Err(_) => Form::Odd, // too long, or cut short
    };
    let snapshot = Arc::clone(&service.snapshot());
    let group = snapshot.group_of(client)?;
    let Standing::Refused(..) = Standing::of(&snapshot, asked, client).await else { return None };
    let (service, name, language) = (service.clone(), asked.name.clone()?, asked.language);
    let obey = move || form.obey(&service, &name, group, client, language);
    spawn_blocking(obey).await.ok()
}

/// What becomes of the name that was asked for.
enum Standing<'s> {
    Refused(Box<Refusal<'s>>, Telling),
    Passes,
    /// A name of the inside, one that means something of itself, or none.
    NoSite,
    /// The client is in no group.
    Stranger,
}

impl<'s> Standing<'s> {
    async fn of(snapshot: &'s Snapshot, asked: &Asked, client: IpAddr) -> Self {
        let Some(group) = snapshot.group_of(client) else { return Self::Stranger };
        let Some(name) = &asked.name else { return Self::NoSite };
        let question = decide::Asked {
            name,
            record_type: rr_type::A,
            internet: true,
            recursion_desired: true,
        };
        let Some(ruling) = snapshot.policy.decide(question, group, Timestamp::now()) else {
            return Self::Stranger;
        };
        let telling = ruling.audience.telling;
        match ruling.decision {
            Decision::Refuse(refusal) => Self::Refused(Box::new(refusal), telling),
            Decision::Resolve => match timeout(PATIENCE, snapshot.objection(name, &ruling)).await {
                Ok(Some(refusal)) => Self::Refused(Box::new(refusal), telling),
                Ok(None) | Err(_) => Self::Passes,
            },
            Decision::Rewrite(_) => Self::Passes,
            _ => Self::NoSite,
        }
    }
}

/// The page about a name.
fn show(
    page: &Page,
    asked: &Asked,
    standing: &Standing<'_>,
    may_unlock: bool,
    notice: Option<Notice>,
) -> Response<Body> {
    let language = asked.language;
    let name = asked.name.as_ref();
    let (status, state, why) = match standing {
        Standing::Refused(refusal, telling) => {
            let status = match refusal.is_legal() {
                true => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, // RFC 7725
                false => StatusCode::FORBIDDEN,
            };
            (status, State::Refused, Why::of(refusal, *telling, language, name))
        }
        // The browser asked for this name before it was let through, and came here: on another
        // connection it finds the site.
        Standing::Passes => (StatusCode::MISDIRECTED_REQUEST, State::Open, Why::default()),
        Standing::NoSite => (StatusCode::NOT_FOUND, State::Nothing, Why::default()),
        Standing::Stranger => (StatusCode::FORBIDDEN, State::Nothing, Why::default()),
    };
    let name = name.filter(|_| state != State::Nothing);
    let status = notice.as_ref().map_or(status, |notice| notice.status);
    let view = View::new(page, language, state, name, why).with_notice(notice);
    let shown = page.template.render(&view.with_forms(may_unlock));
    let mut response = nothing(status);
    *response.body_mut() = shown.html.into();
    let form_targets = page.search.as_ref().and_then(|engine| engine.form.as_ref());
    let form_targets = form_targets.map(|form| form.origin()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src {}; img-src data:; form-action 'self' {form_targets}; \
         frame-ancestors 'none'; base-uri 'none'",
        shown.style
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    if let Ok(policy) = policy.try_into() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// An empty response, with what holds for all of them.
fn nothing(status: StatusCode) -> Response<Body> {
    const HEADERS: [(HeaderName, &str); 7] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'"),
        // The name may be let through the next minute, and its site has other pages.
        (header::CACHE_CONTROL, "no-store"),
        // The name may lead elsewhere by the next request.
        (header::CONNECTION, "close"),
        // Without this page's own forms getting `Origin: null`, as with `no-referrer`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::ALLOW, "GET, HEAD, POST"),
    ];
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
