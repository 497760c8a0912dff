//! Other resolvers, as their Debian packages install them, with an export of ours loaded.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::client::{self, Question};

/// The zone under which a response policy zone is loaded.
pub const ZONE: &str = "rpz.preau";
/// How long a resolver may take to load its lists.
const PATIENCE: Duration = Duration::from_secs(300);

/// A resolver and what it loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// BIND with a response policy zone.
    Bind,
    /// Unbound with a response policy zone.
    UnboundRpz,
    /// PowerDNS Recursor with a response policy zone.
    PowerDns,
    /// Unbound with `local-zone`s.
    UnboundZones,
    /// dnsmasq.
    Dnsmasq,
    /// Knot Resolver with a response policy zone.
    Knot,
    /// dnsdist with a `SuffixMatchNode` of plain names.
    DnsDist,
}

impl Peer {
    /// Those that exports are compared with.
    pub const ALL: [Self; 5] =
        [Self::Bind, Self::UnboundRpz, Self::PowerDns, Self::UnboundZones, Self::Dnsmasq];

    fn program(self) -> &'static str {
        match self {
            Self::Bind => "named",
            Self::UnboundRpz | Self::UnboundZones => "unbound",
            Self::PowerDns => "pdns_recursor",
            Self::Dnsmasq => "dnsmasq",
            Self::Knot => "kresd",
            Self::DnsDist => "dnsdist",
        }
    }

    /// True where the program is installed.
    pub fn is_installed(self) -> bool {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", self.program()]).output();
        found.is_ok_and(|output| output.status.success())
    }
}

/// A resolver under way; dropping it stops it.
#[derive(Debug)]
pub struct RunningPeer {
    /// Where it answers, over UDP.
    pub address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl RunningPeer {
    /// Checks the export with the resolver's own checker, starts the resolver with it, asking
    /// `upstream`, and waits until it refuses `refused`.
    pub fn start(peer: Peer, export: &[u8], upstream: SocketAddr, refused: &str) -> Self {
        Self::configured(peer, "", export, upstream, refused)
    }

    /// The same, with more lines in its configuration.
    pub fn configured(
        peer: Peer,
        lines: &str,
        export: &[u8],
        upstream: SocketAddr,
        refused: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        fs::write(path.join("export"), export).unwrap();
        let address = crate::address::unused();
        let arguments = match peer {
            Peer::Bind => bind(path, address, upstream),
            Peer::UnboundRpz => {
                let zone = path.join("export");
                let rpz = format!("rpz:\n name: {ZONE}\n zonefile: {zone:?}\n");
                unbound(path, address, upstream, "respip iterator", &rpz)
            }
            Peer::UnboundZones => {
                let include = format!("include: {:?}\n", path.join("export"));
                unbound(path, address, upstream, "iterator", &include)
            }
            Peer::PowerDns => power_dns(path, address, upstream, lines),
            Peer::Dnsmasq => dnsmasq(path, address, upstream, lines),
            Peer::Knot => knot(path, address, upstream),
            Peer::DnsDist => dnsdist(path, address, upstream),
        };
        let log = fs::File::create(path.join("log")).unwrap();
        let child = Command::new(peer.program())
            .args(arguments)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error}: see .ci/run for its package", peer.program())
            });
        let mut running = Self { address, child, folder };
        running.wait(peer, refused);
        running
    }

    /// Starts Unbound as a validating resolver of its own root, which it signs first: records in
    /// master-file syntax (RFC 1035 §5) but SOA and NS. The text `genuine` of any
    /// record is changed after it was signed.
    pub fn validating(records: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        let (zone, anchor) = sign_root(path, records);
        let address = crate::address::unused();
        let config = format!(
            "server:\n interface: 127.0.0.1@{}\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n \
             use-syslog: no\n pidfile: \"\"\n directory: {path:?}\n module-config: \"validator iterator\"\n \
             num-threads: 1\n ede: yes\n trust-anchor-file: {anchor:?}\n\
             auth-zone:\n name: \".\"\n zonefile: {zone:?}\n for-upstream: yes\n \
             for-downstream: no\n fallback-enabled: no\n",
            address.port()
        );
        let config = write(path, "unbound.conf", &config);
        check("unbound-checkconf", &[&config]);
        let log = fs::File::create(path.join("log")).unwrap();
        let child = Command::new("unbound")
            .args(["-d", "-c", &config])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut running = Self { address, child, folder };
        running.wait(Peer::UnboundZones, "no-such-name.town");
        running
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    fn wait(&mut self, peer: Peer, refused: &str) {
        let started = Instant::now();
        while !self.is_ready(peer, refused) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{peer:?} ended: {}", self.log());
            assert!(started.elapsed() < PATIENCE, "{peer:?} is not ready: {}", self.log());
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_ready(&self, peer: Peer, refused: &str) -> bool {
        // BIND answers while it reads the zone, which becomes policy little by little.
        if peer == Peer::Bind && !self.log().contains("reload done") {
            return false;
        }
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        socket.send_to(&Question::new(refused, 1).packet(1), self.address).unwrap();
        let mut answer = [0; 512];
        let received = socket.recv_from(&mut answer);
        received.is_ok_and(|(length, _)| Outcome::of(&answer[..length]) == Outcome::Refused)
    }
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no such name, nothing of what was asked, or the address 0.0.0.0.
    Refused,
    /// An answer, be it the peer's own: PowerDNS knows the addresses of the root servers.
    Answered,
    /// An error, by its code (RFC 1035 §4.1.1).
    Failed(u8),
}

impl Outcome {
    /// Reads an answer to a question for an address.
    pub fn of(answer: &[u8]) -> Self {
        let records = u16::from_be_bytes([answer[6], answer[7]]);
        match answer[3] & 15 {
            0 if records > 0 && client::first_address(answer) != Some(Ipv4Addr::UNSPECIFIED) => {
                Self::Answered
            }
            0 | 3 => Self::Refused,
            code => Self::Failed(code),
        }
    }
}

impl Drop for RunningPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes and signs a root zone; the paths of it and of its key.
fn sign_root(folder: &Path, records: &str) -> (PathBuf, PathBuf) {
    let apex = ". 3600 IN SOA ns.root.town. nobody.root.town. 1 3600 600 86400 300\n\
                . 3600 IN NS ns.root.town.\nns.root.town. 3600 IN A 127.0.0.9\n";
    write(folder, "root", &format!("{apex}{records}\n"));
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).current_dir(folder).args(arguments).output();
        let output = output
            .unwrap_or_else(|error| panic!("{program}: {error}: see .ci/run for its package"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let key = run("dnssec-keygen", &["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "."]);
    run("dnssec-signzone", &["-q", "-S", "-z", "-o", ".", "-f", "signed", "root"]);
    let signed = fs::read_to_string(folder.join("signed")).unwrap();
    write(folder, "signed", &signed.replace("\"genuine\"", "\"forged\""));
    (folder.join("signed"), folder.join(format!("{key}.key")))
}

/// Runs a checker, which must be content.
fn check(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}: see .ci/run for its package"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

fn bind(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let shown = folder.display();
    let config = format!(
        "options {{\n directory \"{shown}\";\n pid-file \"{shown}/pid\";\n session-keyfile \"{shown}/key\";\n \
         listen-on port {} {{ 127.0.0.1; }};\n listen-on-v6 {{ none; }};\n recursion yes;\n \
         forward only;\n forwarders port {} {{ 127.0.0.1; }};\n dnssec-validation no;\n \
         empty-zones-enable no;\n minimal-responses yes;\n \
         response-policy {{ zone \"{ZONE}\"; }} qname-wait-recurse no break-dnssec yes;\n}};\n\
         controls {{ }};\n\
         zone \"{ZONE}\" {{ type primary; file \"{shown}/export\"; }};\n",
        address.port(),
        upstream.port()
    );
    let path = write(folder, "named.conf", &config);
    check("named-checkconf", &[&path]);
    check("named-checkzone", &["-q", ZONE, &format!("{shown}/export")]);
    vec!["-g".into(), "-c".into(), path]
}

fn unbound(
    folder: &Path,
    address: SocketAddr,
    upstream: SocketAddr,
    modules: &str,
    lists: &str,
) -> Vec<String> {
    let config = format!(
        "server:\n interface: 127.0.0.1@{}\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n \
         use-syslog: no\n pidfile: \"\"\n directory: {folder:?}\n module-config: \"{modules}\"\n \
         do-not-query-localhost: no\n num-threads: 1\n{lists}\
         forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{}\n",
        address.port(),
        upstream.port()
    );
    let path = write(folder, "unbound.conf", &config);
    check("unbound-checkconf", &[&path]);
    vec!["-d".into(), "-c".into(), path]
}

fn power_dns(folder: &Path, address: SocketAddr, upstream: SocketAddr, lines: &str) -> Vec<String> {
    let shown = folder.display();
    let lua = write(folder, "lists.lua", &format!("rpzFile(\"{shown}/export\")\n"));
    let config = format!(
        "local-address=127.0.0.1\nlocal-port={}\nforward-zones-recurse=.=127.0.0.1:{}\n\
         lua-config-file={lua}\ndnssec=off\ndaemon=no\nsocket-dir={shown}\nthreads=1\nwrite-pid=no\n\
         disable-syslog=yes\nserve-rfc1918=no\nquiet=yes\n{lines}",
        address.port(),
        upstream.port()
    );
    write(folder, "recursor.conf", &config);
    vec![format!("--config-dir={shown}")]
}

fn dnsmasq(folder: &Path, address: SocketAddr, upstream: SocketAddr, lines: &str) -> Vec<String> {
    let config = format!(
        "port={}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\npid-file=\nuser=\n\
         server=127.0.0.1#{}\nconf-file={}\n{lines}",
        address.port(),
        upstream.port(),
        folder.join("export").display()
    );
    let path = write(folder, "dnsmasq.conf", &config);
    check("dnsmasq", &["--test", "-C", &path]);
    vec!["-k".into(), "-C".into(), path]
}

fn knot(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let config = format!(
        "net.listen('127.0.0.1', {}, {{ kind = 'dns' }})\nnet.ipv6 = false\n\
         modules.unload('ta_update')\nmodules.unload('ta_signal_query')\n\
         modules.unload('priming')\nmodules.unload('detect_time_skew')\n\
         trust_anchors.remove('.')\ncache.size = 100 * MB\nlog_level('err')\n\
         policy.add(policy.rpz(policy.DENY, 'export'))\n\
         policy.add(policy.all(policy.STUB({{'127.0.0.1@{}'}})))\n",
        address.port(),
        upstream.port()
    );
    let path = write(folder, "kresd.conf", &config);
    vec!["-n".into(), "-c".into(), path, folder.display().to_string()]
}

fn dnsdist(folder: &Path, address: SocketAddr, upstream: SocketAddr) -> Vec<String> {
    let config = format!(
        "setLocal('{address}')\nsetACL('127.0.0.0/8')\nnewServer('{upstream}')\n\
         getPool(''):setCache(newPacketCache(100000))\nrefused = newSuffixMatchNode()\n\
         for name in io.lines('{}') do refused:add(name) end\n\
         addAction(SuffixMatchNodeRule(refused), RCodeAction(DNSRCode.NXDOMAIN))\n",
        folder.join("export").display()
    );
    let path = write(folder, "dnsdist.conf", &config);
    vec!["--supervised".into(), "--disable-syslog".into(), "-C".into(), path]
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
