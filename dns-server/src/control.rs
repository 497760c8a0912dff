//! The control socket: how whoever runs a server talks to it while it runs.
//!
//! A connection carries one request and its response, each a line of JSON. The kernel vouches for
//! who asks; root and the server's own user may.

mod client;
pub(crate) mod peer;
mod server;
pub(crate) mod status;

use std::{
    env,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub(crate) use self::{client::ask, server::ControlSocket};
use crate::{
    config::{Config, Files},
    failure::Failure,
};

/// What may be asked of a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How it does: [`status::Status`].
    Status,
    /// Read configuration and lists again: [`Reloaded`].
    Reload,
    /// Forget what upstream said about a name and all below it; without a name, everything.
    Flush { name: Option<String> },
    /// Let a name through for a while: [`Allowed`].
    Allow { name: String, group: String, seconds: u64, why: String },
    /// Let a name through no longer.
    End { name: String, group: String },
    /// What visitors of the block page reported:
    /// [`Report`](crate::state::reports::Report)s.
    Reports,
    /// Somebody has dealt with what was reported about a name: how many reports.
    Settle { name: String },
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Response {
    Ok(serde_json::Value),
    Error { message: String, code: u8 },
}

/// A reload that was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What has changed and takes a restart to take effect.
    pub not_applied: Vec<String>,
    /// What else there is to know.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A name that is let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Allowed {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) until: jiff::Timestamp,
    /// What refuses it otherwise, in words; absent: nothing does at this moment.
    pub(crate) lifts: Option<String>,
}

/// Name of the socket in the service's runtime folder.
const NAME: &str = "control.sock";
/// Where the packaged service has it.
const PACKAGED: &str = "/run/preau/control.sock";

/// Where a server of that configuration has its control socket; `None`: it has none.
pub(crate) fn socket(config: &Config) -> Option<PathBuf> {
    config.operations.socket.clone().or_else(runtime_socket)
}

/// In the folder that systemd made for the service.
fn runtime_socket() -> Option<PathBuf> {
    let folders = env::var_os("RUNTIME_DIRECTORY").filter(|value| !value.is_empty())?;
    Some(env::split_paths(&folders).next()?.join(NAME))
}

/// Where to find the server of a configuration file, whatever else may be wrong with the file.
pub(crate) fn socket_to_ask(config: Option<&Path>) -> PathBuf {
    #[derive(Default, Deserialize)]
    struct File {
        #[serde(default)]
        control: Control,
    }
    #[derive(Default, Deserialize)]
    struct Control {
        socket: Option<PathBuf>,
    }
    let read = |path: &Path| {
        let file: File = toml::from_str(Files::read(path).ok()?.text()).ok()?;
        Some(path.parent()?.join(file.control.socket?))
    };
    config.and_then(read).or_else(runtime_socket).unwrap_or_else(|| PACKAGED.into())
}

impl Response {
    fn of_failure(failure: &Failure) -> Self {
        Self::Error { message: failure.to_string(), code: failure.exit_code() }
    }
}

#[cfg(test)]
mod tests;
