//! One download: conditional, each redirect checked, every quantity limited.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{Timestamp, fmt::rfc2822};
use reqwest::{
    Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE,
        IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
    },
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    Limits, Meter,
    address::{Clients, PrivateHost},
};
use crate::{http, source::Remote};

/// Redirects followed: from http to https, to a mirror, to storage; what has more is a loop.
const MAX_REDIRECTS: usize = 5;
/// Before the second attempt; longer before each further one.
const PAUSE: Duration = Duration::from_secs(1);

/// What a server said to recognise its copy by (RFC 9110, section 8.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_modified: Option<String>,
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// 304: the copy with these validators is current.
    NotModified,
    /// 200, whole.
    Body(Body),
}

/// A body as it was sent, in a file.
#[derive(Debug)]
pub(super) struct Body {
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) octets: u64,
    /// `Content-Encoding`: it is to be decompressed.
    pub(super) encoded: bool,
    pub(super) validators: Validators,
}

/// Why a list did not come.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(super) enum DownloadError {
    #[error(transparent)]
    Private(#[from] PrivateHost),
    #[error("it is redirected to {0}, which is not https: give the address that is meant")]
    Redirected(String),
    /// Even where the source says `allow_private`: that is meant for its own host.
    #[error("it is redirected to {0}, which is {1}, on this machine or a private network")]
    RedirectedInside(String, String),
    #[error("more than {MAX_REDIRECTS} redirects, probably a loop: open the URL in a browser")]
    Loop,
    #[error("the server answered {status}{}", advice(*.status))]
    Status { status: StatusCode },
    #[error("the server answered {status}: it wants to be left alone{}", until(*.after))]
    Busy { status: StatusCode, after: Option<Duration> },
    #[error("it has more than {limit} octets: if that is meant, raise the source's `max_octets`")]
    TooLarge { limit: u64 },
    #[error("nothing came for {} seconds {during}", .after.as_secs_f32())]
    Idle { after: Duration, during: &'static str },
    #[error("it did not come whole within {} seconds", .after.as_secs_f32())]
    Slow { after: Duration },
    #[error("{0}")]
    Transport(String),
    #[error("the server sent it as {0:?}, which was not asked for")]
    Encoding(String),
    /// Not the publisher's fault: nothing else will work either.
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ": look for the list's new address",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": it is not for everybody",
        _ => "",
    }
}

fn until(after: Option<Duration>) -> String {
    after.map(|after| format!(" for {} seconds", after.as_secs())).unwrap_or_default()
}

impl DownloadError {
    /// What another attempt may find mended.
    fn is_passing(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status { status } => status.is_server_error(),
            _ => false,
        }
    }
}

/// A download to be made.
pub(super) struct Order<'a> {
    pub(super) remote: &'a Remote,
    /// Most octets, as sent.
    pub(super) max_octets: u64,
    /// Those of the copy that is held.
    pub(super) validators: Option<&'a Validators>,
    /// Where the body goes.
    pub(super) file: &'a Path,
}

impl Order<'_> {
    /// Downloads, in as many attempts as allowed, all of them together within the time limit.
    pub(super) async fn carry_out(
        &self,
        clients: &Clients,
        limits: &Limits,
        meter: &dyn Meter,
    ) -> Result<Answer, DownloadError> {
        let attempts = async {
            let mut attempt = 1;
            loop {
                match self.attempt(clients, limits, meter).await {
                    Err(error) if error.is_passing() && attempt < limits.attempts => {
                        sleep(PAUSE * attempt).await;
                        attempt += 1;
                    }
                    outcome => return outcome,
                }
            }
        };
        let whole = timeout(limits.whole, attempts).await;
        whole.unwrap_or(Err(DownloadError::Slow { after: limits.whole }))
    }

    async fn attempt(
        &self,
        clients: &Clients,
        limits: &Limits,
        meter: &dyn Meter,
    ) -> Result<Answer, DownloadError> {
        let mut url = self.remote.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.ask(&url, clients, limits).await?;
            match response.status() {
                StatusCode::OK => return self.body(url, response, limits, meter).await,
                StatusCode::NOT_MODIFIED if self.validators.is_some() => {
                    return Ok(Answer::NotModified);
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => url = self.next(&url, response.headers())?,
                status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                    let after = header(response.headers(), &RETRY_AFTER)
                        .and_then(|text| retry_after(&text, Timestamp::now()));
                    return Err(DownloadError::Busy { status, after });
                }
                status => return Err(DownloadError::Status { status }),
            }
        }
        Err(DownloadError::Loop)
    }

    async fn ask(
        &self,
        url: &Url,
        clients: &Clients,
        limits: &Limits,
    ) -> Result<Response, DownloadError> {
        // `allow_private` speaks for the host that the source names, not for where that leads.
        let private = self.remote.allow_private && url.host() == self.remote.url.host();
        let mut request = clients
            .client(url, private)
            .map_err(|private| self.inside(url, private))?
            .get(url.clone())
            .header(ACCEPT_ENCODING, "gzip, zstd");
        if let Some(Validators { etag, last_modified }) = self.validators {
            for (name, value) in [(IF_NONE_MATCH, etag), (IF_MODIFIED_SINCE, last_modified)] {
                if let Some(value) = value {
                    request = request.header(name, value);
                }
            }
        }
        let idle = DownloadError::Idle { after: limits.idle, during: "after the request" };
        let sent = timeout(limits.idle, request.send()).await.map_err(|_| idle)?;
        sent.map_err(|error| match failed(error) {
            DownloadError::Private(private) => self.inside(url, private),
            error => error,
        })
    }

    /// A URL that leads to a private host: that of the source, or of a redirect.
    fn inside(&self, url: &Url, private: PrivateHost) -> DownloadError {
        if url.host() == self.remote.url.host() {
            return private.into();
        }
        DownloadError::RedirectedInside(private.host, private.address)
    }

    /// Where a redirect leads: never from https to something else, and to http only where the
    /// source allows it.
    fn next(&self, from: &Url, headers: &HeaderMap) -> Result<Url, DownloadError> {
        let location = header(headers, &LOCATION).unwrap_or_default();
        let to = from.join(&location).ok().filter(|_| !location.is_empty());
        let Some(to) = to else {
            return Err(DownloadError::Redirected(format!("{location:?}")));
        };
        let allowed = match to.scheme() {
            "https" => true,
            "http" => self.remote.allow_http && from.scheme() == "http",
            _ => false,
        };
        if allowed { Ok(to) } else { Err(DownloadError::Redirected(to.into())) }
    }

    async fn body(
        &self,
        url: Url,
        mut response: Response,
        limits: &Limits,
        meter: &dyn Meter,
    ) -> Result<Answer, DownloadError> {
        let limit = self.max_octets;
        let encoded = match header(response.headers(), &CONTENT_ENCODING).as_deref() {
            None | Some("" | "identity") => false,
            Some("gzip" | "x-gzip" | "zstd") => true,
            Some(other) => return Err(DownloadError::Encoding(other.into())),
        };
        if let Some(octets) = response.content_length() {
            if octets > limit {
                return Err(DownloadError::TooLarge { limit });
            }
            meter.length(octets);
        }
        let write = |error| DownloadError::Write { path: self.file.into(), error };
        let mut file = File::create(self.file).map_err(write)?;
        let mut octets = 0;
        loop {
            let idle = DownloadError::Idle { after: limits.idle, during: "in the middle of it" };
            let chunk = timeout(limits.idle, response.chunk()).await.map_err(|_| idle)?;
            let Some(chunk) = chunk.map_err(failed)? else { break };
            octets += chunk.len() as u64;
            if octets > limit {
                return Err(DownloadError::TooLarge { limit });
            }
            file.write_all(&chunk).map_err(write)?;
            meter.received(octets);
        }
        let validators = Validators {
            etag: header(response.headers(), &ETAG),
            last_modified: header(response.headers(), &LAST_MODIFIED),
        };
        Ok(Answer::Body(Body { url, octets, encoded, validators }))
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// Seconds, or an instant (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

fn failed(error: reqwest::Error) -> DownloadError {
    let private = http::causes(&error).find_map(|cause| cause.downcast_ref::<PrivateHost>());
    if let Some(private) = private {
        return private.clone().into();
    }
    DownloadError::Transport(if error.is_connect() && error.is_timeout() {
        "cannot connect: the server does not answer".into()
    } else if error.is_connect() {
        format!("cannot connect: {}", http::innermost(&error))
    } else {
        format!("the connection failed: {}", http::innermost(&error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_an_instant() {
        let now: Timestamp = "2026-11-22T06:00:00Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            ("0", Some(0)),
            ("Sun, 22 Nov 2026 06:01:00 GMT", Some(60)),
            ("Sun, 22 Nov 2026 05:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(retry_after(text, now).map(|after| after.as_secs()), expected, "{text:?}");
        }
    }

    #[test]
    fn redirects_never_lead_to_less_safety() {
        let next = |allow_http: bool, from: &str, location: &str| {
            let from = Url::parse(from).unwrap();
            let remote =
                Remote { url: from.clone(), allow_http, allow_private: false, window: None };
            let order =
                Order { remote: &remote, max_octets: 1, validators: None, file: Path::new("") };
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            order.next(&from, &headers).ok().map(String::from)
        };
        let cases = [
            (false, "https://a.example/x", "/y", Some("https://a.example/y")),
            (false, "https://a.example/x", "https://b.example/", Some("https://b.example/")),
            (false, "https://a.example/x", "//b.example/", Some("https://b.example/")),
            (false, "https://a.example/x", "http://a.example/", None),
            (true, "https://a.example/x", "http://a.example/", None),
            (true, "http://a.example/x", "http://b.example/", Some("http://b.example/")),
            (true, "http://a.example/x", "https://b.example/", Some("https://b.example/")),
            (true, "http://a.example/x", "file:///etc/passwd", None),
            (true, "http://a.example/x", "ftp://a.example/", None),
            (true, "http://a.example/x", "", None),
            (true, "http://a.example/x", "http://[", None),
        ];
        for (allow_http, from, location, expected) in cases {
            assert_eq!(
                next(allow_http, from, location).as_deref(),
                expected,
                "{from} → {location}"
            );
        }
    }
}
