//! A server in the test's own process, on free ports of the loopback.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread::JoinHandle,
};

use dns_server::{Config, Listeners, config::Listen};
use filter_core::{FilterBuilder, NamePattern, Options, Scope, Source, Stamp, Suffixes};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::upstream::{self, Behaviour};

/// What to serve.
#[derive(Clone, Debug)]
pub struct Setup {
    /// TOML without `[listen]`, `[upstream]` and `[lists]`; empty: the defaults.
    pub config: String,
    /// A compiled bundle; none: the embedded starter list.
    pub bundle: Option<Vec<u8>>,
    /// Whom it asks.
    pub upstream: Behaviour,
}

impl Default for Setup {
    fn default() -> Self {
        Self { config: String::new(), bundle: None, upstream: Behaviour::Zone(String::new()) }
    }
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct TestServer {
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
    /// Where it answers, over everything; its name is [`NAME`].
    pub listen: Listen,
    /// Whom to believe that it is it: the authority of its certificate, a PEM file.
    pub authority: PathBuf,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl TestServer {
    /// Starts a server.
    pub fn start(setup: &Setup) -> Self {
        let folder = TempDir::new().unwrap();
        let runtime = Runtime::new().unwrap();
        let upstream = upstream::start(&setup.upstream, &runtime);
        let authority = certify(folder.path());
        let config = config(setup, upstream, &folder);
        let config = Config::parse("test.toml", config).unwrap();
        let listeners = Listeners::bind(&config.listen).unwrap();
        let listen = listeners.addresses().unwrap();
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        let serve = move || runtime.block_on(dns_server::run(listeners, config, until)).unwrap();
        let thread = Some(std::thread::spawn(serve));
        let address = listen.dns[0];
        Self { address, listen, authority, shutdown, thread, _folder: folder }
    }

    /// Stops it and waits for its end, which must be a good one.
    pub fn stop(mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends without a panic");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What its certificate is for.
pub const NAME: &str = "dns.school.example";

/// Makes a certificate, its key and its authority in a folder; where the authority is.
pub fn certify(folder: &Path) -> PathBuf {
    let [authority_key, key] = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap());
    let mut parameters = rcgen::CertificateParams::new([]).unwrap();
    // Of another name than what it signs, which would seem to be signed by itself.
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = folder.join("authority.pem");
    fs::write(&authority, parameters.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(parameters, authority_key);
    let names = [NAME.to_owned(), "127.0.0.1".to_owned()];
    let parameters = rcgen::CertificateParams::new(names).unwrap();
    let certificate = parameters.signed_by(&key, &issuer).unwrap();
    fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    authority
}

fn config(setup: &Setup, upstream: SocketAddr, folder: &TempDir) -> String {
    let state: PathBuf = folder.path().join("state");
    let bundle = setup.bundle.as_ref().map(|bytes| {
        let path = folder.path().join("lists.bundle");
        fs::write(&path, bytes).unwrap();
        format!("bundle = {path:?}\n")
    });
    let dnssec = match setup.upstream {
        Behaviour::Trusted(_) => "dnssec = \"trust\"\n",
        _ => "",
    };
    let at = "[\"127.0.0.1:0\"]";
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    format!(
        "[listen]\ndns = {at}\ntls = {at}\nhttps = {at}\nquic = {at}\n\
         [tls]\ncertificate = {certificate:?}\nkey = {key:?}\nname = \"{NAME}\"\n[upstream]\nservers = [\"{upstream}\"]\n{dnssec}\
         [lists]\n{}cache = {state:?}\n{}\n",
        bundle.unwrap_or_default(),
        setup.config
    )
}

/// Compiles lists written for a test: a line without indentation is a source, `NAME block|allow
/// CATEGORY… [lifts CATEGORY…] [legal]`; an indented one a rule of it, `d`, `=d` (exact), `*.d` (below),
/// `@@d` (exception), `192.0.2.0/24` (addresses of answers).
pub fn compile(lists: &str) -> Vec<u8> {
    let mut builder = FilterBuilder::new();
    let mut batches = Vec::new();
    for line in lists.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(char::is_whitespace) {
            let batch: &mut filter_core::Batch = batches.last_mut().expect("a source comes first");
            if let Ok(network) = line.trim().parse::<filter_core::Network>() {
                batch.network(&network, Options::default()).unwrap();
                continue;
            }
            let (text, exception) = match line.trim().strip_prefix("@@") {
                Some(text) => (text, true),
                None => (line.trim(), false),
            };
            let (text, exact) = match text.strip_prefix('=') {
                Some(text) => (text, true),
                None => (text, false),
            };
            let NamePattern { name, scope } = text.parse().unwrap();
            let scope = if exact { Scope::Exact } else { scope };
            batch.domain(&name, scope, Options { exception, ..Options::default() }).unwrap();
        } else {
            let (marks, words): (Vec<_>, Vec<_>) =
                line.split_whitespace().partition(|word| *word == "legal");
            let legal = !marks.is_empty();
            let (categories, lifts) = match words.iter().position(|word| *word == "lifts") {
                Some(at) => (&words[2..at], &words[at + 1..]),
                None => (&words[2..], &[][..]),
            };
            let source = match words[1] {
                "block" => Source::block(words[0], categories),
                "allow" => Source::allow(words[0], categories, lifts),
                other => panic!("`{other}` is neither block nor allow: {line}"),
            };
            let id = builder.source(Source { suffixes: Suffixes::Keep, legal, ..source }).unwrap();
            batches.push(builder.batch(id));
        }
    }
    for batch in batches {
        builder.add(batch.finish());
    }
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    builder.build(stamp).bytes
}
