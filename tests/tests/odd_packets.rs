//! Odd packets, and what becomes of each here and at a real Unbound: the table of
//! `docs/odd-packets.md`, which this test keeps true.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use tests::{
    client::{Transport, exchange},
    server::{Setup, TestServer},
    unbound::Unbound,
    upstream::Behaviour,
};

const HOST: &[u8] = b"\x04host\x07example\0\0\x01\0\x01";
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
const RD: u16 = 0x0100;

/// Flags, the four counts, and what follows the header.
fn packet(flags: u16, counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![0x5a, 0xfe];
    packet.extend(flags.to_be_bytes());
    packet.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    packet.extend(parts.concat());
    packet
}

fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let one = [1, 0, 0, 0];
    let with = |n| [1, 0, 0, n];
    let name = |tail: &[u8]| [&b"\x04host\x07example\0"[..], tail].concat();
    let opt = |fields: &[u8]| [&b"\0\0\x29"[..], fields].concat();
    let long = [[&[63][..], &[b'a'; 63]].concat().repeat(3), [&[61][..], &[b'a'; 61]].concat()];
    let long = [&long.concat()[..], b"\0\0\x01\0\x01"].concat();
    let too_long =
        [[&[63][..], &[b'a'; 63]].concat().repeat(4), b"\0\0\x01\0\x01".to_vec()].concat();
    let answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\xc0\0\x02\x01";
    vec![
        ("a plain query", packet(RD, one, &[HOST])),
        ("in mixed case", packet(RD, one, &[b"\x04hOsT\x07ExamplE\0\0\x01\0\x01"])),
        ("a name of 255 octets", packet(RD, one, &[&long])),
        ("a name of 257 octets", packet(RD, one, &[&too_long])),
        ("a label of 64 octets", packet(RD, one, &[&[64], &[b'a'; 64], b"\0\0\x01\0\x01"])),
        ("EDNS, size 512", packet(RD, with(1), &[HOST, &opt(b"\x02\0\0\0\0\0\0\0")])),
        ("EDNS, size 4096", packet(RD, with(1), &[HOST, &opt(b"\x10\0\0\0\0\0\0\0")])),
        ("EDNS, size 65535", packet(RD, with(1), &[HOST, &opt(b"\xff\xff\0\0\0\0\0\0")])),
        ("EDNS, DO", packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\0\x80\0\0\0")])),
        ("EDNS, Z bits", packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\0\x7f\xff\0\0")])),
        ("EDNS, version 1", packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\x01\0\0\0\0")])),
        (
            "EDNS, an unknown option",
            packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\0\0\0\0\x06\xfd\xe9\0\x02ab")]),
        ),
        (
            "EDNS, a cookie",
            packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08abcdefgh")]),
        ),
        (
            "EDNS, half an option",
            packet(RD, with(1), &[HOST, &opt(b"\x04\xd0\0\0\0\0\0\x05\0\x0a\0\x08a")]),
        ),
        ("two OPT records", packet(RD, with(2), &[HOST, OPT, OPT])),
        ("an OPT record of another owner", packet(RD, with(1), &[HOST, b"\x01a", OPT])),
        ("class CH", packet(RD, one, &[&name(b"\0\x01\0\x03")])),
        ("class ANY", packet(RD, one, &[&name(b"\0\x01\0\xff")])),
        ("class 0", packet(RD, one, &[&name(b"\0\x01\0\0")])),
        ("type 0", packet(RD, one, &[&name(b"\0\0\0\x01")])),
        ("type OPT", packet(RD, one, &[&name(b"\0\x29\0\x01")])),
        ("type ANY", packet(RD, one, &[&name(b"\0\xff\0\x01")])),
        ("type AXFR", packet(RD, one, &[&name(b"\0\xfc\0\x01")])),
        ("type IXFR", packet(RD, one, &[&name(b"\0\xfb\0\x01")])),
        ("RD clear", packet(0, one, &[HOST])),
        ("AD, CD and Z set", packet(RD | 0x70, one, &[HOST])),
        ("no question", packet(RD, [0; 4], &[])),
        ("two questions", packet(RD, [2, 0, 0, 0], &[HOST, HOST])),
        ("65535 questions in 12 octets", packet(RD, [65535, 0, 0, 0], &[])),
        ("TC set", packet(RD | 0x0200, one, &[HOST])),
        ("AA set", packet(RD | 0x0400, one, &[HOST])),
        ("an answer in the query", packet(RD, [1, 1, 0, 0], &[HOST, answer])),
        ("octets after the end", packet(RD, one, &[HOST, b"\xff\xff"])),
        ("a pointer to the header", packet(RD, one, &[b"\xc0\0\0\x01\0\x01"])),
        ("a pointer to itself", packet(RD, one, &[b"\xc0\x0c\0\x01\0\x01"])),
        ("a name without its end", packet(RD, one, &[b"\x04host"])),
        ("opcode IQUERY", packet(RD | 0x0800, one, &[HOST])),
        ("opcode STATUS", packet(RD | 0x1000, one, &[HOST])),
        ("opcode NOTIFY", packet(RD | 0x2000, one, &[HOST])),
        ("opcode UPDATE", packet(RD | 0x2800, one, &[HOST])),
        ("opcode DSO", packet(RD | 0x3000, [0; 4], &[])),
        ("a response", packet(0x8100, one, &[HOST])),
        ("11 octets", packet(RD, one, &[])[..11].to_vec()),
    ]
}

/// A reply in a few words.
fn shown(server: SocketAddr, packet: &[u8]) -> String {
    let source = Ipv4Addr::LOCALHOST;
    let Some(reply) = exchange(server, Transport::Udp, source, packet, false) else {
        return "silence".into();
    };
    let rcode = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    let count = |at: usize| u16::from_be_bytes([reply[at], reply[at + 1]]);
    let code = usize::from(reply[3] & 0x0f);
    // An OPT is the last record, and has no data but options.
    let opt = (count(10) > 0)
        .then(|| (12..reply.len() - 10).find(|&at| reply[at..].starts_with(&[0, 0, 0x29])))
        .flatten();
    let is_badvers = opt.is_some_and(|at| reply[at + 5] == 1);
    let mut text = match is_badvers {
        true => "BADVERS".to_owned(),
        false => rcode.get(code).map_or(format!("{code}"), |name| (*name).to_owned()),
    };
    for (bit, at, name) in [(0x04, 2, "AA"), (0x02, 2, "TC"), (0x20, 3, "AD"), (0x40, 3, "Z")] {
        if reply[at] & bit != 0 {
            write!(text, " {name}").unwrap();
        }
    }
    write!(text, ", {} octets", reply.len()).unwrap();
    if let Some(at) = opt {
        let size = u16::from_be_bytes([reply[at + 3], reply[at + 4]]);
        write!(text, ", EDNS {size}").unwrap();
        if reply[at + 7] & 0x80 != 0 {
            text.push_str(" DO");
        }
    }
    if count(4) == 0 {
        text.push_str(", no question");
    }
    text
}

#[test]
#[ignore = "needs unbound (Debian's unbound)"]
fn the_table_is_true() {
    let zone = "host.example. 300 IN A 192.0.2.40\n".to_owned();
    let preau = TestServer::start(&Setup { upstream: Behaviour::Zone(zone), ..Setup::default() });
    let unbound = Unbound::start(
        " local-zone: \"example.\" static\n local-data: \"host.example. 300 IN A 192.0.2.40\"\n",
    );
    let mut table = "| packet | Préau | Unbound |\n|---|---|---|\n".to_owned();
    for (what, packet) in packets() {
        let (ours, theirs) = (shown(preau.address, &packet), shown(unbound.address, &packet));
        writeln!(table, "| {what} | {ours} | {theirs} |").unwrap();
    }
    println!("{table}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/odd-packets.md");
    let page = fs::read_to_string(path).unwrap();
    assert!(page.contains(&table), "docs/odd-packets.md says otherwise; the table is\n{table}");
}
