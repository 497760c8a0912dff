//! `[check]`: the check API, and who may ask it.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use subtle::ConstantTimeEq as _;

use super::{Spanned, typed, upstream::size, validated::Check};

const MIB: usize = 1 << 20;
/// What `body` and `text` may be.
pub(crate) const SIZES: RangeInclusive<usize> = MIB..=64 * MIB;
/// What `items` may be.
pub(crate) const ITEMS: RangeInclusive<u32> = 1..=100_000;
/// What `requests` may be.
const REQUESTS: RangeInclusive<u32> = 1..=1000;
/// What `timeout` may be.
pub(crate) const TIMEOUT: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(60);
/// Characters of a token: as many random ones of 64 are beyond guessing.
const TOKEN: RangeInclusive<usize> = 32..=4096;
/// Permissions that a token's file may not give to everybody: to read, and to write.
const EVERYBODY: u32 = 0o006;

/// The check API, and what may be asked of it at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckApi {
    /// Where it is; absent: nowhere. Changing it takes a restart.
    pub place: Option<CheckPlace>,
    /// Who has it may ask; absent where the permissions of a socket say who may.
    pub token: Option<Token>,
    /// Octets of a request's body.
    pub body: usize,
    /// Octets of a text, a URL or a result.
    pub text: usize,
    /// Items of a request.
    pub items: usize,
    /// Requests at once; others are told to come again.
    pub requests: usize,
    /// How long a request may take, from its first octet to its answer.
    pub timeout: Duration,
}

/// Where the check API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckPlace {
    /// HTTP at an address of this machine's own; HTTPS at any other.
    Tcp(SocketAddr),
    /// HTTP at a socket, for who may write to its file.
    Unix(PathBuf),
}

impl Default for CheckApi {
    fn default() -> Self {
        Self {
            place: None,
            token: None,
            body: 2 * MIB,
            text: MIB,
            items: 1000,
            requests: 32,
            timeout: Duration::from_secs(10),
        }
    }
}

impl CheckApi {
    /// Whether connections to it are encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.place, Some(CheckPlace::Tcp(address)) if !is_own(address))
    }
}

impl fmt::Display for CheckPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) if is_own(*address) => write!(f, "http://{address}"),
            Self::Tcp(address) => write!(f, "https://{address}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Whether only this machine reaches it.
fn is_own(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// What an asker proves by that it may ask.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// Whether this is it. How long that takes tells nothing but whether the length is right.
    pub fn is(&self, candidate: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(candidate).into()
    }

    /// The one that a file holds, alone.
    fn read(path: &Path) -> Result<Self, TokenFault> {
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & EVERYBODY != 0 {
            return Err(TokenFault::Public);
        }
        let text = fs::read_to_string(path)?;
        let token = text.trim();
        if !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(TokenFault::Characters);
        }
        if !TOKEN.contains(&token.len()) {
            return Err(TokenFault::Length(token.len()));
        }
        Ok(Self(token.into()))
    }
}

/// Not the token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why a file gives no token.
enum TokenFault {
    Unreadable(io::Error),
    Public,
    Characters,
    Length(usize),
}

impl From<io::Error> for TokenFault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Check {
    /// Relative paths start from `folder`. Without a fault there is a token wherever it takes one.
    pub(super) fn check_api(&mut self, written: &typed::CheckApi, folder: &Path) -> CheckApi {
        let defaults = CheckApi::default();
        let place = match (&written.listen, &written.socket) {
            (Some(listen), socket) => {
                if let Some(socket) = socket {
                    let title = "`listen` and `socket` exclude each other".to_owned();
                    self.repeated(listen.span(), socket.span(), title, "drop one of them");
                }
                if written.token_file.is_none() {
                    let help = "add token_file = \"check.token\", a file of 32 random characters or \
                                more, such as: openssl rand -hex 32";
                    self.fault(listen.span(), "`listen` without `token_file`", help);
                }
                self.address(listen, "127.0.0.1:9380").map(CheckPlace::Tcp)
            }
            (None, Some(socket)) => {
                Some(CheckPlace::Unix(self.socket(socket, folder, "/run/preau/check.sock")))
            }
            (None, None) => None,
        };
        let token = written.token_file.as_ref().and_then(|path| self.token(path, folder));
        if let (Some(path), None) = (&written.token_file, &written.listen) {
            let help = "add `listen`, or drop it: who may use a `socket` is said by the permissions \
                        of its file";
            self.fault(path.span(), "`token_file` without `listen`", help);
        }
        let body = self.size_of(written.body.as_ref()).unwrap_or(defaults.body);
        let text = self.size_of(written.text.as_ref()).unwrap_or(defaults.text);
        if let Some(written) = written.text.as_ref().filter(|_| text > body) {
            let title = format!("a text may be of {text} octets, all of a request of {body}");
            self.fault(written.span(), title, "lower it, or raise `body`");
        }
        CheckApi {
            place,
            token,
            body,
            text,
            items: self.number(written.items.as_ref(), ITEMS).unwrap_or(defaults.items),
            requests: self.number(written.requests.as_ref(), REQUESTS).unwrap_or(defaults.requests),
            timeout: self
                .time(written.timeout.as_ref(), &TIMEOUT, "\"1s\" to \"1m\"")
                .unwrap_or(defaults.timeout),
        }
    }

    fn token(&mut self, written: &Spanned<PathBuf>, folder: &Path) -> Option<Token> {
        let path = folder.join(written.get_ref());
        let shown = path.display();
        let (title, help) = match Token::read(&path) {
            Ok(token) => return Some(token),
            Err(TokenFault::Unreadable(error)) => (
                format!("cannot read {shown}: {error}"),
                "name a file of one token that this server's user may read; to make one: \
                 (umask 027; openssl rand -hex 32 > FILE; chgrp preau FILE)"
                    .to_owned(),
            ),
            Err(TokenFault::Public) => (
                format!("every user of this machine may read or write {shown}"),
                format!("make another token, and: chmod o-rwx {shown}"),
            ),
            Err(TokenFault::Characters) => (
                format!("{shown} holds more than one token, or characters that none may have"),
                "write one line without spaces, of ASCII alone, such as: openssl rand -hex 32"
                    .to_owned(),
            ),
            Err(TokenFault::Length(length)) => (
                format!("the token in {shown} has {length} characters"),
                "write from 32 to 4096, at random, such as: openssl rand -hex 32".to_owned(),
            ),
        };
        self.fault(written.span(), title, help);
        None
    }

    fn size_of(&mut self, written: Option<&Spanned<String>>) -> Option<usize> {
        let written = written?;
        let octets = size(written.get_ref()).and_then(|octets| usize::try_from(octets).ok());
        let octets = octets.filter(|octets| SIZES.contains(octets));
        if octets.is_none() {
            let title = format!("`{}` is not a size for it", written.get_ref());
            self.fault(written.span(), title, "write \"1MiB\" to \"64MiB\"");
        }
        octets
    }

    fn number(
        &mut self,
        written: Option<&Spanned<u32>>,
        range: RangeInclusive<u32>,
    ) -> Option<usize> {
        let written = written?;
        if !range.contains(written.get_ref()) {
            let title = format!("{} is out of range", written.get_ref());
            let help = format!("write a number from {} to {}", range.start(), range.end());
            self.fault(written.span(), title, help);
        }
        Some(*written.get_ref() as usize)
    }
}

#[cfg(test)]
mod tests;
