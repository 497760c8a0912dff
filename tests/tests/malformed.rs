//! Malformed packets against the program as it runs, those that broke other servers and a million more:
//! each gets the answer that is due to it, or none, and nothing of them stays.
//!
//! `PREAU_MALFORMED_PACKETS` and `PREAU_MALFORMED_SEED` say how many, and which.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use tempfile::TempDir;
use tests::{
    address,
    client::{Question, Transport, ask_each, exchange},
    environment,
    malformed::{Generator, KINDS, allowed, check, is_answered},
    preau::Preau,
    shared,
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// In a run as long as this, memory must not grow after a tenth of it.
const WHOLE: u64 = 1_000_000;
/// Octets by which a shorter run may grow.
const WARMING: u64 = 4 << 20;
/// Datagrams that are not answered yet.
const WINDOW: usize = 48;
/// One in so many packets opens a connection.
const CONNECTIONS: u64 = 100;
/// Octets of a message over TCP that is read.
const LONGEST_QUERY: usize = 4096;
/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
#[ignore = "sends a million packets"]
fn every_malformed_packet_gets_what_is_due_to_it() {
    let packets = environment::number("PREAU_MALFORMED_PACKETS", WHOLE);
    let seed = environment::number("PREAU_MALFORMED_SEED", 20_261_122);
    println!("{packets} packets from seed {seed}");
    let server = server();
    // The cache is full before memory is looked at.
    let texts = (0..3000).map(|number| Question::new(&format!("text-{number}.example"), 16));
    ask_each(server.address, &texts.collect::<Vec<_>>(), |_| ());
    let mut random = Generator::new(seed);
    let mut datagrams = Datagrams::to(server.address);
    let (mut tally, mut connections, mut early) = (Tally::default(), 0, 0);
    for number in 0..packets {
        if number % CONNECTIONS == 0 {
            connect(server.address, &mut random, &mut tally);
            connections += 1;
        } else {
            let (kind, packet) = random.packet(number as u16);
            tally.sent[kind] += 1;
            datagrams.send(packet, &mut tally);
        }
        if number == packets / 10 {
            early = server.resident_octets();
        }
    }
    datagrams.hear_until(0, &mut tally);
    let end = server.resident_octets();

    let answers: u64 = tally.answers.values().sum();
    println!("{connections} connections; {answers} answers, {} of them cut off", tally.cut_off);
    for ((name, _), sent) in KINDS.iter().zip(tally.sent) {
        println!("{sent:>8} {name}");
        assert!(sent > packets / 20, "{name}");
    }
    println!("{:?}", tally.answers);
    println!("{} silences, {} answers truncated", tally.silences, tally.truncated);
    println!("resident memory: {early} octets after a tenth, {end} at the end");
    assert_eq!(answers + tally.cut_off, tally.due, "every packet is answered that ought to be");
    assert!(tally.silences > packets / 20 && tally.truncated > packets / 1000);
    for code in ["NoError", "FormErr", "NXDomain", "NotImp", "Refused", "BadVers"] {
        let count = tally.answers.get(code).copied().unwrap_or_default();
        assert!(count > packets / 100, "{code}");
    }
    let most = if packets >= WHOLE { early * 105 / 100 } else { early + WARMING };
    assert!(early > 0 && end <= most, "{early} octets became {end}");
    still_answers(&server);
}

/// The packets of CZ.NIC's fuzzing, and those that Unbound and the PowerDNS Recursor are tested with.
#[test]
#[ignore = "needs xz (Debian's xz-utils); sends 8 000 packets"]
fn every_packet_of_the_corpora_gets_what_is_due_to_it() {
    let Some(data) = shared::data() else { return };
    let folder = TempDir::new().unwrap();
    for archive in ["cznic_packets.tar.xz", "unbound_pdns.tar.xz"] {
        let archive = data.join("malformed").join(archive);
        let tar = Command::new("tar").arg("-xJf").arg(archive).current_dir(folder.path()).status();
        assert!(tar.unwrap().success(), "tar and xz unpack the corpus");
    }
    let mut packets = Vec::new();
    for file in files(&folder.path().join("packet")) {
        packets.push(fs::read(file).unwrap());
    }
    for file in files(&folder.path().join("pdns/fuzzing/corpus")) {
        packets.push(fs::read(file).unwrap());
    }
    for file in files(&folder.path().join("unbound")) {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().filter(|line| line.len() >= 8 && !line.starts_with('-'));
        packets.extend(lines.filter_map(hexadecimal));
    }
    // An IPv4 datagram holds no more.
    packets.retain(|packet| packet.len() <= 65_507);

    let server = server();
    let mut datagrams = Datagrams::to(server.address);
    let mut tally = Tally::default();
    for (number, packet) in packets.iter_mut().enumerate() {
        if let Some(octets) = packet.first_chunk_mut() {
            *octets = (number as u16).to_be_bytes();
        }
        datagrams.send(packet.clone(), &mut tally);
    }
    datagrams.hear_until(0, &mut tally);
    for packets in packets.chunks(4) {
        let framed = packets
            .iter()
            .map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat());
        converse(server.address, &framed.collect::<Vec<_>>().concat(), &mut tally);
    }
    println!("{} packets, each over UDP and TCP: {:?}", packets.len(), tally.answers);
    println!("{} silences, {} answers cut off", tally.silences, tally.cut_off);
    assert_eq!(packets.len(), 7655);
    let answers: u64 = tally.answers.values().sum();
    assert_eq!(answers + tally.cut_off, tally.due);
    // Half of them are responses.
    assert!((5_000..12_000).contains(&answers), "{answers}");
    still_answers(&server);
}

/// Every file of a folder and below, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut files: Vec<_> = entries.flat_map(below).collect();
    files.sort();
    files
}

/// The octets of a line; `None` where that is no packet.
fn hexadecimal(line: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = line.trim().chars().map(|digit| digit.to_digit(16)).collect();
    Some(digits?.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
}

fn still_answers(server: &Preau) {
    for transport in [Transport::Udp, Transport::Tcp] {
        let packet = Question::new("pornhub.com", 1).packet(1);
        let answer = exchange(server.address, transport, Ipv4Addr::LOCALHOST, &packet, true);
        assert_eq!(answer.unwrap()[3] & 15, 3, "it still refuses");
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn server() -> Preau {
    let address = address::unused();
    let upstream = upstream();
    let config = format!(
        "[listen]\ndns = [\"{address}\"]\n[upstream]\nservers = [\"{upstream}\"]\n\
         [cache]\nsize = \"1MiB\"\n[lists]\ncache = \"cache\"\n\
         [[local]]\nname = \"printer.school.example\"\naddresses = [\"192.0.2.7\"]\n\
         [[group]]\nname = \"pupils\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"child\"\n"
    );
    let mut server = Preau::configured(PREAU, address, &config);
    server.start();
    server
}

/// Knows addresses of every name, and a text that many clients have no room for.
fn upstream() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut query = [0; 4096];
        while let Ok((length, resolver)) = socket.recv_from(&mut query) {
            let mut end = 12;
            while query[end] != 0 {
                end += 1 + usize::from(query[end]);
            }
            let question = &query[12..(end + 5).min(length)];
            let data = match query[end + 2] {
                1 => vec![192, 0, 2, 1],
                28 => [&b"\x20\x01\x0d\xb8"[..], &[0; 12]].concat(),
                16 => [&[200][..], &[b'x'; 200]].concat().repeat(4),
                _ => Vec::new(),
            };
            let mut answer = [&query[..2], b"\x81\x80\0\x01\0\0\0\0\0\0", question].concat();
            if !data.is_empty() {
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, query[end + 2], 0, 1, 0, 0, 1, 44]);
                answer.extend((data.len() as u16).to_be_bytes());
                answer.extend(data);
            }
            socket.send_to(&answer, resolver).unwrap();
        }
    });
    address
}

/// What was sent, and what became of it.
#[derive(Default)]
struct Tally {
    sent: [u64; KINDS.len()],
    due: u64,
    silences: u64,
    answers: BTreeMap<String, u64>,
    truncated: u64,
    /// Answers that a connection may have lost, which ended in the middle of what was sent.
    cut_off: u64,
}

impl Tally {
    fn expect(&mut self, packet: &[u8]) -> bool {
        match is_answered(packet) {
            true => self.due += 1,
            false => self.silences += 1,
        }
        is_answered(packet)
    }

    fn take(&mut self, sent: &[u8], answer: &[u8], longest: usize) -> Result<(), String> {
        let code = check(sent, answer, longest)?;
        let code = match u16::from(code) {
            16 => "BadVers".to_owned(), // 16 is something else in a signature
            _ => format!("{code:?}"),
        };
        *self.answers.entry(code).or_default() += 1;
        self.truncated += u64::from(answer[2] & 2 != 0);
        Ok(())
    }
}

/// A socket, and what was sent from it that has no answer yet, by ID.
struct Datagrams {
    socket: UdpSocket,
    open: BTreeMap<u16, Vec<u8>>,
}

impl Datagrams {
    fn to(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, open: BTreeMap::new() }
    }

    fn send(&mut self, packet: Vec<u8>, tally: &mut Tally) {
        self.socket.send(&packet).unwrap();
        if tally.expect(&packet) {
            let id = u16::from_be_bytes([packet[0], packet[1]]);
            assert!(self.open.insert(id, packet).is_none(), "it waits for 65 536 others");
        }
        self.hear_until(WINDOW, tally);
    }

    fn hear_until(&mut self, open: usize, tally: &mut Tally) {
        let mut answer = [0; 65_536];
        while self.open.len() > open {
            let heard = self.socket.recv(&mut answer);
            let length =
                heard.unwrap_or_else(|error| panic!("{error}; unanswered: {:x?}", self.open));
            let answer = &answer[..length];
            let sent =
                answer.first_chunk().and_then(|id| self.open.remove(&u16::from_be_bytes(*id)));
            let sent = sent.unwrap_or_else(|| panic!("an answer to nothing: {answer:x?}"));
            if let Err(fault) = tally.take(&sent, answer, allowed(&sent)) {
                panic!("{fault}: {sent:x?} was answered by {answer:x?}");
            }
        }
    }
}

/// Sends a few messages over a connection, whose lengths may lie.
fn connect(server: SocketAddr, random: &mut Generator, tally: &mut Tally) {
    let mut octets = Vec::new();
    for id in 0..1 + random.below(4) {
        let (kind, packet) = random.packet(id as u16);
        tally.sent[kind] += 1;
        let length = match random.below(8) {
            0 => packet.len() + 1 + random.below(100),
            1 => random.below(packet.len() + 1),
            2 => random.below(65_536),
            3 => 0,
            _ => packet.len(),
        };
        octets.extend((length as u16).to_be_bytes());
        octets.extend(packet);
    }
    converse(server, &octets, tally);
}

/// Says that over a connection, and hears it out.
fn converse(server: SocketAddr, octets: &[u8], tally: &mut Tally) {
    let (messages, rest) = framed(octets, LONGEST_QUERY);
    // Then it is closed at once, whatever was on its way.
    let is_nonsense = rest
        .first_chunk()
        .is_some_and(|length| usize::from(u16::from_be_bytes(*length)) > LONGEST_QUERY);
    let mut due: Vec<_> = messages.into_iter().filter(|message| tally.expect(message)).collect();

    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Fails where the server has had enough; so may reading.
    let _ = stream.write_all(octets).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut heard = Vec::new();
    let end = stream.read_to_end(&mut heard);
    assert!(end.is_ok() || is_nonsense, "{end:?}: {octets:x?}");
    let (mut answers, rest) = framed(&heard, usize::MAX);
    assert!(is_nonsense || rest.is_empty(), "{rest:x?} of an answer to {octets:x?}");
    // Several messages may have the same ID. What repeats its question is told apart first.
    answers.sort_by_key(|answer| answer.get(5) == Some(&0));
    for answer in answers {
        let mut faults = Vec::new();
        let asked = due.iter().position(|sent| {
            tally.take(sent, answer, 65_535).map_err(|fault| faults.push(fault)).is_ok()
        });
        due.remove(asked.unwrap_or_else(|| panic!("{faults:?}: {answer:x?} for {due:x?}")));
    }
    assert!(is_nonsense || due.is_empty(), "{due:x?} in {octets:x?}");
    tally.cut_off += due.len() as u64;
}

/// The whole messages of a stream, and what is left of it: the first is cut short, or longer than
/// `longest`.
fn framed(mut octets: &[u8], longest: usize) -> (Vec<&[u8]>, &[u8]) {
    let mut messages = Vec::new();
    while let Some((length, after)) = octets.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        match after.split_at_checked(length) {
            Some((message, after)) if length <= longest => {
                messages.push(message);
                octets = after;
            }
            _ => break,
        }
    }
    (messages, octets)
}
