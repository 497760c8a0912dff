//! DNS over TCP (RFC 7766): messages behind their length. hickory-server's own listener would do,
//! but that it takes any number of connections, and one question of each at a time.
//!
//! Everything that a client can hold is bounded: connections, questions in hand, time.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{service::Service, wire::question::Transport};

/// Connections at once, of everybody. With the sockets of questions that wait for upstream they
/// stay below the usual limit of 1024 open files.
const CONNECTIONS: usize = 256;
/// Connections at once, of one address: several machines may stand behind it.
const CONNECTIONS_PER_CLIENT: usize = 32;
/// Questions in hand, a connection. The next is read when one of them has its answer.
const PIPELINE: usize = 16;
/// How long a connection may take over a message, reading or writing; so also how long it may stay
/// idle (RFC 7766 §6.2.3: a few seconds).
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Octets of a query; no honest one is longer.
const QUERY: usize = 4096;
/// Pause after an error of the socket itself, such as too many open files.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// What the connections share.
#[derive(Clone)]
pub(crate) struct StreamServer {
    pub(crate) service: Arc<Service>,
    /// One permit for each question that waits for upstream, over UDP too.
    pub(crate) waiting: Arc<Semaphore>,
    /// Connections, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// To stop: questions in hand are answered, no others are read.
    pub(crate) stop: CancellationToken,
    pub(crate) places: Arc<Places>,
}

impl StreamServer {
    /// Serves a socket until told to stop.
    pub(crate) async fn serve(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                // A stream that is dropped is closed.
                Ok((stream, client)) => self.take(stream, client.ip()),
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(ERROR_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection, if its client is in a group and there is a place for it.
    fn take(&self, stream: TcpStream, client: IpAddr) {
        if self.service.snapshot().group_of(client).is_none() {
            return;
        }
        let Some(place) = Places::take(&self.places, client) else { return };
        let server = self.clone();
        self.tasks.spawn(async move {
            // An error is the client's hanging up.
            let _ = server.converse(stream, client).await;
            drop(place);
        });
    }

    /// Answers the messages of a connection, each when its answer is there (RFC 7766 §6.2.1.1).
    async fn converse(&self, stream: TcpStream, client: IpAddr) -> io::Result<()> {
        stream.set_nodelay(true)?; // each reply is one write
        let (reader, writer) = stream.into_split();
        let (replies, written) = mpsc::channel(PIPELINE);
        // The end of reading leaves questions in hand: writing ends when each has its answer. An
        // error in writing ends both, and with the set the questions.
        let mut questions = JoinSet::new();
        let reading = async {
            self.read_all(reader, client, replies, &mut questions).await;
            Ok(())
        };
        tokio::try_join!(reading, write_all(writer, written))?;
        Ok(())
    }

    /// Takes questions in until the client says no more, or nonsense, or nothing for too long.
    async fn read_all(
        &self,
        mut reader: OwnedReadHalf,
        client: IpAddr,
        replies: mpsc::Sender<Vec<u8>>,
        questions: &mut JoinSet<()>,
    ) {
        loop {
            if questions.len() >= PIPELINE {
                questions.join_next().await;
            }
            while questions.try_join_next().is_some() {}
            let message = tokio::select! {
                message = timeout(IDLE_TIMEOUT, read(&mut reader)) => message,
                () = self.stop.cancelled() => return,
            };
            let Ok(Ok(query)) = message else { return };
            let (server, replies) = (self.clone(), replies.clone());
            questions.spawn(async move {
                let snapshot = Arc::clone(&server.service.snapshot());
                let group = snapshot.group_of(client);
                let answer = snapshot.answer(group, Transport::Stream, &query, &server.waiting);
                if let Some(reply) = answer.await {
                    // Fails where the connection is gone.
                    let _ = replies.send(reply).await;
                }
            });
        }
    }
}

/// One message.
async fn read(reader: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let length = usize::from(reader.read_u16().await?);
    if length > QUERY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    reader.read_exact(&mut message).await?;
    Ok(message)
}

/// Writes replies as they come, until no more can.
async fn write_all(
    mut writer: OwnedWriteHalf,
    mut replies: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    while let Some(mut reply) = replies.recv().await {
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        reply.splice(..0, length.to_be_bytes());
        timeout(IDLE_TIMEOUT, writer.write_all(&reply)).await??;
    }
    Ok(())
}

/// True for errors of a connection that was gone before it was accepted (accept(2)).
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Who has how many connections: known for as long as they last.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
struct Place {
    places: Arc<Places>,
    client: IpAddr,
}

impl Places {
    fn take(places: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut taken = places.taken();
        let of_client = taken.by_client.get(&client).copied().unwrap_or_default();
        if taken.total >= CONNECTIONS || of_client >= CONNECTIONS_PER_CLIENT {
            return None;
        }
        taken.total += 1;
        taken.by_client.insert(client, of_client + 1);
        Some(Place { places: Arc::clone(places), client })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in its critical sections panics.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests;
