//! What a router need not take care of. Raw octets: clients here do what clients should not.

use std::{
    io::Write as _,
    net::TcpStream as Tcp,
    os::unix::{fs::PermissionsExt as _, net::UnixStream as Unix},
};

use axum::{Extension, body::Bytes, routing::post};
use tokio::runtime::Runtime;

use super::*;
use crate::testing;

/// Says how long a body is, and whether it knows of whom.
async fn length(client: Option<Extension<Client>>, body: Bytes) -> String {
    let from = client.map_or("nobody".to_owned(), |Extension(Client(address))| address.to_string());
    format!("{} from {from}", body.len())
}

fn server(tells_clients: bool, bounds: Bounds) -> WebServer {
    let router = Router::new().route("/", post(length));
    WebServer { router, bounds, tells_clients, ..WebServer::new("a test") }
}

/// A runtime, whose end is the server's, and where that listens.
fn served(server: WebServer) -> (Runtime, SocketAddr, CancellationToken) {
    let (runtime, stop) = (Runtime::new().unwrap(), CancellationToken::new());
    let address = testing::served(&runtime, server, stop.clone());
    (runtime, address, stop)
}

/// What comes back until the server closes the connection.
fn said(stream: &mut (impl io::Read + io::Write), request: &str) -> String {
    // The server may have closed it before everything is written.
    let _ = stream.write_all(request.as_bytes());
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    String::from_utf8(response).unwrap()
}

fn status(address: SocketAddr, request: &str) -> String {
    let response = said(&mut Tcp::connect(address).unwrap(), request);
    response.lines().next().unwrap_or_default().replace("HTTP/1.1 ", "")
}

fn request(headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

const CLOSE: &str = "Connection: close\r\n";
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn clients_are_told_of_only_on_demand() {
    for (tells, from) in [(true, "127.0.0.1"), (false, "nobody")] {
        let (_runtime, address, _) = served(server(tells, Bounds::default()));
        let response = said(&mut Tcp::connect(address).unwrap(), &request(CLOSE, "abc"));
        assert!(response.ends_with(&format!("\r\n\r\n3 from {from}")), "{response}");
    }
}

#[test]
fn heads_and_bodies_are_bounded() {
    let bounds = Bounds { body: 100, head: LONG, request: LONG, ..Bounds::default() };
    let (_runtime, address, _) = served(server(false, bounds));
    let long = format!("X-Long: {}\r\n", "x".repeat(100_000));
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\
                   \r\n\r\n";
    let cases = [
        (request(CLOSE, &"x".repeat(100)), "200 OK"),
        (request(CLOSE, &"x".repeat(101)), "413 Payload Too Large"),
        (format!("{chunked}64\r\n{}\r\n0\r\n\r\n", "x".repeat(100)), "200 OK"),
        (format!("{chunked}65\r\n{}\r\n0\r\n\r\n", "x".repeat(101)), "413 Payload Too Large"),
        (request(&long, ""), "431 Request Header Fields Too Large"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "405 Method Not Allowed"),
        ("GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".into(), "404 Not Found"),
        ("\0\0\0\r\n\r\n".into(), "400 Bad Request"),
        ("GET / HTTP/3.7\r\n\r\n".into(), "400 Bad Request"),
    ];
    for (request, expected) in cases {
        let shown: String = request.chars().take(80).collect();
        assert_eq!(status(address, &request), expected, "{shown:?}");
    }
}

/// Each of these would hold its connection for ever: the test ends when the server ends them.
#[test]
fn slow_clients_are_not_waited_for() {
    let hasty = Bounds { head: SHORT, request: SHORT, ..Bounds::default() };
    let (_runtime, address, _) = served(server(false, hasty));
    for (request, expected) in [
        ("", ""),
        ("POST / HTTP/1.1\r\nHost", "408 Request Timeout"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc", "408 Request Timeout"),
        // Answered, and then nothing.
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "200 OK"),
    ] {
        let status = status(address, request);
        assert!(status == expected || status.is_empty() && expected.starts_with("408"), "{status}");
    }
}

/// Nobody reads the answer, which fits into no buffer.
#[test]
fn who_does_not_take_the_answer_is_left() {
    let router = Router::new().route("/", post(async || vec![b'x'; 64 << 20]));
    let bounds = Bounds { head: SHORT, request: SHORT, connections: 1, ..Bounds::default() };
    let server = WebServer { router, bounds, ..WebServer::new("a test") };
    let (_runtime, address, _) = served(server);
    let mut deaf = Tcp::connect(address).unwrap();
    deaf.write_all(request("", "").as_bytes()).unwrap();
    // There is one place: whoever comes next has it once the first is gone.
    assert_eq!(status(address, "nonsense\r\n\r\n"), "400 Bad Request");
}

#[test]
fn a_client_has_its_own_share_of_connections() {
    let bounds = Bounds { per_client: 2, head: LONG, ..Bounds::default() };
    let (_runtime, address, _) = served(server(false, bounds));
    let mut first = Tcp::connect(address).unwrap();
    let _second = Tcp::connect(address).unwrap();
    let mut third = Tcp::connect(address).unwrap();
    // The third is closed, unanswered; the first was before it.
    assert_eq!(said(&mut third, &request(CLOSE, "abc")), "");
    assert!(said(&mut first, &request(CLOSE, "abc")).starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn requests_in_hand_are_answered_before_the_end() {
    let (begun, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (begun.clone(), ended.clone());
    let slow = async move || {
        tell.add_permits(1);
        wait.acquire().await.unwrap().forget();
        "done"
    };
    let bounds = Bounds { head: LONG, request: LONG, ..Bounds::default() };
    let router = Router::new().route("/", post(slow));
    let runtime = Runtime::new().unwrap();
    let listener = {
        let _runtime = runtime.enter();
        WebListener::tcp("127.0.0.1:0".parse().unwrap()).unwrap()
    };
    let address = listener.address().unwrap().unwrap();
    let stop = CancellationToken::new();
    let server = WebServer { router, bounds, ..WebServer::new("a test") };
    let serving = runtime.spawn(server.serve(listener, stop.clone()));
    let mut idle = Tcp::connect(address).unwrap();
    let mut busy = Tcp::connect(address).unwrap();
    busy.write_all(request("", "abc").as_bytes()).unwrap();
    runtime.block_on(begun.acquire()).unwrap().forget();
    stop.cancel();
    assert_eq!(said(&mut idle, ""), "");
    ended.add_permits(1);
    assert!(said(&mut busy, "").ends_with("\r\n\r\ndone"));
    runtime.block_on(serving).unwrap();
    assert!(Tcp::connect(address).is_err());
}

#[test]
fn a_socket_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let runtime = Runtime::new().unwrap();
    let listener = {
        let _runtime = runtime.enter();
        WebListener::unix(&path).unwrap()
    };
    assert_eq!(listener.address().unwrap(), None);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let stop = CancellationToken::new();
    let serving = runtime.spawn(server(true, Bounds::default()).serve(listener, stop.clone()));
    let response = said(&mut Unix::connect(&path).unwrap(), &request(CLOSE, "abc"));
    assert!(response.ends_with("\r\n\r\n3 from nobody"), "{response}");
    stop.cancel();
    runtime.block_on(serving).unwrap();
    assert!(!path.exists());
}

#[test]
fn over_tls() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = key.signing_key.serialize_der().try_into().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let tls = Some(Arc::new(config).into());
    let (_runtime, address, _) =
        served(WebServer { tls, ..server(true, Bounds { request: LONG, ..Bounds::default() }) });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, Tcp::connect(address).unwrap());
    let response = said(&mut stream, &request(CLOSE, "abc"));
    assert!(response.ends_with("\r\n\r\n3 from 127.0.0.1"), "{response}");
    // Plain HTTP is no handshake: the answer is an alert.
    assert!(!status(address, &request(CLOSE, "abc")).contains("OK"));
}
