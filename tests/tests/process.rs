//! The program as an operator runs it: start, messages, signals, exit codes, and what it leaves
//! behind (nothing about anybody).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use hickory_server::proto::op::{Message, ResponseCode};
use tempfile::TempDir;
use tests::{
    client::{Question, Transport, exchange},
    server::compile,
    upstream::{self, Behaviour},
};
use tokio::runtime::Runtime;

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");

/// A running `preau` with a folder of its own.
struct Preau {
    child: Child,
    address: SocketAddr,
    metrics: SocketAddr,
    folder: TempDir,
    _runtime: Runtime,
}

impl Preau {
    /// Starts `preau run` on a free port with these lists; logs everything, to `log` in its folder.
    fn start(lists: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let runtime = Runtime::new().unwrap();
        let zone = "allowed.example. 300 IN A 192.0.2.50\n".to_owned();
        let upstream = upstream::start(&Behaviour::Zone(zone), &runtime);
        let [address, metrics] = [(); 2].map(|()| tests::address::unused());
        fs::write(folder.path().join("lists.bundle"), compile(lists)).unwrap();
        let config = format!(
            "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
             [lists]\nbundle = \"lists.bundle\"\ncache = \"state\"\n\
             [metrics]\nlisten = \"{metrics}\"\n\
             [check]\nsocket = \"check.sock\"\n\
             [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n"
        );
        fs::write(folder.path().join("preau.toml"), config).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(PREAU)
            .args(["--config", "preau.toml", "run"])
            .current_dir(folder.path())
            .env("RUST_LOG", "trace")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let preau = Self { child, address, metrics, folder, _runtime: runtime };
        preau.wait_for("dig");
        preau
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the log holds `text`.
    fn wait_for(&self, text: &str) {
        let patience = Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(Instant::now() < patience, "no `{text}` in:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn ask_from(&self, source: Ipv4Addr, transport: Transport, name: &str) -> Message {
        let question = Question { edns: Some((1232, false)), ..Question::new(name, 1) };
        let answer = exchange(self.address, transport, source, &question.packet(7), true);
        Message::from_vec(&answer.expect("an answer")).unwrap()
    }

    fn rcode(&self, name: &str) -> ResponseCode {
        self.ask_from(Ipv4Addr::LOCALHOST, Transport::Udp, name).metadata.response_code
    }

    /// What the check API says to a body.
    fn check(&self, path: &str, body: &str) -> String {
        let mut stream = UnixStream::connect(self.path("check.sock")).unwrap();
        let length = body.len();
        let head = "HTTP/1.1\r\nHost: x\r\nConnection: close";
        write!(stream, "POST {path} {head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Preau {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SHOPS: &str = "shops block ecommerce\n  refused.example\n";

#[test]
fn nothing_that_was_asked_and_nobody_who_asked_is_left_behind() {
    let mut preau = Preau::start(SHOPS);
    let client = Ipv4Addr::new(127, 77, 66, 55);
    let asked = ["refused.example", "secret.refused.example", "allowed.example", "absent.example"];
    for name in asked {
        preau.ask_from(client, Transport::Udp, name);
        preau.ask_from(Ipv4Addr::LOCALHOST, Transport::Tcp, name);
    }
    // A broken packet must not be logged either.
    let broken = [&Question::new("broken.example", 1).packet(9)[..], b"rubbish"].concat();
    exchange(preau.address, Transport::Udp, client, &broken, true).unwrap();
    // Nor what programs ask, on the spot or on another thread, of faults or of nothing.
    let page = r#""items":[{"host":"secret.refused.example"},{"text":"absent Louise"},
        {"url":"https://allowed.example/secret?q=Louise","title":"broken","snippet":"Louise"}"#;
    let long = format!("{page},{{\"text\":\"{}\"}}", "Louise ".repeat(1000));
    for page in [page, &long] {
        let said = preau.check("/v1/check", &format!("{{\"group\":\"pupils\",{page}]}}"));
        assert!(said.starts_with("HTTP/1.1 200 OK") && said.contains("\"blocked\""), "{said}");
        let said = preau.check("/v1/check", &format!("{{\"group\":\"Louise\",{page}]}}"));
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
        let said = preau.check("/v1/check", &format!("{{\"Louise\":\"secret\",{page}]"));
        assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    }
    let said = preau.check("/v1/explain", r#"{"group":"pupils","text":"Louise secret"}"#);
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    // What others may read of it at any time is looked through with what it wrote.
    let scrape = scrape(preau.metrics);
    assert!(
        scrape.contains("preau_questions_total{group=\"pupils\",outcome=\"allowed\""),
        "{scrape}"
    );
    assert!(!scrape.contains("refused.example"), "{scrape}");
    fs::write(preau.path("scrape"), &scrape).unwrap();
    preau.signal("-HUP");
    preau.wait_for("reload");
    preau.signal("-TERM");
    assert!(preau.child.wait().unwrap().success(), "{}", preau.log());

    // The bundle holds the names of the lists; everything else that was written must hold none.
    let written = files(preau.folder.path());
    assert!(written.iter().any(|file| file.ends_with("log")), "{written:?}");
    let telling =
        ["secret", "Louise", "allowed.example", "absent", "broken", "127.77.66.55", "77.66.55"];
    let mut read = 0;
    for file in &written {
        let bytes = fs::read(file).unwrap();
        for text in telling {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "{} holds `{text}`:\n{}", file.display(), preau.log());
        }
        read += bytes.len();
    }
    let log = preau.log();
    assert!(!log.contains("refused.example"), "{log}");
    assert!(read > 1000 && log.len() > 100, "there was something to read: {read}, {}", log.len());
}

fn scrape(metrics: SocketAddr) -> String {
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).collect()
}

#[test]
fn a_reload_takes_new_lists_and_keeps_the_old_ones_on_any_fault() {
    let preau = Preau::start(SHOPS);
    assert_eq!(preau.rcode("refused.example"), ResponseCode::NXDomain);
    assert_eq!(preau.rcode("allowed.example"), ResponseCode::NoError);

    // New lists: the other name is refused.
    let swapped = compile("shops block ecommerce\n  allowed.example\n  refused.example\n");
    replace(&preau.path("lists.bundle"), &swapped);
    preau.signal("-HUP");
    until(|| preau.rcode("allowed.example") == ResponseCode::NXDomain);

    // A bundle with a flipped bit, a cut one, one of another version, none at all, a wrong
    // configuration: each is named in the log, and what was served goes on being served.
    let last = swapped.len() - 1;
    let flipped = [&swapped[..last], &[swapped[last] ^ 1]].concat();
    let mut other_version = swapped.clone();
    other_version[8] = 99;
    for (bytes, message) in [
        (&flipped[..], "corrupt"),
        (&swapped[..100], "cut short"),
        (&other_version, "bundle format 99"),
        (b"GIF89a", "not a Préau bundle"),
    ] {
        replace(&preau.path("lists.bundle"), bytes);
        preau.signal("-HUP");
        preau.wait_for(message);
        assert_eq!(preau.rcode("allowed.example"), ResponseCode::NXDomain, "{message}");
    }
    fs::remove_file(preau.path("lists.bundle")).unwrap();
    preau.signal("-HUP");
    preau.wait_for("lists.bundle: No such file");
    assert_eq!(preau.rcode("allowed.example"), ResponseCode::NXDomain);

    let config = fs::read_to_string(preau.path("preau.toml")).unwrap();
    fs::write(preau.path("preau.toml"), config.replace("profile =", "profil =")).unwrap();
    preau.signal("-HUP");
    preau.wait_for("unknown field `profil`");
    assert_eq!(preau.rcode("allowed.example"), ResponseCode::NXDomain);
    assert_eq!(preau.rcode("refused.example"), ResponseCode::NXDomain);
}

/// As an update does: the new file takes the old one's name.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::rename(new, path).unwrap();
}

fn until(mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < patience, "it never came");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn queries_are_answered_while_lists_are_replaced() {
    let preau = Preau::start(SHOPS);
    let stop = Instant::now() + Duration::from_secs(2);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut answers = 0;
            while Instant::now() < stop {
                assert_eq!(preau.rcode("refused.example"), ResponseCode::NXDomain);
                answers += 1;
            }
            answers
        });
        while !asking.is_finished() {
            preau.signal("-HUP");
            thread::sleep(Duration::from_millis(100));
        }
        assert!(asking.join().unwrap() > 100);
    });
}

#[test]
fn after_a_fault_of_its_bundle_it_starts_on_the_last_good_one() {
    let mut preau = Preau::start(SHOPS);
    preau.signal("-TERM");
    assert!(preau.child.wait().unwrap().success());
    replace(&preau.path("lists.bundle"), b"rubbish");
    let log = fs::File::create(preau.path("log")).unwrap();
    preau.child = Command::new(PREAU)
        .args(["--config", "preau.toml"])
        .current_dir(preau.folder.path())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    preau.wait_for("LAST GOOD BUNDLE");
    until(|| preau.log().contains("dig") || preau.log().contains("listening"));
    assert_eq!(preau.rcode("refused.example"), ResponseCode::NXDomain);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output =
        run(&[("p.toml", &format!("[listen]\ndns = [\"{address}\"]\n"))], &["--config", "p.toml"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&address.to_string()) && message.contains("in use"), "{message}");
}

#[test]
fn exit_codes() {
    let good = "[[group]]\nname = \"a\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n";
    let unknown_key = "[[group]]\nname = \"a\"\nnetwork = [\"127.0.0.0/8\"]\nprofile = \"child\"\n";
    let no_bundle = "[lists]\nbundle = \"absent.bundle\"\ncache = \"state\"\n";
    let files = [("good.toml", good), ("key.toml", unknown_key), ("bundle.toml", no_bundle)];
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--config", "good.toml", "check-config"], 0, ""),
        (&["--config", "good.toml", "explain", "pornhub.com"], 0, "starter-porn"),
        (&["--config", "key.toml", "check-config"], 3, "key.toml:3:1"),
        (&["--config", "key.toml", "explain", "pornhub.com"], 3, "unknown field `network`"),
        (&["--config", "absent.toml", "check-config"], 3, "absent.toml"),
        (&["--config", "bundle.toml", "check-config"], 4, "absent.bundle"),
        (&["--config", "bundle.toml"], 4, "absent.bundle"),
        (&["explain", "not a name"], 2, "not a name"),
        (&["no-such-command"], 2, "no-such-command"),
    ];
    for (arguments, code, says) in cases {
        let output = run(&files, arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn explain_names_category_source_and_rule() {
    let lists = "adult block porn\n  porn.example\nhealth allow education lifts porn\n  health.porn.example\n";
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("lists.bundle"), compile(lists)).unwrap();
    let config = "[lists]\nbundle = \"lists.bundle\"\ncache = \"state\"\n\
                  [[group]]\nname = \"pupils\"\nnetworks = [\"10.0.0.0/8\"]\nprofile = \"child\"\n";
    fs::write(folder.path().join("p.toml"), config).unwrap();
    let explain = |arguments: &[&str]| {
        let arguments = [&["--config", "p.toml", "explain"], arguments].concat();
        let output =
            Command::new(PREAU).args(arguments).current_dir(folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let client = ["--client", "10.1.2.3"];
    let blocked = explain(&[&["www.porn.example"], &client[..]].concat());
    for part in ["pupils", "child", "refused", "porn", "adult", "porn.example"] {
        assert!(blocked.contains(part), "{part}: {blocked}");
    }
    let allowed = explain(&[&["a.health.porn.example"], &client[..]].concat());
    for part in ["allowed", "health.porn.example", "education", "lifts porn", "lifted by"] {
        assert!(allowed.contains(part), "{part}: {allowed}");
    }
    let unlisted = explain(&[&["wikipedia.example"], &client[..]].concat());
    assert!(unlisted.contains("allowed") && unlisted.contains("no rule"), "{unlisted}");
    let json = explain(&[&["www.porn.example", "--json"], &client[..]].concat());
    assert!(json.trim_start().starts_with('{') && json.contains("\"adult\""), "{json}");
}

fn run(files: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(PREAU);
    command.args(arguments).current_dir(folder.path()).env_remove("RUST_LOG");
    command.env("XDG_STATE_HOME", folder.path()).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn out_of_the_box_it_says_where_what_and_how_to_try() {
    // The default port may be taken on a developer's machine; the words are the same on another.
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("p.toml"), "[listen]\ndns = [\"127.0.0.1:0\"]\n").unwrap();
    let mut child = Command::new(PREAU)
        .args(["--config", "p.toml"])
        .current_dir(folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let both = BufReader::new(stderr.chain(stdout));
    let mut said = String::new();
    for line in both.lines() {
        said.push_str(&line.unwrap());
        said.push('\n');
        if said.contains("dig ") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for part in ["127.0.0.1:", "porn ", "ecommerce ", "dig @127.0.0.1 -p "] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
