//! An upstream that has every name there is, so that whatever was not refused is seen.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    thread,
};

/// The address of every name.
pub const EVERYWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 99);

/// Starts it on a free port of the loopback, for as long as the process lives. It speaks UDP only.
///
/// A name whose first label is `a-192-0-2-1` has that address, one of `aaaa-2001-db8-0-0-0-0-0-1`
/// that one, every other name [`EVERYWHERE`]; there is nothing but addresses.
pub fn start() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, client)) = socket.recv_from(&mut packet) {
            if let Some(answer) = answer(&packet[..length]) {
                let _ = socket.send_to(&answer, client);
            }
        }
    });
    address
}

fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let (header, rest) = packet.split_at_checked(12)?;
    let mut end = 0;
    while *rest.get(end)? != 0 {
        end += 1 + usize::from(rest[end]);
    }
    let question = rest.get(..end + 5)?;
    let label = &rest[1..=usize::from(rest[0])];
    let qtype = u16::from_be_bytes([question[end + 1], question[end + 2]]);
    let data = match qtype {
        1 => Some(v4(label).unwrap_or(EVERYWHERE).octets().to_vec()),
        28 => v6(label).map(|address| address.octets().to_vec()),
        _ => None,
    };
    let count = u8::from(data.is_some());
    // Recursion available, no error, one question.
    let mut answer = vec![header[0], header[1], 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0];
    answer.extend_from_slice(question);
    if let Some(data) = data {
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&qtype.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 1, 0, data.len() as u8]);
        answer.extend_from_slice(&data);
    }
    Some(answer)
}

fn v4(label: &[u8]) -> Option<Ipv4Addr> {
    let text = std::str::from_utf8(label).ok()?.strip_prefix("a-")?;
    text.replace('-', ".").parse().ok()
}

fn v6(label: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(label).ok()?.strip_prefix("aaaa-")?;
    text.replace('-', ":").parse().ok()
}
