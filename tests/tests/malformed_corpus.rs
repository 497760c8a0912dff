//! Thousands of packets that broke other servers. Skipped where they are not there.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fs,
    net::{Ipv4Addr, UdpSocket},
    process::Command,
};

use hickory_server::proto::op::{Message, ResponseCode};
use tempfile::TempDir;
use tests::{
    client::{Question, Transport, exchange},
    server::{Setup, TestServer},
    shared,
};

#[test]
#[ignore = "needs xz (Debian's xz-utils); sends 7 315 packets"]
fn no_packet_of_the_corpus_silences_the_server() {
    let Some(data) = shared::data() else { return };
    let folder = TempDir::new().unwrap();
    let archive = data.join("malformed/cznic_packets.tar.xz");
    let unpacked = Command::new("tar").arg("-xJf").arg(archive).current_dir(folder.path()).status();
    assert!(unpacked.unwrap().success(), "tar and xz unpack the corpus");
    let server = TestServer::start(&Setup::default());
    let alive = || {
        let packet = Question::new("pornhub.com", 1).packet(1);
        for transport in [Transport::Udp, Transport::Tcp] {
            let answer = exchange(server.address, transport, Ipv4Addr::LOCALHOST, &packet, true);
            let message = Message::from_vec(&answer.unwrap()).unwrap();
            assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
        }
    };

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let (mut sent, mut answered) = (0, 0);
    let mut answer = [0; 65_535];
    for entry in fs::read_dir(folder.path().join("packet")).unwrap() {
        let packet = fs::read(entry.unwrap().path()).unwrap();
        // An IPv4 datagram holds no more.
        if packet.len() <= 65_507 {
            socket.send_to(&packet, server.address).unwrap();
        }
        sent += 1;
        while let Ok((length, _)) = socket.recv_from(&mut answer) {
            let message = Message::from_vec(&answer[..length]).expect("what we answer is DNS");
            assert!(answer[2] & 0x80 != 0, "and an answer");
            assert!(length <= 1232 || message.metadata.truncation);
            answered += 1;
        }
        if sent % 1000 == 0 {
            alive();
        }
    }
    alive();
    server.stop();
    println!("{sent} packets, {answered} answered");
    assert_eq!(sent, 7315);
    // Half of the corpus are responses, which are never answered.
    assert!((1_000..6_000).contains(&answered), "{answered}");
}
