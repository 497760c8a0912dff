//! DNS over TLS, HTTPS and QUIC, against clients that are not ours.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::Arc,
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use quinn::{ConnectionError, Endpoint, crypto::rustls::QuicClientConfig};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    quic,
    streams::{Protocol, StreamServer},
    waiting::Waiting,
};
use crate::{
    Config, Service,
    testing::{self, Identity},
};

/// A server of the starter list for this machine's children, on a port for each transport.
struct Site {
    runtime: Runtime,
    folder: TempDir,
    server: StreamServer,
    trusted: Identity,
    tls: SocketAddr,
    https: SocketAddr,
    quic: SocketAddr,
}

const STAFF_PATH: &str = "/staff/0123456789abcdef";

impl Site {
    fn new() -> Self {
        Self::asking("127.0.0.1:9".parse().unwrap(), "")
    }

    /// With that upstream, and limits.
    fn asking(upstream: SocketAddr, limits: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let trusted = testing::certificate("dns.school.example", 2020..2100);
        write(&folder, &trusted);
        let text = format!(
            "[listen]\ntls = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\nquic = [\"127.0.0.1:0\"]\n\
             [upstream]\nservers = [\"{upstream}\"]\n[limits]\n{limits}\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n\
             [[group]]\nname = \"staff\"\nnetworks = [\"192.0.2.0/24\"]\nprofile = \"locked\"\n\
             doh_path = \"{STAFF_PATH}\"\n\
             [profile.locked]\nmode = \"closed\"\n"
        );
        let path = folder.path().join("preau.toml");
        std::fs::write(&path, text).unwrap();
        let config = Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        let service = Arc::new(Service::start(config).unwrap());
        let runtime = Runtime::new().unwrap();
        let server = StreamServer {
            service: service.clone(),
            waiting: Waiting::new(9),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            places: Arc::default(),
            rates: Arc::default(),
        };
        let serve = |protocol| {
            let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            runtime.spawn(server.clone().serve(listener, protocol));
            address
        };
        let tls = serve(Protocol::dns_over_tls(&service));
        let https = serve(Protocol::https(&service));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let quic = socket.local_addr().unwrap();
        runtime.spawn(quic::serve(server.clone(), socket));
        Self { runtime, folder, server, trusted, tls, https, quic }
    }

    fn over_tls(&self) -> TlsClient {
        connect(self.tls, &self.trusted, "dot")
    }

    /// Status line, headers in lower case, and body of an HTTP/1.1 request.
    fn request(&self, head: &str, body: &[u8]) -> (String, String, Vec<u8>) {
        let mut client = connect(self.https, &self.trusted, "http/1.1");
        let head =
            format!("{head}\r\nhost: dns.school.example\r\ncontent-length: {}\r\n\r\n", body.len());
        client.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut heard = Vec::new();
        while !heard.windows(4).any(|window| window == b"\r\n\r\n") {
            let mut octet = [0];
            client.read_exact(&mut octet).unwrap();
            heard.push(octet[0]);
        }
        let heard = String::from_utf8(heard).unwrap().to_lowercase();
        let (status, headers) = heard.split_once("\r\n").unwrap();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        client.read_exact(&mut body).unwrap();
        (status.to_owned(), headers.to_owned(), body)
    }

    /// A connection over QUIC.
    fn over_quic(&self) -> quinn::Connection {
        let config = client_config(&self.trusted, "doq");
        let config = QuicClientConfig::try_from(config).unwrap();
        let connecting = async {
            let endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
            let config = quinn::ClientConfig::new(Arc::new(config));
            endpoint.connect_with(config, self.quic, "dns.school.example").unwrap().await.unwrap()
        };
        self.runtime.block_on(connecting)
    }

    /// Sends octets over a stream of its own, and its end; what comes back.
    fn stream(&self, connection: &quinn::Connection, octets: &[u8]) -> Result<Vec<u8>, String> {
        self.runtime.block_on(async {
            let (mut send, mut receive) =
                connection.open_bi().await.map_err(|error| error.to_string())?;
            send.write_all(octets).await.map_err(|error| error.to_string())?;
            send.finish().unwrap();
            receive.read_to_end(65_537).await.map_err(|error| error.to_string())
        })
    }
}

fn write(folder: &TempDir, identity: &Identity) {
    std::fs::write(folder.path().join("cert.pem"), &identity.certificate).unwrap();
    std::fs::write(folder.path().join("key.pem"), &identity.key).unwrap();
}

type TlsClient = StreamOwned<ClientConnection, TcpStream>;

/// Trusts one certificate, and speaks `alpn`.
fn client_config(trusted: &Identity, alpn: &str) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap()).unwrap();
    let mut config =
        ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![alpn.into()];
    config
}

fn connect(address: SocketAddr, trusted: &Identity, alpn: &str) -> TlsClient {
    let name = "dns.school.example".try_into().unwrap();
    let config = Arc::new(client_config(trusted, alpn));
    let connection = ClientConnection::new(config, name).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    StreamOwned::new(connection, stream)
}

const NO_OPTION: &[u8] = b"";
const PADDING: &[u8] = b"\0\x0c\0\0";
const KEEPALIVE: &[u8] = b"\0\x0b\0\0";

/// A query for the address of a name of two labels, with one EDNS option.
fn query(id: u8, name: [&str; 2], option: &[u8]) -> Vec<u8> {
    let mut query = vec![0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name {
        query.push(label.len() as u8);
        query.extend(label.as_bytes());
    }
    query.extend(b"\0\0\x01\0\x01\0\0\x29\x04\xd0\0\0\0\0\0");
    query.push(option.len() as u8);
    query.extend(option);
    query
}

const REFUSED: [&str; 2] = ["pornhub", "com"];

fn with_length(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes(), message].concat()
}

fn ask(client: &mut TlsClient, query: &[u8]) -> std::io::Result<Vec<u8>> {
    client.write_all(&with_length(query))?;
    let mut length = [0; 2];
    client.read_exact(&mut length)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    client.read_exact(&mut reply)?;
    Ok(reply)
}

/// Octets of ID and response code.
fn told(reply: &[u8]) -> (u8, u8) {
    (reply[1], reply[3] & 0x0f)
}

const NXDOMAIN: u8 = 3;

#[test]
fn padding_hides_lengths_from_those_who_ask_for_it() {
    let site = Site::new();
    let mut client = site.over_tls();
    let padded = ask(&mut client, &query(1, REFUSED, PADDING)).unwrap();
    assert_eq!((told(&padded), padded.len()), ((1, NXDOMAIN), 468));
    let bare = ask(&mut client, &query(2, REFUSED, NO_OPTION)).unwrap();
    assert_eq!((told(&bare), bare.len() < 200), ((2, NXDOMAIN), true));
    // But for the padding, and the length of the option that it is, they are the same.
    assert!(padded.ends_with(&[0; 200]));
    let opt = bare.windows(3).position(|window| window == [0, 0, 41]).unwrap();
    assert_eq!(padded[2..opt], bare[2..opt]);
}

/// Questions that wait for upstream count together, whatever they came over.
#[test]
fn one_share_over_all_transports() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let upstream = silent.local_addr().unwrap();
    let site = Site::asking(upstream, "waiting_per_client = 1\n");
    let places = || site.server.waiting.all.available_permits();
    let mut client = site.over_tls();
    client.write_all(&with_length(&query(1, ["first", "example"], NO_OPTION))).unwrap();
    while places() > 8 {
        std::thread::yield_now();
    }
    // Others wait for its place, over the same connection and any other; refusals need none.
    client.write_all(&with_length(&query(2, ["second", "example"], NO_OPTION))).unwrap();
    assert_eq!(told(&ask(&mut client, &query(3, REFUSED, NO_OPTION)).unwrap()), (3, NXDOMAIN));
    let mut waits = connect(site.https, &site.trusted, "http/1.1");
    let third = BASE64URL_NOPAD.encode(&query(0, ["third", "example"], NO_OPTION));
    let get = |dns: &str| format!("GET /dns-query?dns={dns} HTTP/1.1");
    waits.write_all((get(&third) + "\r\nhost: dns.school.example\r\n\r\n").as_bytes()).unwrap();
    let refused = BASE64URL_NOPAD.encode(&query(0, REFUSED, NO_OPTION));
    let (line, _, reply) = site.request(&get(&refused), b"");
    assert!(line.starts_with("http/1.1 200 "), "{line}");
    assert_eq!(told(&reply), (0, NXDOMAIN));
    let connection = site.over_quic();
    let opened = site.runtime.block_on(async {
        let (mut send, receive) = connection.open_bi().await.unwrap();
        send.write_all(&with_length(&query(0, ["fourth", "example"], NO_OPTION))).await.unwrap();
        send.finish().unwrap();
        receive
    });
    let heard = site.stream(&connection, &with_length(&query(0, REFUSED, NO_OPTION))).unwrap();
    assert_eq!(told(&heard[2..]), (0, NXDOMAIN));
    while site.server.waiting.questions() < 4 {
        std::thread::yield_now();
    }
    assert_eq!(places(), 8);
    drop((waits, opened));
}

#[test]
fn a_certificate_is_replaced_under_a_connection() {
    let site = Site::new();
    let mut first = site.over_tls();
    ask(&mut first, &query(1, REFUSED, NO_OPTION)).unwrap();
    let after = testing::certificate("dns.school.example", 2020..2100);
    // A pair that does not fit changes nothing.
    std::fs::write(site.folder.path().join("key.pem"), &after.key).unwrap();
    assert!(site.server.service.reload().is_err());
    ask(&mut site.over_tls(), &query(2, REFUSED, NO_OPTION)).unwrap();
    write(&site.folder, &after);
    site.server.service.reload().unwrap();
    ask(&mut first, &query(3, REFUSED, NO_OPTION)).unwrap();
    assert!(ask(&mut site.over_tls(), &query(4, REFUSED, NO_OPTION)).is_err());
    ask(&mut connect(site.tls, &after, "dot"), &query(5, REFUSED, NO_OPTION)).unwrap();
    // Whoever wants to speak something else is told so in the handshake (RFC 7301 §3.2).
    let mut another = connect(site.tls, &after, "h2");
    assert!(ask(&mut another, &query(6, REFUSED, NO_OPTION)).is_err());

    // The end of the server is the end of the connection, properly told.
    site.server.stop.cancel();
    assert_eq!(first.read(&mut [0]).unwrap(), 0);
}

#[test]
fn http_requests() {
    let site = Site::new();
    let query = query(0, REFUSED, NO_OPTION);
    let encoded = BASE64URL_NOPAD.encode(&query);
    let dns = "content-type: application/dns-message";
    let long = BASE64URL_NOPAD.encode(&[0; 4097]);
    let response = BASE64URL_NOPAD.encode(&[0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let get = |dns: &str| format!("GET /dns-query?{dns} HTTP/1.1");
    let post = |line: &str| format!("POST /dns-query HTTP/1.1\r\n{line}");
    #[rustfmt::skip]
    let cases: &[(String, &[u8], &str)] = &[
        (get(&format!("dns={encoded}")), b"", "200"),
        (get(&format!("ct&dns={encoded}")), b"", "200"),
        (get(&format!("dns={encoded}==")), b"", "200"),
        (get(""), b"", "400"),
        (get("dns="), b"", "400"),
        (get("dns=+/+/"), b"", "400"),
        (get(&format!("dns={response}")), b"", "400"),
        (get(&format!("dns={long}")), b"", "414"),
        (post(dns), &query, "200"),
        (post("content-type: Application/DNS-Message; x=y"), &query, "200"),
        (post(dns), b"", "400"),
        (post(dns), &[0; 4097], "413"),
        (post("content-type: application/json"), &query, "415"),
        (post("accept: application/dns-message"), &query, "415"),
        ("PUT /dns-query HTTP/1.1".into(), b"", "405"),
        ("GET / HTTP/1.1".into(), b"", "404"),
        (format!("GET /dns-query/?dns={encoded} HTTP/1.1"), b"", "404"),
    ];
    for (head, body, status) in cases {
        let (line, headers, reply) = site.request(head, body);
        assert!(line.starts_with(&format!("http/1.1 {status} ")), "{head}: {line}");
        assert_eq!(headers.contains("allow: get, post\r\n"), *status == "405", "{head}");
        if *status == "200" {
            assert_eq!(told(&reply), (0, NXDOMAIN), "{head}");
            assert!(headers.contains("content-type: application/dns-message\r\n"), "{headers}");
            assert!(headers.contains("cache-control: max-age=30\r\n"), "{headers}");
        } else {
            assert!(!headers.contains("cache-control"), "{headers}");
        }
    }
}

/// A group's path decides for whoever is in some group.
#[test]
fn a_path_is_a_group() {
    let site = Site::new();
    let other = BASE64URL_NOPAD.encode(&query(0, ["example", "com"], NO_OPTION));
    let (line, _, reply) = site.request(&format!("GET {STAFF_PATH}?dns={other} HTTP/1.1"), b"");
    // The path's group is closed; this machine's is not, and fails for want of an upstream.
    assert!(line.starts_with("http/1.1 200 "), "{line}");
    assert_eq!(told(&reply), (0, NXDOMAIN));
    let guessed = STAFF_PATH.replace('f', "e");
    let (line, ..) = site.request(&format!("GET {guessed}?dns={other} HTTP/1.1"), b"");
    assert!(line.starts_with("http/1.1 404 "), "{line}");
}

#[test]
fn a_stream_a_question_over_quic() {
    let site = Site::new();
    let connection = site.over_quic();
    for _ in 0..40 {
        let heard = site.stream(&connection, &with_length(&query(0, REFUSED, PADDING))).unwrap();
        assert_eq!(heard.len(), 2 + 468);
        assert_eq!((heard[..2].to_vec(), told(&heard[2..])), (vec![1, 212], (0, NXDOMAIN)));
    }
    // The end of the server is told.
    site.server.stop.cancel();
    match site.runtime.block_on(connection.closed()) {
        ConnectionError::ApplicationClosed(close) => assert_eq!(close.error_code, 0u32.into()),
        other => panic!("{other}"),
    }
}

/// What RFC 9250 §4.3.3 and §5.5 call protocol errors end the connection as such.
#[test]
fn protocol_errors_over_quic() {
    let site = Site::new();
    let good = query(0, REFUSED, NO_OPTION);
    let cases: &[(&str, Vec<u8>)] = &[
        ("an ID", with_length(&query(7, REFUSED, NO_OPTION))),
        ("a keepalive", with_length(&query(0, REFUSED, KEEPALIVE))),
        ("two queries", with_length(&good).repeat(2)),
        ("no length", vec![0]),
        ("half a query", with_length(&good)[..20].to_vec()),
        ("nothing", vec![]),
        ("a response", with_length(&[0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
        ("too much", vec![0; 5000]),
    ];
    for (what, octets) in cases {
        let connection = site.over_quic();
        assert!(site.stream(&connection, octets).unwrap_or_default().is_empty(), "{what}");
        match site.runtime.block_on(connection.closed()) {
            ConnectionError::ApplicationClosed(close) => {
                assert_eq!(close.error_code, 2u32.into(), "{what}");
            }
            other => panic!("{what}: {other}"),
        }
    }
    // A stream of one direction is not for this protocol: none may be opened.
    let connection = site.over_quic();
    let opened =
        async { tokio::time::timeout(Duration::from_millis(200), connection.open_uni()).await };
    assert!(site.runtime.block_on(opened).is_err());
}
