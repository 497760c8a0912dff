//! Upstreams in the test's own process: a good one, and bad ones.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use hickory_server::{
    Server,
    proto::{rr::Name, serialize::txt::Parser},
    store::in_memory::InMemoryZoneHandler,
    zone_handler::{AxfrPolicy, Catalog, ZoneType},
};
use tokio::runtime::Runtime;

/// How an upstream behaves.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers from this zone of the root, in master-file syntax (RFC 1035 §5).
    Zone(String),
    /// A resolver that is running already, on this machine, and is trusted to verify.
    Trusted(SocketAddr),
    /// Nobody listens.
    Down,
    /// Answers every question with bytes that are no DNS message.
    Garbage,
}

/// Every zone's apex; records without a TTL get this one's.
const APEX: &str = ". 86400 IN SOA ns.upstream.test. nobody.upstream.test. 1 3600 600 86400 60\n\
                    . 86400 IN NS ns.upstream.test.\n";

/// Starts an upstream on a free port of the loopback; it lives as long as `runtime`, or the process.
pub fn start(behaviour: &Behaviour, runtime: &Runtime) -> SocketAddr {
    match behaviour {
        Behaviour::Zone(records) => runtime.block_on(zone(records)),
        Behaviour::Trusted(address) => *address,
        Behaviour::Down => {
            // Bound and closed again: free, and nobody answers.
            UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
        }
        Behaviour::Garbage => garbage(),
    }
}

async fn zone(records: &str) -> SocketAddr {
    let text = format!("{APEX}{records}\n");
    let (origin, records) = Parser::new(text, None, Some(Name::root())).parse().unwrap();
    let zone = InMemoryZoneHandler::<hickory_server::net::runtime::TokioRuntimeProvider>::new(
        origin.clone(),
        records,
        ZoneType::Primary,
        AxfrPolicy::Deny,
    )
    .unwrap();
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone)]);
    let mut server = Server::new(catalog);
    let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    server.register_socket(tokio::net::UdpSocket::bind(address).await.unwrap());
    server.register_listener(tcp, Duration::from_secs(5), 64);
    tokio::spawn(async move { server.block_until_done().await });
    address
}

fn garbage() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            // The right id, then nonsense: what a broken middlebox sends.
            let reply = [&packet[..length.min(2)], &[0xff; 40]].concat();
            let _ = socket.send_to(&reply, client);
        }
    });
    address
}
