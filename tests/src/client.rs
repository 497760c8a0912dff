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

/// Questions sent before the answers to them are read.
const WINDOW: usize = 64;

/// Asks a server over UDP for the address of each name ([`ask_each`]).
pub fn ask_all<T: Clone>(
    server: SocketAddr,
    names: &[String],
    edns: Option<(u16, bool)>,
    read: impl Fn(&[u8]) -> T,
) -> Vec<T> {
    let question = |name: &String| Question { edns, ..Question::new(name, 1) };
    ask_each(server, &names.iter().map(question).collect::<Vec<_>>(), read)
}

/// Asks a server over UDP, some dozens of questions at a time; what `read` makes of each answer.
/// Datagrams that get lost are sent again.
pub fn ask_each<T: Clone>(
    server: SocketAddr,
    questions: &[Question],
    read: impl Fn(&[u8]) -> T,
) -> Vec<T> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut all = Vec::with_capacity(questions.len());
    let mut answer = [0; 4096];
    for window in questions.chunks(WINDOW) {
        let packets: Vec<_> =
            (0u16..).zip(window).map(|(id, question)| question.packet(id)).collect();
        let mut outcome: Vec<Option<T>> = vec![None; window.len()];
        let mut attempts = 0;
        while outcome.iter().any(Option::is_none) {
            attempts += 1;
            assert!(attempts < 20, "no answer for some of {window:?}");
            let open = packets.iter().zip(&outcome).filter(|(_, outcome)| outcome.is_none());
            open.for_each(|(packet, _)| assert!(socket.send(packet).is_ok()));
            while outcome.iter().any(Option::is_none) {
                let Ok(length) = socket.recv(&mut answer) else { break };
                let id = usize::from(u16::from_be_bytes([answer[0], answer[1]]));
                // A late answer to a window before this one has another question.
                let question = packets.get(id).map(|packet| question(packet));
                if question.is_some_and(|question| answer[12..length].starts_with(question)) {
                    outcome[id] = Some(read(&answer[..length]));
                }
            }
        }
        all.extend(outcome.into_iter().flatten());
    }
    all
}

/// The question of a packet, without anything after it.
fn question(packet: &[u8]) -> &[u8] {
    let name = packet[12..].iter().position(|&octet| octet == 0);
    &packet[12..12 + name.expect("our packets hold a whole name") + 5]
}

/// The address in an answer's first record, if that is one of the asked name.
pub fn first_address(answer: &[u8]) -> Option<Ipv4Addr> {
    let records = &answer[12 + question(answer).len()..];
    // A pointer to the question's name, A, IN; TTL and length; the address.
    let record = records.strip_prefix(&[0xc0, 12, 0, 1, 0, 1])?;
    record
        .get(6..10)
        .and_then(|octets| octets.try_into().ok())
        .map(u32::from_be_bytes)
        .map(Ipv4Addr::from)
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
