//! `preau` with a check API, on a core of its own.

use std::{
    fmt,
    fs::{self, File, Permissions},
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use benches::preau;
use tempfile::TempDir;
use tests::address;

use crate::asker::Connection;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const SOCKET: &str = "check.sock";
/// How long it may take to load its lists.
const PATIENCE: Duration = Duration::from_secs(300);

/// How it is asked.
#[derive(Clone, Copy)]
pub(crate) enum Over {
    /// On the loopback, with a token.
    Tcp,
    /// Of this machine.
    Socket,
}

impl Over {
    /// In the report's figures.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Socket => "socket",
        }
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP, with a token",
            Self::Socket => "a socket",
        })
    }
}

/// A server that answers; dropping it stops it.
pub(crate) struct Server {
    pub(crate) over: Over,
    address: SocketAddr,
    folder: TempDir,
    child: Child,
}

pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

impl Server {
    /// Starts it and waits until it can be asked.
    pub(crate) fn start(over: Over, bundle: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        let [address, dns, upstream] = [(); 3].map(|()| address::unused());
        let place = match over {
            Over::Tcp => format!("listen = \"{address}\"\ntoken_file = \"token\""),
            Over::Socket => format!("socket = \"{SOCKET}\""),
        };
        let config = format!(
            "[listen]\ndns = [\"{dns}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
             [lists]\nbundle = \"bundle\"\ncache = \"cache\"\n[check]\n{place}\n"
        );
        let path = |name: &str| folder.path().join(name);
        fs::write(path("bundle"), bundle).unwrap();
        fs::write(path("preau.toml"), config).unwrap();
        fs::write(path("token"), TOKEN).unwrap();
        fs::set_permissions(path("token"), Permissions::from_mode(0o600)).unwrap();
        let log = File::create(path("log")).unwrap();
        // Pinned from its start: it looks how many cores there are for it.
        let child = Command::new("taskset")
            .args(["-c", "0"])
            .arg(preau::program())
            .args(["--config", "preau.toml"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("taskset is installed (util-linux)");
        let (server, started) = (Self { over, address, folder, child }, Instant::now());
        while server.connect().is_err() {
            let log = || fs::read_to_string(server.folder.path().join("log")).unwrap();
            assert!(started.elapsed() < PATIENCE, "it does not listen: {}", log());
            thread::sleep(Duration::from_millis(5));
        }
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> io::Result<Connection<Box<dyn Stream>>> {
        let stream: Box<dyn Stream> = match self.over {
            Over::Tcp => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Over::Socket => Box::new(UnixStream::connect(self.folder.path().join(SOCKET))?),
        };
        Ok(Connection::new(stream))
    }

    /// A whole request of a body.
    pub(crate) fn request(&self, body: &str) -> Vec<u8> {
        let token = match self.over {
            Over::Tcp => format!("Authorization: Bearer {TOKEN}\r\n"),
            Over::Socket => String::new(),
        };
        let length = body.len();
        format!(
            "POST /v1/check HTTP/1.1\r\nHost: localhost\r\n{token}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
