//! What tests of several rooms share: a small bundle, an upstream that knows a few names, and an
//! allocator that counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    net::SocketAddr,
    ops::Range,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use filter_core::{CategoryInfo, DomainName, Filter, FilterBuilder, Options, Scope, Source, Stamp};
use jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{
    answer::Snapshot,
    config::{Config, Limits},
    control::peer::Peer,
    listen::terms::Terms,
    policy::{
        decide::{Asked, Decision},
        group::GroupId,
    },
    resolve::{
        CacheSettings, Query, Resolver,
        upstream::{Upstream, UpstreamError},
    },
    service::{self, Service},
    stats::Stats,
    web::server::{WebListener, WebServer},
    wire::extract::Response,
};

/// A bundle of three lists, and of one piece that tells names like them; `example` holds no other
/// category.
pub(crate) fn bundle(serial: u64) -> Vec<u8> {
    bundle_that_expires(serial, None)
}

/// The same, with an expiry.
pub(crate) fn bundle_that_expires(serial: u64, expires: Option<&str>) -> Vec<u8> {
    let info = CategoryInfo { name: "astrology".into(), fr: "".into(), en: "".into() };
    let mut builder = FilterBuilder::new();
    builder.category(info).unwrap();
    written(builder, serial, expires)
}

/// The same, with the built-in categories only.
pub(crate) fn bundle_without_astrology(serial: u64) -> Vec<u8> {
    written(FilterBuilder::new(), serial, None)
}

fn written(mut builder: FilterBuilder, serial: u64, expires: Option<&str>) -> Vec<u8> {
    let rules: [(Source, &[(&str, Scope)]); 3] = [
        (
            Source::block("ut1-adult", &["porn"]),
            &[("porn.example", Scope::Subtree), ("mixed.example", Scope::Subtree)],
        ),
        (
            Source::block("hosts", &["ads"]),
            &[("ads.example", Scope::Exact), ("below.example", Scope::SubdomainsOnly)],
        ),
        (
            Source::allow("health", &["education"], &["porn"]),
            &[("health.mixed.example", Scope::Subtree)],
        ),
    ];
    for (source, names) in rules {
        let id = builder.source(source).unwrap();
        let mut batch = builder.batch(id);
        for (name, scope) in names {
            batch.domain(&name.parse().unwrap(), *scope, Options::default()).unwrap();
        }
        builder.add(batch.finish());
    }
    let learned = "category porn\nbase -100\nmistakes 10 200\n400 porn";
    builder.learned(learned.parse().unwrap()).unwrap();
    let created = "2026-11-22T00:00:00Z".into();
    builder.build(Stamp { serial, created, expires: expires.map(str::to_owned) }).bytes
}

/// A certificate and its key, as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// A certificate for a name, signed by itself, valid in those years.
pub(crate) fn certificate(name: &str, years: Range<i32>) -> Identity {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(years.start, 1, 1);
    parameters.not_after = date_time_ymd(years.end, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    Identity { certificate: certificate.pem(), key: key.serialize_pem() }
}

/// That bundle, opened.
pub(crate) fn filter() -> Filter {
    Filter::open(bundle(1)).unwrap()
}

/// A service that has taken up what its state folder remembers, of a configuration and that bundle, which
/// are written into a folder as `preau.toml` and `today.bundle`.
pub(crate) fn service(folder: &Path, config: &str) -> Service {
    fs::write(folder.join("today.bundle"), bundle(1)).unwrap();
    fs::write(folder.join("preau.toml"), config).unwrap();
    let service = Service::start(Config::load(&folder.join("preau.toml")).unwrap()).unwrap();
    service.take_up();
    service
}

impl Service {
    /// Whether a group may see a name at a moment, and for how long a client keeps the answer.
    pub(crate) fn sees(&self, name: &str, group: usize, now: Timestamp) -> (bool, u32) {
        let snapshot = self.snapshot();
        let name = name.parse().unwrap();
        let asked = Asked { name: &name, record_type: 1, internet: true, recursion_desired: true };
        let ruling = snapshot.policy.decide(asked, GroupId::at(group), now).unwrap();
        (!matches!(ruling.decision, Decision::Refuse(_)), ruling.ttl)
    }

    /// Whether it may at this moment.
    pub(crate) fn sees_now(&self, name: &str, group: usize) -> bool {
        self.sees(name, group, Timestamp::now()).0
    }
}

/// Whoever asks over the control socket.
pub(crate) fn root() -> Peer {
    Peer { uid: 0, user: Some("root".into()), login: None }
}

/// Has a server of the web run on a port of this machine; where.
pub(crate) fn served(runtime: &Runtime, server: WebServer, stop: CancellationToken) -> SocketAddr {
    let _runtime = runtime.enter();
    let listener = WebListener::tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address().unwrap().unwrap();
    runtime.spawn(server.serve(listener, stop));
    address
}

/// A snapshot of a configuration over that bundle and [`FewNames`].
pub(crate) fn snapshot(config: &str) -> Snapshot {
    snapshot_over(config, &filter(), resolver(Arc::new(FewNames)))
}

/// A snapshot of a configuration over these.
pub(crate) fn snapshot_over(config: &str, filter: &Filter, resolver: Arc<Resolver>) -> Snapshot {
    let config = Config::parse("test.toml", config).unwrap_or_else(|error| panic!("{error}"));
    Snapshot {
        policy: service::policy(
            &config,
            service::plans(&config, filter, Timestamp::now()).unwrap(),
        ),
        resolver,
        terms: Terms::of(&config),
        stats: Arc::new(Stats::after(
            &Stats::default(),
            &config.groups,
            &filter.manifest().categories,
        )),
    }
}

/// A resolver that asks that upstream.
pub(crate) fn resolver(upstream: Arc<dyn Upstream>) -> Arc<Resolver> {
    Arc::new(Resolver::new(upstream, CacheSettings::default(), Limits::default().waiting))
}

/// Knows `www.example`, `big.example` and `alias.example`, does not know `nx.example`, and fails in
/// its own way for `down`, `garbled` and `servfail` `.example`.
pub(crate) struct FewNames;

#[async_trait]
impl Upstream for FewNames {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let Query { name, record_type, dnssec_ok, .. } = query;
        let mut message = Message { rcode: 0, records: Vec::new(), counts: [0; 2] };
        match (name.to_string().as_str(), *record_type) {
            ("down.example", _) => return Err(UpstreamError::Unreachable),
            ("garbled.example", _) => return Err(UpstreamError::Garbled),
            ("servfail.example", _) => {
                return Err(UpstreamError::Failed { rcode: 2, errors: [].into() });
            }
            ("nx.example", _) => {
                message.rcode = 3;
                message.record(1, b"\xc0\x0f", 6, 60, &SOA);
            }
            ("www.example", 1) => message.record(0, b"\xc0\x0c", 1, 60, &[192, 0, 2, 1]),
            ("alias.example", 1) => {
                message.record(0, b"\xc0\x0c", 5, 60, b"\x03www\xc0\x12");
                message.record(0, b"\x03www\xc0\x12", 1, 60, &[192, 0, 2, 1]);
            }
            ("big.example", 16) => {
                let text = [b"\xc8".as_slice(), &[b'x'; 200]].concat();
                (0..12).for_each(|_| message.record(0, b"\xc0\x0c", 16, 60, &text));
            }
            _ => message.record(1, b"\xc0\x0c", 6, 60, &SOA),
        }
        let octets = message.written(name, *record_type);
        let mut response = Response::read(&octets, name, *record_type, *dnssec_ok).unwrap();
        response.distrust();
        Ok(response)
    }
}

/// A response to a query, as it is read from the wire: its answer records are owned by the name
/// asked (type, TTL, data), and so are those of its authority section.
pub(crate) fn response(
    query: &Query,
    rcode: u8,
    authentic: bool,
    answers: &[(u16, u32, &[u8])],
    authorities: &[(u16, u32, Vec<u8>)],
) -> Response {
    let mut message = Message { rcode, records: Vec::new(), counts: [0; 2] };
    for &(record_type, ttl, data) in answers {
        message.record(0, b"\xc0\x0c", record_type, ttl, data);
    }
    for (record_type, ttl, data) in authorities {
        message.record(1, b"\xc0\x0c", *record_type, *ttl, data);
    }
    let octets = message.written(&query.name, query.record_type);
    let read = Response::read(&octets, &query.name, query.record_type, query.dnssec_ok);
    let mut response = read.unwrap();
    if !authentic {
        response.distrust();
    }
    response
}

/// An SOA that lets denials be kept for so many seconds.
pub(crate) fn soa(ttl: u32) -> (u16, u32, Vec<u8>) {
    (6, 86_400, [&SOA[..18], &ttl.to_be_bytes()].concat())
}

const SOA: [u8; 22] = [0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5];

/// A message by hand, so that nothing under test made it.
struct Message {
    rcode: u8,
    records: Vec<u8>,
    counts: [u16; 2],
}

impl Message {
    fn record(&mut self, section: usize, owner: &[u8], record_type: u16, ttl: u32, data: &[u8]) {
        self.records.extend(owner);
        self.records.extend(record_type.to_be_bytes());
        self.records.extend([0, 1]);
        self.records.extend(ttl.to_be_bytes());
        self.records.extend((data.len() as u16).to_be_bytes());
        self.records.extend(data);
        self.counts[section] += 1;
    }

    fn written(&self, name: &DomainName, record_type: u16) -> Vec<u8> {
        // Flags that must not come through: AA, AD, Z.
        let mut octets = vec![0x77, 0x77, 0x84, 0x60 | self.rcode, 0, 1];
        octets.extend(self.counts.iter().flat_map(|count| count.to_be_bytes()));
        octets.extend([0, 0]);
        octets.extend(name.as_wire());
        octets.extend(record_type.to_be_bytes());
        octets.extend([0, 1]);
        octets.extend(&self.records);
        octets
    }
}

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only a
// thread-local integer that needs no initialisation and no destructor.
#[expect(unsafe_code, reason = "an allocator is how allocations are counted")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates, on this thread.
pub(crate) fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}
