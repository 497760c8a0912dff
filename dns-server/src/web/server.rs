//! HTTP/1.1 for an [`axum::Router`], within bounds, over TCP, TLS or a socket of this machine.
//!
//! ```ignore
//! let listener = WebListener::tcp("127.0.0.1:8080".parse()?)?;
//! let server = WebServer {
//!     router: Router::new().route("/", get(page)).with_state(service),
//!     tells_clients: true, // handlers may take `Extension<Client>`
//!     ..WebServer::new("the block page")
//! };
//! server.serve(listener, shutdown).await;
//! ```
//!
//! hyper speaks, since axum's own `serve` has neither time limits nor a say in who may connect. What
//! a router cannot be trusted to do is done here, whatever it serves: connections, octets of a head
//! and of a body, and the time for each are bounded. Nothing of a request is logged.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::DefaultBodyLimit,
    http::{Request, Response, StatusCode, header},
};
use http_body_util::Limited;
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Semaphore,
    task::JoinSet,
    time::{interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    listen::{
        accept, bind_tcp,
        places::{Place, Places},
        unix::UnixSocket,
    },
    stats::Limit,
};

/// Octets of a request's head; more is answered 431.
const HEAD: usize = 16 << 10;

/// A router, and within which bounds it is served.
pub(crate) struct WebServer {
    /// What it is, in messages: `metrics`.
    pub(crate) what: &'static str,
    pub(crate) router: Router,
    pub(crate) bounds: Bounds,
    /// Connections are encrypted; absent: they are not.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Requests over TCP have a [`Client`] as an extension.
    pub(crate) tells_clients: bool,
}

/// Whose request it is. It is neither to be logged nor to be kept.
#[derive(Clone, Copy)]
pub(crate) struct Client(pub(crate) IpAddr);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at once, of everybody; others wait.
    pub(crate) connections: usize,
    /// Connections at once, of a client (an IPv4 address or an IPv6 /56); others are closed.
    pub(crate) per_client: usize,
    /// Time for a request's head, and before it: so also how long a connection may idle. Of a
    /// handshake, too.
    pub(crate) head: Duration,
    /// Time for the rest of a request, and for its response; what takes longer is answered 408.
    pub(crate) request: Duration,
    /// Octets of a body; reading on is an error, which axum's extractors answer 413.
    pub(crate) body: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 256,
            per_client: usize::MAX,
            head: Duration::from_secs(10),
            request: Duration::from_secs(10),
            body: 64 << 10,
        }
    }
}

/// Where connections come from.
#[derive(Debug)]
pub(crate) enum WebListener {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

impl WebListener {
    /// Listens at an address; port 0 is any that is free. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(crate) fn tcp(address: SocketAddr) -> io::Result<Self> {
        TcpListener::from_std(bind_tcp(address)?).map(Self::Tcp)
    }

    /// Listens at a path, for the server's user and its group: see [`UnixSocket::bind`].
    ///
    /// # Errors
    /// Something is in the way, or the folder is not to be written.
    pub(crate) fn unix(path: &Path) -> io::Result<Self> {
        UnixSocket::bind(path).map(Self::Unix)
    }

    /// Where it is over TCP, with the port that was chosen.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub(crate) fn address(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Unix(_) => Ok(None),
        }
    }

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().await.map(|(stream, client)| Stream::Tcp(stream, client.ip()))
            }
            Self::Unix(socket) => socket.accept().await.map(Stream::Unix),
        }
    }
}

enum Stream {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

impl WebServer {
    /// One that has no routes yet.
    pub(crate) fn new(what: &'static str) -> Self {
        let (router, bounds) = (Router::new(), Bounds::default());
        Self { what, router, bounds, tls: None, tells_clients: false }
    }

    /// Serves until `stop`; then answers the requests in hand, and returns. Dropped, it ends at
    /// once.
    pub(crate) async fn serve(mut self, listener: WebListener, stop: CancellationToken) {
        // Ours holds for every body, however a handler reads it.
        self.router = self.router.layer(DefaultBodyLimit::disable());
        let server = Arc::new(self);
        let seats = Arc::new(Semaphore::new(server.bounds.connections));
        let places = Arc::default();
        let mut connections = JoinSet::new();
        let next = async || {
            let seat = Arc::clone(&seats).acquire_owned().await;
            listener.accept().await.map(|stream| (stream, seat))
        };
        loop {
            let (stream, seat) = tokio::select! {
                accepted = next() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        accept::recover(error, server.what).await;
                        continue;
                    }
                },
                Some(_) = connections.join_next() => continue,
                () = stop.cancelled() => break,
            };
            let client = match &stream {
                Stream::Tcp(_, client) => Some(*client),
                Stream::Unix(_) => None,
            };
            let Ok(place) = server.place_of(client, &places) else { continue };
            let (server, stop) = (Arc::clone(&server), stop.clone());
            connections.spawn(async move {
                // An error is the other end's hanging up.
                let _ = server.receive(stream, &stop).await;
                drop((seat, place));
            });
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }

    /// A place for one more connection of a client, if it may have one.
    fn place_of(
        &self,
        client: Option<IpAddr>,
        places: &Arc<Places>,
    ) -> Result<Option<Place>, Limit> {
        let place = |client| Places::take(places, usize::MAX)?.of(client, self.bounds.per_client);
        client.map(place).transpose()
    }

    async fn receive(&self, stream: Stream, stop: &CancellationToken) -> io::Result<()> {
        match (stream, &self.tls) {
            (Stream::Unix(stream), _) => self.converse(stream, None, stop).await,
            (Stream::Tcp(stream, client), None) => {
                stream.set_nodelay(true)?;
                self.converse(stream, Some(client), stop).await
            }
            (Stream::Tcp(stream, client), Some(acceptor)) => {
                stream.set_nodelay(true)?;
                let shaken = tokio::select! {
                    shaken = timeout(self.bounds.head, acceptor.accept(stream)) => shaken??,
                    () = stop.cancelled() => return Ok(()),
                };
                self.converse(shaken, Some(client), stop).await
            }
        }
    }

    /// Answers the requests of a connection until it idles, or the server stops.
    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        client: Option<IpAddr>,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let requests = AtomicUsize::new(0);
        let client = client.filter(|_| self.tells_clients).map(Client);
        let service = service_fn(|request| {
            requests.fetch_add(1, Ordering::Relaxed);
            self.respond(request, client)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.bounds.head)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // A head, a body, an answer: whoever has not begun another request after that long is not
        // taking the answer.
        let mut looks = interval(self.bounds.head + self.bounds.request);
        looks.tick().await; // the first is at once
        let (mut seen, mut is_ending) = (0, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(io::Error::other),
                () = stop.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                    // What is in hand has its time, whenever the next look is due.
                    looks.reset();
                }
                _ = looks.tick() => {
                    let now = requests.load(Ordering::Relaxed);
                    if is_ending || now == seen {
                        return Ok(());
                    }
                    seen = now;
                }
            }
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        client: Option<Client>,
    ) -> Result<Response<Body>, Infallible> {
        let mut request = request.map(|body| Body::new(Limited::new(body, self.bounds.body)));
        if let Some(client) = client {
            request.extensions_mut().insert(client);
        }
        let router = TowerToHyperService::new(self.router.clone());
        match timeout(self.bounds.request, router.call(request)).await {
            Ok(response) => response,
            Err(_) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                let close = header::HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
                Ok(response)
            }
        }
    }
}

#[cfg(test)]
mod tests;
