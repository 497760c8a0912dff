//! Asking other resolvers.

mod encrypted;
mod failover;
mod plain;
mod sentinel;
mod server;
mod zones;

use std::{io, time::Duration};

use async_trait::async_trait;
use filter_core::DomainName;
use nix::errno::Errno;
use thiserror::Error;

pub(crate) use self::{failover::Failover, zones::Zones};
pub use self::{
    failover::Order,
    server::{Protocol, Server, ServerError},
};
use super::Query;
use crate::wire::extract::{ReceivedError, Response};

/// Whoever knows what the Internet says.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Looks a query up; the response code is NOERROR or NXDOMAIN.
    ///
    /// # Errors
    /// [`UpstreamError`], within a few seconds, when nobody knows.
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError>;

    /// How each server does, in no particular order.
    fn servers(&self) -> Vec<ServerStatus> {
        Vec::new()
    }

    /// Labels of the zone whose servers know this name: what others say of names above it says
    /// nothing about it.
    fn zone_labels(&self, _name: &DomainName) -> usize {
        0
    }
}

/// How a server does, since it became one of those that are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Which one.
    pub server: Server,
    /// The zone whose names it is asked about; `None`: all that have no servers of their own.
    pub zone: Option<DomainName>,
    /// True while it is left alone, because it was silent or is this server itself.
    pub resting: bool,
    /// Mean time to an answer, lately; `None` before the first one.
    pub latency: Option<Duration>,
    /// Questions sent to it.
    pub questions: u64,
    /// Those of them that it did not answer, or that did not reach it.
    pub silences: u64,
}

/// One server, by one protocol.
#[async_trait]
trait Exchange: Send + Sync + 'static {
    /// Gets the response to a query, whatever its response code.
    ///
    /// # Errors
    /// [`UpstreamError::Unreachable`] where that shows at once, [`UpstreamError::NoSocket`],
    /// [`UpstreamError::Garbled`]. There may be no end to it: the caller waits as long as it wants.
    async fn exchange(&self, query: &Query) -> Result<Response, UpstreamError>;
}

/// How long one server may take over one question.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there is no answer. Names neither a host nor a client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No server answered in time.
    #[error("no upstream server answers")]
    Unreachable,
    /// Time was up before every server was asked: another question may find one that answers.
    #[error("no upstream server answered in time")]
    OutOfTime,
    /// As many questions as `[limits] waiting` allows are under way.
    #[error("too many questions are under way to upstream servers")]
    Busy,
    /// This machine gives no socket to ask with, whatever the server is like.
    #[error("this machine has no socket left to ask an upstream server with")]
    NoSocket,
    /// What came back was not an answer.
    #[error("the upstream server sends malformed answers")]
    Garbled,
    /// The server itself reported an error.
    #[error("the upstream server answered with response code {rcode}")]
    Failed {
        /// The response code.
        rcode: u16,
        /// What it said about it.
        errors: Box<[ReceivedError]>,
    },
}

impl UpstreamError {
    /// Octets of memory.
    pub(super) fn size(&self) -> usize {
        let errors = match self {
            Self::Failed { errors, .. } => errors.as_ref(),
            _ => &[],
        };
        size_of::<Self>() + errors.iter().map(|e| size_of_val(e) + e.text.len()).sum::<usize>()
    }

    /// How much it tells.
    fn rank(&self) -> u8 {
        match self {
            Self::Unreachable | Self::OutOfTime => 0,
            Self::Busy | Self::NoSocket => 1,
            Self::Garbled => 2,
            Self::Failed { .. } => 3,
        }
    }

    /// True where the server says that an answer does not verify (RFC 8914 §4.6 to §4.13, §4.26,
    /// §4.28): not a failure of the server, and not to be healed by asking another one.
    fn is_bogus(&self) -> bool {
        let Self::Failed { errors, .. } = self else { return false };
        errors.iter().any(|error| matches!(error.code.0, 5..=12 | 25 | 27))
    }
}

/// True where no server is to blame: out of descriptors, memory or ports.
fn is_local(error: &io::Error) -> bool {
    error.raw_os_error().map(Errno::from_raw).is_some_and(|errno| {
        matches!(
            errno,
            Errno::EMFILE
                | Errno::ENFILE
                | Errno::ENOBUFS
                | Errno::ENOMEM
                | Errno::EADDRINUSE
                | Errno::EADDRNOTAVAIL
        )
    })
}

#[cfg(test)]
mod tests;
