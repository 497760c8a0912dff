use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Instant,
};

use async_trait::async_trait;
use tokio::{runtime::Runtime, sync::Semaphore};

use super::*;
use crate::{
    resolve::{
        Query,
        upstream::{Upstream, UpstreamError},
    },
    stats::Limit,
    testing,
    wire::extract::Response,
};

/// Answers as [`testing::FewNames`]; but about `stuck.example` only when told to.
struct StuckSometimes(Arc<Semaphore>);

#[async_trait]
impl Upstream for StuckSometimes {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        if query.name.to_string() == "stuck.example" {
            self.0.acquire().await.unwrap().forget();
        }
        testing::FewNames.lookup(query).await
    }
}

/// A server of a configuration.
struct Site {
    _runtime: Runtime,
    server: StreamServer,
    go_on: Arc<Semaphore>,
    address: SocketAddr,
}

impl Site {
    fn new(config: &str, waiting: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut snapshot = testing::snapshot(config);
        let go_on = Arc::new(Semaphore::new(0));
        snapshot.resolver = testing::resolver(Arc::new(StuckSometimes(go_on.clone())));
        let server = StreamServer {
            service: Arc::new(Service::of_snapshot(snapshot)),
            waiting: Waiting::new(waiting),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            places: Arc::default(),
            rates: Arc::default(),
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(server.clone().serve(listener, Protocol::Dns));
        Self { _runtime: runtime, server, go_on, address }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client(stream)
    }
}

struct Client(TcpStream);

impl Client {
    fn ask(&mut self, id: u8, label: &str) {
        let query = [
            &[0, id],
            b"\x01\0\0\x01\0\0\0\0\0\0".as_slice(),
            &[label.len() as u8],
            label.as_bytes(),
            b"\x07example\0\0\x01\0\x01",
        ]
        .concat();
        self.0.write_all(&[&[0, query.len() as u8], &query[..]].concat()).unwrap();
    }

    /// ID and response code of the next reply; `None`: closed.
    fn hear(&mut self) -> Option<(u8, u8)> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).ok()?;
        let mut reply = vec![0; u16::from_be_bytes(length).into()];
        self.0.read_exact(&mut reply).unwrap();
        Some((reply[1], reply[3] & 0x0f))
    }
}

const CONFIG: &str = "[upstream]\nservers = [\"192.0.2.53\"]\n";
const NO_ERROR: u8 = 0;
const NXDOMAIN: u8 = 3;

#[test]
fn a_slow_answer_keeps_no_other_waiting() {
    let site = Site::new(CONFIG, 9);
    let mut client = site.connect();
    client.ask(1, "stuck");
    client.ask(2, "www");
    assert_eq!(client.hear(), Some((2, NO_ERROR)));
    client.ask(3, "porn");
    assert_eq!(client.hear(), Some((3, NXDOMAIN)));
}

#[test]
fn questions_that_wait_for_upstream_are_bounded() {
    let site = Site::new(CONFIG, 1);
    let mut first = site.connect();
    first.ask(1, "stuck");
    while site.server.waiting.all.available_permits() > 0 {
        std::thread::yield_now();
    }
    let mut second = site.connect();
    second.ask(2, "www");
    second.ask(3, "porn");
    // A refusal needs no upstream.
    assert_eq!(second.hear(), Some((3, NXDOMAIN)));
    site.server.waiting.all.add_permits(1);
    assert_eq!(second.hear(), Some((2, NO_ERROR)));
}

#[test]
fn connections_are_bounded() {
    let limits = "[limits]\nconnections = 5\nconnections_per_client = 3\n";
    let site = Site::new(&(CONFIG.to_owned() + limits), 9);
    let mut clients: Vec<_> = (0..3).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask(1, "porn");
        assert_eq!(client.hear(), Some((1, NXDOMAIN)));
    }
    assert_eq!(site.connect().hear(), None);
    let limited = site.server.service.snapshot().stats.limited();
    assert!(limited.contains(&(Limit::ConnectionsPerClient, 1)), "{limited:?}");
    clients.pop();
    while site.server.places.total() == 3 {
        std::thread::yield_now();
    }
    let mut client = site.connect();
    client.ask(2, "porn");
    assert_eq!(client.hear(), Some((2, NXDOMAIN)));
}

#[test]
fn strangers_are_not_listened_to() {
    let group = "[[group]]\nname = \"pupils\"\nnetworks = [\"10.0.0.0/8\"]\nprofile = \"child\"\n";
    let site = Site::new(&(CONFIG.to_owned() + group), 9);
    assert_eq!(site.connect().hear(), None);
}

#[test]
fn nonsense_ends_the_connection() {
    let site = Site::new(CONFIG, 9);
    let mut client = site.connect();
    client.ask(1, "porn");
    client.0.write_all(&[0xff, 0xff]).unwrap();
    // What came before it is answered all the same.
    assert_eq!(client.hear(), Some((1, NXDOMAIN)));
    assert_eq!(client.hear(), None);
}

/// As many questions as there is room for on the way, and no reply read before the last is sent.
#[test]
fn a_pipeline_is_answered_to_the_last() {
    let site = Site::new(CONFIG, 9);
    let mut client = site.connect();
    let ids = 0..200;
    ids.clone().for_each(|id| client.ask(id, if id % 2 == 0 { "porn" } else { "www" }));
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard: Vec<_> = std::iter::from_fn(|| client.hear()).collect();
    heard.sort_unstable();
    let expected = ids.map(|id| (id, if id % 2 == 0 { NXDOMAIN } else { NO_ERROR }));
    assert_eq!(heard, expected.collect::<Vec<_>>());
}

/// A header of the PROXY protocol, for a client of 10.0.0.0/8.
fn header(last: u8) -> Vec<u8> {
    let addresses = [10, 0, 0, last, 192, 0, 2, 53, 0xd4, 0x31, 0, 53];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
}

const BEHIND_A_BALANCER: &str = "\
[upstream]
servers = [\"192.0.2.53\"]
[[group]]
name = \"pupils\"
networks = [\"10.0.0.0/24\"]
profile = \"child\"
[limits]
connections_per_client = 2
queries_per_second = 7
";

fn believing(proxies: &str) -> String {
    format!("[listen]\nproxies = [\"{proxies}\"]\n{BEHIND_A_BALANCER}")
}

#[test]
fn a_balancer_says_who_asks() {
    let site = Site::new(&believing("127.0.0.1"), 9);
    let through = |opening: &[u8]| {
        let mut client = site.connect();
        client.0.write_all(opening).unwrap();
        client.ask(1, "porn");
        (client.hear(), client)
    };
    let (first, one) = through(&header(1));
    let (second, two) = through(&header(1));
    assert_eq!((first, second), (Some((1, NXDOMAIN)), Some((1, NXDOMAIN))));
    // The places are the client's, not the balancer's.
    assert_eq!(through(&header(1)).0, None);
    assert_eq!(through(&header(2)).0, Some((1, NXDOMAIN)));
    drop((one, two));
    // Somebody else's client; the balancer itself, which is in no group; no header at all.
    let mut stranger = header(1);
    stranger[16] = 11;
    assert_eq!(through(&stranger).0, None);
    assert_eq!(through(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").0, None);
    assert_eq!(through(b"").0, None);
}

/// Over all of its connections; others have their own share.
#[test]
fn questions_of_a_client_that_wait_are_bounded() {
    let site = Site::new(&(believing("127.0.0.1") + "waiting_per_client = 2\n"), 9);
    let through = |client| {
        let mut stream = site.connect();
        stream.0.write_all(&header(client)).unwrap();
        stream
    };
    let (mut first, mut second) = (through(1), through(1));
    first.ask(1, "stuck");
    second.ask(1, "stuck");
    while site.server.waiting.all.available_permits() > 7 {
        std::thread::yield_now();
    }
    first.ask(2, "www");
    // A refusal needs no place.
    first.ask(3, "porn");
    assert_eq!(first.hear(), Some((3, NXDOMAIN)));
    let mut other = through(2);
    other.ask(4, "www");
    assert_eq!(other.hear(), Some((4, NO_ERROR)));
    assert_eq!(site.server.waiting.all.available_permits(), 7);
    site.go_on.add_permits(1);
    let mut heard = [first.hear(), first.hear()].map(|told| told.unwrap().0);
    heard.sort_unstable();
    assert_eq!(heard, [1, 2]);
}

/// A header from anybody else is octets like any others.
#[test]
fn nobody_else_is_believed() {
    let group = "networks = [\"127.0.0.0/8\"]";
    let config = believing("127.0.0.2").replace("networks = [\"10.0.0.0/24\"]", group);
    let site = Site::new(&config, 9);
    let mut client = site.connect();
    client.0.write_all(&header(1)).unwrap();
    client.ask(1, "porn");
    client.0.shutdown(std::net::Shutdown::Write).unwrap();
    // Two octets of it are a length, of more than there is.
    assert_eq!(client.hear(), None);
}

/// Who asks more often than that is read more slowly, and loses nothing.
#[test]
fn a_stream_waits_for_its_turn() {
    let site = Site::new(&believing("127.0.0.1"), 9);
    let mut client = site.connect();
    client.0.write_all(&header(9)).unwrap();
    let start = Instant::now();
    (0..12).for_each(|id| client.ask(id, "porn"));
    let mut heard: Vec<_> = (0..12).map(|_| client.hear().unwrap().0).collect();
    heard.sort_unstable();
    assert_eq!(heard, (0..12).collect::<Vec<_>>());
    // Seven at once, then seven a second: it cannot have been faster.
    assert!(start.elapsed() >= Duration::from_millis(700));
}
