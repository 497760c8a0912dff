use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use async_trait::async_trait;
use tokio::runtime::Runtime;

use super::{super::places::CONNECTIONS_PER_CLIENT, *};
use crate::{
    resolve::{
        Query,
        upstream::{Upstream, UpstreamError},
    },
    testing,
    wire::extract::Response,
};

/// Answers as [`testing::FewNames`]; but about `stuck.example` never.
struct StuckSometimes;

#[async_trait]
impl Upstream for StuckSometimes {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        if query.name.to_string() == "stuck.example" {
            std::future::pending::<()>().await;
        }
        testing::FewNames.lookup(query).await
    }
}

/// A server of a configuration.
struct Site {
    _runtime: Runtime,
    server: StreamServer,
    address: SocketAddr,
}

impl Site {
    fn new(config: &str, waiting: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut snapshot = testing::snapshot(config);
        snapshot.resolver = testing::resolver(Arc::new(StuckSometimes));
        let server = StreamServer {
            service: Arc::new(Service::of_snapshot(snapshot)),
            waiting: Arc::new(Semaphore::new(waiting)),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            places: Arc::default(),
        };
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(server.clone().serve(listener, Protocol::Dns));
        Self { _runtime: runtime, server, address }
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
    while site.server.waiting.available_permits() > 0 {
        std::thread::yield_now();
    }
    let mut second = site.connect();
    second.ask(2, "www");
    second.ask(3, "porn");
    // A refusal needs no upstream.
    assert_eq!(second.hear(), Some((3, NXDOMAIN)));
    site.server.waiting.add_permits(1);
    assert_eq!(second.hear(), Some((2, NO_ERROR)));
}

#[test]
fn connections_are_bounded() {
    let site = Site::new(CONFIG, 9);
    let mut clients: Vec<_> = (0..CONNECTIONS_PER_CLIENT).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask(1, "porn");
        assert_eq!(client.hear(), Some((1, NXDOMAIN)));
    }
    assert_eq!(site.connect().hear(), None);
    clients.pop();
    while site.server.places.total() == CONNECTIONS_PER_CLIENT {
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
