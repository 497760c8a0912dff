//! Conversations with the server as text files: see `tests/conversations/README.md`.

use std::{fmt::Write as _, net::Ipv4Addr, path::Path, str::FromStr};

use hickory_server::proto::{
    op::{Message, ResponseCode},
    rr::{DNSClass, Record, RecordType, rdata::opt::EdnsOption},
};

use crate::{
    client::{Question, Transport, exchange},
    server::{Setup, TestServer, compile},
    upstream::Behaviour,
};

/// A file: what to serve, and what is said.
#[derive(Clone, Debug, Default)]
struct Conversation {
    setup: Setup,
    turns: Vec<Turn>,
}

/// A question and the whole answer expected of it, in the notation of the file.
#[derive(Clone, Debug)]
struct Turn {
    line: usize,
    text: String,
    expected: Vec<String>,
}

/// What came of a file.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Questions asked, each transport counted.
    pub asked: usize,
    /// Answers that differ from what the file expects, each with its place.
    pub differences: Vec<String>,
}

/// Plays a file.
pub fn play(path: &Path) -> Played {
    let text = std::fs::read_to_string(path).unwrap();
    let conversation = read(path, &text);
    let server = TestServer::start(&conversation.setup);
    let mut played = Played::default();
    for turn in &conversation.turns {
        play_turn(path, turn, &server, &mut played);
    }
    server.stop();
    played
}

fn read(path: &Path, text: &str) -> Conversation {
    let mut conversation = Conversation::default();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.split(" ;").next().unwrap_or_default().trim_end();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let place = format!("{}:{}", path.display(), index + 1);
        match line {
            "config" | "lists" | "upstream" => {
                let block = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "end");
                let block: String = block.fold(String::new(), |mut text, line| {
                    let _ = writeln!(text, "{}", line.strip_prefix("  ").unwrap_or(line));
                    text
                });
                match line {
                    "config" => conversation.setup.config = block,
                    "lists" => conversation.setup.bundle = Some(compile(&block)),
                    _ => conversation.setup.upstream = Behaviour::Zone(block),
                }
            }
            "upstream down" => conversation.setup.upstream = Behaviour::Down,
            "upstream garbage" => conversation.setup.upstream = Behaviour::Garbage,
            _ if line.starts_with("ask ") || line.starts_with("raw ") => {
                let (text, expected) = (line.to_owned(), Vec::new());
                conversation.turns.push(Turn { line: index + 1, text, expected });
            }
            _ if line.starts_with("  ") => match conversation.turns.last_mut() {
                Some(turn) => turn.expected.push(line.trim().to_owned()),
                None => panic!("{place}: an answer before any question"),
            },
            _ => panic!("{place}: what is `{line}`?"),
        }
    }
    conversation
}

fn play_turn(path: &Path, turn: &Turn, server: &TestServer, played: &mut Played) {
    let place = format!("{}:{}: {}", path.display(), turn.line, turn.text);
    let ask = Ask::read(&turn.text, &place);
    assert!(!turn.expected.is_empty(), "{place}: no answer is expected; write `silence` for none");
    let silence = turn.expected == ["silence"];
    for &transport in &ask.transports {
        let answer = exchange(server.address, transport, ask.from, &ask.packet, !silence);
        let got = match &answer {
            None => vec!["silence".to_owned()],
            Some(answer) => describe(answer, &ask, &turn.expected),
        };
        if got != turn.expected {
            let (got, expected) = (got.join("\n  "), turn.expected.join("\n  "));
            let difference =
                format!("{place}, over {transport:?}\n  {got}\nexpected\n  {expected}\n");
            played.differences.push(difference);
        }
        if let (Some(answer), Some(question)) = (&answer, &ask.question) {
            check_echo(answer, question, &ask, &place);
        }
    }
    played.asked += ask.transports.len();
}

/// A question as a file writes it.
struct Ask {
    packet: Vec<u8>,
    question: Option<Question>,
    transports: Vec<Transport>,
    from: Ipv4Addr,
}

impl Ask {
    fn read(text: &str, place: &str) -> Self {
        let mut words = text.split_whitespace().peekable();
        let (kind, first) = (words.next(), words.next().expect("something is asked"));
        let is_octets = |word: &&str| word.bytes().all(|digit| digit.is_ascii_hexdigit());
        let mut ask = Self {
            packet: Vec::new(),
            question: None,
            transports: vec![Transport::Udp, Transport::Tcp],
            from: Ipv4Addr::LOCALHOST,
        };
        let mut question = Question::new(first, 0);
        if kind == Some("ask") {
            let qtype = words.next().unwrap_or("A");
            question.qtype = match qtype.strip_prefix("TYPE") {
                Some(number) => number.parse().unwrap(),
                None => RecordType::from_str(qtype).unwrap_or_else(|_| panic!("{place}")).into(),
            };
        }
        let mut packet = octets(if kind == Some("raw") { first } else { "" });
        while let Some(word) = words.next_if(|word| kind == Some("raw") && is_octets(word)) {
            packet.extend(octets(word));
        }
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
            match word {
                "edns" => question.edns = Some((1232, false)),
                "do" => question.edns = Some((1232, true)),
                "size" => question.edns = Some((number(), false)),
                "norec" => question.rd = false,
                "cd" => question.cd = true,
                "udp" => ask.transports = vec![Transport::Udp],
                "tcp" => ask.transports = vec![Transport::Tcp],
                "class" => {
                    let class = words.next().expect("a class");
                    question.qclass = DNSClass::from_str(class).unwrap().into();
                }
                "from" => {
                    ask.from = words.next().and_then(|word| word.parse().ok()).expect("an address");
                    ask.transports = vec![Transport::Udp];
                }
                other => panic!("{place}: what is `{other}`?"),
            }
        }
        if kind == Some("raw") {
            ask.packet = packet;
        } else {
            ask.packet = question.packet(0x5afe);
            ask.question = Some(question);
        }
        ask
    }
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<_> = hexadecimal.bytes().map(|digit| (digit as char).to_digit(16)).collect();
    let pair = |pair: &[Option<u32>]| (pair[0].unwrap() << 4 | pair[1].unwrap()) as u8;
    digits.chunks(2).map(pair).collect()
}

/// The answer in the file's notation. Of TTLs and sizes as much is said as the file asks.
fn describe(answer: &[u8], ask: &Ask, expected: &[String]) -> Vec<String> {
    let message = Message::from_vec(answer).expect("the server writes valid DNS");
    let metadata = &message.metadata;
    let mut lines = vec![rcode(metadata.response_code)];
    let flags = [
        (metadata.authoritative, "aa"),
        (metadata.truncation, "tc"),
        (metadata.recursion_desired, "rd"),
        (metadata.recursion_available, "ra"),
        (metadata.authentic_data, "ad"),
        (metadata.checking_disabled, "cd"),
    ];
    for (_, name) in flags.iter().filter(|(set, _)| *set) {
        let _ = write!(lines[0], " {name}");
    }
    let with_ttl = |record: &Record| {
        let owner = record.name.to_string();
        let owner = if owner == "." { "." } else { owner.trim_end_matches('.') };
        let line = format!("{owner} {}", record.record_type());
        match expected.iter().any(|expected| expected.contains(&format!("{line} ttl "))) {
            true => format!("{line} ttl {}", record.ttl),
            false => line,
        }
    };
    for (section, records) in [("answer", &message.answers), ("authority", &message.authorities)] {
        for record in records {
            let data = match record.record_type() {
                // Whose SOA it is, is in its owner; its fields are the zone's.
                RecordType::SOA => String::new(),
                _ => format!(" {}", record.data.to_string().trim_end()),
            };
            lines.push(format!("{section} {}{data}", with_ttl(record)));
        }
    }
    if let Some(edns) = &message.edns {
        let mut line = format!("edns {}", edns.max_payload());
        if edns.flags().dnssec_ok {
            line.push_str(" do");
        }
        lines.push(line);
        for (_, option) in &edns.options().options {
            lines.push(match option {
                EdnsOption::Unknown(15, data) if data.len() >= 2 => {
                    let code = u16::from_be_bytes([data[0], data[1]]);
                    match std::str::from_utf8(&data[2..]).expect("EXTRA-TEXT is UTF-8") {
                        "" => format!("ede {code}"),
                        text => format!("ede {code} {text}"),
                    }
                }
                other => format!("option {other:?}"),
            });
        }
    }
    if expected.iter().any(|line| line.starts_with("size ")) {
        lines.push(format!("size {}", answer.len()));
    }
    assert_eq!(answer[..2], ask.packet[..2], "the id comes back");
    lines
}

fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        // Both are 16; BADSIG is of transaction signatures, which are not in use here.
        ResponseCode::BADVERS | ResponseCode::BADSIG => "BADVERS".into(),
        other => format!("{other:?}"),
    }
}

/// The question comes back octet for octet, in the case it was asked in (RFC 5452 §9.1, "0x20").
fn check_echo(answer: &[u8], question: &Question, ask: &Ask, place: &str) {
    let length = question.name.trim_end_matches('.').len();
    let end = 12 + 1 + length + usize::from(length > 0) + 4;
    assert_eq!(answer[4..6], [0, 1], "{place}: one question comes back");
    assert_eq!(answer[12..end], ask.packet[12..end], "{place}: the question comes back as asked");
}
