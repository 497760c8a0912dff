//! DNS over UDP: one thread and one socket an address.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::task::TaskTracker;

use crate::{answer::Immediate, service::Service, wire::question::Transport};

/// Octets that are read of a datagram; no honest query is longer.
const DATAGRAM: usize = 4096;
/// How often an idle thread looks whether it should stop.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// Pause after an error of the socket itself, so that a lasting one does not fill the log.
const ERROR_PAUSE: Duration = Duration::from_millis(200);

/// What the threads share.
#[derive(Clone)]
pub(crate) struct UdpServer {
    pub(crate) service: Arc<Service>,
    /// Where questions for upstream wait.
    pub(crate) runtime: Handle,
    /// One permit for each of those; without one a question is dropped, and its client asks again.
    pub(crate) waiting: Arc<Semaphore>,
    /// Those questions, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// Set to stop.
    pub(crate) stop: Arc<AtomicBool>,
}

impl UdpServer {
    /// Serves a socket until told to stop.
    ///
    /// Whatever needs no upstream is answered here, over the packet itself, without allocating,
    /// locking or waking anyone.
    ///
    /// # Errors
    /// The socket cannot be set up.
    pub(crate) fn serve(&self, socket: UdpSocket) -> io::Result<()> {
        socket.set_read_timeout(Some(STOP_CHECK))?;
        let socket = Arc::new(socket);
        let mut buffer = [0; DATAGRAM];
        while !self.stop.load(Ordering::Relaxed) {
            match socket.recv_from(&mut buffer) {
                Ok((length, client)) => self.answer(&socket, client, &mut buffer, length),
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot receive datagrams");
                    thread::sleep(ERROR_PAUSE);
                }
            }
        }
        Ok(())
    }

    fn answer(
        &self,
        socket: &Arc<UdpSocket>,
        client: SocketAddr,
        buffer: &mut [u8],
        length: usize,
    ) {
        // Nobody receives at port 0: a forged source.
        if client.port() == 0 {
            return;
        }
        let now = Timestamp::now();
        let snapshot = self.service.snapshot();
        let group = snapshot.group_of(client.ip());
        match snapshot.answer_at_once(group, Transport::Datagram, now, buffer, length) {
            Immediate::Silence => {}
            // A datagram that cannot be sent is a datagram lost: the client asks again.
            Immediate::Reply(length) => drop(socket.send_to(&buffer[..length], client)),
            Immediate::Resolve(question) => {
                let Ok(permit) = Arc::clone(&self.waiting).try_acquire_owned() else { return };
                let query = buffer[..question.echo.length].to_vec();
                let snapshot = Arc::clone(&snapshot);
                let socket = Arc::clone(socket);
                let task = async move {
                    let reply = snapshot.resolve(&question, Transport::Datagram, query).await;
                    // Waits at most for room in the socket's own send buffer.
                    drop(socket.send_to(&reply, client));
                    drop(permit);
                };
                self.tasks.spawn_on(task, &self.runtime);
            }
        }
    }
}

/// True for errors that say nothing about the socket: no datagram within the time-out, or news of
/// an earlier reply that did not arrive.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
        TimedOut, WouldBlock,
    };
    matches!(
        error.kind(),
        WouldBlock
            | TimedOut
            | Interrupted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        resolve::{
            Query,
            upstream::{Upstream, UpstreamError},
        },
        testing,
        wire::extract::Response,
    };

    /// Never finds an answer.
    struct Stuck;

    #[async_trait]
    impl Upstream for Stuck {
        async fn lookup(&self, _: &Query) -> Result<Response, UpstreamError> {
            std::future::pending().await
        }
    }

    const CONFIG: &str = "[upstream]\nservers = [\"192.0.2.53\"]\n";

    fn query(id: u8, label: &str) -> Vec<u8> {
        [
            &[0, id],
            b"\x01\0\0\x01\0\0\0\0\0\0".as_slice(),
            &[label.len() as u8],
            label.as_bytes(),
            b"\x07example\0\0\x01\0\x01",
        ]
        .concat()
    }

    /// With every place taken, questions for upstream are dropped; refusals go on.
    #[test]
    fn waiting_questions_are_bounded() {
        let runtime = Runtime::new().unwrap();
        let mut snapshot = testing::snapshot(CONFIG);
        snapshot.resolver = testing::resolver(Arc::new(Stuck));
        let server = UdpServer {
            service: Arc::new(Service::of_snapshot(snapshot)),
            runtime: runtime.handle().clone(),
            waiting: Arc::new(Semaphore::new(2)),
            tasks: TaskTracker::new(),
            stop: Arc::default(),
        };
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(socket.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let thread = thread::spawn({
            let server = server.clone();
            move || server.serve(socket)
        });
        for id in 0..9 {
            client.send(&query(id, "www")).unwrap();
        }
        client.send(&query(99, "porn")).unwrap();
        let mut reply = [0; 512];
        let length = client.recv(&mut reply).unwrap();
        assert_eq!(reply[..2], [0, 99]);
        assert_eq!((reply[3] & 0x0f, length > 40), (3, true));
        assert_eq!((server.tasks.len(), server.waiting.available_permits()), (2, 0));

        server.stop.store(true, Ordering::Relaxed);
        thread.join().unwrap().unwrap();
    }
}
