//! Publishing as a maintainer does it, to a folder, to object storage and to a web server; and what
//! is refused.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
use lists::{
    pointer::Pointer,
    pull::{Origin, Polled},
    signature::{PublicKey, PublicKeys},
};
use tempfile::TempDir;

/// A folder with a key and the tool's results.
struct Publisher {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What every bundle refuses.
const PORN: [&str; 7] = [
    "brazzers.com",
    "pornhub.com",
    "redtube.com",
    "xhamster.com",
    "xnxx.com",
    "xvideos.com",
    "youporn.com",
];

impl Publisher {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        this.done(&["keygen", "--out", "k", "--no-password"]);
        this
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a bundle of this serial that refuses `vSERIAL.example`.
    fn build(&self, serial: u64, expires: Option<&str>) {
        self.build_of("ecommerce", &[format!("v{serial}.example")], serial, expires);
    }

    /// Writes a bundle of this serial, of one list, and of one of porn if that is not it.
    fn build_of(&self, category: &str, names: &[String], serial: u64, expires: Option<&str>) {
        let mut builder = FilterBuilder::new();
        let id = builder.source(Source::block("list", &[category])).unwrap();
        let mut batch = builder.batch(id);
        for name in names {
            batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
        }
        builder.add(batch.finish());
        if category != "porn" {
            // Without these, the guards let no bundle pass.
            let id = builder.source(Source::block("porn", &["porn"])).unwrap();
            let mut batch = builder.batch(id);
            for name in PORN {
                batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
            }
            builder.add(batch.finish());
        }
        let (created, expires) = ("2026-11-22T00:00:00Z".into(), expires.map(str::to_owned));
        let bytes = builder.build(Stamp { serial, created, expires }).bytes;
        fs::write(self.path().join(format!("{serial}.bundle")), bytes).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_list-compile"))
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    fn publish(&self, serial: u64, to: &[&str]) -> String {
        self.build(serial, None);
        let file = format!("{serial}.bundle");
        self.done(&[&["publish", &file, "--key", "k"], to].concat())
    }

    fn keys(&self) -> PublicKeys {
        [PublicKey::load(&self.path().join("k.pub")).unwrap()].into_iter().collect()
    }

    /// What a folder of its own points to, which must be there, whole and signed.
    fn published(&self, folder: &str) -> (Pointer, Filter) {
        let folder = self.path().join(folder);
        let pointer = Pointer::parse(&fs::read(folder.join("current.json")).unwrap()).unwrap();
        let object = folder.join(&pointer.object);
        self.keys().verify_file(&object).unwrap();
        let bytes = fs::read(object).unwrap();
        assert_eq!(bytes.len() as u64, pointer.octets);
        let filter = Filter::open(bytes).unwrap();
        assert_eq!(filter.manifest().stamp, pointer.stamp);
        (pointer, filter)
    }

    /// Names below `objects`.
    fn objects(&self, folder: &str) -> usize {
        fs::read_dir(self.path().join(folder).join("objects")).unwrap().count()
    }
}

fn refuses(filter: &Filter, name: &str) -> bool {
    filter.bind(&filter_core::Profile::named("child").unwrap()).unwrap().host(name).is_blocked()
}

#[test]
fn to_a_folder() {
    let publisher = Publisher::new();
    let said = publisher.publish(5, &["--to", "out"]);
    assert!(said.starts_with("out: published serial 5; objects/"), "{said}");
    let url = format!("file://{}", publisher.path().join("out").display());
    publisher.publish(6, &["--to", &url]);
    let (pointer, filter) = publisher.published("out");
    assert_eq!(pointer.stamp.serial, 6);
    assert!(refuses(&filter, "v6.example"));
    assert_eq!(publisher.objects("out"), 4);
    // The same again is no mistake.
    publisher.publish(6, &["--to", "out", "--json"]);
    assert_eq!(publisher.published("out").0, pointer);

    // Signed elsewhere, with the key in a safe.
    publisher.build(7, None);
    publisher.done(&["sign", "7.bundle", "--key", "k"]);
    publisher.done(&["publish", "7.bundle", "--to", "out", "--public-key", "k.pub"]);
    assert_eq!(publisher.published("out").0.stamp.serial, 7);
}

#[test]
fn refusals_leave_what_was_published() {
    let publisher = Publisher::new();
    publisher.publish(5, &["--to", "out"]);
    publisher.build(4, None);
    publisher.build(6, Some("2026-11-21T00:00:00Z"));
    publisher.build(7, None);
    publisher.done(&["keygen", "--out", "other", "--no-password"]);
    publisher.done(&["sign", "7.bundle", "--key", "other"]);
    let whole = fs::read(publisher.path().join("7.bundle")).unwrap();
    fs::write(publisher.path().join("half.bundle"), &whole[..whole.len() / 2]).unwrap();
    // Another bundle of serial 5.
    let mut again = fs::read(publisher.path().join("4.bundle")).unwrap();
    again = filter_core::restamp(
        &again,
        Stamp { serial: 5, created: "2026-11-22T00:00:00Z".into(), expires: None },
    )
    .unwrap();
    fs::write(publisher.path().join("again.bundle"), again).unwrap();
    let before = publisher.published("out").0;
    let key = ["--key", "k"];
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("4.bundle", &key, 4, "it has serial 4, and 5 is published"),
        ("again.bundle", &key, 4, "another bundle of serial 5 is published"),
        ("6.bundle", &key, 4, "it expired at 2026-11-21T00:00:00Z"),
        ("half.bundle", &key, 4, "half.bundle: no server could open it: the bundle is cut short"),
        ("k.pub", &key, 4, "not a Préau bundle"),
        ("absent.bundle", &key, 1, "cannot read absent.bundle"),
        ("7.bundle", &["--key", "absent"], 1, "cannot read the secret key absent"),
        (
            "7.bundle",
            &["--public-key", "k.pub"],
            4,
            "the bundle is not published: it is signed with key",
        ),
        ("4.bundle", &["--public-key", "k.pub"], 4, "it has serial 4"),
        ("7.bundle", &[], 2, "--key"),
    ];
    for (file, arguments, code, message) in cases {
        let all = [&["publish", file, "--to", "out"], *arguments].concat();
        let (got, said) = publisher.run(&all);
        assert_eq!(got, Some(*code), "{all:?}: {said}");
        assert!(said.contains(message), "{all:?}: {said}");
        assert_eq!(publisher.published("out").0, before, "{all:?}");
    }
    // A folder where something else is.
    fs::write(publisher.path().join("out/current.json"), "{}").unwrap();
    let (code, said) = publisher.run(&["publish", "7.bundle", "--to", "out", "--key", "k"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("out/current.json is something else"), "{said}");
}

#[test]
fn guards_are_asked() {
    let publisher = Publisher::new();
    let many: Vec<_> = (0..100).map(|number| format!("shop{number}.example")).collect();
    publisher.build_of("ecommerce", &many, 5, None);
    publisher.done(&["publish", "5.bundle", "--to", "out", "--key", "k"]);
    publisher.build_of("ecommerce", &many[..50], 6, None);
    publisher.build_of("porn", &["a.example".to_owned()], 7, None);
    for (file, told) in [("6.bundle", "--accept-shrink"), ("7.bundle", "pornhub.com")] {
        let arguments = ["publish", file, "--to", "out", "--key", "k"];
        let (code, said) = publisher.run(&arguments);
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains(told), "{said}");
        assert_eq!(publisher.published("out").0.stamp.serial, 5);
    }
    publisher.done(&["publish", "6.bundle", "--to", "out", "--key", "k", "--accept-shrink"]);
    // Whoever goes back knows that he does.
    publisher.done(&["publish", "--rollback", "5", "--to", "out", "--key", "k"]);
    publisher.done(&["publish", "--rollback", "6", "--to", "out", "--key", "k"]);
}

#[test]
fn old_lists_are_published_again_under_a_new_serial() {
    let publisher = Publisher::new();
    for serial in [5, 6, 7] {
        publisher.publish(serial, &["--to", "out"]);
    }
    let rollback = |more: &[&str]| {
        publisher.run(&[&["publish", "--to", "out", "--key", "k", "--rollback"], more].concat())
    };
    let (code, said) = rollback(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(", the lists of serial 6 again;"), "{said}");
    let (pointer, filter) = publisher.published("out");
    assert!(pointer.stamp.serial > 7 && refuses(&filter, "v6.example"), "{pointer:?}");
    let (code, said) = rollback(&["5"]);
    assert_eq!(code, Some(0), "{said}");
    let (again, filter) = publisher.published("out");
    assert!(again.stamp.serial > pointer.stamp.serial && refuses(&filter, "v5.example"));

    let (code, said) = rollback(&["99"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no bundle of serial 99: the serials 5, 6, 7, "), "{said}");
    // What somebody else put there is not signed again.
    let object = publisher.path().join("out").join(&pointer.object);
    let signature = lists::signature::signature_path(&object);
    publisher.done(&["keygen", "--out", "mallory", "--no-password"]);
    publisher.done(&["sign", object.to_str().unwrap(), "--key", "mallory"]);
    assert!(signature.exists());
    let (code, said) = rollback(&[&pointer.stamp.serial.to_string()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it is signed with key"), "{said}");
    let (code, said) = publisher.run(&["publish", "--rollback", "--to", "empty", "--key", "k"]);
    assert_eq!((code, said.contains("nothing is published at empty")), (Some(1), true), "{said}");
}

#[test]
fn old_bundles_go_and_the_present_one_never() {
    let publisher = Publisher::new();
    for serial in 1..=5 {
        publisher.publish(serial, &["--to", "out", "--keep", "3"]);
        // Times of files tell their order.
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(publisher.objects("out"), 6);
    fs::write(publisher.path().join("out/objects/note.txt"), "mine").unwrap();
    let said = publisher.publish(6, &["--to", "out", "--keep", "0"]);
    assert!(said.contains("3 old bundles removed"), "{said}");
    assert_eq!(publisher.published("out").0.stamp.serial, 6);
    assert_eq!(publisher.objects("out"), 3, "bundle, signature, note");
}

/// `PREAU_KILLS` times (200).
#[test]
#[ignore = "half a minute"]
fn killed_anywhere_it_leaves_a_whole_bundle_published() {
    let kills = std::env::var("PREAU_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let publisher = Publisher::new();
    publisher.publish(1, &["--to", "out"]);
    let (mut before, mut steps) = (1, 0);
    for kill in 0..kills {
        let serial = kill + 2;
        publisher.build(serial, None);
        let mut child = Command::new(env!("CARGO_BIN_EXE_list-compile"))
            .args(["publish", &format!("{serial}.bundle"), "--to", "out", "--key", "k"])
            .args(["--keep", "3"])
            .current_dir(publisher.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(kill * 7 % 150));
        let _ = child.kill();
        child.wait().unwrap();
        let (pointer, filter) = publisher.published("out");
        assert!(pointer.stamp.serial == serial || pointer.stamp.serial == before);
        assert!(refuses(&filter, &format!("v{}.example", pointer.stamp.serial)));
        steps += u64::from(pointer.stamp.serial > before);
        before = pointer.stamp.serial;
    }
    println!("{kills} kills; {steps} times what was being published was published");
    assert!(steps > 0 && steps < kills, "{steps} of {kills}");
    publisher.publish(kills + 2, &["--to", "out", "--keep", "3"]);
    assert_eq!(publisher.objects("out"), 6, "what was half published is removed like the old");
}

/// A server of somebody else's on a free port, stopped in the end.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &str, arguments: impl Fn(&str) -> Vec<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(arguments(&port.to_string()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; see .ci/run"));
        let patience = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "{program} does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Publishes three times, goes back, and pulls it all as a server does.
fn publish_and_pull(publisher: &Publisher, to: &[&str], url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let origin = Origin::new(url.parse().unwrap()).unwrap();
    let mut etag = None;
    let mut pull = |expected: &str| {
        let Polled::Pointer(pointer, tag) = runtime.block_on(origin.poll(etag.as_deref())).unwrap()
        else {
            panic!("nothing new after a publication");
        };
        let path = publisher.path().join("pulled");
        runtime.block_on(origin.fetch(&pointer, &publisher.keys(), &path)).unwrap();
        let filter = Filter::open(fs::read(&path).unwrap()).unwrap();
        assert_eq!(filter.manifest().stamp, pointer.stamp);
        assert!(refuses(&filter, expected), "{expected}");
        if tag.is_some() {
            let again = runtime.block_on(origin.poll(tag.as_deref())).unwrap();
            assert_eq!(again, Polled::Unchanged);
        }
        etag = tag;
        // Many a server's entity tag is length and second of what it serves.
        thread::sleep(Duration::from_millis(1100));
    };
    for serial in [1, 2, 3] {
        publisher.publish(serial, to);
        pull(&format!("v{serial}.example"));
    }
    publisher.done(&[&["publish", "--rollback", "1", "--key", "k"], to].concat());
    pull("v1.example");
    let said = publisher.publish(9_999_999_999, &[to, &["--keep", "2"]].concat());
    assert!(said.contains("3 old bundles removed"), "{said}");
    pull("v9999999999.example");
    let (code, said) = publisher.run(&[&["publish", "2.bundle", "--key", "k"], to].concat());
    assert_eq!(code, Some(4), "{said}");
}

/// A request as bare as can be.
fn put(port: u16, path: &str, body: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "PUT {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(status.starts_with('2'), "{answer}");
}

/// From PyPI: `moto[server]`.
#[test]
#[ignore = "needs moto_server"]
fn to_s3() {
    let server = Server::start("moto_server", |port| vec!["-p".into(), port.into()]);
    let mut publisher = Publisher::new();
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    put(server.port, "/lists", "");
    // Whoever wants may read.
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lists/*"}]}"#;
    put(server.port, "/lists?policy", policy);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        publisher.variables.push((name, "moto".into()));
    }
    let to = ["--to", "s3://lists/preau", "--endpoint", &endpoint];
    publish_and_pull(&publisher, &to, &format!("{endpoint}/lists/preau"));

    let (code, said) = publisher.run(&[
        "publish",
        "3.bundle",
        "--key",
        "k",
        "--to",
        "s3://absent/a",
        "--endpoint",
        &endpoint,
    ]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("s3://absent/a/"), "{said}");
}

/// Debian's package `nginx-light`: a folder that is served.
#[test]
#[ignore = "needs nginx"]
fn to_a_folder_that_nginx_serves() {
    let publisher = Publisher::new();
    let root = publisher.path().display().to_string();
    let server = Server::start("nginx", |port| {
        let config = format!(
            "daemon off; user root; pid {root}/pid; error_log stderr; events {{}} http {{ \
             access_log off; client_body_temp_path {root}/t; proxy_temp_path {root}/t; \
             fastcgi_temp_path {root}/t; uwsgi_temp_path {root}/t; scgi_temp_path {root}/t; \
             server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
        );
        let path = format!("{root}/nginx.conf");
        fs::write(&path, config).unwrap();
        ["-c", &path].map(str::to_owned).to_vec()
    });
    let url = format!("http://127.0.0.1:{}/out", server.port);
    publish_and_pull(&publisher, &["--to", "out"], &url);
}

/// From PyPI: `wsgidav` and `cheroot`.
#[test]
#[ignore = "needs wsgidav"]
fn to_a_web_server() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    let server = Server::start("wsgidav", |port| {
        let arguments = ["--host=127.0.0.1", "--auth=anonymous", "--root", &root, "--port", port];
        arguments.map(str::to_owned).to_vec()
    });
    let publisher = Publisher::new();
    let url = format!("http://127.0.0.1:{}/lists/preau", server.port);
    publish_and_pull(&publisher, &["--to", &url], &url);
}
