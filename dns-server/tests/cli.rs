//! The `preau` command as its users type it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use filter_core::{FilterBuilder, Stamp};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tempfile::TempDir;

fn preau(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preau"));
    command.args(arguments).env_remove("RUST_LOG").env_remove("STATE_DIRECTORY");
    command
}

/// Exit code, standard output, standard error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A folder with a configuration file in it.
struct Site(TempDir);

impl Site {
    fn new(config: &str) -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        site.write(config);
        site
    }

    fn write(&self, config: &str) {
        fs::write(self.config(), config).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("preau.toml")
    }

    /// Runs a command with that configuration.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        run(preau(arguments).arg("--config").arg(self.config()))
    }
}

#[test]
fn exit_codes() {
    let valid = "[upstream]\nservers = [\"192.0.2.1\"]\n";
    let bad_bundle = valid.to_owned() + "[lists]\nbundle = \"preau.toml\"\ncache = \"state\"\n";
    let no_bundle = valid.to_owned() + "[lists]\nbundle = \"none\"\ncache = \"state\"\n";
    let category = valid.to_owned() + "[profile.child]\nblock = [\"pron\"]\n";
    let cases = [
        (valid, &["check-config"][..], 0, ""),
        ("[lisen]\n", &["check-config"], 3, "unknown field `lisen`"),
        ("[lisen]\n", &["run"], 3, "unknown field `lisen`"),
        ("[lisen]\n", &["explain", "example.com"], 3, "preau.toml:1:2"),
        (&category, &["check-config"], 3, "unknown category `pron`"),
        (&bad_bundle, &["check-config"], 4, "is not a usable bundle: not a Préau bundle"),
        (&bad_bundle, &["run"], 4, "is not a usable bundle"),
        (&no_bundle, &["run"], 4, "cannot read the bundle"),
        (&no_bundle, &["explain", "example.com"], 4, "cannot read the bundle"),
        (valid, &["explain", "not a name"], 2, "invalid value 'not a name'"),
        (valid, &["query", "example.com", "NOSUCHTYPE"], 2, "not a record type"),
        (valid, &["explain"], 2, "required"),
        (valid, &["serve"], 2, "unrecognized subcommand"),
    ];
    for (config, arguments, expected, message) in cases {
        // A free port, so that a valid configuration would be served.
        let config = format!("{config}\n")
            .replace("[upstream]", "[listen]\ndns=[\"127.0.0.1:0\"]\n[upstream]");
        let (code, _, stderr) = Site::new(&config).run(arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
    let (code, _, stderr) = run(&mut preau(&["--config", "/nonexistent.toml", "check-config"]));
    assert_eq!(code, Some(3));
    assert!(stderr.contains("cannot read the configuration /nonexistent.toml"), "{stderr}");
}

#[test]
fn rollout_writes_a_folder_and_nothing_by_halves() {
    let site = tempfile::tempdir().unwrap();
    let (config, out) = (site.path().join("rollout.toml"), site.path().join("out"));
    let rollout = || run(preau(&["rollout", "--out"]).arg(&out).arg("--config").arg(&config));
    let (code, example, _) = run(&mut preau(&["rollout", "--example"]));
    assert_eq!(code, Some(0));
    fs::write(&config, &example).unwrap();
    let (code, stdout, stderr) = rollout();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with(&format!("Wrote {}: 39 files.\n", out.display())), "{stdout}");
    assert!(out.join("pupils/windows/edge.reg").is_file());

    fs::write(&config, "[[audience]]\nname = \"a\"\nsearch = \"altavista\"\n").unwrap();
    let (code, _, stderr) = rollout();
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: no engine `altavista`\n --> "), "{stderr}");
    assert!(stderr.contains("rollout.toml:3:10"), "{stderr}");
    assert!(out.join("pupils/windows/edge.reg").is_file());

    fs::write(&config, "[[audience]]\nname = \"a\"\n").unwrap();
    fs::write(out.join("pupils/own.txt"), "kept").unwrap();
    let (code, _, stderr) = rollout();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("`pupils/own.txt` is none of its files"), "{stderr}");
    fs::remove_file(out.join("pupils/own.txt")).unwrap();
    let (code, stdout, _) = rollout();
    assert_eq!(code, Some(0));
    assert!(stdout.starts_with("Replaced ") && !out.join("pupils").exists(), "{stdout}");

    let (code, _, stderr) = run(preau(&["rollout", "--out"]).arg(&out));
    assert_eq!(code, Some(3));
    assert!(stderr.contains("--config rollout.toml"), "{stderr}");
}

#[test]
fn check_config_tells_what_would_be_served() {
    let site = Site::new(
        r#"
[listen]
dns = ["10.0.0.1:53"]
[upstream]
servers = ["192.0.2.1", "tls://9.9.9.9#dns.quad9.net"]
[[group]]
name = "pupils"
networks = ["10.1.0.0/16", "10.2.0.0/16"]
profile = "child"
"#,
    );
    let (code, stdout, stderr) = site.run(&["check-config"]);
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[0], "listen: 10.0.0.1:53");
    assert_eq!(lines[1], "upstream: 192.0.2.1:53");
    assert_eq!(lines[2], "upstream: tls://9.9.9.9:853#dns.quad9.net");
    assert_eq!(lines[3], "group pupils: 2 networks, profile child");
    assert!(lines[4].starts_with("lists: starter list of 20"), "{stdout}");
    assert_eq!(lines[5..], ["The configuration is valid."]);
}

/// What is printed can be served, and edited with an editor's help.
#[test]
fn default_config() {
    let (code, stdout, stderr) = run(&mut preau(&["default-config"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let site = Site::new(&stdout);
    let (code, told, stderr) = site.run(&["check-config"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(told.starts_with("listen: 127.0.0.1:5300\n"), "{told}");
    let (code, schema, _) = run(&mut preau(&["default-config", "--schema"]));
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(schema["properties"]["limits"]["properties"]["waiting"]["default"], 1024);
    for command in ["man", "completions"] {
        let shell: &[&str] = if command == "completions" { &["bash"] } else { &[] };
        let (_, stdout, _) = run(&mut preau(&[&[command], shell].concat()));
        assert!(stdout.replace('\\', "").contains("default-config"), "{command}");
    }
}

const TWO_GROUPS: &str = r#"
[upstream]
servers = ["192.0.2.1"]
[[group]]
name = "pupils"
networks = ["10.1.0.0/16"]
profile = "child"
[[group]]
name = "teachers"
networks = ["10.2.0.0/16"]
profile = "staff"
"#;

#[test]
fn explain() {
    let site = Site::new(TWO_GROUPS);
    let explain = |client: &str, name: &str| {
        let (code, stdout, stderr) = site.run(&["explain", name, "--client", client]);
        assert_eq!(code, Some(0), "{stderr}");
        stdout
    };
    let pupil = explain("10.1.2.3", "www.amazon.fr");
    assert_eq!(
        pupil,
        "\
10.1.2.3 is in group pupils
www.amazon.fr is refused in profile child
→ 8 list rules: block amazon.fr · ecommerce · starter-ecommerce-fr · decides
  10 profile's default: allow no rule · outranked
"
    );
    let teacher = explain("::ffff:10.2.0.1", "www.amazon.fr");
    assert!(teacher.contains("is in group teachers"), "{teacher}");
    assert!(teacher.contains("www.amazon.fr is allowed in profile staff"), "{teacher}");
    assert!(teacher.contains("ecommerce · starter-ecommerce-fr · not in force"), "{teacher}");
    let nobody = explain("192.0.2.7", "www.amazon.fr");
    assert!(nobody.starts_with("192.0.2.7 is in no group"), "{nobody}");
    assert!(nobody.contains("pupils, teachers"), "{nobody}");
}

#[test]
fn explain_for_machines() {
    let site = Site::new(TWO_GROUPS);
    let arguments = ["explain", "--json", "Amazon.FR.", "--client", "10.1.2.3"];
    let (code, stdout, stderr) = site.run(&arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["group"], "pupils");
    assert_eq!(json["trace"]["name"], "amazon.fr");
    assert_eq!(json["trace"]["blocked"], true);
    assert_eq!(json["trace"]["profile"], "child");
    let winner = json["trace"]["winner"].as_u64().unwrap() as usize;
    assert_eq!(json["trace"]["candidates"][winner]["source"], "starter-ecommerce-fr");
    let (_, stdout, _) = site.run(&["explain", "--json", "amazon.fr", "--client", "192.0.2.7"]);
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["group"], serde_json::Value::Null);
}

#[test]
fn a_port_in_use() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let site = Site::new(&format!(
        "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"192.0.2.1\"]\n"
    ));
    let (code, _, stderr) = site.run(&[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("cannot listen on {address}")), "{stderr}");
    assert!(stderr.contains("another program listens there"), "{stderr}");
}

/// A server that is stopped in the end, whatever happens.
struct Server {
    child: Child,
    log: mpsc::Receiver<String>,
    seen: String,
}

impl Server {
    fn start(site: &Site) -> Self {
        Self::start_with(site, |_| {})
    }

    fn start_with(site: &Site, set: impl FnOnce(&mut Command)) -> Self {
        let mut command = preau(&["--config"]);
        // Nobody can talk hickory into logging what children ask.
        command.arg(site.config()).env("RUST_LOG", "trace,hickory_server=trace");
        set(&mut command);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (lines, log) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.lines() {
                let _ = lines.send(line.unwrap() + "\n");
            }
        });
        Self { child, log, seen: String::new() }
    }

    /// Reads the log up to the line that holds `text`.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.log.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", self.seen));
            self.seen.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_cache_and_signals() {
    let config = "[listen]\ndns = [\"127.0.0.1:0\"]\n[upstream]\nservers = [\"127.0.0.1:9\"]\n\
                  [lists]\nbundle = \"today.bundle\"\ncache = \"state\"\n";
    let site = Site::new(config);
    let bundle = site.0.path().join("today.bundle");
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    fs::write(&bundle, FilterBuilder::new().build(stamp).bytes).unwrap();
    let mut server = Server::start(&site);
    server.wait_for("listening on ");
    let (code, _, stderr) = site.run(&["run"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("another preau keeps its bundles in "), "{stderr}");
    // Nobody will ever write to this pipe.
    fs::remove_file(&bundle).unwrap();
    assert!(Command::new("mkfifo").arg(&bundle).status().unwrap().success());
    server.signal("-HUP");
    let line = server.wait_for("not reloaded, everything as before");
    assert!(line.contains("today.bundle: not a regular file"), "{line}");
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    // The directory is free again, and what it holds is served.
    let mut server = Server::start(&site);
    server.wait_for("SERVING THE LAST GOOD BUNDLE");
    server.wait_for("lists: last good copy, not bundle ");
}

#[test]
fn a_day_of_a_server() {
    let config = "[listen]\ndns = [\"127.0.0.1:0\"]\n[upstream]\nservers = [\"127.0.0.1:9\"]\n";
    let site = Site::new(config);
    let mut server = Server::start(&site);
    let line = server.wait_for("listening on ");
    assert!(line.contains("UDP and TCP; try: dig @127.0.0.1 -p "), "{line}");
    assert!(server.seen.contains("starter list of 20"), "{}", server.seen);
    let address = line.split("listening on ").nth(1).unwrap().split(',').next().unwrap();

    let client = Site::new(&config.replace("127.0.0.1:0", address));
    let (code, stdout, stderr) = client.run(&["query", "pornhub.com", "https"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(
        stdout,
        "\
NXDOMAIN
authority: pornhub.com. 30 IN SOA preau.invalid. preau.invalid. 1 3600 600 86400 30
extended error: 15 (Blocked): porn · starter-porn
"
    );
    let (_, stdout, _) = client.run(&["query", "unlisted.example"]);
    assert_eq!(stdout, "SERVFAIL\nextended error: 22 (No Reachable Authority)\n");

    // A reload that cannot be, and one that can.
    site.write("[profile.child]\nblock = [\"pron\"]\n");
    server.signal("-HUP");
    let line = server.wait_for("not reloaded, everything as before");
    assert!(line.contains("unknown category `pron`"), "{line}");
    assert!(client.run(&["query", "pornhub.com"]).1.starts_with("NXDOMAIN"));
    site.write(&(config.to_owned() + "[profile.child]\nrefusal = \"null\"\n"));
    server.signal("-HUP");
    server.wait_for(" reloaded");
    let (_, stdout, _) = client.run(&["query", "pornhub.com"]);
    assert_eq!(
        stdout,
        "\
NOERROR
answer: pornhub.com. 30 IN A 0.0.0.0
extended error: 4 (Forged Answer): porn · starter-porn
"
    );

    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let log = server.seen.clone() + &server.log.iter().collect::<String>();
    assert!(log.contains(" stopping") && log.contains(" stopped"), "{log}");
    // The dig line names pornhub.com as an example; nothing names what was asked.
    assert!(!log.contains("unlisted.example"), "{log}");
    assert_eq!(log.matches("pornhub.com").count(), 1, "{log}");
    let (code, _, stderr) = client.run(&["query", "pornhub.com"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("no answer from {address}")), "{stderr}");
}

/// A site with a control socket.
fn operated() -> Site {
    Site::new(
        "[listen]\ndns = [\"127.0.0.1:0\"]\n[upstream]\nservers = [\"127.0.0.1:9\"]\n\
         [control]\nsocket = \"control.sock\"\n[lists]\ncache = \"state\"\n\
         [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n",
    )
}

#[test]
fn operating_a_server() {
    let site = operated();
    let (code, _, stderr) = site.run(&["status"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is it running, with [control] socket there?"), "{stderr}");

    let state = site.0.path().join("state");
    fs::create_dir(&state).unwrap();
    let day = "2026-11-20";
    let report = format!(
        r#"{{"name":"a.example","complaint":"needed","first":"{day}","last":"{day}","times":3}}"#
    );
    fs::write(state.join("reports.json"), format!("[{report}]")).unwrap();
    let mut server = Server::start(&site);
    server.wait_for("listening on ");
    let ok = |arguments: &[&str]| {
        let (code, stdout, stderr) = site.run(arguments);
        assert_eq!((code, &*stderr), (Some(0), ""), "{arguments:?}");
        stdout
    };
    let status = ok(&["status"]);
    assert!(status.contains("group pupils: profile child\n"), "{status}");
    assert!(status.contains("reload: none since the start"), "{status}");
    let json: serde_json::Value = serde_json::from_str(&ok(&["status", "--json"])).unwrap();
    assert_eq!(json["groups"][0]["name"], "pupils");
    assert_eq!(ok(&["flush"]), "Flushed.\n");
    assert_eq!(ok(&["flush", "www.example"]), "Flushed.\n");

    let lesson = ["allow", "pornhub.com", "--group", "pupils", "--for", "50m", "--why", "a lesson"];
    let allowed = ok(&lesson);
    assert!(allowed.starts_with("pornhub.com, and all below it, is let through for pupils until "));
    assert!(allowed.ends_with("What refuses it otherwise: porn · starter-porn\n"), "{allowed}");
    let list = ok(&["allow", "--list"]);
    assert!(list.starts_with("pornhub.com for pupils until "), "{list}");
    assert!(list.contains("(uid "), "{list}");
    assert!(list.ends_with(": a lesson\n"), "{list}");

    assert_eq!(ok(&["reports"]), format!("a.example: refused, needed, 3 times, {day}\n"));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&ok(&["reports", "--json"])).unwrap()[0]["times"],
        3
    );
    assert_eq!(ok(&["reports", "done", "a.example"]), "a.example: 3 settled.\n");
    assert_eq!(ok(&["reports"]), "");
    let (code, _, stderr) = site.run(&["reports", "done", "a.example"]);
    assert_eq!((code, &*stderr), (Some(1), "error: nothing is reported about a.example\n"));

    // A reload with faults prints them to whoever asked for it.
    let good = fs::read_to_string(site.config()).unwrap();
    site.write(&(good.clone() + "[profile.child]\nblock = [\"pron\"]\n"));
    let (code, _, stderr) = site.run(&["reload"]);
    assert_eq!(code, Some(3));
    assert!(stderr.starts_with("error: unknown category `pron`"), "{stderr}");
    assert!(stderr.contains("preau.toml:14:10"), "{stderr}");
    site.write(&good.replace("control.sock", "other.sock"));
    let (code, stdout, stderr) = run(preau(&["reload", "--config"]).arg({
        let old = site.0.path().join("old.toml");
        fs::write(&old, &good).unwrap();
        old
    }));
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(
        stdout,
        "Reloaded.\nNot applied: [control] socket takes a restart to take effect.\n"
    );
    site.write(&good);
    assert_eq!(
        ok(&["allow", "pornhub.com", "--group", "pupils", "--end"]),
        "pornhub.com is no longer let through for pupils.\n"
    );
    assert_eq!(ok(&["allow", "--list"]), "");

    let audit = ok(&["audit"]);
    assert!(audit.contains(", which porn · starter-porn refused, by "), "{audit}");
    let verified = ok(&["audit", "--verify"]);
    assert!(verified.contains("audit.jsonl: 7 records, unbroken."), "{audit}{verified}");
    server.signal("-TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(!site.0.path().join("control.sock").exists());
    let log = site.0.path().join("state/audit.jsonl");
    assert!(ok(&["audit"]).ends_with(" stop\n"));
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replace("a lesson", "a mishap")).unwrap();
    let (code, _, stderr) = site.run(&["audit", "--verify"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("line 4 was changed"), "{stderr}{text}");
}

/// Whether `preau` makes something new under a name, and says what to do where it cannot.
fn makes_only_what_is_new(command: &str, out: &Path) {
    let make = |out: &Path| run(preau(&[command, "--out"]).arg(out));
    assert_eq!(make(out).0, Some(0));
    for (path, why) in [(out, "File exists"), (&out.join("none/new"), "(os error ")] {
        let (code, stdout, stderr) = make(path);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        assert!(
            stderr.starts_with(&format!("error: cannot make {}: ", path.display())),
            "{stderr}"
        );
        assert!(stderr.contains(why) && stderr.contains("; name a new "), "{stderr}");
        assert!(stderr.ends_with(" that exists\n"), "{stderr}");
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A teacher's code from its making to the audit log.
#[test]
fn a_teachers_code() {
    let (code, stdout, _) = run(&mut preau(&["code"]));
    let [shown, digest] = [0, 1].map(|line| stdout.lines().nth(line).unwrap_or_default());
    assert_eq!((code, stdout.lines().count()), (Some(0), 2), "{stdout}");
    assert!(shown.starts_with("The code, for teachers: "), "{stdout}");
    assert!(digest.starts_with("A line for its file:    sha256:"), "{stdout}");

    let site = operated();
    let file = site.0.path().join("college.code");
    makes_only_what_is_new("code", &file);
    let kept = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let (_, stdout, _) = run(preau(&["code", "--out"]).arg(&file));
    let code = stdout.lines().next().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stdout.contains(&format!("Its digest is in {};", file.display())), "{stdout}");
    let digest = fs::read_to_string(&file).unwrap();
    assert!(digest.starts_with("sha256:") && digest != kept && !stdout.contains(&*digest));
    assert!(!digest.contains(code) && mode(&file) == 0o640, "{digest}");
    assert_eq!(run(&mut preau(&["code", "--for", "a"])).0, Some(2));

    let config = fs::read_to_string(site.config()).unwrap();
    site.write(&format!(
        "{config}[page]\naddresses = [\"127.0.0.1\"]\nlisten = [\"127.0.0.1:0\"]\n\
         [profile.child]\nrefusal = \"page\"\n\
         [[code]]\nid = \"college\"\nfile = \"college.code\"\ngroups = [\"pupils\"]\n"
    ));
    let mut server = Server::start(&site);
    let line = server.wait_for("block page at http://");
    server.wait_for("listening on ");
    let page = line.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let typed = |name: &str, code: &str| {
        let body = format!("code={code}&minutes=15");
        let request = format!(
            "POST /_preau/unlock HTTP/1.1\r\nHost: {name}\r\nOrigin: http://{name}\r\n\
             Accept: text/html\r\nAccept-Language: en\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(page).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    for (name, typed_code, says) in [
        ("amazon.fr", "k7fq-29mx-p4tr", "That is not the code. Tries left: 4."),
        ("pornhub.com", code, "No code opens this site"),
        ("amazon.fr", code, "This site is open for 15 min"),
    ] {
        let text = typed(name, typed_code);
        assert!(text.contains(says) && !text.contains(code), "{text}");
    }
    let (_, list, _) = site.run(&["allow", "--list"]);
    assert!(list.starts_with("amazon.fr for pupils until ") && list.lines().count() == 1, "{list}");
    let (_, audit, _) = site.run(&["audit"]);
    assert!(audit.contains(", by code college: on the block page\n"), "{audit}");
    let log = server.seen.clone();
    assert!(!audit.contains(code) && !log.contains(code) && !log.contains("amazon"), "{log}");
}

/// An authority from its making to a post that trusts it.
#[test]
fn an_authority_for_the_block_page() {
    let site = operated();
    let folder = site.0.path().join("authority");
    makes_only_what_is_new("ca", &folder);
    fs::remove_dir_all(&folder).unwrap();
    let excluded = ["--exclude", "gouv.fr", "--exclude", "amazon.fr"];
    let (code, stdout, stderr) = run(preau(&["ca", "--out"]).arg(&folder).args(excluded));
    assert_eq!((code, &*stderr), (Some(0), ""));
    let [certificate, key] = ["authority.pem", "authority.key"].map(|name| folder.join(name));
    for text in
        [&*certificate.to_string_lossy(), "whoever has it can pretend", "block-page-https.md"]
    {
        assert!(stdout.contains(text), "{text}: {stdout}");
    }
    assert_eq!([mode(&folder), mode(&certificate), mode(&key)], [0o755, 0o644, 0o600]);
    for arguments in [&["ca"][..], &["ca", "--out", "x", "--exclude", "no name"]] {
        assert_eq!(run(&mut preau(arguments)).0, Some(2), "{arguments:?}");
    }

    let config = fs::read_to_string(site.config()).unwrap();
    site.write(&format!(
        "{config}[page]\naddresses = [\"127.0.0.1\"]\nhttps = [\"127.0.0.1:0\"]\n\
         authority = \"authority\"\n[profile.child]\nrefusal = \"page\"\n"
    ));
    let mut server = Server::start(&site);
    let line = server.wait_for("block page at https://");
    server.wait_for("listening on ");
    let page = line.split("https://").nth(1).unwrap().split('/').next().unwrap();
    let visited = |name: &'static str| visited(page, &certificate, name);
    let (text, days) = visited("pornhub.com").unwrap();
    assert!(text.starts_with("HTTP/1.1 403 ") && text.contains("pornhub.com"), "{text}");
    assert_eq!(days, 8); // a week, and the day before for clocks that are slow
    // Excluded; then not refused.
    assert!(visited("amazon.fr").unwrap_err().contains("NameConstraintViolation"));
    assert!(visited("fr.wikipedia.org").unwrap_err().contains("alert"));
}

/// What a post gets of a page that trusts one authority alone, and for how many days the page's
/// certificate is valid; or why not.
fn visited(page: &str, authority: &Path, name: &'static str) -> Result<(String, i64), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name.try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(page).unwrap());
    let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let leaf = &stream.conn.peer_certificates().unwrap()[0];
    let (_, leaf) = x509_parser::parse_x509_certificate(leaf).unwrap();
    let valid = leaf.validity();
    Ok((text, (valid.not_after.timestamp() - valid.not_before.timestamp()) / 86_400))
}

/// A disk of its own for a folder, which may be full. Only root has one.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(&folder);
        let output = mount.output().ok()?;
        output.status.success().then_some(Self(folder))
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 64]).is_ok() {}
    }

    fn clear(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Whatever could not be recorded was not done, what had been done stays, and the chain holds.
#[test]
fn a_full_disk() {
    let site = operated();
    let Some(disk) = Disk::mount(site.0.path().join("state")) else {
        println!("skipped: no tmpfs can be mounted here");
        return;
    };
    let mut server = Server::start(&site);
    let line = server.wait_for("listening on ");
    let address = line.split("listening on ").nth(1).unwrap().split(',').next().unwrap();
    let text = fs::read_to_string(site.config()).unwrap();
    let client = Site::new(&text.replace("127.0.0.1:0", address));
    let allow = |name: &str| {
        site.run(&["allow", name, "--group", "pupils", "--for", "50m", "--why", "a lesson"])
    };
    let is_refused = |name: &str| client.run(&["query", name]).1.starts_with("NXDOMAIN");
    let audit = || {
        let (code, stdout, stderr) = site.run(&["audit", "--verify"]);
        assert_eq!(code, Some(0), "{stdout}{stderr}");
        stdout
    };
    let (code, _, stderr) = allow("amazon.fr");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!is_refused("amazon.fr") && is_refused("pornhub.com"));

    // First there is no room for what is kept, then, some records later, for a record.
    disk.fill();
    let mut full = Vec::new();
    while !full.contains(&"audit.jsonl") {
        let (code, stdout, stderr) = allow("pornhub.com");
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        let says = "error: not let through, since it cannot be recorded: cannot write ";
        assert!(stderr.starts_with(says), "{stderr}");
        assert!(stderr.contains("No space left on device (os error 28); make room"), "{stderr}");
        assert!(is_refused("pornhub.com") && !is_refused("amazon.fr"));
        let files = ["audit.jsonl", "allowances.json"];
        full.extend(files.iter().find(|file| stderr.contains(**file)));
        assert!(full.len() < 99, "{full:?}");
    }
    assert!(full.contains(&"allowances.json"), "{full:?}");
    audit();
    // Locking needs no record, and says that it has none.
    let (code, _, stderr) = site.run(&["allow", "amazon.fr", "--group", "pupils", "--end"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: locked again, but that cannot be recorded: "), "{stderr}");
    assert!(is_refused("amazon.fr"));

    disk.clear();
    let (code, _, stderr) = allow("pornhub.com");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!is_refused("pornhub.com"));
    let before = audit();
    // A power failure; then it goes on from what is on the disk.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let mut server = Server::start(&site);
    server.wait_for("listening on ");
    let (_, list, _) = site.run(&["allow", "--list"]);
    assert!(list.starts_with("pornhub.com for pupils until "), "{list}");
    assert_eq!(list.lines().count(), 1, "{list}");
    assert_ne!(audit(), before);
}

#[test]
fn allow_wants_to_know_all() {
    let site = operated();
    let cases: [(&[&str], &str); 6] = [
        (&["allow"], "required"),
        (&["allow", "a.example"], "--group"),
        (&["allow", "a.example", "--group", "g"], "--for"),
        (&["allow", "a.example", "--group", "g", "--for", "1h"], "--why"),
        (&["allow", "a.example", "--group", "g", "--for", "soon", "--why", "x"], "such as 50m"),
        (&["allow", "--list", "a.example"], "cannot be used with"),
    ];
    for (arguments, message) in cases {
        let (code, _, stderr) = site.run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}

/// Another user, whom the file's mode lets in, is refused in words. Only root can try.
#[test]
fn the_wrong_user_is_refused() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    if !Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n") {
        return;
    }
    const NOBODY: u32 = 65_534;
    let site = operated();
    let mut server = Server::start(&site);
    server.wait_for("listening on ");
    let folder = site.0.path();
    for (path, mode) in [(folder.to_owned(), 0o755), (folder.join("control.sock"), 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // Where that user may run it.
    let program = folder.join("preau");
    fs::copy(env!("CARGO_BIN_EXE_preau"), &program).unwrap();
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).arg("--config").arg(site.config()).uid(NOBODY).gid(NOBODY);
        run(command.env_remove("RUST_LOG"))
    };
    for arguments in [&["status"][..], &["reload"], &["flush"], &["allow", "--list"]] {
        let (code, stdout, stderr) = ask(arguments);
        assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
        let refused = "error: only root and the server's own user may, not nobody (uid 65534)";
        assert!(stderr.starts_with(refused), "{stderr}");
    }
    fs::set_permissions(folder.join("control.sock"), fs::Permissions::from_mode(0o660)).unwrap();
    let (code, _, stderr) = ask(&["status"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("only root and the server's own user may ask: try sudo"), "{stderr}");
}

/// What the service manager, a container and Prometheus see of a server.
#[test]
fn a_server_that_is_looked_after() {
    use std::os::unix::net::UnixDatagram;
    let site = operated();
    let config = fs::read_to_string(site.config()).unwrap();
    site.write(&(config.clone() + "[metrics]\nlisten = \"127.0.0.1:0\"\n"));
    let manager = site.0.path().join("notify");
    let told = UnixDatagram::bind(&manager).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut buffer = [0; 256];
        let length = told.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut server = Server::start_with(&site, |command| {
        command.env("NOTIFY_SOCKET", &manager).env("WATCHDOG_USEC", "300000");
    });
    let page = server.wait_for("metrics at http://");
    let line = server.wait_for("listening on ");
    assert_eq!(next(), "READY=1\n");
    assert_eq!(next(), "WATCHDOG=1\n");
    let address = line.split("listening on ").nth(1).unwrap().split(',').next().unwrap();
    let client = Site::new(&config.replace("127.0.0.1:0", address));
    let (code, stdout, stderr) = client.run(&["healthcheck"]);
    assert_eq!((code, &*stdout, &*stderr), (Some(0), "", ""));
    client.run(&["query", "pornhub.com"]);
    let metrics = page.split("http://").nth(1).unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let refused = r#"preau_questions_total{group="pupils",outcome="refused",category="porn"} 1"#;
    assert!(text.contains(refused), "{text}");
    // Upstream is the operator's own to name; whoever asked is not.
    let text = text.replace("server=\"127.0.0.1:9\"", "");
    assert!(!text.contains("pornhub") && !text.contains("127.0.0.1"), "{text}");

    assert_eq!(site.run(&["reload"]).0, Some(0));
    let mut states = String::new();
    while !states.contains("RELOADING=1\nMONOTONIC_USEC=") || !states.ends_with("READY=1\n") {
        states.push_str(&next());
    }
    server.signal("-TERM");
    while next() != "STOPPING=1\n" {}
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let (code, _, stderr) = client.run(&["healthcheck"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains(&format!("no answer from {address}")), "{stderr}");
}

#[test]
fn what_packages_install() {
    let (code, page, _) = run(&mut preau(&["man"]));
    assert_eq!(code, Some(0));
    for text in [".TH preau 1", "healthcheck", "\\-\\-config"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for shell in ["bash", "fish", "zsh"] {
        let (code, script, _) = run(&mut preau(&["completions", shell]));
        assert_eq!((code, script.contains("healthcheck")), (Some(0), true), "{shell}");
    }
}
