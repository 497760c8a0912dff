//! Against a server that others wrote: Python's, with and without TLS.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use filter_core::Profile;

use crate::maintainer::{Maintainer, Ran};

/// Serves the folder that it is started in; with arguments, by TLS.
const SERVER: &str = "
import http.server, os, ssl, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/downgraded':
            self.send_response(302)
            self.send_header('Location', 'http://127.0.0.1:1/')
            self.end_headers()
        else:
            super().do_GET()
    def log_request(self, code, size=0):
        # At once: what print writes in two parts, two requests mix.
        os.write(1, f'{self.path} {int(code)}\\n'.encode())
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

struct Python {
    child: Child,
    port: String,
    log: BufReader<std::process::ChildStdout>,
}

impl Python {
    fn serve(folder: &Path, arguments: &[&Path]) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", SERVER]).args(arguments).current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut this =
            Self { log: BufReader::new(child.stdout.take().unwrap()), port: String::new(), child };
        this.port = this.logged();
        this
    }

    /// Its next line: the port, then path and status of each request.
    fn logged(&mut self) -> String {
        let mut line = String::new();
        self.log.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The lists that the product ships with, fetched, are what they are when they are read in place.
#[test]
#[ignore = "needs python3"]
fn lists_from_a_stock_server() {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/starter");
    let mut python = Python::serve(starter.parent().unwrap(), &[]);
    let maintainer = Maintainer::new(&[]);
    let text = fs::read_to_string(starter.join("sources.toml")).unwrap();
    fs::write(maintainer.path("sources.toml"), fetched(&text, &python.port)).unwrap();
    let ran = maintainer.update(&["--timeout", "60"]).expect(0);
    let sources = maintainer.bundle().manifest().sources.len();
    for status in ["200", "304"] {
        for _ in 0..sources {
            let line = python.logged();
            assert!(line.ends_with(status), "{line}");
        }
        maintainer.update(&["--timeout", "60"]).expect(0);
    }
    assert_eq!(ran.json()["fetch"]["sources"].as_array().unwrap().len(), sources);

    let in_place = starter.join("sources.toml");
    let arguments = ["build", "--out", "built.bundle", "--sources", in_place.to_str().unwrap()];
    assert!(maintainer.command(&arguments).output().unwrap().status.success());
    let built = fs::read(maintainer.path("built.bundle")).unwrap();
    let built = filter_core::Filter::open(built).unwrap();
    let updated = maintainer.bundle();
    assert_eq!(updated.manifest().counts, built.manifest().counts);
    let child = Profile::named("child").unwrap();
    let (built, updated) = (built.bind(&child).unwrap(), updated.bind(&child).unwrap());
    let mut names = 0;
    for entry in fs::read_dir(&starter).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            assert_eq!(updated.host(line).is_blocked(), built.host(line).is_blocked(), "{line}");
            names += 1;
        }
    }
    assert!(names > 1000, "{names}");
}

/// The same sources, at URLs of this machine.
fn fetched(sources: &str, port: &str) -> String {
    let line = |line: &str| match line.strip_prefix("path = \"") {
        Some(path) => format!(
            "url = \"http://127.0.0.1:{port}/starter/{path}\nallow_http = true\nallow_private = true\n"
        ),
        None => format!("{line}\n"),
    };
    sources.lines().map(line).collect()
}

#[test]
#[ignore = "needs python3 and openssl"]
fn lists_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "a.example\n").unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=lists", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let python = Python::serve(folder.path(), &[&certificate, &key]);
    let port = &python.port;
    let update = |host: &str, path: &str, trusts: bool| {
        let url = format!("https://{host}:{port}{path}");
        let maintainer = Maintainer::new(&[("a", url, "allow_private = true")]);
        let mut command = maintainer.update_command(&["--json", "--attempts", "1"]);
        if trusts {
            command.env("SSL_CERT_FILE", &certificate);
        }
        Ran::from(command.output().unwrap())
    };
    assert_eq!(update("127.0.0.1", "/a", true).expect(0).status("a"), "fresh");
    let cases = [
        ("127.0.0.1", "/a", false, "of an authority that is not known here"),
        ("localhost", "/a", true, "is for other names than"),
        ("127.0.0.1", "/downgraded", true, "it is redirected to http://127.0.0.1:1/"),
    ];
    for (host, path, trusts, message) in cases {
        let ran = update(host, path, trusts).expect(1);
        assert!(ran.error("a").contains(message), "{host}{path}: {}", ran.error("a"));
    }
}
