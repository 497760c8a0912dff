//! The check API: other programs ask whether hosts, URLs, texts and results of searches are fit for
//! a profile or a group, and are told what a question of that group's would be (`policy/check.rs`).
//!
//! All of a request is answered from one snapshot. What is asked is neither logged nor kept, at any
//! level; it is counted by kind and verdict. DNS does not wait for it: UDP has threads of its own, and
//! of what takes longer than a few DNS answers there is never more under way than half of the cores
//! can do.

mod answer;
mod openapi;
mod problem;
mod request;
mod terms;
#[cfg(test)]
mod tests;
mod words;

use std::{num::NonZero, sync::Arc, thread};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT_LANGUAGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
    routing::post,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

pub(crate) use self::{openapi::document, terms::CheckTerms};
use self::{
    problem::{Kind, Problem},
    request::{CheckRequest, ExplainRequest},
};
use super::{
    language::preferred,
    server::{Bounds, WebServer},
};
use crate::{
    answer::Snapshot,
    config::{self, CheckApi},
    listen::{places::Places, tls},
    policy::refusal::Language,
    service::Service,
    stats::{CheckOutcome, Endpoint},
};

/// Where things are checked.
pub(crate) const CHECK: &str = "/v1/check";
/// Where it is explained what has a say about them.
pub(crate) const EXPLAIN: &str = "/v1/explain";

/// Octets of a body that is answered on the spot: that takes no longer than some DNS answers do.
const SMALL: usize = 4 << 10;
/// Octets of a body that is too large which are read all the same: whoever is still writing would not
/// see the answer.
const LINGER: usize = 65 << 20;

/// The server of the API that a service's configuration asks for.
pub(crate) fn server(service: Arc<Service>, settings: &CheckApi) -> WebServer {
    let encrypted = settings.is_encrypted();
    let tls = encrypted.then(|| Arc::new(tls::server_config(&service, tls::HTTP_1)).into());
    let longest = *config::check::TIMEOUT.end();
    // What a reload may change is held to in here; these are the outer bounds.
    let bounds = Bounds {
        connections: settings.requests * 2 + 64,
        request: longest * 2,
        body: LINGER,
        ..Bounds::default()
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let api = Api {
        service,
        places: Arc::default(),
        workers: Arc::new(Semaphore::new((cores / 2).max(1))),
    };
    let router = Router::new()
        .route(CHECK, post(check).fallback(only_post))
        .route(EXPLAIN, post(explain).fallback(only_post))
        .fallback(not_found)
        .with_state(api);
    WebServer { router, bounds, tls, ..WebServer::new("the check API") }
}

#[derive(Clone)]
struct Api {
    service: Arc<Service>,
    /// Of requests at once.
    places: Arc<Places>,
    /// Of requests that take long and are being answered.
    workers: Arc<Semaphore>,
}

async fn check(State(api): State<Api>, request: Request) -> Response {
    api.respond(Endpoint::Check, request).await
}

async fn explain(State(api): State<Api>, request: Request) -> Response {
    api.respond(Endpoint::Explain, request).await
}

async fn only_post(request: Request) -> Response {
    Problem::new(Kind::Method).response(language_of(request.headers()))
}

async fn not_found(request: Request) -> Response {
    Problem::new(Kind::Path).response(language_of(request.headers()))
}

/// What `Accept-Language` asks for.
fn language_of(headers: &HeaderMap) -> Language {
    preferred(headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()))
}

/// The JSON of an answer.
type Answered = Result<Vec<u8>, Problem>;

impl Api {
    async fn respond(&self, endpoint: Endpoint, request: Request) -> Response {
        let snapshot = Arc::clone(&self.service.snapshot());
        let language = language_of(request.headers());
        let answered = self.answer(endpoint, request, language, &snapshot).await;
        let outcome = match &answered {
            Ok(_) => CheckOutcome::Answered,
            Err(problem) => problem.kind.outcome(),
        };
        snapshot.stats.checks().count(endpoint, outcome);
        match answered {
            Ok(json) => {
                let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
                (headers, json).into_response()
            }
            Err(problem) => problem.response(language),
        }
    }

    async fn answer(
        &self,
        endpoint: Endpoint,
        request: Request,
        language: Language,
        snapshot: &Arc<Snapshot>,
    ) -> Answered {
        let Some(terms) = snapshot.terms.check.clone() else {
            return Err(Problem::new(Kind::Path));
        };
        let settings = &terms.settings;
        if !is_authorized(settings, request.headers()) {
            return Err(Problem::new(Kind::Token));
        }
        let Ok(_place) = Places::take(&self.places, settings.requests) else {
            return Err(Problem::new(Kind::Busy));
        };
        let deadline = Instant::now() + settings.timeout;
        let body = timeout_at(deadline, read(request, settings.body)).await;
        let body = body.unwrap_or(Err(Problem::new(Kind::Slow)))?;
        let is_small = body.len() <= SMALL;
        let snapshot = Arc::clone(snapshot);
        let work = move || match endpoint {
            Endpoint::Check => check_all(&snapshot, &terms, &body, language),
            Endpoint::Explain => explain_one(&snapshot, &terms, &body, language),
        };
        if is_small {
            return work();
        }
        let waiting = timeout_at(deadline, Arc::clone(&self.workers).acquire_owned());
        let Ok(worker) = waiting.await else { return Err(Problem::new(Kind::Busy)) };
        let working = spawn_blocking(move || {
            let answered = work();
            drop(worker); // also where nobody waits any longer
            answered
        });
        working.await.unwrap_or(Err(Problem::new(Kind::Failure)))
    }
}

/// Whether a request shows the token, where there is one.
fn is_authorized(settings: &CheckApi, headers: &HeaderMap) -> bool {
    let Some(token) = &settings.token else { return true };
    let shown = headers.get(AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    match shown.split_at_checked(b"Bearer ".len()) {
        Some((scheme, shown)) => {
            scheme.eq_ignore_ascii_case(b"Bearer ") && token.is(shown.trim_ascii())
        }
        None => false,
    }
}

/// The body, if it is no longer than `limit` octets.
async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Kind::Body { limit });
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut body = request.into_body();
    if length.is_some_and(|length| length > limit as u64) {
        discard(body).await;
        return Err(too_large());
    }
    match Limited::new(&mut body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large())
        }
        Err(_) => Err(Problem::new(Kind::Broken)),
    }
}

/// Reads the rest of a body and keeps nothing of it. Who asked whether to send it sends none.
async fn discard(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

/// `POST /v1/check`.
fn check_all(snapshot: &Snapshot, terms: &CheckTerms, body: &[u8], language: Language) -> Answered {
    let mut request: CheckRequest = request::parse(body)?;
    let audience = request.audience();
    let language = audience.language.map_or(language, Language::from);
    let answer = || {
        let audience = terms.audience(&audience)?;
        let items = request.items(&terms.settings)?;
        let subjects = items.iter().map(|(place, item)| item.subject(place, &terms.settings));
        let subjects = subjects.collect::<Result<Vec<_>, _>>()?;
        answer::check(snapshot, audience, &subjects, language, Timestamp::now())
    };
    answer().map_err(|problem| problem.told_in(language))
}

/// `POST /v1/explain`.
fn explain_one(
    snapshot: &Snapshot,
    terms: &CheckTerms,
    body: &[u8],
    language: Language,
) -> Answered {
    let mut request: ExplainRequest = request::parse(body)?;
    let audience = request.audience();
    let language = audience.language.map_or(language, Language::from);
    let answer = || {
        let audience = terms.audience(&audience)?;
        let item = request.item();
        let subject = item.subject("", &terms.settings)?;
        answer::explain(snapshot, audience, subject, Timestamp::now())
    };
    answer().map_err(|problem| problem.told_in(language))
}
