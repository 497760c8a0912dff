//! The servers, each with the names to refuse in the form that suits it best.

use std::{
    env, fs,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use benches::{corpus::Corpus, preau, process::Memory, record::Record};
use tempfile::TempDir;
use tests::{
    address,
    client::Question,
    peers::{Peer, RunningPeer, ZONE},
};

/// With this variable, the bench is the bare responder, at that address.
pub(crate) const BARE: &str = "PREAU_BENCH_BARE";
/// With this variable, the bench is hickory-dns at the first of two addresses, with its upstream at the
/// other, and the names to refuse in [`HICKORY_NAMES`].
pub(crate) const HICKORY: &str = "PREAU_BENCH_HICKORY";
pub(crate) const HICKORY_NAMES: &str = "names";
/// How long a server may take to load its lists.
const PATIENCE: Duration = Duration::from_secs(300);

/// The names to refuse, in every form.
pub(crate) struct Lists {
    pub(crate) bundle: Vec<u8>,
    names: String,
    policy_zone: String,
    local_zones: String,
    dnsmasq: String,
    /// One of them.
    refused: String,
}

impl Lists {
    pub(crate) fn of(corpus: &Corpus) -> Self {
        let lines = |line: fn(&str) -> String| corpus.names.iter().map(|name| line(name)).collect();
        let head = format!(
            "$ORIGIN {ZONE}.\n$TTL 300\n@ SOA localhost. nobody.invalid. 1 3600 600 86400 300\n\
             @ NS localhost.\n"
        );
        let policy: String = lines(|name| format!("{name} CNAME .\n*.{name} CNAME .\n"));
        Self {
            bundle: corpus.build().bytes,
            names: lines(|name| format!("{name}\n")),
            policy_zone: head + &policy,
            local_zones: lines(|name| format!(" local-zone: \"{name}.\" always_nxdomain\n")),
            dnsmasq: lines(|name| format!("local=/{name}/\n")),
            refused: corpus.names[0].clone(),
        }
    }

    fn of_peer(&self, peer: Peer) -> &str {
        match peer {
            Peer::Bind | Peer::UnboundRpz | Peer::PowerDns | Peer::Knot => &self.policy_zone,
            Peer::UnboundZones => &self.local_zones,
            Peer::Dnsmasq => &self.dnsmasq,
            Peer::DnsDist => &self.names,
        }
    }
}

/// A server that answers; dropping it stops it.
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    /// From its start until it refused a listed name.
    pub(crate) load_seconds: f64,
    /// Then.
    loaded: Memory,
    pub(crate) refusal: Refusal,
    process: Process,
}

/// How a server refuses.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    /// The name does not exist.
    NxDomain,
    /// The name is at 0.0.0.0.
    Unspecified,
}

impl Refusal {
    /// As dnsperf prints it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NxDomain => "NXDOMAIN",
            Self::Unspecified => "NOERROR",
        }
    }

    fn is(self, answer: &[u8]) -> bool {
        match self {
            Self::NxDomain => answer[3] & 15 == 3,
            Self::Unspecified => answer[3] & 15 == 0 && answer.ends_with(&[0, 4, 0, 0, 0, 0]),
        }
    }
}

enum Process {
    Peer(RunningPeer),
    Own { child: Child, folder: TempDir },
}

/// Préau, the bare responder, and every peer that is installed. Packet caches are off, or a name that
/// is asked again would not be looked for in the lists.
pub(crate) fn for_refusals(lists: &Lists, upstream: SocketAddr) -> Vec<Running> {
    all(lists, upstream, &[(Peer::PowerDns, "disable-packetcache=yes\n")])
}

/// The same, with their caches.
pub(crate) fn for_cached(lists: &Lists, upstream: SocketAddr) -> Vec<Running> {
    all(lists, upstream, &[(Peer::Dnsmasq, "cache-size=10000\n")])
}

fn all(lists: &Lists, upstream: SocketAddr, more: &[(Peer, &str)]) -> Vec<Running> {
    let peers = [
        (Peer::DnsDist, "dnsdist, SuffixMatchNode"),
        (Peer::Dnsmasq, "dnsmasq, local=/…/"),
        (Peer::UnboundZones, "Unbound, local-zone"),
        (Peer::UnboundRpz, "Unbound, RPZ"),
        (Peer::Knot, "Knot Resolver, RPZ"),
        (Peer::PowerDns, "PowerDNS Recursor, RPZ"),
        (Peer::Bind, "BIND, RPZ"),
    ];
    let mut running = vec![preau(lists, upstream), bare(), hickory(lists, upstream)];
    for (peer, name) in peers {
        if !peer.is_installed() {
            println!("skipped: {name} is not installed");
            continue;
        }
        let lines = more.iter().find(|(other, _)| *other == peer).map_or("", |(_, lines)| lines);
        let started = Instant::now();
        let list = lists.of_peer(peer).as_bytes();
        let server = RunningPeer::configured(peer, lines, list, upstream, &lists.refused);
        running.push(Running {
            name: name.into(),
            address: server.address,
            load_seconds: started.elapsed().as_secs_f64(),
            loaded: Memory::of(server.id()),
            refusal: Refusal::NxDomain,
            process: Process::Peer(server),
        });
    }
    running.iter().for_each(Running::pin);
    running
}

/// Préau, pinned.
pub(crate) fn preau(lists: &Lists, upstream: SocketAddr) -> Running {
    own_preau(&lists.bundle, &lists.refused, upstream)
}

fn own_preau(bundle: &[u8], refused: &str, upstream: SocketAddr) -> Running {
    let (folder, address) = (TempDir::new().unwrap(), address::unused());
    fs::write(folder.path().join("bundle"), bundle).unwrap();
    let config = format!(
        "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
         [lists]\nbundle = \"bundle\"\ncache = \"cache\"\n\
         [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n"
    );
    fs::write(folder.path().join("preau.toml"), config).unwrap();
    // Pinned from its start: it looks how many cores there are for it.
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(preau::program()).args(["--config", "preau.toml"]);
    own("Préau", command, folder, address, (refused, Refusal::NxDomain))
}

fn bare() -> Running {
    let (folder, address) = (TempDir::new().unwrap(), address::unused());
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(BARE, address.to_string());
    own(BARE_NAME, command, folder, address, ("example.com", Refusal::NxDomain))
}

fn hickory(lists: &Lists, upstream: SocketAddr) -> Running {
    let (folder, address) = (TempDir::new().unwrap(), address::unused());
    let entries: String = lists.names.lines().map(|name| format!("{name}\n*.{name}\n")).collect();
    fs::write(folder.path().join(HICKORY_NAMES), entries).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(HICKORY, format!("{address} {upstream}"));
    own("hickory-dns, blocklist", command, folder, address, (&lists.refused, Refusal::Unspecified))
}

/// Keeps how long each took to load, and the memory that Préau's bundle added to that of ten names'.
pub(crate) fn keep_loading(
    running: &[Running],
    upstream: SocketAddr,
    size: usize,
    record: &mut Record,
) {
    for server in running {
        record.figure("load, s", &server.name, size, &[server.load_seconds]);
        record.figure("loaded, RSS MB", &server.name, size, &[server.loaded.resident as f64 / 1e6]);
    }
    let few = Corpus::made_up(10);
    let empty = own_preau(&few.build().bytes, &few.names[0], upstream).loaded;
    let full = running[0].loaded;
    let added = (full.written as f64 - empty.written as f64) / 1e6;
    record.figure("loaded, MB written more", &running[0].name, size, &[added]);
}

const BARE_NAME: &str = "bare responder";

fn own(
    name: &str,
    mut command: Command,
    folder: TempDir,
    address: SocketAddr,
    (refused, refusal): (&str, Refusal),
) -> Running {
    let started = Instant::now();
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let command = command.current_dir(folder.path()).stdin(Stdio::null());
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut answer = [0; 512];
    loop {
        socket.send_to(&Question::new(refused, 1).packet(1), address).unwrap();
        if socket.recv(&mut answer).is_ok_and(|length| refusal.is(&answer[..length])) {
            break;
        }
        let log = || fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(started.elapsed() < PATIENCE, "{name} does not answer: {}", log());
        thread::sleep(Duration::from_millis(5));
    }
    let load_seconds = started.elapsed().as_secs_f64();
    Running {
        name: name.into(),
        address,
        load_seconds,
        loaded: Memory::of(child.id()),
        refusal,
        process: Process::Own { child, folder },
    }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        match &self.process {
            Process::Peer(peer) => peer.id(),
            Process::Own { child, .. } => child.id(),
        }
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.name == BARE_NAME
    }

    /// A file of a server of our own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        match &self.process {
            Process::Peer(_) => panic!("{} is a peer", self.name),
            Process::Own { folder, .. } => folder.path().join(name),
        }
    }

    /// What a server of our own printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Keeps it to one core; the load comes from another.
    fn pin(&self) {
        let id = self.id().to_string();
        let pinned = Command::new("taskset").args(["-apc", "0", &id]).output().unwrap();
        assert!(pinned.status.success(), "{}: taskset fails", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Own { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
