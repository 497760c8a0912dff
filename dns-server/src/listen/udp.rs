//! DNS over UDP: for each address a socket and a thread on every core.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::{
    batch::Batch,
    datagrams::{Datagrams, Ends},
    proxy,
    rates::Rates,
    waiting::Waiting,
};
use crate::{
    answer::{Immediate, Snapshot},
    service::Service,
    stats::Limit,
    wire::question::Transport,
};

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
    /// Their places; without one a question is dropped, and its client asks again.
    pub(crate) waiting: Arc<Waiting>,
    /// Those questions, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// Set to stop.
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) rates: Arc<Rates>,
}

impl UdpServer {
    /// Serves a socket until told to stop.
    ///
    /// Whatever needs no upstream is answered here, over the packet itself, without allocating,
    /// locking or waking anyone; what arrived together leaves together.
    ///
    /// # Errors
    /// The socket cannot be set up.
    pub(crate) fn serve(&self, socket: UdpSocket) -> io::Result<()> {
        socket.set_read_timeout(Some(STOP_CHECK))?;
        let socket = Arc::new(Datagrams::new(socket)?);
        let mut batch = Batch::new(&socket);
        while !self.stop.load(Ordering::Relaxed) {
            match batch.receive() {
                Ok(()) => {
                    let (snapshot, now) = (self.service.snapshot(), Timestamp::now());
                    batch.answer(|ends, buffer, length| {
                        self.answer(&socket, &snapshot, now, ends, buffer, length)
                    });
                    batch.send();
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot receive datagrams");
                    thread::sleep(ERROR_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// The length of the reply, where it stands in the buffer at once.
    fn answer(
        &self,
        socket: &Arc<Datagrams>,
        snapshot: &Arc<Snapshot>,
        now: Timestamp,
        ends: Ends,
        buffer: &mut [u8],
        mut length: usize,
    ) -> Option<usize> {
        if !is_a_client(ends.peer) || socket.is_own(&ends) {
            return None;
        }
        let (terms, mut client) = (&snapshot.terms, ends.peer.ip());
        if terms.is_proxy(client) {
            let header = proxy::read(&buffer[..length]).ok()?;
            buffer.copy_within(header.length..length, 0);
            length -= header.length;
            client = header.client.unwrap_or(client);
        }
        let group = snapshot.group_of(client);
        let has_its_turn = match group {
            Some(_) => self.rates.of_client(client, terms.limits.queries_per_second).is_ok(),
            None => self.rates.of_stranger(client),
        };
        if !has_its_turn {
            match group {
                Some(_) => snapshot.stats.count_limited(Limit::QueriesPerSecond),
                None => snapshot.stats.count_stranger(false),
            }
            return None;
        }
        match snapshot.answer_at_once(group, Transport::Datagram, now, buffer, length) {
            Immediate::Silence => None,
            Immediate::Reply(length) => Some(length),
            Immediate::Resolve(pending) => {
                let limit = terms.limits.waiting_per_client;
                let seat = self.waiting.try_take(client, limit);
                let seat = seat.map_err(|limit| snapshot.stats.count_limited(limit)).ok()?;
                let query = pending.query(buffer).to_vec();
                let snapshot = Arc::clone(snapshot);
                let socket = Arc::clone(socket);
                let task = async move {
                    let reply = snapshot.resolve(&pending, Transport::Datagram, query).await;
                    // Waits at most for room in the socket's own send buffer.
                    drop(socket.send(&reply, ends));
                    drop(seat);
                };
                self.tasks.spawn_on(task, &self.runtime);
                None
            }
        }
    }
}

/// Ports of services that answer anything (echo, daytime, quote, chargen): a datagram from there is
/// forged, so that two servers talk for ever. 0 is nobody's.
const NO_CLIENTS: [u16; 5] = [0, 7, 13, 17, 19];

fn is_a_client(peer: SocketAddr) -> bool {
    let is_one = match peer.ip() {
        IpAddr::V4(address) => {
            !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast()
        }
        IpAddr::V6(address) => !address.is_unspecified() && !address.is_multicast(),
    };
    is_one && !NO_CLIENTS.contains(&peer.port())
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

    /// A server of a configuration, and a socket to it.
    struct Site {
        server: UdpServer,
        client: UdpSocket,
        thread: Option<thread::JoinHandle<io::Result<()>>>,
        _runtime: Runtime,
    }

    impl Site {
        fn new(config: &str, waiting: usize) -> Self {
            let runtime = Runtime::new().unwrap();
            let mut snapshot = testing::snapshot(config);
            snapshot.resolver = testing::resolver(Arc::new(Stuck));
            let server = UdpServer {
                service: Arc::new(Service::of_snapshot(snapshot)),
                runtime: runtime.handle().clone(),
                waiting: Waiting::new(waiting),
                tasks: TaskTracker::new(),
                stop: Arc::default(),
                rates: Arc::default(),
            };
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.connect(socket.local_addr().unwrap()).unwrap();
            client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            let thread = thread::spawn({
                let server = server.clone();
                move || server.serve(socket)
            });
            Self { server, client, thread: Some(thread), _runtime: runtime }
        }

        /// What limits left unanswered.
        fn limited(&self) -> Vec<(Limit, u64)> {
            let limited = self.server.service.snapshot().stats.limited();
            limited.into_iter().filter(|&(_, count)| count > 0).collect()
        }

        /// ID and response code of the next reply.
        fn hear(&self) -> (u8, u8) {
            let mut reply = [0; 512];
            assert!(self.client.recv(&mut reply).unwrap() > 20);
            (reply[1], reply[3] & 0x0f)
        }

        /// Everything that is heard up to the reply with that ID.
        fn hear_until(&self, last: u8) -> Vec<(u8, u8)> {
            let mut heard = Vec::new();
            while heard.last().is_none_or(|&(id, _)| id != last) {
                heard.push(self.hear());
            }
            heard
        }
    }

    impl Drop for Site {
        fn drop(&mut self) {
            self.server.stop.store(true, Ordering::Relaxed);
            let thread = self.thread.take().unwrap();
            assert!(thread.join().unwrap().is_ok() || thread::panicking());
        }
    }

    const NXDOMAIN: u8 = 3;
    const REFUSED: u8 = 5;

    /// With every place taken, questions for upstream are dropped; refusals go on.
    #[test]
    fn waiting_questions_are_bounded() {
        let site = Site::new(CONFIG, 2);
        for id in 0..9 {
            site.client.send(&query(id, "www")).unwrap();
        }
        site.client.send(&query(99, "porn")).unwrap();
        assert_eq!(site.hear(), (99, NXDOMAIN));
        assert_eq!((site.server.tasks.len(), site.server.waiting.all.available_permits()), (2, 0));
        assert_eq!(site.limited(), [(Limit::Waiting, 7)]);
    }

    const BEHIND_A_BALANCER: &str = "\
[listen]
proxies = [\"127.0.0.1/32\"]
[upstream]
servers = [\"192.0.2.53\"]
[[group]]
name = \"pupils\"
networks = [\"10.0.0.0/24\"]
profile = \"child\"
[limits]
queries_per_second = 7
waiting_per_client = 3
";

    /// From a client, as a balancer passes it on.
    fn passed_on(client: [u8; 4], query: &[u8]) -> Vec<u8> {
        let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c";
        [header, &client[..], &[192, 0, 2, 53, 0xd4, 0x31, 0, 53], query].concat()
    }

    #[test]
    fn clients_have_their_share() {
        let site = Site::new(BEHIND_A_BALANCER, 9);
        let send = |client, id, label: &str| {
            site.client.send(&passed_on(client, &query(id, label))).unwrap();
        };
        // Waiting for upstream: three of one client, and the fourth of another.
        (0..6).for_each(|id| send([10, 0, 0, 1], id, &format!("w{id}")));
        send([10, 0, 0, 2], 6, "w6");
        send([10, 0, 0, 3], 7, "porn");
        assert_eq!(site.hear(), (7, NXDOMAIN));
        assert_eq!(site.server.tasks.len(), 4);
        assert_eq!(site.limited(), [(Limit::WaitingPerClient, 3)]);
        // So many a second of one, and of another all the same.
        (10..99).for_each(|id| send([10, 0, 0, 4], id, "porn"));
        send([10, 0, 0, 5], 99, "porn");
        let heard = site.hear_until(99).len();
        assert!((8..90).contains(&heard), "{heard}");
        let dropped = (Limit::QueriesPerSecond, 90 - heard as u64);
        assert_eq!(site.limited(), [dropped, (Limit::WaitingPerClient, 3)]);
    }

    #[test]
    fn strangers_are_told_so_a_few_times() {
        let site = Site::new(BEHIND_A_BALANCER, 9);
        for id in 0..60 {
            site.client.send(&passed_on([192, 0, 2, id], &query(id, "porn"))).unwrap();
        }
        site.client.send(&passed_on([10, 0, 0, 1], &query(99, "porn"))).unwrap();
        let heard = site.hear_until(99);
        assert!((6..61).contains(&heard.len()), "{heard:?}");
        assert!(heard[..heard.len() - 1].iter().all(|&(_, rcode)| rcode == REFUSED));
    }

    /// Balancers must say who asks, and nobody else is believed.
    #[test]
    fn a_balancer_without_a_header_is_not_answered() {
        let site = Site::new(BEHIND_A_BALANCER, 9);
        let good = passed_on([10, 0, 0, 1], &query(1, "porn"));
        site.client.send(&query(2, "porn")).unwrap();
        site.client.send(&good[..20]).unwrap();
        site.client.send(&good[1..]).unwrap();
        site.client.send(&passed_on([10, 0, 0, 1], b"")).unwrap();
        site.client.send(&good).unwrap();
        assert_eq!(site.hear(), (1, NXDOMAIN));
        let elsewhere = BEHIND_A_BALANCER.replace("127.0.0.1/32", "127.0.0.2/32");
        let site = Site::new(&elsewhere.replace("10.0.0.0/24", "127.0.0.0/8"), 9);
        site.client.send(&good).unwrap();
        // An operation that there is not.
        let mut reply = [0; 512];
        assert_eq!(site.client.recv(&mut reply).unwrap(), 12);
        assert_eq!(reply[..4], [b'\r', b'\n', 0x89, 0x84]);
    }

    #[test]
    fn some_are_no_clients() {
        for peer in ["10.0.0.1:53", "10.0.0.1:1024", "[2001:db8::1]:65535", "127.0.0.1:5353"] {
            assert!(is_a_client(peer.parse().unwrap()), "{peer}");
        }
        for peer in [
            "10.0.0.1:0",
            "10.0.0.1:7",
            "10.0.0.1:13",
            "10.0.0.1:17",
            "[2001:db8::1]:19",
            "0.0.0.0:9999",
            "255.255.255.255:9999",
            "224.0.0.251:5353",
            "[ff02::fb]:5353",
            "[::]:99",
        ] {
            assert!(!is_a_client(peer.parse().unwrap()), "{peer}");
        }
    }
}
