//! A real Unbound (Debian's `unbound`), to compare with.

use std::{
    fs,
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::client::Question;

/// A running Unbound that asks nobody; dropping it stops it.
#[derive(Debug)]
pub struct Unbound {
    child: Child,
    /// Where it answers, over UDP and TCP.
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Unbound {
    /// Starts it with these lines of its `server:` clause; other names do not exist.
    pub fn start(lines: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let address = crate::address::unused();
        let config = format!(
            "server:\n interface: 127.0.0.1@{}\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n \
             use-syslog: no\n pidfile: \"\"\n module-config: iterator\n local-zone: \".\" static\n{lines}",
            address.port()
        );
        let path = folder.path().join("unbound.conf");
        fs::write(&path, config).unwrap();
        let child = Command::new("unbound")
            .args(["-d", "-c", path.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's unbound is installed");
        let unbound = Self { child, address, _folder: folder };
        let ready = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(50));
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let _ = socket.send_to(&Question::new("ready.test", 1).packet(1), unbound.address);
            socket.recv_from(&mut [0; 512]).is_ok()
        });
        assert!(ready, "unbound answers");
        unbound
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
