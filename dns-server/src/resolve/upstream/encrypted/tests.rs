//! Against TLS servers in this process, which hang up, fall silent, or are not who they should be.
//! `tests/tests/encrypted_upstream.rs` asks whole servers, over every protocol.

use std::{
    io::Write,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use quinn::crypto::rustls::QuicServerConfig;
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{
    log,
    resolve::upstream::{Failover, Order, Upstream as _},
    testing::{self, Identity},
};

const NAME: &str = "dns.town.example";

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Answered,
    /// And then the connection is closed.
    AnsweredLast,
    Unheard,
    HungUp,
}
use Fate::{Answered, AnsweredLast, HungUp, Unheard};

fn server_config(identity: &Identity) -> ServerConfig {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// A server over TLS that does with each question, one after another over all connections, what is
/// written, and answers those that follow. Where it is, and how often it was connected to.
async fn over_tls(identity: &Identity, fates: &'static [Fate]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(identity)));
    let (connections, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, count, asked) = (acceptor.clone(), count.clone(), asked.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                count.fetch_add(1, Ordering::SeqCst);
                while let Ok(length) = stream.read_u16().await {
                    let mut question = vec![0; length.into()];
                    stream.read_exact(&mut question).await.unwrap();
                    assert_eq!(length % 128, 0, "padded");
                    if question.windows(15).any(|octets| octets == b"_preau-sentinel") {
                        continue;
                    }
                    let number = asked.fetch_add(1, Ordering::SeqCst);
                    match fates.get(number).copied().unwrap_or(Answered) {
                        HungUp => return,
                        Unheard => continue,
                        Answered => stream.write_all(&answer(&question)).await.unwrap(),
                        AnsweredLast => {
                            stream.write_all(&answer(&question)).await.unwrap();
                            let _ = stream.shutdown().await;
                            return;
                        }
                    }
                }
            });
        }
    });
    (address, connections)
}

/// The question without its OPT, and an address, behind their length.
fn answer(question: &[u8]) -> Vec<u8> {
    let end = 12 + question[12..].iter().position(|octet| *octet == 0).unwrap() + 5;
    let mut answer = question[..end].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
    [&(answer.len() as u16).to_be_bytes(), &answer[..]].concat()
}

fn upstream(server: &str, trusted: &Identity) -> Failover {
    let root = CertificateDer::from_pem_slice(trusted.certificate.as_bytes()).unwrap();
    Failover::new(&[server.parse().unwrap()], Order::Given, false, &[root]).unwrap()
}

async fn ask(upstream: &Failover) -> Result<usize, UpstreamError> {
    let name = "www.example".parse().unwrap();
    let query = Query { name, record_type: 1, dnssec_ok: false, checking_disabled: false };
    upstream.lookup(&query).await.map(|response| response.addresses().len())
}

/// No question is lost where a server hangs up on who is idle, or on anybody, or where a line goes dead
/// without a word.
#[tokio::test]
async fn lines_that_end() {
    let identity = testing::certificate(NAME, 2020..2100);
    for (fates, asked, silences, expected) in [
        (&[][..], 3, 0, 1),
        (&[AnsweredLast, AnsweredLast], 3, 0, 3),
        (&[Answered, HungUp], 3, 0, 2),
        (&[Answered, Unheard], 3, 1, 2),
    ] {
        let (address, connections) = over_tls(&identity, fates).await;
        let upstream = upstream(&format!("tls://{address}#{NAME}"), &identity);
        for _ in 0..asked {
            assert_eq!(ask(&upstream).await, Ok(1), "{fates:?}");
            // Until the other side's hanging up has arrived.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Whatever keeps this machine busy for 2 s is one more silence, and may be one more connection.
        let stalls = upstream.servers()[0].silences.checked_sub(silences).expect("silences");
        let connections = connections.load(Ordering::SeqCst) as u64;
        assert!((expected..=expected + stalls).contains(&connections), "{fates:?}: {connections}");
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Somebody else's certificate, an old one, and one that nobody known has signed: no question is asked,
/// and the log says which.
#[tokio::test]
async fn servers_that_are_not_who_they_should_be() {
    let good = testing::certificate(NAME, 2020..2100);
    let other = testing::certificate("dns.elsewhere.example", 2020..2100);
    let old = testing::certificate(NAME, 2020..2021);
    let stranger = {
        let mut parameters = rcgen::CertificateParams::new([]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    };
    #[rustfmt::skip]
    let cases = [
        (&other, &other, "not valid for name \"dns.town.example\"", "behind # in [upstream] servers"),
        (&old, &old, "certificate expired", ""),
        (&good, &stranger, "UnknownIssuer", "name it in [upstream] ca"),
        (&good, &other, "BadSignature", "name it in [upstream] ca"), // of the same name
    ];
    for (shown, trusted, reason, help) in cases {
        let (tls, connections) = over_tls(shown, &[]).await;
        let quic = over_quic(shown);
        for server in [
            format!("tls://{tls}#{NAME}"),
            format!("https://{tls}/dns-query#{NAME}"),
            format!("quic://{quic}#{NAME}"),
        ] {
            let page = Page::default();
            let writer = page.clone();
            let guard =
                tracing::subscriber::set_default(log::subscriber("", move || writer.clone()));
            let upstream = upstream(&server, trusted);
            for _ in 0..2 {
                assert_eq!(ask(&upstream).await, Err(UpstreamError::Unreachable), "{server}");
            }
            drop(guard);
            let said = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
            let complaints: Vec<_> =
                said.lines().filter(|line| line.contains("cannot connect to upstream")).collect();
            assert_eq!(complaints.len(), 1, "{said}");
            assert!(complaints[0].contains(reason) && complaints[0].contains(help), "{said}");
            assert!(complaints[0].contains(&format!("server={server}")), "{said}");
            assert!(!said.contains("www.example"), "{said}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 0, "{reason}");
    }
}

/// A server over QUIC with which nobody gets further than to its certificate.
fn over_quic(identity: &Identity) -> SocketAddr {
    let mut config = server_config(identity);
    config.alpn_protocols = vec![b"doq".to_vec()];
    let config = QuicServerConfig::try_from(config).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(config));
    let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = endpoint.local_addr().unwrap();
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            assert!(incoming.await.is_err());
        }
    });
    address
}
