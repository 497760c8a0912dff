//! Who is at the other end of the control socket.

use std::{fmt, fs};

use serde::{Deserialize, Serialize};
use tokio::net::unix::UCred;

/// A user of this machine, as the kernel vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// The user's name, where `/etc/passwd` has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// Who logged in, where that is somebody else: the person behind `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<String>,
}

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Author {
    /// Somebody at the control socket.
    Peer(Peer),
    /// Whoever knows a code, by its id: no person.
    Code { code: String },
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Code { code } => write!(f, "code {code}"),
        }
    }
}

impl Peer {
    pub(super) fn of(credentials: &UCred) -> Self {
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let uid = credentials.uid();
        let login = credentials.pid().and_then(login_uid).filter(|login| *login != uid);
        Self {
            uid,
            user: user_name(&passwd, uid),
            login: login.map(|uid| user_name(&passwd, uid).unwrap_or_else(|| format!("uid {uid}"))),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user} (uid {})", self.uid)?,
            None => write!(f, "uid {}", self.uid)?,
        }
        match &self.login {
            Some(login) => write!(f, " logged in as {login}"),
            None => Ok(()),
        }
    }
}

/// Who logged in to the session of a process (pam_loginuid(8)); `sudo` does not change it.
fn login_uid(pid: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != u32::MAX) // -1: nobody did
}

/// The name of a user in passwd(5).
fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_users() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\nbad\nanne:x:1000:1000::/home/anne:/bin/sh\n";
        assert_eq!(user_name(passwd, 0).as_deref(), Some("root"));
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("anne"));
        assert_eq!(user_name(passwd, 7), None);
        let peer = |user: Option<&str>, login: Option<&str>| Peer {
            uid: 0,
            user: user.map(str::to_owned),
            login: login.map(str::to_owned),
        };
        assert_eq!(peer(None, None).to_string(), "uid 0");
        assert_eq!(peer(Some("root"), Some("anne")).to_string(), "root (uid 0) logged in as anne");
    }
}
