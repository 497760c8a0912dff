//! Where an upstream server is, and how it is spoken to: as text, and back.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use hickory_resolver::system_conf;
use thiserror::Error;

/// One upstream resolver.
///
/// Written `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53` for plain DNS; encrypted,
/// `tls://9.9.9.9#dns.quad9.net` (RFC 7858), `https://9.9.9.9/dns-query#dns.quad9.net` (RFC 8484)
/// or `quic://94.140.14.14#dns.adguard-dns.com` (RFC 9250). The name is what its certificate must be
/// for, by default the address itself; the path, by default `/dns-query`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// How it is spoken to.
    pub protocol: Protocol,
}

/// How a server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// UDP, and TCP for what does not fit (RFC 1035).
    Plain,
    /// DNS over TLS (RFC 7858).
    Tls {
        /// What the certificate must be for.
        name: Arc<str>,
    },
    /// DNS over HTTPS (RFC 8484).
    Https {
        /// What the certificate must be for.
        name: Arc<str>,
        /// Of the URL.
        path: Arc<str>,
    },
    /// DNS over QUIC (RFC 9250).
    Quic {
        /// What the certificate must be for.
        name: Arc<str>,
    },
}

/// Ports that need not be written (RFC 1035 §4.2, RFC 7858 §3.1, RFC 8484, RFC 9250 §4.1.1).
const DNS_PORT: u16 = 53;
const TLS_PORT: u16 = 853;
const HTTPS_PORT: u16 = 443;
const QUIC_PORT: u16 = 853;
/// Where nearly every DNS over HTTPS server listens.
const HTTPS_PATH: &str = "/dns-query";

impl Server {
    /// The servers of this machine's `/etc/resolv.conf`; never its search list.
    ///
    /// # Errors
    /// The file cannot be read or names no server.
    pub fn of_system() -> io::Result<Vec<Self>> {
        let (config, _) = system_conf::read_system_conf()
            .map_err(|error| io::Error::other(format!("/etc/resolv.conf: {error}")))?;
        Ok(Self::plain(config.name_servers.iter().map(|server| server.ip)))
    }

    /// Plain servers at the usual port, each once.
    fn plain(addresses: impl Iterator<Item = IpAddr>) -> Vec<Self> {
        let mut servers = Vec::new();
        for ip in addresses {
            let server = Self { address: (ip, DNS_PORT).into(), protocol: Protocol::Plain };
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
        servers
    }

    /// True when nobody between here and there can change what it says.
    pub fn is_secure(&self) -> bool {
        self.protocol != Protocol::Plain || self.address.ip().to_canonical().is_loopback()
    }
}

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (rest, name) = match rest.split_once('#') {
            Some((_, _)) if scheme.is_empty() => return Err(ServerError::NameWithoutTls),
            Some((_, "")) => return Err(ServerError::EmptyName),
            Some((rest, name)) => (rest, Some(name)),
            None => (rest, None),
        };
        let (address, path) = match rest.find('/') {
            Some(at) if scheme == "https" => (&rest[..at], &rest[at..]),
            _ => (rest, HTTPS_PATH),
        };
        let port = match scheme {
            "" => DNS_PORT,
            "tls" => TLS_PORT,
            "https" => HTTPS_PORT,
            "quic" => QUIC_PORT,
            _ => return Err(ServerError::Scheme(scheme.to_owned())),
        };
        let bare = address.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(address);
        let address = match (address.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
            (Ok(address), _) => address,
            (_, Ok(ip)) => SocketAddr::new(ip, port),
            _ => return Err(ServerError::Address),
        };
        let name = name.map_or_else(|| address.ip().to_string().into(), Arc::from);
        let protocol = match scheme {
            "tls" => Protocol::Tls { name },
            "https" => Protocol::Https { name, path: path.into() },
            "quic" => Protocol::Quic { name },
            _ => Protocol::Plain,
        };
        Ok(Self { address, protocol })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.protocol {
            Protocol::Plain => write!(f, "{address}"),
            Protocol::Tls { name } => write!(f, "tls://{address}#{name}"),
            Protocol::Https { name, path } => write!(f, "https://{address}{path}#{name}"),
            Protocol::Quic { name } => write!(f, "quic://{address}#{name}"),
        }
    }
}

/// Why a text does not name an upstream server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A host name, or no address at all.
    #[error("not an IP address, with or without a port")]
    Address,
    /// Another protocol.
    #[error("unknown protocol `{0}://`")]
    Scheme(String),
    /// `#name` on a plain server.
    #[error("a name to verify needs tls://, https:// or quic://")]
    NameWithoutTls,
    /// Nothing after `#`.
    #[error("no name after #")]
    EmptyName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text() {
        #[rustfmt::skip]
        let cases = [
            ("192.0.2.1", Ok("192.0.2.1:53")),
            ("192.0.2.1:5353", Ok("192.0.2.1:5353")),
            ("2001:db8::1", Ok("[2001:db8::1]:53")),
            ("[2001:db8::1]:54", Ok("[2001:db8::1]:54")),
            ("[2001:db8::1]", Ok("[2001:db8::1]:53")),
            ("tls://9.9.9.9#dns.quad9.net", Ok("tls://9.9.9.9:853#dns.quad9.net")),
            ("tls://9.9.9.9:8853#dns.quad9.net", Ok("tls://9.9.9.9:8853#dns.quad9.net")),
            ("tls://9.9.9.9", Ok("tls://9.9.9.9:853#9.9.9.9")),
            ("tls://[2620:fe::fe]:853", Ok("tls://[2620:fe::fe]:853#2620:fe::fe")),
            ("https://9.9.9.9#dns.quad9.net", Ok("https://9.9.9.9:443/dns-query#dns.quad9.net")),
            ("https://9.9.9.9:5053/dns", Ok("https://9.9.9.9:5053/dns#9.9.9.9")),
            ("https://[2620:fe::fe]/dns-query#dns.quad9.net", Ok("https://[2620:fe::fe]:443/dns-query#dns.quad9.net")),
            ("quic://94.140.14.14#dns.adguard-dns.com", Ok("quic://94.140.14.14:853#dns.adguard-dns.com")),
            ("", Err(ServerError::Address)),
            ("dns.quad9.net", Err(ServerError::Address)),
            ("192.0.2.1/dns-query", Err(ServerError::Address)),
            ("tls://dns.quad9.net", Err(ServerError::Address)),
            ("tls://192.0.2.1/dns-query", Err(ServerError::Address)),
            ("https://dns.quad9.net/dns-query", Err(ServerError::Address)),
            ("192.0.2.1:99999", Err(ServerError::Address)),
            ("h3://9.9.9.9", Err(ServerError::Scheme("h3".into()))),
            ("9.9.9.9#dns.quad9.net", Err(ServerError::NameWithoutTls)),
            ("tls://9.9.9.9#", Err(ServerError::EmptyName)),
        ];
        for (text, expected) in cases {
            let got = text.parse::<Server>().map(|server| server.to_string());
            assert_eq!(got, expected.map(str::to_owned), "{text}");
            if let Ok(again) = got {
                assert_eq!(again.parse::<Server>(), text.parse(), "{again}");
            }
        }
    }

    #[test]
    fn the_system_names_each_once() {
        let written = ["192.0.2.2", "2001:db8::1", "192.0.2.2", "192.0.2.1", "2001:db8:0::1"];
        let servers = Server::plain(written.iter().map(|ip| ip.parse().unwrap()));
        let servers: Vec<_> = servers.iter().map(Server::to_string).collect();
        assert_eq!(servers, ["192.0.2.2:53", "[2001:db8::1]:53", "192.0.2.1:53"]);
    }

    #[test]
    fn who_may_be_trusted() {
        let secure = ["127.0.0.1", "::1", "tls://9.9.9.9", "https://9.9.9.9", "quic://9.9.9.9"];
        let insecure = ["192.0.2.1", "10.0.0.1", "2001:db8::1"];
        assert!(secure.iter().all(|text| text.parse::<Server>().unwrap().is_secure()));
        assert!(!insecure.iter().any(|text| text.parse::<Server>().unwrap().is_secure()));
    }
}
