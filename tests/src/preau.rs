//! A `preau` process, with a folder of its own and an upstream that knows a few names.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use hickory_server::proto::op::{Message, ResponseCode};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    client::{Question, Transport, exchange},
    upstream::{self, Behaviour},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a configuration; in it, `preau` runs, or not.
pub struct Preau {
    binary: &'static str,
    /// Where it answers.
    pub address: SocketAddr,
    /// Environment variables that it is started with.
    pub variables: Vec<(&'static str, PathBuf)>,
    folder: TempDir,
    child: Option<Child>,
    /// The upstream's.
    runtime: Option<Runtime>,
}

impl Preau {
    /// A folder, in which nothing runs yet, for this `[lists]` table. The upstream knows
    /// `allowed.example` and `v0.example` to `v999.example`.
    pub fn new(binary: &'static str, lists: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut zone = "allowed.example. 300 IN A 192.0.2.50\n".to_owned();
        for number in 0..1000 {
            writeln!(zone, "v{number}.example. 300 IN A 192.0.2.51").unwrap();
        }
        let upstream = upstream::start(&Behaviour::Zone(zone), &runtime);
        let address = crate::address::unused();
        let config = format!(
            "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n\
             [lists]\ncache = \"cache\"\n"
        );
        let mut preau = Self::configured(binary, address, &(config + lists));
        preau.runtime = Some(runtime);
        preau
    }

    /// A folder, in which nothing runs yet, with a whole configuration, which says to listen on
    /// `address`.
    pub fn configured(binary: &'static str, address: SocketAddr, config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("preau.toml"), config).unwrap();
        Self { binary, address, variables: Vec::new(), folder, child: None, runtime: None }
    }

    /// The number of its process, which runs.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it was started").id()
    }

    /// Memory that it has in RAM (`VmRSS`).
    pub fn resident_octets(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        1024 * line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    }

    /// Memory that is its own alone: private pages, those of files that no other process maps among
    /// them.
    pub fn private_octets(&self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id())).unwrap();
        let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
        1024 * lines
            .map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap())
            .sum::<u64>()
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, with a new log, and waits until it listens.
    pub fn start(&mut self) {
        let log = fs::File::create(self.path("log")).unwrap();
        let child = Command::new(self.binary)
            .args(["--config", "preau.toml"])
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, "")))
            .envs(self.variables.iter().cloned())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.wait_for("listening on");
    }

    /// Runs a command of it, to its end: exit code, and everything printed.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(self.binary)
            .args(["--config", "preau.toml"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    /// Everything it said since its last start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Waits until the log holds `text`.
    pub fn wait_for(&self, text: &str) {
        self.until(text, || self.log().contains(text));
    }

    /// Waits for a condition, which is called `what` if it never comes.
    pub fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < patience, "no `{what}` in:\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal, such as `-HUP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Kills it, as a power failure would, and waits for its end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// Waits for its end, after a signal; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it was started");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it does not end:\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether it refuses a name.
    pub fn refuses(&self, name: &str) -> bool {
        let question = Question { edns: Some((1232, false)), ..Question::new(name, 1) };
        let packet = question.packet(7);
        let answer = exchange(self.address, Transport::Udp, Ipv4Addr::LOCALHOST, &packet, true);
        let message = Message::from_vec(&answer.expect("an answer")).unwrap();
        match message.metadata.response_code {
            ResponseCode::NXDomain => true,
            ResponseCode::NoError => false,
            other => panic!("{name}: {other}\n{}", self.log()),
        }
    }
}

impl Drop for Preau {
    fn drop(&mut self) {
        self.kill();
    }
}
