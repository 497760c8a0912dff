//! A real browser whose names come from Préau over HTTPS: Debian's `chromium`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tests::{
    server::{Setup, TestServer},
    upstream::Behaviour,
};

/// What the page says.
const WELCOME: &str = "a page for pupils";
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// What browsers said to the web server.
type Heard = Arc<Mutex<String>>;

/// A web server that shows one page, whatever is asked for; its port.
fn web() -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let all = heard.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, all) = (stream.unwrap(), all.clone());
            thread::spawn(move || {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or_default();
                *all.lock().unwrap() += &String::from_utf8_lossy(&request[..length]);
                let page = format!("<!doctype html><title>x</title><p>{WELCOME}</p>");
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close";
                let length = page.len();
                let _ = write!(stream, "{head}\r\ncontent-length: {length}\r\n\r\n{page}");
            });
        }
    });
    (port, heard)
}

/// Opens a page in a new browser, whose home is `home`; the page, as the browser understood it.
fn open(home: &Path, url: &str) -> String {
    let output = home.join("page");
    let mut browser = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-proxy-server", "--disable-background-networking", "--no-first-run"])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .args(["--timeout=20000", "--dump-dom", url])
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output).unwrap())
        .stderr(fs::File::create(home.join("log")).unwrap())
        .spawn()
        .expect("Debian's chromium is installed");
    let patience = Instant::now() + PATIENCE;
    while browser.try_wait().unwrap().is_none() {
        if Instant::now() > patience {
            let _ = browser.kill();
            let _ = browser.wait();
            let log = fs::read_to_string(home.join("log")).unwrap();
            panic!("{url}: the browser does not end: {log}");
        }
        thread::sleep(Duration::from_millis(100));
    }
    fs::read_to_string(output).unwrap()
}

/// A home in which the browser believes a certificate and asks `template`, and nobody else, for every
/// name.
fn home(certificate: &Path, template: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    let database = home.path().join(".pki/nssdb");
    fs::create_dir_all(&database).unwrap();
    let database = format!("sql:{}", database.display());
    for arguments in [
        &["-N", "--empty-password", "-d", &database][..],
        &["-A", "-n", "preau", "-t", "CP,,", "-d", &database, "-i", certificate.to_str().unwrap()],
    ] {
        let made = Command::new("certutil").args(arguments).output();
        let made = made.expect("Debian's libnss3-tools is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    let profile = home.path().join("profile");
    fs::create_dir_all(&profile).unwrap();
    let state = format!(r#"{{"dns_over_https":{{"mode":"secure","templates":"{template}"}}}}"#);
    fs::write(profile.join("Local State"), state).unwrap();
    home
}

#[test]
#[ignore = "needs chromium and libnss3-tools (Debian)"]
fn chromium_over_https() {
    let (port, heard) = web();
    let zone = "www.pornhub.com. 300 IN A 127.0.0.1\npornhub.com. 300 IN A 127.0.0.1\n\
                dns-tunnel-check.googlezip.net. 300 IN A 127.0.0.1\n";
    let config = "[[local]]\nname = \"pupils.example\"\naddresses = [\"127.0.0.1\"]\n";
    let server = TestServer::start(&Setup {
        config: config.into(),
        upstream: Behaviour::Zone(zone.into()),
        ..Setup::default()
    });
    let template = format!("https://127.0.0.1:{}/dns-query", server.listen.https[0].port());
    let home = home(&server.certificate, &template);
    let visit = |name: &str| open(home.path(), &format!("http://{name}:{port}/"));

    let page = visit("pupils.example");
    let log = || fs::read_to_string(home.path().join("log")).unwrap();
    assert!(page.contains(WELCOME), "{page}\n{}", log());
    assert!(heard.lock().unwrap().contains(&format!("Host: pupils.example:{port}")));
    // The web server would show its page here, too, which is where upstream says that they are.
    for refused in ["www.pornhub.com", "pornhub.com", "dns-tunnel-check.googlezip.net"] {
        let page = visit(refused);
        assert!(!page.contains(WELCOME), "{refused}: {page}");
        assert!(log().contains("ERR_NAME_NOT_RESOLVED"), "{refused}: {}", log());
        assert!(!heard.lock().unwrap().contains(&format!("Host: {refused}")), "{refused}");
    }
    // The browser asked us: without us, it finds nothing at all.
    server.stop();
    assert!(!visit("pupils.example").contains(WELCOME));
}
