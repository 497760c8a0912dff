//! A plain DNS client: packets out, packets in.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

/// The transports of classic DNS (RFC 1035 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// Two octets of length before each message.
    Tcp,
}

/// Longest that an answer may take: longer than the server waits for its upstream.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(300);

/// Sends a packet and returns the answer; `None` if there is none within the time that
/// `expect_answer` makes reasonable. UDP leaves from `source`.
pub fn exchange(
    server: SocketAddr,
    transport: Transport,
    source: Ipv4Addr,
    packet: &[u8],
    expect_answer: bool,
) -> Option<Vec<u8>> {
    let patience = Some(if expect_answer { PATIENCE } else { SILENCE });
    match transport {
        Transport::Udp => {
            let socket = UdpSocket::bind((IpAddr::from(source), 0)).unwrap();
            socket.set_read_timeout(patience).unwrap();
            socket.send_to(packet, server).unwrap();
            let mut answer = vec![0; 65_535];
            match socket.recv_from(&mut answer) {
                Ok((length, from)) => {
                    assert_eq!(from, server, "answers come from the address that was asked");
                    answer.truncate(length);
                    Some(answer)
                }
                Err(error) if is_timeout(error.kind()) => None,
                Err(error) => panic!("{error}"),
            }
        }
        Transport::Tcp => {
            let mut stream = TcpStream::connect(server).unwrap();
            stream.set_read_timeout(patience).unwrap();
            let length = u16::try_from(packet.len()).unwrap();
            stream.write_all(&[&length.to_be_bytes(), packet].concat()).unwrap();
            let mut length = [0; 2];
            match stream.read_exact(&mut length) {
                Ok(()) => {
                    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut answer).unwrap();
                    Some(answer)
                }
                // Closing the connection is an answer of its own kind: none.
                Err(error) if is_timeout(error.kind()) => None,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A question as a packet: the name in the case given, a record type and class by number, and an
/// EDNS record where `edns` gives a UDP size (RFC 6891).
#[derive(Clone, Debug)]
pub struct Question {
    /// As text, without escapes.
    pub name: String,
    /// Record type.
    pub qtype: u16,
    /// Class; 1 is IN.
    pub qclass: u16,
    /// Recursion desired.
    pub rd: bool,
    /// Checking disabled (RFC 4035 §3.2.2).
    pub cd: bool,
    /// UDP size and DNSSEC OK.
    pub edns: Option<(u16, bool)>,
}

impl Question {
    /// A question for a name and type, recursion desired, without EDNS.
    pub fn new(name: &str, qtype: u16) -> Self {
        Self { name: name.into(), qtype, qclass: 1, rd: true, cd: false, edns: None }
    }

    /// The packet.
    pub fn packet(&self, id: u16) -> Vec<u8> {
        let flags = u16::from(self.rd) << 8 | u16::from(self.cd) << 4;
        let mut packet = Vec::with_capacity(64);
        for word in [id, flags, 1, 0, 0, u16::from(self.edns.is_some())] {
            packet.extend_from_slice(&word.to_be_bytes());
        }
        for label in self.name.split('.').filter(|label| !label.is_empty()) {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend_from_slice(label.as_bytes());
        }
        packet.push(0);
        packet.extend_from_slice(&self.qtype.to_be_bytes());
        packet.extend_from_slice(&self.qclass.to_be_bytes());
        if let Some((size, dnssec_ok)) = self.edns {
            packet.extend_from_slice(&[0, 0, 41]);
            packet.extend_from_slice(&size.to_be_bytes());
            packet.extend_from_slice(&[0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
        }
        packet
    }
}
