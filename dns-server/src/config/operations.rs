//! `[control]`, `[audit]`, `[reports]`, `[metrics]`: how whoever runs a server talks to it, and what it remembers.

use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Spanned;

use super::{typed, validated::Check};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// What `longest_allow` may be: an exception for longer belongs in the configuration.
const ALLOW: RangeInclusive<Duration> = Duration::from_secs(60)..=DAY.saturating_mul(7);
/// What `keep` may be.
const KEEP: RangeInclusive<Duration> = DAY..=DAY.saturating_mul(3650);
/// The same, of `[reports]`.
const KEEP_REPORTS: RangeInclusive<Duration> = DAY..=DAY.saturating_mul(365);
/// Octets of a socket's path (unix(7)).
const SOCKET_PATH: usize = 107;

/// How whoever runs a server talks to it, and what it remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations {
    /// The control socket; absent: in `$RUNTIME_DIRECTORY`, or none. Changing it takes a restart.
    pub socket: Option<PathBuf>,
    /// The longest that a name may be let through at a time.
    pub longest_allow: Duration,
    /// How long records of changes are kept.
    pub audit_keep: Duration,
    /// How long reports of mistakes are kept after the last of their kind.
    pub reports_keep: Duration,
    /// Where metrics are served; absent: nowhere. Changing it takes a restart.
    pub metrics: Option<SocketAddr>,
}

impl Default for Operations {
    fn default() -> Self {
        Self {
            socket: None,
            longest_allow: DAY,
            audit_keep: DAY.saturating_mul(365),
            reports_keep: DAY.saturating_mul(90),
            metrics: None,
        }
    }
}

impl Check {
    /// Relative paths start from `folder`.
    pub(super) fn operations(&mut self, written: &typed::File, folder: &Path) -> Operations {
        let typed::Control { socket, longest_allow } = &written.control;
        let defaults = Operations::default();
        Operations {
            socket: socket
                .as_ref()
                .map(|path| self.socket(path, folder, "/run/preau/control.sock")),
            longest_allow: self
                .time(longest_allow.as_ref(), &ALLOW, "\"1m\" to \"7d\"")
                .unwrap_or(defaults.longest_allow),
            audit_keep: self
                .time(written.audit.keep.as_ref(), &KEEP, "\"1d\" to \"3650d\"")
                .unwrap_or(defaults.audit_keep),
            reports_keep: self
                .time(written.reports.keep.as_ref(), &KEEP_REPORTS, "\"1d\" to \"365d\"")
                .unwrap_or(defaults.reports_keep),
            metrics: written
                .metrics
                .listen
                .as_ref()
                .and_then(|at| self.address(at, "127.0.0.1:9353")),
        }
    }

    /// An address and its port, such as `example`.
    pub(super) fn address(
        &mut self,
        written: &Spanned<String>,
        example: &str,
    ) -> Option<SocketAddr> {
        let address = written.get_ref().parse().ok();
        if address.is_none() {
            let title = format!("`{}` is not an address and a port", written.get_ref());
            self.fault(written.span(), title, format!("write \"{example}\""));
        }
        address
    }

    /// The path of a socket, such as `example`; a relative one starts from `folder`.
    pub(super) fn socket(
        &mut self,
        written: &Spanned<PathBuf>,
        folder: &Path,
        example: &str,
    ) -> PathBuf {
        let path = folder.join(written.get_ref());
        if path.as_os_str().len() > SOCKET_PATH {
            let help = format!("write a shorter one, such as \"{example}\"");
            let title = format!("the path of a socket has at most {SOCKET_PATH} octets");
            self.fault(written.span(), title, help);
        }
        if path.file_name().is_none() {
            let help =
                format!("write a file of a folder that preau may write, such as \"{example}\"");
            self.fault(written.span(), "not the path of a socket", help);
        }
        path
    }
}
