//! Handshakes: which names get a certificate, what it is good for, and which never get one.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{ServerName, pem::PemObject as _},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use x509_parser::parse_x509_certificate;

use super::*;
use crate::{testing, web::block_page};

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]
[lists]
bundle = "today.bundle"
cache = "cache"
[page]
addresses = ["127.0.0.1"]
https = ["127.0.0.1:0"]
authority = "authority"
[[group]]
name = "pupils"
networks = ["127.0.0.0/8"]
profile = "child"
[[group]]
name = "quiet"
networks = ["10.0.0.0/8"]
profile = "quiet"
[profile.child]
refusal = "page"
[profile.quiet]
block_names = ["quiet.example"]
"#;

/// A folder with an authority that excludes a name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority");
    fs::create_dir(&authority).unwrap();
    let new = Authority::generate(&["excluded.example".parse().unwrap()]).unwrap();
    fs::write(authority.join("authority.pem"), new.certificate).unwrap();
    fs::write(authority.join("authority.key"), new.key).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(authority.join("authority.key"), private).unwrap();
    folder
}

/// The page over HTTPS, and whoever visits it.
struct World {
    folder: TempDir,
    service: Arc<Service>,
    runtime: Runtime,
    address: SocketAddr,
}

impl World {
    fn new(config: &str) -> Self {
        Self::of(folder(), config)
    }

    fn of(folder: TempDir, config: &str) -> Self {
        let service = Arc::new(testing::service(folder.path(), config));
        let runtime = Runtime::new().unwrap();
        let server = block_page::https(service.clone()).unwrap();
        let address = testing::served(&runtime, server, CancellationToken::new());
        Self { folder, service, runtime, address }
    }

    /// What a post is shown that trusts the certificate in a file.
    fn visited_by(&self, trusted: &str, name: &str) -> Result<(Vec<u8>, String), String> {
        let trusted = self.folder.path().join(trusted);
        self.runtime.block_on(visited(self.address, &trusted, name))
    }

    fn visited(&self, name: &str) -> Result<(Vec<u8>, String), String> {
        self.visited_by("authority/authority.pem", name)
    }
}

/// The leaf that a post is shown which trusts a certificate, and what the page says; or why not.
async fn visited(
    address: SocketAddr,
    trusted: &Path,
    name: &str,
) -> Result<(Vec<u8>, String), String> {
    let mut roots = RootCertStore::empty();
    let pem = fs::read(trusted).unwrap();
    roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let server_name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream =
        connector.connect(server_name, stream).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    Ok((leaf, String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn refused_names_alone_have_certificates() {
    let world = World::new(CONFIG);
    let visited = |name: &str| world.visited(name);

    let (leaf, page) = visited("www.porn.example").unwrap();
    assert!(page.starts_with("HTTP/1.1 403 ") && page.contains("www.porn.example"), "{page}");
    let (_, leaf) = parse_x509_certificate(&leaf).unwrap();
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    let names: Vec<_> = names.value.general_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["DNSName(www.porn.example)"]);
    assert!(!leaf.is_ca());
    let valid = leaf.validity();
    let days = (valid.not_after.timestamp() - valid.not_before.timestamp()) / 86_400;
    assert_eq!(days, DAYS + 1);
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);

    // Allowed, refused otherwise than by the page, of the inside, of no list; an address, whose
    // handshake has no SNI.
    for name in ["health.mixed.example", "quiet.example", "localhost", "fine.example", "127.0.0.1"]
    {
        let error = visited(name).unwrap_err();
        assert!(error.contains("alert") || error.contains("eof"), "{name}: {error}");
    }
    visited("porn.example").unwrap();
}

/// What is let through gets none any more, though it had one; other authorities' were other ones.
#[test]
fn what_was_made_is_not_shown_once_the_name_is_allowed() {
    let world = World::new(CONFIG);
    let visited = |name: &str| world.visited(name);
    let reload = |config: &str| {
        fs::write(world.folder.path().join("preau.toml"), config).unwrap();
        world.service.reload().unwrap();
    };
    visited("porn.example").unwrap();
    let allowing = CONFIG.replace("refusal = ", "allow_names = [\"porn.example\"]\nrefusal = ");
    reload(&allowing);
    visited("porn.example").unwrap_err();
    reload(CONFIG);
    visited("porn.example").unwrap();
}

/// Programs may ask the check API about a profile that no group has: its names lead nobody here.
#[test]
fn profiles_of_nobody_certify_nothing() {
    let unused = "[check]\nsocket = \"check.sock\"\n\
                  [profile.unused]\nrefusal = \"page\"\nblock_names = [\"unused.example\"]\n";
    let world = World::new(&format!("{CONFIG}{unused}"));
    world.visited("unused.example").unwrap_err();
    world.visited("porn.example").unwrap();
}

/// A name that the authority excludes is refused by the post, whatever this server signs.
#[test]
fn what_an_authority_excludes_is_not_trusted() {
    let config = CONFIG.replace("refusal = ", "block_names = [\"excluded.example\"]\nrefusal = ");
    let error = World::new(&config).visited("excluded.example").unwrap_err();
    assert!(error.contains("NameConstraintViolation"), "{error}");
}

#[test]
fn certificates_are_kept_within_a_bound() {
    let folder = folder();
    let service = Arc::new(testing::service(folder.path(), CONFIG));
    let certificates = Certificates::new(service.clone()).unwrap();
    let authority = service.snapshot().terms.page().unwrap().certifiers.authority.clone().unwrap();
    let of = |index: usize| {
        certificates.of(&format!("n{index}.example").parse().unwrap(), &authority).unwrap()
    };
    let first = of(0);
    assert!(Arc::ptr_eq(&first, &of(0)));
    for index in 0..2 * MOST {
        of(index);
        assert!(certificates.made.lock().unwrap().len() <= MOST);
    }
    assert!(!Arc::ptr_eq(&first, &of(0)));
}

/// Whatever comes in place of a handshake, the next one is answered.
#[test]
fn hostile_hellos() {
    let world = World::new(CONFIG);
    let cases: [&[u8]; 4] =
        [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff\x01", &[0x16; 4096]];
    for octets in cases {
        world.runtime.block_on(async {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            stream.write_all(octets).await.unwrap();
            stream.shutdown().await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        });
    }
    for name in ["xn--.porn.example", "_a.porn.example", "a..b", "porn.example.", "x.y.z"] {
        if ServerName::try_from(name.to_owned()).is_ok() {
            let _ = world.visited(name);
        }
    }
    world.visited("porn.example").unwrap();
}

/// It is shown for whatever has no other; beside an authority, refused names have theirs.
#[test]
fn the_operators_own_certificate() {
    const OWN: &str = "certificate = \"page.pem\"\nkey = \"page.key\"";
    const AUTHORITY: &str = "authority = \"authority\"";
    let alone = CONFIG.replace(AUTHORITY, OWN);
    let both = CONFIG.replace(AUTHORITY, &format!("{OWN}\n{AUTHORITY}"));
    for config in [&alone, &both] {
        let folder = folder();
        let identity = testing::certificate("page.school.example", 2020..2100);
        fs::write(folder.path().join("page.pem"), &identity.certificate).unwrap();
        fs::write(folder.path().join("page.key"), identity.key).unwrap();
        let world = World::of(folder, config);
        let (_, page) = world.visited_by("page.pem", "page.school.example").unwrap();
        assert!(page.starts_with("HTTP/1.1 "), "{page}");
        let error = world.visited_by("page.pem", "fine.example").unwrap_err();
        assert!(error.contains("not valid for name"), "{error}");
        assert_eq!(world.visited("porn.example").is_ok(), config == &both);
    }
}
