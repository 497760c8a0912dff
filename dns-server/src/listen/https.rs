//! DNS over HTTPS (RFC 8484), HTTP/1.1 and HTTP/2.

use std::{
    io,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{interval, timeout},
};

use super::streams::{IDLE_TIMEOUT, PIPELINE, QUERY, StreamServer};
use crate::wire::{designation::DOH_PATH, lifetime, question::Transport};

/// How long a connection may be without a request, twice at most: browsers keep theirs.
const IDLE_CHECK: Duration = Duration::from_secs(30);
/// Octets of a request's head: a name takes 255, its base64url 340.
const HEAD: usize = 16 << 10;
const DNS_MESSAGE: &str = "application/dns-message";

impl StreamServer {
    /// Answers the requests of a connection until it idles, or the server stops.
    pub(super) async fn answer_requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        client: IpAddr,
    ) -> io::Result<()> {
        let requests = Arc::new(AtomicUsize::new(0));
        let service = service_fn(|request| {
            requests.fetch_add(1, Ordering::Relaxed);
            let server = self.clone();
            async move { Ok::<_, io::Error>(server.respond(request, client).await) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_CHECK).max_buf_size(HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(PIPELINE as u32)
            .max_header_list_size(HEAD as u32)
            .keep_alive_interval(IDLE_CHECK)
            .keep_alive_timeout(IDLE_TIMEOUT);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut idle = interval(IDLE_CHECK);
        idle.tick().await; // the first is at once
        let (mut seen, mut is_ending) = (0, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(io::Error::other),
                () = self.stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                    // What is in hand has its time, whenever the next look is due.
                    idle.reset();
                }
                _ = idle.tick() => {
                    let now = requests.load(Ordering::Relaxed);
                    if is_ending {
                        return Ok(());
                    } else if now == seen {
                        is_ending = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    seen = now;
                }
            }
        }
    }

    async fn respond(&self, request: Request<Incoming>, client: IpAddr) -> Response<Full<Bytes>> {
        match self.reply(request, client).await {
            Ok(reply) => {
                let mut response = Response::new(Full::default());
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(DNS_MESSAGE));
                // §5.1: no longer than the records themselves.
                let age = format!("max-age={}", lifetime::seconds(&reply));
                if let Ok(age) = age.try_into() {
                    headers.insert(header::CACHE_CONTROL, age);
                }
                *response.body_mut() = Full::new(reply.into());
                response
            }
            Err(status) => {
                let mut response = Response::new(Full::default());
                *response.status_mut() = status;
                if status == StatusCode::METHOD_NOT_ALLOWED {
                    let methods = header::HeaderValue::from_static("GET, POST");
                    response.headers_mut().insert(header::ALLOW, methods);
                }
                response
            }
        }
    }

    /// The DNS reply to a request, or the status that tells what is wrong with it.
    async fn reply(
        &self,
        request: Request<Incoming>,
        client: IpAddr,
    ) -> Result<Vec<u8>, StatusCode> {
        self.wait_for_turn(client).await;
        let snapshot = Arc::clone(&self.service.snapshot());
        let own = snapshot.group_of(client);
        let group = match request.uri().path() {
            DOH_PATH => own,
            // A path opens a group to those who are in one.
            path => own.and(Some(snapshot.terms.group_at(path).ok_or(StatusCode::NOT_FOUND)?)),
        };
        let query = match *request.method() {
            Method::GET => query_of_uri(request.uri().query().unwrap_or_default())?,
            Method::POST => query_of_body(request).await?,
            _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        let seat = self.wait_for_seat(client);
        let reply = snapshot.answer(group, Transport::Encrypted, &query, seat).await;
        reply.ok_or(StatusCode::BAD_REQUEST)
    }
}

/// The query in `dns=`, base64url without padding (§6).
fn query_of_uri(parameters: &str) -> Result<Vec<u8>, StatusCode> {
    let encoded = parameters
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("dns="))
        .ok_or(StatusCode::BAD_REQUEST)?;
    let query = BASE64URL_NOPAD
        .decode(encoded.trim_end_matches('=').as_bytes())
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    if query.len() > QUERY {
        return Err(StatusCode::URI_TOO_LONG);
    }
    Ok(query)
}

/// The query in the body.
async fn query_of_body(request: Request<Incoming>) -> Result<Vec<u8>, StatusCode> {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let is_dns = media_type
        .and_then(|value| value.to_str().ok()?.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(DNS_MESSAGE));
    if !is_dns {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let body = Limited::new(request.into_body(), QUERY).collect();
    match timeout(IDLE_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}
