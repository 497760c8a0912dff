//! The end of the server.

use std::{fmt::Display, io, path::Path, sync::Arc, time::Duration};

use filter_core::DomainName;
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    sync::Semaphore,
    task::spawn_blocking,
    time::timeout,
};

use super::{Request, Response, peer::Peer};
use crate::{
    failure::Failure,
    listen::{accept, unix::UnixSocket},
    service::{Service, changes::ChangeError},
};

/// Octets of a request; no honest one is longer.
const REQUEST: u64 = 16 << 10;
/// How long the other end may take to ask, or to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; others wait.
const CONNECTIONS: usize = 8;

/// A socket that is listened on; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    socket: UnixSocket,
    /// The server's own user.
    own: u32,
}

impl ControlSocket {
    /// Listens at a path. The file of a server that is gone is replaced, never one of a server that
    /// answers. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Failure::ControlSocket`].
    pub(crate) fn bind(path: &Path) -> Result<Self, Failure> {
        let bind = || {
            let socket = UnixSocket::bind(path)?;
            let own = UnixStream::pair()?.0.peer_cred()?.uid();
            Ok(Self { socket, own })
        };
        bind().map_err(|error| Failure::ControlSocket { path: path.to_owned(), error })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.socket.path()
    }

    /// Answers requests; never ends.
    pub(crate) async fn serve(self, service: Arc<Service>) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.socket.accept().await {
                Ok(stream) => {
                    let (service, own) = (service.clone(), self.own);
                    tokio::spawn(async move {
                        // An error is the other end's hanging up.
                        let _ = converse(stream, own, service).await;
                        drop(place);
                    });
                }
                Err(error) => accept::recover(error, "the control socket").await,
            }
        }
    }
}

/// One request and its response.
async fn converse(mut stream: UnixStream, own: u32, service: Arc<Service>) -> io::Result<()> {
    let peer = Peer::of(&stream.peer_cred()?);
    // Also of who may not ask: a response to who is still writing would be lost.
    let request = timeout(PATIENCE, read(&mut stream)).await?;
    let response = match request {
        _ if peer.uid != 0 && peer.uid != own => {
            tracing::warn!("{peer} may not use the control socket");
            refused(format!("only root and the server's own user may, not {peer}; try sudo"))
        }
        Ok(request) => {
            let obey = spawn_blocking(move || obey(&service, request, peer));
            obey.await.unwrap_or_else(|panic| refused(panic.to_string()))
        }
        Err(error) => refused(format!("not a request: {error}")),
    };
    let mut line = serde_json::to_vec(&response)?;
    line.push(b'\n');
    timeout(PATIENCE, stream.write_all(&line)).await?
}

async fn read(stream: &mut UnixStream) -> io::Result<Request> {
    let mut line = Vec::new();
    BufReader::new(stream.take(REQUEST)).read_until(b'\n', &mut line).await?;
    Ok(serde_json::from_slice(&line)?)
}

fn refused(message: String) -> Response {
    Response::Error { message, code: 1 }
}

/// Does what is asked.
fn obey(service: &Service, request: Request, peer: Peer) -> Response {
    fn changed<T: Serialize>(outcome: Result<T, impl Display>) -> Response {
        match outcome {
            Ok(value) => done(value),
            Err(error) => refused(error.to_string()),
        }
    }
    fn done(value: impl Serialize) -> Response {
        match serde_json::to_value(value) {
            Ok(value) => Response::Ok(value),
            Err(error) => refused(error.to_string()),
        }
    }
    let named = |name: &str| name.parse::<DomainName>().map_err(ChangeError::from);
    match request {
        Request::Status => done(service.status()),
        Request::Reload => match service.reload_for(Some(peer)) {
            Ok(reloaded) => done(reloaded),
            Err(failure) => Response::of_failure(&failure),
        },
        Request::Flush { name } => {
            let name = name.as_deref().map(named).transpose();
            changed(name.and_then(|name| service.flush(name.as_ref(), peer)))
        }
        Request::Allow { name, group, seconds, why } => {
            let time = Duration::from_secs(seconds);
            changed(named(&name).and_then(|name| service.allow(name, group, time, why, peer)))
        }
        Request::End { name, group } => {
            changed(named(&name).and_then(|name| service.end(&name, &group, peer)))
        }
        Request::Reports => done(service.reports()),
        Request::Settle { name } => match named(&name) {
            Ok(name) => changed(service.settle(&name, peer)),
            Err(error) => refused(error.to_string()),
        },
    }
}
