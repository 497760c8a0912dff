//! A resolver of a made-up world, for several servers to ask: what a name has follows from its
//! letters, so that nothing needs the Internet and every run sees the same.
//!
//! | a name | has |
//! |---|---|
//! | under `gone.example` | nothing: it does not exist |
//! | `private.…` | the address 10.0.0.5, which is no public one |
//! | `to-N.alias.example` | an alias of the Nth name that the test gave |
//! | `safe` or `strict` in its first label | as the rest: what search engines are replaced by exists |
//! | any other, one in ten | does not exist |
//! | one in ten | no addresses, but mail and text |
//! | one in ten | an alias of `target-N.elsewhere.example` |
//! | the rest | addresses, an HTTPS record, mail, text |
//!
//! No name is signed: there is no DS.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const A: u16 = 1;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const HTTPS: u16 = 65;

/// It, under way over UDP; dropping it stops it.
#[derive(Debug)]
pub struct World {
    /// Where it answers.
    pub address: SocketAddr,
    answered: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u64>>,
}

impl World {
    /// Starts it on a free port of the loopback, with the names that aliases lead to and the
    /// seconds that answers live.
    pub fn start(aliases: Vec<String>, ttl: u32) -> Self {
        Self::at(crate::address::unused(), aliases, ttl)
    }

    /// Starts it where it was before.
    pub fn at(address: SocketAddr, aliases: Vec<String>, ttl: u32) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (stop.clone(), answered.clone());
        let thread = thread::spawn(move || {
            let mut packet = [0; 4096];
            while !until.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut packet) else { continue };
                if let Some(answer) = answer(&packet[..length], &aliases, ttl) {
                    let _ = socket.send_to(&answer, client);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            let mut owed = 0;
            socket.set_nonblocking(true).unwrap();
            while socket.recv_from(&mut packet).is_ok() {
                owed += 1;
            }
            owed
        });
        Self { address, answered, stop, thread: Some(thread) }
    }

    /// Questions that it answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops it; how many questions had come that it leaves unanswered.
    pub fn kill(mut self) -> u64 {
        self.end()
    }

    fn end(&mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(0, |thread| thread.join().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}

fn answer(packet: &[u8], aliases: &[String], ttl: u32) -> Option<Vec<u8>> {
    let (header, rest) = packet.split_at_checked(12)?;
    let mut end = 0;
    let mut labels = Vec::new();
    while *rest.get(end)? != 0 {
        let label = rest.get(end + 1..=end + usize::from(rest[end]))?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        end += 1 + label.len();
    }
    let question = rest.get(..end + 5)?;
    let qtype = u16::from_be_bytes([question[end + 1], question[end + 2]]);
    let mut records = Vec::new();
    let mut count = 0u16;
    let mut name = labels.join(".");
    let (mut exists, mut has_data) = (true, false);
    for _ in 0..8 {
        let data = match kind(&name) {
            Kind::Nothing => {
                exists = false;
                break;
            }
            Kind::Alias(number) => {
                let target = match number {
                    Target::Given(number) => aliases.get(number)?.clone(),
                    Target::Elsewhere(number) => format!("target-{number}.elsewhere.example"),
                };
                if qtype != CNAME {
                    records.extend(record(&name, CNAME, ttl, &wire(&target)));
                    count += 1;
                    name = target;
                    continue;
                }
                Some(wire(&target))
            }
            Kind::Data { with_addresses, private } => data(qtype, with_addresses, private),
        };
        if let Some(data) = data {
            records.extend(record(&name, qtype, ttl, &data));
            count += 1;
            has_data = true;
        }
        break;
    }
    let negative = !has_data;
    // Recursion desired as asked, available; one question.
    let code = if exists { 0 } else { 3 };
    let mut answer = vec![header[0], header[1], 0x80 | header[2] & 1, 0x80 | code, 0, 1];
    answer.extend_from_slice(&count.to_be_bytes());
    answer.extend_from_slice(&[0, u8::from(negative), 0, 0]);
    answer.extend_from_slice(question);
    answer.extend(records);
    if negative {
        let times = [1u32, 3600, 600, 86_400, ttl].map(u32::to_be_bytes).concat();
        answer.extend(record(
            "",
            SOA,
            ttl,
            &[wire("ns.world"), wire("root.world"), times].concat(),
        ));
    }
    Some(answer)
}

enum Kind {
    Nothing,
    Alias(Target),
    Data { with_addresses: bool, private: bool },
}

enum Target {
    Given(usize),
    Elsewhere(u64),
}

fn kind(name: &str) -> Kind {
    let alias = name.strip_suffix(".alias.example").and_then(|label| label.strip_prefix("to-"));
    if let Some(number) = alias.and_then(|number| number.parse().ok()) {
        return Kind::Alias(Target::Given(number));
    }
    if name.ends_with("gone.example") {
        return Kind::Nothing;
    }
    let private = name.starts_with("private.");
    let everything = Kind::Data { with_addresses: true, private };
    let first = name.split('.').next().unwrap_or_default();
    let stands_in = first.contains("safe") || first.contains("strict");
    if private || stands_in || name.ends_with(".elsewhere.example") {
        return everything;
    }
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    match hasher.finish() % 10 {
        0 => Kind::Nothing,
        1 => Kind::Data { with_addresses: false, private },
        2 => Kind::Alias(Target::Elsewhere(hasher.finish() % 97)),
        _ => everything,
    }
}

fn data(qtype: u16, with_addresses: bool, private: bool) -> Option<Vec<u8>> {
    match qtype {
        A if private => Some(vec![10, 0, 0, 5]),
        A if with_addresses => Some(vec![203, 0, 113, 99]),
        AAAA if with_addresses && !private => {
            Some(vec![0x26, 0x06, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        }
        // Priority 1, the owner itself, ALPN h2 (RFC 9460).
        HTTPS if with_addresses => Some(vec![0, 1, 0, 0, 1, 0, 3, 2, b'h', b'2']),
        MX => Some([vec![0, 10], wire("mail.elsewhere.example")].concat()),
        TXT => Some(b"\x05world".to_vec()),
        _ => None,
    }
}

fn record(owner: &str, rtype: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = wire(owner);
    record.extend_from_slice(&rtype.to_be_bytes());
    record.extend_from_slice(&[0, 1]);
    record.extend_from_slice(&ttl.to_be_bytes());
    record.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend_from_slice(data);
    record
}

fn wire(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}
