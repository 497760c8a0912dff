//! Real browsers whose names come from Préau over HTTPS: Debian's `chromium` and `firefox-esr`. The
//! block page is clicked through by `block_page.cjs`, which says what it takes.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tests::{
    address,
    preau::Preau,
    server::{self, Setup, TestServer},
    upstream::{self, Behaviour},
};
use tokio::runtime::Runtime;

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");

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

/// A home in which the browser believes an authority and asks `template`, and nobody else, for every
/// name.
fn home(authority: &Path, template: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    believe(&home.path().join(".pki/nssdb"), authority);
    let profile = home.path().join("profile");
    fs::create_dir_all(&profile).unwrap();
    let state = format!(r#"{{"dns_over_https":{{"mode":"secure","templates":"{template}"}}}}"#);
    fs::write(profile.join("Local State"), state).unwrap();
    home
}

/// Makes a database of certificates in a folder, with that authority to be believed.
fn believe(database: &Path, authority: &Path) {
    fs::create_dir_all(database).unwrap();
    let database = format!("sql:{}", database.display());
    for arguments in [
        &["-N", "--empty-password", "-d", &database][..],
        &["-A", "-n", "preau", "-t", "C,,", "-d", &database, "-i", authority.to_str().unwrap()],
    ] {
        let made = Command::new("certutil").args(arguments).output();
        let made = made.expect("Debian's libnss3-tools is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}

/// A server whose upstream says that our web server is what is refused, and where it answers over
/// HTTPS.
fn server() -> (TestServer, String) {
    let zone = "www.pornhub.com. 300 IN A 127.0.0.1\npornhub.com. 300 IN A 127.0.0.1\n\
                use-application-dns.net. 300 IN A 127.0.0.1\n\
                dns-tunnel-check.googlezip.net. 300 IN A 127.0.0.1\n";
    let config = "[[local]]\nname = \"pupils.example\"\naddresses = [\"127.0.0.1\"]\n\
                  [[local]]\nname = \"teachers.example\"\naddresses = [\"127.0.0.1\"]\n";
    let server = TestServer::start(&Setup {
        config: config.into(),
        upstream: Behaviour::Zone(zone.into()),
        ..Setup::default()
    });
    let template = format!("https://127.0.0.1:{}/dns-query", server.listen.https[0].port());
    (server, template)
}

#[test]
#[ignore = "needs chromium and libnss3-tools (Debian)"]
fn chromium_over_https() {
    let (port, heard) = web();
    let (server, template) = server();
    let home = home(&server.authority, &template);
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

/// A teacher's, in the test below.
const CODE: &str = "k7m2-q9x4-wv3h";

/// Chromium is told by `preau` that a refused site is where its page is, and goes there: the page, its
/// fold, its forms and its search box, in both languages; axe on all of it. The clicks are made without
/// scripts. With `SHOTS=FOLDER`, it takes the pictures of docs/ instead.
#[test]
#[ignore = "needs chromium, libnss3-tools, nodejs (Debian); playwright-core, axe-core (npm) in NODE_PATH"]
fn the_block_page() {
    let runtime = Runtime::new().unwrap();
    let zone = "www.pmu.fr. 300 IN A 192.0.2.7\n".to_owned();
    let upstream = upstream::start(&Behaviour::Zone(zone), &runtime);
    let [dns, https, page] = [(); 3].map(|()| address::unused());
    let config = format!(
        r#"
[listen]
dns = ["{dns}"]
https = ["{https}"]
[tls]
certificate = "cert.pem"
key = "key.pem"
[upstream]
servers = ["{upstream}"]
[lists]
cache = "cache"
[control]
socket = "control.sock"
[page]
addresses = ["{ip}"]
listen = ["{page}"]
town = "Villeneuve"
home = "https://ent.example.org/"
[contact]
organisation = "Direction du numérique"
uris = ["mailto:filtrage@villeneuve.example"]
[[group]]
name = "pupils"
networks = ["127.0.0.0/8"]
profile = "child"
[profile.child]
refusal = "page"
[[code]]
id = "college-jaures"
file = "teachers.code"
groups = ["pupils"]
"#,
        ip = page.ip()
    );
    let mut preau = Preau::configured(PREAU, dns, &config);
    let authority = server::certify(preau.folder());
    fs::write(preau.path("teachers.code"), CODE).unwrap();
    fs::set_permissions(preau.path("teachers.code"), fs::Permissions::from_mode(0o600)).unwrap();
    preau.start();

    let home = home(&authority, &format!("https://{https}/dns-query"));
    let mut clicks = Command::new("node");
    clicks
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/block_page.cjs"))
        .arg(format!("http://www.pmu.fr:{}/", page.port()))
        .arg(home.path().join("profile"))
        .arg(CODE);
    let shots = env::var_os("SHOTS");
    clicks.args(&shots);
    let seen = clicks.output().expect("Debian's nodejs is installed");
    let said = String::from_utf8_lossy(&[seen.stdout, seen.stderr].concat()).into_owned();
    assert!(seen.status.success() && said.contains("block page: seen"), "{said}\n{}", preau.log());
    if shots.is_some() {
        return;
    }
    // Once in each language.
    let (code, reports) = preau.run(&["reports"]);
    assert_eq!(code, Some(0), "{reports}");
    assert!(
        reports.contains("www.pmu.fr: refused, harmless") && reports.contains("2 times"),
        "{reports}"
    );
    let (code, audit) = preau.run(&["audit"]);
    assert_eq!(code, Some(0), "{audit}");
    assert!(audit.contains("www.pmu.fr") && audit.contains("college-jaures"), "{audit}");
    // What was let through is on the record, with who and why; nothing else is said of the site.
    let named = preau.log().lines().filter(|line| line.contains("pmu")).count();
    assert_eq!(named, preau.log().matches("audit: allow www.pmu.fr for pupils").count());
}

/// A running Firefox, which is told what to do over its own protocol for that (Marionette).
struct Firefox {
    browser: Child,
    connection: TcpStream,
    home: TempDir,
}

impl Firefox {
    /// Believes an authority, and asks `uri`, and nobody else, for every name.
    fn start(authority: &Path, uri: &str) -> Self {
        let home = TempDir::new().unwrap();
        let profile = home.path().join("profile");
        believe(&profile, authority);
        let preferences = format!(
            "user_pref('network.trr.mode', 3);\n\
             user_pref('network.trr.uri', '{uri}');\n\
             user_pref('network.trr.custom_uri', '{uri}');\n\
             user_pref('network.trr.allow-rfc1918', true);\n\
             user_pref('network.proxy.type', 0);\n\
             user_pref('marionette.port', 0);\n"
        );
        fs::write(profile.join("user.js"), preferences).unwrap();
        let log = fs::File::create(home.path().join("log")).unwrap();
        let browser = Command::new("firefox-esr")
            .args(["--headless", "--no-remote", "--marionette", "--profile"])
            .arg(&profile)
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("Debian's firefox-esr is installed");
        let port = port_in(&profile.join("MarionetteActivePort"));
        let connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut firefox = Self { browser, connection, home };
        firefox.hear();
        let wishes = r#"{"capabilities":{"alwaysMatch":{"timeouts":{"pageLoad":20000}}}}"#;
        firefox.command("WebDriver:NewSession", wishes);
        firefox
    }

    /// The page of an address, or what is wrong.
    fn visit(&mut self, url: &str) -> String {
        let went = self.command("WebDriver:Navigate", &format!(r#"{{"url":"{url}"}}"#));
        match went.contains("\"error\"") {
            true => went,
            false => self.command("WebDriver:GetPageSource", "{}"),
        }
    }

    /// Messages are JSON behind their length.
    fn command(&mut self, name: &str, parameters: &str) -> String {
        let command = format!(r#"[0,1,"{name}",{parameters}]"#);
        write!(self.connection, "{}:{command}", command.len()).unwrap();
        self.hear()
    }

    fn hear(&mut self) -> String {
        let mut length = Vec::new();
        let mut octet = [0];
        loop {
            let log = || fs::read_to_string(self.home.path().join("log")).unwrap();
            self.connection
                .read_exact(&mut octet)
                .unwrap_or_else(|error| panic!("{error} {}", log()));
            match octet {
                [b':'] => break,
                [digit] => length.push(digit),
            }
        }
        let mut message = vec![0; String::from_utf8(length).unwrap().parse().unwrap()];
        self.connection.read_exact(&mut message).unwrap();
        String::from_utf8(message).unwrap()
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

/// The number in a file, once that is there.
fn port_in(file: &Path) -> u16 {
    let patience = Instant::now() + PATIENCE;
    loop {
        if let Some(port) = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok())
        {
            return port;
        }
        assert!(Instant::now() < patience, "no port in {}", file.display());
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs firefox-esr and libnss3-tools (Debian)"]
fn firefox_over_https() {
    let (port, heard) = web();
    let (server, uri) = server();
    let mut firefox = Firefox::start(&server.authority, &uri);
    let mut visit = |name: &str| firefox.visit(&format!("http://{name}:{port}/"));

    let page = visit("pupils.example");
    assert!(page.contains(WELCOME), "{page}");
    assert!(heard.lock().unwrap().contains(&format!("Host: pupils.example:{port}")));
    // The last is how Firefox asks whether it should leave DNS to the network.
    for refused in ["www.pornhub.com", "pornhub.com", "use-application-dns.net"] {
        let said = visit(refused);
        assert!(said.contains("about:neterror?e=dnsNotFound"), "{refused}: {said}");
        assert!(!heard.lock().unwrap().contains(&format!("Host: {refused}")), "{refused}");
    }
    // The browser asked us: without us, it does not find another name that we know.
    server.stop();
    let said = visit("teachers.example");
    assert!(said.contains("about:neterror?e="), "{said}");
}
