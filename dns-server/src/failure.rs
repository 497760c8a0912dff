//! Why `preau` stops, and with which exit code.

use std::{io, net::SocketAddr, path::PathBuf};

use filter_core::BindError;
use jiff::civil::Date;
use lists::pull::PullError;
use rollout::RolloutError;
use thiserror::Error;

use crate::{
    bundle::BundleError,
    config::{CheckPlace, ConfigError},
};

/// An error that ends a command. A server that is already running goes on as before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The bundle is invalid, and there is no last good one.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// New lists cannot be fetched.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// What was fetched is no longer what the configuration asks for.
    #[error(
        "the configuration has changed since the lists were asked for; they are asked for again"
    )]
    Outdated,
    /// The profiles do not fit the bundle.
    #[error("profile `{profile}`: {error}")]
    Bind {
        /// Name of the profile.
        profile: String,
        /// Why not.
        error: BindError,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}; {}", remedy(error, address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// There is nobody to forward to.
    #[error("cannot tell the upstream resolvers: {error}; name them in [upstream] servers")]
    Upstream {
        /// Why not.
        error: io::Error,
    },
    /// There is nobody for a firewall to let through.
    #[error("{error}; name its address: --server ADDRESS")]
    Firewall {
        /// Why not.
        error: io::Error,
    },
    /// A socket that was served is gone.
    #[error("stopped listening: {0}")]
    Stopped(String),
    /// The server asked does not answer, or not in DNS.
    #[error("no answer from {address}: {error}")]
    Query {
        /// The server.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The control socket cannot be had.
    #[error(
        "cannot have the control socket {}: {error}; see [control] socket: its folder must exist, \
         and preau may write there", path.display()
    )]
    ControlSocket {
        /// Its path.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Metrics cannot be served.
    #[error("cannot serve metrics on {address}: {error}; see [metrics] listen")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The block page cannot be shown.
    #[error("cannot show the block page on {address}: {error}; {}", page_remedy(error))]
    Page {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The check API cannot be served.
    #[error("cannot serve the check API at {place}: {error}; see [check]")]
    CheckApi {
        /// Its address, or the path of its socket.
        place: CheckPlace,
        /// Why not.
        error: io::Error,
    },
    /// No server answers on the control socket.
    #[error("no answer from {}: {error}; {}", socket.display(), control_remedy(error))]
    Control {
        /// Its path.
        socket: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A running server refuses what it was asked to do.
    #[error("{message}")]
    Told {
        /// Its words.
        message: String,
        /// The exit code that it gives.
        code: u8,
    },
    /// Somebody has changed the audit log.
    #[error("the audit log {} was changed: {broken}", path.display())]
    Audit {
        /// The log.
        path: PathBuf,
        /// Where.
        broken: String,
    },
    /// Search engines that no host makes safe any more.
    #[error(
        "nothing is known to make these safe any more: {lost}; whoever asks for them where they are \
         to be safe gets no answer. The table is of {dated}: newer rows go into a file of yours, \
         [search] engines_file"
    )]
    Engines {
        /// Which.
        lost: String,
        /// The day that the table of search engines is of.
        dated: Date,
    },
    /// Nothing is rolled out to browsers.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The operating system refuses something that every program needs.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl Failure {
    /// True for what another attempt with the same bundle and configuration would find again.
    pub(crate) fn blames_bundle(&self) -> bool {
        match self {
            Self::Bundle(error) => error.blames_bundle(),
            Self::Bind { .. } | Self::Config(_) => true,
            _ => false,
        }
    }

    /// Exit code of an invalid configuration.
    pub(crate) const CONFIG: u8 = 3;

    /// The exit code: 3 configuration invalid, 4 bundle invalid, 1 anything else. (2, usage, is
    /// clap's.)
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Rollout(RolloutError::Read { .. } | RolloutError::Invalid(_)) => Self::CONFIG,
            // Nothing is wrong with the bundle.
            Self::Bundle(BundleError::InUse { .. }) => 1,
            Self::Bundle(_) => 4,
            Self::Bind { error: BindError::Automata(_), .. } => 4,
            Self::Bind { .. } => Self::CONFIG,
            Self::Told { code, .. } => *code,
            _ => 1,
        }
    }
}

/// What to do about a control socket that nobody answers on.
fn control_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "only root and the server's own user may ask: try sudo",
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            "is it running, with [control] socket there? (--config names its configuration)"
        }
        _ => "ask again, or look at its log",
    }
}

/// What to do about an address where the block page cannot be shown.
fn page_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another web server listens there: stop it, give the page an address of its own in \
             [page] listen, or leave `listen` out and have that server show a page"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need CAP_NET_BIND_SERVICE: grant it (the systemd unit does)"
        }
        _ => "see [page] listen",
    }
}

/// What to do about an address that cannot be bound.
fn remedy(error: &io::Error, address: &SocketAddr) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program listens there (find it: ss -lntup 'sport = :{port}'): stop it, or \
             choose another port in [listen]"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need CAP_NET_BIND_SERVICE: grant it, or choose a port above instead \
             of {port} in [listen]"
        ),
        io::ErrorKind::AddrNotAvailable => {
            "this machine does not have that address: correct [listen]".to_owned()
        }
        _ => "see [listen]".to_owned(),
    }
}
