//! An HTTP server that can misbehave.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// What a client asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// As on the first line: a path, or a whole URL from a client that takes us for a proxy.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |(found, _): &&(String, String)| found.eq_ignore_ascii_case(name);
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next()?.ok()?;
        let target = first.split(' ').nth(1)?.to_owned();
        let headers =
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).filter_map(|line| {
                line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            });
        Some(Self { target, headers: headers.collect() })
    }
}

type Behaviour = dyn Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync;

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, Arc<Behaviour>>>,
    seen: Mutex<Vec<Request>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

/// Runs until the test ends; each connection carries one request.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = serving.clone();
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// From now on, this is what happens at a path.
    pub(crate) fn at(
        &self,
        path: &str,
        behaviour: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) {
        self.shared.pages.lock().unwrap().insert(path.into(), Arc::new(behaviour));
    }

    /// From now on, a list is at a path, with an ETag.
    pub(crate) fn list(&self, path: &str, text: impl Into<Vec<u8>>) {
        let text = text.into();
        let etag = format!("\"{}-{:x}\"", text.len(), text.iter().fold(7, mix));
        self.at(path, move |request, stream| {
            if request.header("if-none-match") == Some(&etag) {
                return answer(stream, "304 Not Modified", &[("ETag", &etag)], b"");
            }
            answer(stream, "200 OK", &[("ETag", &etag)], &text)
        });
    }

    /// The requests so far for a path, and forgets all.
    pub(crate) fn take_requests(&self, path: &str) -> Vec<Request> {
        let mut seen = std::mem::take(&mut *self.shared.seen.lock().unwrap());
        seen.retain(|request| request.target == path);
        seen
    }

    /// Most connections at once, so far.
    pub(crate) fn most_open(&self) -> usize {
        self.shared.most_open.load(Ordering::SeqCst)
    }
}

fn mix(hash: u64, octet: &u8) -> u64 {
    (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        if let Some(request) = Request::read(&stream) {
            self.seen.lock().unwrap().push(request.clone());
            let page = self.pages.lock().unwrap().get(&request.target).cloned();
            // A client that has enough goes away: no fault of the test.
            let _ = match page {
                Some(page) => page(&request, &mut stream),
                None => answer(&mut stream, "404 Not Found", &[], b""),
            };
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A whole and honest answer.
pub(crate) fn answer(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let length = body.len().to_string();
    let honest = [("Content-Length", length.as_str()), ("Connection", "close")];
    head(stream, status, &[headers, &honest].concat())?;
    stream.write_all(body)
}

/// The lines before a body, whatever they promise.
pub(crate) fn head(
    stream: &mut TcpStream,
    status: &str,
    headers: &[(&str, &str)],
) -> io::Result<()> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\n")
}

/// Longer than any test waits.
pub(crate) fn hang() -> io::Result<()> {
    thread::sleep(Duration::from_secs(60));
    Ok(())
}
