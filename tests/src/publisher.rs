//! A web server that publishes bundles, and misbehaves in every way that is asked of it.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use filter_core::{Filter, Stamp, restamp};
use lists::{
    digest::Sha256Digest,
    pointer::{POINTER_NAME, Pointer},
    signature::{Password, SecretKey, trusted_comment},
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::compile;

/// A key pair of a test.
pub struct Key {
    /// Signs.
    pub secret: SecretKey,
    /// Verifies, in base64.
    pub public: String,
}

impl Key {
    /// Makes one, in a folder, where it stays.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        let (public, _) = SecretKey::generate(&path, Password::None).unwrap();
        let secret = SecretKey::load(&path, Password::None).unwrap();
        Self { secret, public: public.to_string() }
    }

    /// The text of a bundle's signature.
    pub fn sign(&self, bundle: &[u8]) -> String {
        let stamp = match Filter::open(bundle.to_vec()) {
            Ok(filter) => filter.manifest().stamp.clone(),
            Err(_) => stamp(0),
        };
        self.secret.sign(bundle, &trusted_comment(bundle, &stamp)).unwrap()
    }
}

/// A stamp that never expires.
pub fn stamp(serial: u64) -> Stamp {
    Stamp { serial, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

/// A bundle that refuses `refused.example` and, to be told by, `vSERIAL.example`.
pub fn bundle(stamp: Stamp) -> Vec<u8> {
    let lists = format!("shops block ecommerce\n refused.example\n v{}.example\n", stamp.serial);
    restamp(&compile(&lists), stamp).unwrap()
}

/// How the server treats requests for one name.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Never answers.
    Hang,
    /// Closes the connection after half of the content.
    Truncate,
    /// Announces and sends half of the content, as if that were all.
    Half,
    /// Announces no length and sends without end.
    Endless,
    /// Sends the content slowly, in pieces.
    Slow,
    /// Answers with this status and a page.
    Status(u16),
    /// Redirects to itself.
    Redirect,
    /// Answers with this in place of the content.
    Instead(Vec<u8>),
}

#[derive(Default)]
struct Site {
    files: HashMap<String, Vec<u8>>,
    faults: Vec<(String, Fault)>,
    requests: Vec<String>,
    /// What it shows of itself over TLS.
    identity: Option<Arc<ServerConfig>>,
}

/// The server, on a port of the loopback that stays its own.
pub struct Publisher {
    address: SocketAddr,
    scheme: &'static str,
    site: Arc<Mutex<Site>>,
    open: Arc<AtomicBool>,
}

impl Publisher {
    /// Starts one that has nothing yet.
    pub fn start() -> Self {
        Self::start_as("http")
    }

    /// Starts one that has nothing yet and speaks TLS, once it was told how to
    /// [identify](Self::identify) itself.
    pub fn start_with_tls() -> Self {
        Self::start_as("https")
    }

    fn start_as(scheme: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let this = Self { address, scheme, site: Arc::default(), open: Arc::default() };
        this.listen(listener);
        this
    }

    /// Shows this certificate from now on.
    pub fn identify(&self, identity: Arc<ServerConfig>) {
        self.site().identity = Some(identity);
    }

    /// Nobody listens any more.
    pub fn stop(&self) {
        self.open.store(false, Ordering::SeqCst);
        // Wakes the thread, which lets go of the port.
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Listens again.
    pub fn start_again(&self) {
        self.listen(TcpListener::bind(self.address).unwrap());
    }

    fn listen(&self, listener: TcpListener) {
        self.open.store(true, Ordering::SeqCst);
        let (site, open) = (self.site.clone(), self.open.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                if !open.load(Ordering::SeqCst) {
                    break;
                }
                let (site, Ok(stream)) = (site.clone(), stream) else { continue };
                let identity = site.lock().unwrap().identity.clone();
                thread::spawn(move || match identity {
                    None => serve(&site, stream),
                    Some(identity) => {
                        let connection = ServerConnection::new(identity).unwrap();
                        serve(&site, StreamOwned::new(connection, stream))
                    }
                });
            }
        });
    }

    /// Where to pull from.
    pub fn url(&self) -> String {
        format!("{}://{}/lists", self.scheme, self.address)
    }

    fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap()
    }

    /// Publishes a bundle, and returns the pointer.
    pub fn publish(&self, bundle: &[u8], key: &Key) -> Pointer {
        let stamp = match Filter::open(bundle.to_vec()) {
            Ok(filter) => filter.manifest().stamp.clone(),
            Err(_) => stamp(u64::from(u32::MAX)),
        };
        let pointer = Pointer::to(bundle, stamp);
        self.put(&pointer.object, bundle);
        self.put(&pointer.signature, key.sign(bundle).as_bytes());
        self.point(&pointer);
        pointer
    }

    /// Publishes a pointer.
    pub fn point(&self, pointer: &Pointer) {
        self.put(POINTER_NAME, pointer.to_json().as_bytes());
    }

    /// Publishes a file.
    pub fn put(&self, name: &str, content: &[u8]) {
        self.site().files.insert(format!("/lists/{name}"), content.to_vec());
    }

    /// Treats names that end so badly from now on.
    pub fn misbehave(&self, name: &str, fault: Fault) {
        self.site().faults.push((name.to_owned(), fault));
    }

    /// Behaves from now on.
    pub fn behave(&self) {
        self.site().faults.clear();
    }

    /// Paths of all requests up to now.
    pub fn requests(&self) -> Vec<String> {
        self.site().requests.clone()
    }
}

fn serve(site: &Mutex<Site>, mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut lines = BufReader::new(&mut stream).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut known = None;
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            Some((name, tag)) if name.eq_ignore_ascii_case("if-none-match") => {
                known = Some(tag.to_owned());
            }
            Some(_) => {}
            None => break,
        }
    }
    let (content, fault) = {
        let mut site = site.lock().unwrap();
        site.requests.push(path.clone());
        let fault = site.faults.iter().find(|(name, _)| path.ends_with(name));
        (site.files.get(&path).cloned(), fault.map(|(_, fault)| fault.clone()))
    };
    let Some(content) = content else {
        return respond(&mut stream, 404, b"<h1>Not found</h1>", "");
    };
    let etag = format!("\"{}\"", Sha256Digest::of(&content));
    let tag = format!("ETag: {etag}\r\n");
    match fault {
        None if known.as_deref() == Some(&etag) => respond(&mut stream, 304, b"", &tag),
        None => respond(&mut stream, 200, &content, &tag),
        Some(Fault::Hang) => {
            thread::sleep(Duration::from_secs(120));
            Ok(())
        }
        Some(Fault::Truncate) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len())?;
            stream.write_all(&content[..content.len() / 2])
        }
        Some(Fault::Half) => respond(&mut stream, 200, &content[..content.len() / 2], &tag),
        Some(Fault::Endless) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&content)?;
            }
        }
        Some(Fault::Slow) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len())?;
            for piece in content.chunks(content.len() / 8 + 1) {
                stream.write_all(piece)?;
                thread::sleep(Duration::from_millis(4));
            }
            Ok(())
        }
        Some(Fault::Status(status)) => respond(&mut stream, status, b"<h1>Sorry</h1>", ""),
        Some(Fault::Redirect) => respond(&mut stream, 302, b"", &format!("Location: {path}\r\n")),
        Some(Fault::Instead(content)) => respond(&mut stream, 200, &content, ""),
    }
}

fn respond(stream: &mut impl Write, status: u16, body: &[u8], header: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n"
    )?;
    stream.write_all(body)?;
    stream.flush()
}
