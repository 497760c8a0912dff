//! Any bytes as a packet: what is answered is answered with a DNS message within its limits.
#![no_main]

use dns_server::wire::{
    Rcode,
    answer::{self, Body, REPLY_CAPACITY},
    ede::{Code, ExtendedError},
    question::{self, Transport, Unreadable},
};
use hickory_proto::op::Message;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let (rcode, body, echo) = match question::read(packet) {
        Ok(question) => (Rcode::NxDomain, Body::Negative { ttl: 60 }, question.echo),
        Err(Unreadable::Error(rcode, echo)) => (rcode, Body::Empty, echo),
        Err(Unreadable::Silence) => return,
    };
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len().max(REPLY_CAPACITY), 0);
    let error = ExtendedError {
        code: Code(15),
        text: Some(&"porn · ut1-adult"),
        shorter_text: Some(&"porn"),
    };
    let length = answer::write(&mut buffer, &echo, Transport::Datagram, rcode, body, Some(error));
    assert!(length <= echo.limit(Transport::Datagram).max(echo.length));
    let message = Message::from_vec(&buffer[..length]).expect("what we write is DNS");
    assert_eq!(message.metadata.id.to_be_bytes(), packet[..2]);
    assert_eq!(message.edns.is_some(), echo.edns.is_some());
});
