//! Long runs: the real mix of questions, while lists are reloaded, servers upstream die, and clients
//! come and go.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs::{self, File},
    io::{BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tests::{
    address, client::Question, dnsperf::Report, environment, preau::Preau, shared, world::World,
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
const NAME: &str = "dns.school.example";
const RELOADS: Duration = Duration::from_secs(5);
const DEATHS: Duration = Duration::from_secs(20);
/// How long a dead server stays dead.
const DEATH: Duration = Duration::from_secs(5);
/// A run as long as this has a full cache after a sixth of it; memory must not grow from there.
const WARM: Duration = Duration::from_secs(30 * 60);
/// Octets by which a shorter run may grow, while its cache fills.
const WARMING: u64 = 8 << 20;
/// Seconds that the world's answers live.
const TTL: u32 = 30;

/// For `PREAU_SOAK_SECONDS` (60), `PREAU_SOAK_RATE` (1000) questions a second.
#[test]
#[ignore = "needs dnsperf and gunzip; `just soak` for half an hour, .ci/run for a minute"]
fn nothing_is_lost_and_nothing_grows() {
    let duration = Duration::from_secs(environment::number("PREAU_SOAK_SECONDS", 60));
    let rate = environment::number("PREAU_SOAK_RATE", 1000);
    let mut upstream = [World::start(Vec::new(), TTL), World::start(Vec::new(), TTL)].map(Some);
    let addresses = [0, 1].map(|number| upstream[number].as_ref().unwrap().address);
    let site = Site::start(addresses);
    let questions = questions(&site.preau.path("questions"));
    let mut dnsperf = dnsperf(site.preau.address, &questions, duration, rate);
    let reader = {
        let output = BufReader::new(dnsperf.stdout.take().unwrap());
        thread::spawn(move || Report::read(output))
    };
    let stop = Arc::new(AtomicBool::new(false));
    let visitors = [
        site.visitor(&stop, |site| Box::new(TcpStream::connect(site.dns).unwrap())),
        site.visitor(&stop, |site| Box::new(site.over_tls(site.tls))),
        site.over_https(&stop),
    ];

    let started = Instant::now();
    let (mut next_reload, mut next_death) = (RELOADS, DEATHS);
    let (mut early, mut reloads, mut deaths, mut owed) = (0, 0, 0, 0);
    let mut dead = None;
    while dnsperf.try_wait().unwrap().is_none() {
        let now = started.elapsed();
        if now >= next_reload {
            site.preau.signal("-HUP");
            reloads += 1;
            next_reload += RELOADS;
        }
        if let Some((number, since)) = dead
            && now >= since + DEATH
        {
            let at: SocketAddr = addresses[number];
            upstream[number] = Some(World::at(at, Vec::new(), TTL));
            dead = None;
        }
        if now >= next_death && dead.is_none() {
            let number = deaths % 2;
            owed += upstream[number].take().unwrap().kill();
            dead = Some((number, now));
            deaths += 1;
            next_death += DEATHS;
        }
        if early == 0 && now >= duration / 6 {
            early = site.preau.resident_octets();
        }
        thread::sleep(Duration::from_millis(50));
    }
    let end = site.preau.resident_octets();
    let limited = site.limited();
    stop.store(true, Ordering::Relaxed);
    let visits = visitors.map(|visitor| visitor.join().unwrap());
    let mut report = reader.join().unwrap();

    let [median, p99, p999] = [0.5, 0.99, 0.999].map(|share| report.latency(share));
    println!(
        "{} questions in {:?}, {reloads} reloads, {deaths} deaths owing {owed}: {:?}, {} lost",
        report.latencies.len(),
        started.elapsed(),
        report.codes,
        report.lost
    );
    println!("failed: {:?}", report.failed);
    println!("left unanswered for a limit: {limited:?}");
    println!("latency: median {median:?}, p99 {p99:?}, p99.9 {p999:?}");
    println!("visits over TCP, TLS and HTTPS: {visits:?}");
    println!("resident memory: {early} octets after a sixth, {end} at the end");
    let asked = report.latencies.len() as u64 + report.lost;
    assert!(asked * 10 >= rate * duration.as_secs() * 9, "{asked} questions are too few");
    assert!(reloads > 0 && visits.iter().all(|visits| *visits > 0));
    assert!(deaths > 0 || duration < DEATHS);
    let failed = report.codes.get("SERVFAIL").copied().unwrap_or_default();
    let code = |name: &str| report.codes.get(name).copied().unwrap_or_default();
    assert_eq!(code("NOERROR") + code("NXDOMAIN") + failed, report.latencies.len() as u64);
    assert!(!limited.is_empty() && limited.iter().all(|limit| limit.ends_with(" 0")));
    assert!(
        report.lost + failed <= owed,
        "{} lost, {owed} owed, {failed} failed: {:?}",
        report.lost,
        report.failed
    );
    let most = match duration >= WARM {
        true => early * 105 / 100,
        false => early + WARMING,
    };
    assert!(early > 0 && end <= most, "{early} octets became {end}");
    assert!(!site.preau.log().contains("panicked"), "{}", site.preau.log());
}

/// Préau with the starter list, over every transport, and whom it is known by.
struct Site {
    preau: Preau,
    places: Places,
}

#[derive(Clone)]
struct Places {
    dns: SocketAddr,
    metrics: SocketAddr,
    tls: SocketAddr,
    https: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Site {
    fn start(upstream: [SocketAddr; 2]) -> Self {
        let [dns, tls, https, metrics] = [(); 4].map(|()| address::unused());
        let [first, second] = upstream;
        // One address stands for a town here, and has a town's share of what may wait.
        let config = format!(
            "[listen]\ndns = [\"{dns}\"]\ntls = [\"{tls}\"]\nhttps = [\"{https}\"]\n\
             [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\nname = \"{NAME}\"\n\
             [upstream]\nservers = [\"{first}\", \"{second}\"]\n\
             [metrics]\nlisten = \"{metrics}\"\n[cache]\nsize = \"1MiB\"\n[lists]\ncache = \"cache\"\n\
             [limits]\nwaiting = 5000\nwaiting_per_client = 5000\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n"
        );
        let mut preau = Preau::configured(PREAU, dns, &config);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new([NAME.to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap().pem();
        fs::write(preau.path("cert.pem"), &certificate).unwrap();
        fs::write(preau.path("key.pem"), key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        preau.start();
        Self { preau, places: Places { dns, metrics, tls, https, config: Arc::new(config) } }
    }

    /// How many questions and connections each of the server's limits left unanswered.
    fn limited(&self) -> Vec<String> {
        let mut stream = TcpStream::connect(self.places.metrics).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: preau\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        let lines = page.lines().filter_map(|line| line.strip_prefix("preau_limited_total"));
        lines.map(str::to_owned).collect()
    }

    /// A client that connects, asks a few things, and goes; how often it came.
    fn visitor(
        &self,
        stop: &Arc<AtomicBool>,
        connect: impl Fn(&Places) -> Box<dyn Stream> + Send + 'static,
    ) -> thread::JoinHandle<u64> {
        self.comes_and_goes(stop, move |places, visit| {
            let mut stream = connect(places);
            for number in 0..3 {
                let query = question(visit, number);
                let length = u16::try_from(query.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length[..], &query].concat()).unwrap();
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut answer).unwrap();
                check(&query, &answer);
            }
        })
    }

    /// The same with HTTP/1.1.
    fn over_https(&self, stop: &Arc<AtomicBool>) -> thread::JoinHandle<u64> {
        self.comes_and_goes(stop, |places, visit| {
            let mut stream = places.over_tls(places.https);
            for number in 0..3 {
                let query = question(visit, number);
                let head = format!(
                    "POST /dns-query HTTP/1.1\r\nhost: {NAME}\r\n\
                     content-type: application/dns-message\r\ncontent-length: {}\r\n\r\n",
                    query.len()
                );
                stream.write_all(&[head.as_bytes(), &query].concat()).unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut octet = [0];
                    stream.read_exact(&mut octet).unwrap();
                    head.push(octet[0]);
                }
                let head = String::from_utf8(head).unwrap().to_lowercase();
                assert!(head.starts_with("http/1.1 200"), "{head}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let mut answer = vec![0; length.unwrap().parse().unwrap()];
                stream.read_exact(&mut answer).unwrap();
                check(&query, &answer);
            }
        })
    }

    fn comes_and_goes(
        &self,
        stop: &Arc<AtomicBool>,
        visit: impl Fn(&Places, u64) + Send + 'static,
    ) -> thread::JoinHandle<u64> {
        let (places, stop, visits) = (self.places.clone(), stop.clone(), AtomicU64::new(0));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                visit(&places, visits.fetch_add(1, Ordering::Relaxed));
                thread::sleep(Duration::from_millis(100));
            }
            visits.into_inner()
        })
    }
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

impl Places {
    fn over_tls(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from(NAME).unwrap();
        let client = ClientConnection::new(self.config.clone(), name).unwrap();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, address.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        StreamOwned::new(client, stream)
    }
}

/// Something new, something known, something refused.
fn question(visit: u64, number: u16) -> Vec<u8> {
    let name = match number {
        0 => format!("visit-{visit}.elsewhere.example"),
        1 => "known.elsewhere.example".to_owned(),
        _ => "www.pornhub.com".to_owned(),
    };
    Question::new(&name, 1).packet(number)
}

fn check(query: &[u8], answer: &[u8]) {
    assert_eq!(query[..2], answer[..2]);
    let refused = query.ends_with(b"\x07pornhub\x03com\0\0\x01\0\x01");
    assert_eq!(answer[3] & 15, if refused { 3 } else { 0 }, "{query:?}");
}

/// The trace where there is one, or names that are made up; every line a name and a type.
fn questions(path: &Path) -> PathBuf {
    match shared::data() {
        Some(data) => {
            let trace = data.join("traces/dnsperf_school_mix_1M.txt.gz");
            let output = Command::new("gunzip").arg("-c").arg(trace).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let whole = |line: &&str| line.split(' ').filter(|word| !word.is_empty()).count() == 2;
            let lines: Vec<_> = text.lines().filter(whole).collect();
            fs::write(path, lines.join("\n") + "\n").unwrap();
        }
        None => {
            let line = |number: usize| format!("www.school-{}.example A\n", number % 30_000);
            fs::write(path, (0..100_000).map(line).collect::<String>()).unwrap();
        }
    }
    path.to_owned()
}

fn dnsperf(server: SocketAddr, questions: &Path, duration: Duration, rate: u64) -> Child {
    Command::new("dnsperf")
        .args(["-s", "127.0.0.1", "-p", &server.port().to_string()])
        .arg("-d")
        .arg(questions)
        .args(["-l", &duration.as_secs().to_string(), "-Q", &rate.to_string()])
        // So many that those that wait for a dead server hold up nobody else.
        .args(["-q", "5000", "-c", "8", "-t", "15", "-e", "-v"])
        // Room for answers, in KiB, while a busy machine does not let it read them.
        .args(["-b", "4096"])
        .stdout(Stdio::piped())
        .stderr(File::options().write(true).open("/dev/null").unwrap())
        .spawn()
        .expect("Debian's dnsperf is installed")
}
