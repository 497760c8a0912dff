//! Packets as no honest client sends them, made from such as honest ones do; and what must hold of
//! every answer to them.

use hickory_server::proto::op::{Message, ResponseCode};

/// Makes a packet of a kind.
pub type Kind = fn(&mut Generator) -> Vec<u8>;

/// How packets are made, by name. Each makes another one every time.
pub const KINDS: [(&str, Kind); 13] = [
    ("honest", |random| random.query().packet),
    ("bits flipped", Generator::flipped),
    ("cut short", Generator::cut),
    ("octets after the end", Generator::trailing),
    ("counts that lie", Generator::lying_counts),
    ("lengths that lie", Generator::lying_lengths),
    ("pointers", Generator::pointers),
    ("giant names", Generator::giant_name),
    ("options", Generator::options),
    ("opcodes and flags", Generator::flags),
    ("more records", Generator::records),
    ("halves of two", Generator::spliced),
    ("noise", Generator::noise),
];

/// Names that are refused, rewritten, made safe, local, special or forwarded.
const NAMES: [&str; 16] = [
    "pornhub.com",
    "www.pornhub.com",
    "doubleclick.net",
    "www.google.com",
    "www.youtube.com",
    "use-application-dns.net",
    "mask.icloud.com",
    "_dns.resolver.arpa",
    "localhost",
    "5.0.168.192.in-addr.arpa",
    "version.bind",
    "printer.school.example",
    "www.school.example",
    "a.very.long.name.with.many.labels.on.the.way.to.the.school.example",
    "com",
    "",
];
/// A, NS, SOA, PTR, MX, TXT, AAAA, SRV, DS, RRSIG, NSEC, SVCB, HTTPS; OPT, TSIG, IXFR, AXFR, ANY; none.
const TYPES: [u16; 20] =
    [1, 1, 2, 6, 12, 15, 16, 28, 33, 43, 46, 47, 64, 65, 41, 250, 251, 252, 255, 0];
/// Padding, cookie, client subnet, keepalive, extended error, chain, key tag, unknown.
const OPTIONS: [u16; 9] = [12, 10, 8, 11, 15, 13, 14, 9, 65_001];
const PAYLOADS: [u16; 8] = [0, 511, 512, 513, 1232, 1233, 4096, 65_535];
const HEADER: usize = 12;

/// Makes packets; the same ones again from the same seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Generator(u64);

/// A query, and where its question ends.
struct Query {
    packet: Vec<u8>,
    question_end: usize,
}

impl Generator {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A packet with that ID, if it is long enough to have one; and its place in [`KINDS`].
    pub fn packet(&mut self, id: u16) -> (usize, Vec<u8>) {
        let kind = self.below(KINDS.len());
        let mut packet = KINDS[kind].1(self);
        if let Some(octets) = packet.first_chunk_mut() {
            *octets = id.to_be_bytes();
        }
        (kind, packet)
    }

    /// A number less than `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn word(&mut self) -> u16 {
        self.number() as u16
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number() as u8).collect()
    }

    /// A query as clients send it: of any name, type and class, with and without EDNS.
    fn query(&mut self) -> Query {
        let name = self.pick(&NAMES);
        let mut labels: Vec<_> = name.split('.').filter(|label| !label.is_empty()).collect();
        let new = format!("n{}", self.below(100_000));
        if self.one_in(32) {
            labels.insert(0, &new);
        }
        let mut question = Vec::new();
        for label in labels {
            question.push(label.len() as u8);
            let case = self.number();
            question.extend(label.bytes().enumerate().map(|(at, octet)| {
                if case >> at & 1 == 0 { octet } else { octet.to_ascii_uppercase() }
            }));
        }
        question.push(0);
        question.extend(self.pick(&TYPES).to_be_bytes());
        let class: u16 = if self.one_in(16) { self.pick(&[0, 3, 4, 254, 255]) } else { 1 };
        question.extend(class.to_be_bytes());
        // RD, with AD and CD in every combination; now and then without.
        let flags = if self.one_in(16) { 0 } else { 0x0100 | (self.word() & 0x30) };
        let opt = if self.one_in(3) { Vec::new() } else { self.opt() };
        let counts = [1, 0, 0, u16::from(!opt.is_empty())];
        let question_end = HEADER + question.len();
        Query { packet: packet(flags, counts, &[&question, &opt]), question_end }
    }

    /// An OPT record with options that are whole.
    fn opt(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        for _ in 0..self.below(3) {
            let length = self.below(24);
            data.extend(self.pick(&OPTIONS).to_be_bytes());
            data.extend((length as u16).to_be_bytes());
            data.extend(self.octets(length));
        }
        let do_bit = self.pick(&[0, 0x80]);
        self.opt_of(&[0, 0, do_bit, 0], &data)
    }

    /// An OPT record of whatever size, with the four octets that are a TTL elsewhere.
    fn opt_of(&mut self, ttl: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let payload = self.pick(&PAYLOADS);
        let mut opt = vec![0, 0, 41];
        opt.extend(payload.to_be_bytes());
        opt.extend(ttl);
        opt.extend((data.len() as u16).to_be_bytes());
        opt.extend(data);
        opt
    }

    fn flipped(&mut self) -> Vec<u8> {
        let mut packet = self.query().packet;
        for _ in 0..=self.below(8) {
            let at = 2 + self.below(packet.len() - 2);
            packet[at] ^= 1 << self.below(8);
        }
        packet
    }

    fn cut(&mut self) -> Vec<u8> {
        let mut packet = self.query().packet;
        packet.truncate(self.below(packet.len()));
        packet
    }

    fn trailing(&mut self) -> Vec<u8> {
        let mut packet = self.query().packet;
        let more = match self.below(16) {
            0 => 5000,
            _ => 1 + self.below(40),
        };
        packet.extend(self.octets(more));
        packet
    }

    fn lying_counts(&mut self) -> Vec<u8> {
        let mut packet = self.query().packet;
        for _ in 0..=self.below(2) {
            let count = if self.one_in(2) { self.word() } else { self.below(4) as u16 };
            let at = 4 + 2 * self.below(4);
            packet[at..at + 2].copy_from_slice(&count.to_be_bytes());
        }
        packet
    }

    /// Of labels, of OPT's data, or of an option.
    fn lying_lengths(&mut self) -> Vec<u8> {
        let Query { mut packet, question_end } = self.query();
        let mut lengths = Vec::new();
        let mut at = HEADER;
        while packet[at] != 0 {
            lengths.push(at);
            at += 1 + usize::from(packet[at]);
        }
        lengths.push(at);
        if packet.len() > question_end {
            lengths.extend([question_end, question_end + 9, question_end + 10]);
        }
        if packet.len() > question_end + 11 {
            lengths.extend([question_end + 13, question_end + 14]);
        }
        packet[self.pick(&lengths)] = self.number() as u8;
        packet
    }

    fn pointers(&mut self) -> Vec<u8> {
        let mut name: Vec<u8> = Vec::new();
        for _ in 0..self.below(4) {
            name.extend(b"\x03www");
        }
        let end = (HEADER + name.len()) as u16;
        match self.below(8) {
            // To the header, the name's start, itself, beyond, far away, into the middle of a label.
            0 => name.extend(0xc000u16.to_be_bytes()),
            1 => name.extend(0xc00cu16.to_be_bytes()),
            2 => name.extend((0xc000 | end).to_be_bytes()),
            3 => name.extend((0xc000 | (end + 2)).to_be_bytes()),
            4 => name.extend((0xc000 | self.word()).to_be_bytes()),
            5 => name.extend(0xc00eu16.to_be_bytes()),
            // A chain, each to the one before it.
            6 => (0..self.below(1000) as u16)
                .for_each(|link| name.extend((0xc000 | (end + 2 * link) & 0x3fff).to_be_bytes())),
            // Kinds of labels that there are not (RFC 6891 §5).
            _ => name.push(self.pick(&[0x40, 0x41, 0x7f, 0x80, 0xbf])),
        }
        let opt = self.opt();
        packet(0x0100, [1, 0, 0, 1], &[&name, b"\0\x01\0\x01", &opt])
    }

    fn giant_name(&mut self) -> Vec<u8> {
        let longest = self.pick(&[1, 2, 31, 62, 63, 63, 64, 127, 191]);
        let octets = self.pick(&[250, 253, 254, 255, 256, 257, 300, 1000, 4000]);
        let mut name = Vec::new();
        while name.len() + 1 < octets {
            let length = longest.min(octets - name.len() - 2).max(1);
            name.push(length as u8);
            let fill = self.pick(b"aZ0-_.\0\xff");
            name.extend(std::iter::repeat_n(fill, length));
        }
        if !self.one_in(8) {
            name.push(0);
        }
        let opt = self.opt();
        packet(0x0100, [1, 0, 0, 1], &[&name, b"\0\x01\0\x01", &opt])
    }

    /// Many of them, long ones, and such as end elsewhere than they say; versions that there are not.
    fn options(&mut self) -> Vec<u8> {
        let Query { packet: query, question_end } = self.query();
        let mut data = Vec::new();
        for _ in 0..self.below(40) {
            let length = self.pick(&[0, 1, 4, 8, 24, 40, 64]);
            let told = if self.one_in(40) { self.word() } else { length as u16 };
            let code = if self.one_in(2) { self.word() } else { self.pick(&OPTIONS) };
            data.extend(code.to_be_bytes());
            data.extend(told.to_be_bytes());
            data.extend(self.octets(length));
        }
        let version = if self.one_in(4) { self.number() as u8 } else { 0 };
        let ttl = [self.number() as u8, version, self.number() as u8, self.number() as u8];
        let opt = self.opt_of(&ttl, &data);
        packet(0x0100, [1, 0, 0, 1], &[&query[HEADER..question_end], &opt])
    }

    fn flags(&mut self) -> Vec<u8> {
        let mut packet = self.query().packet;
        packet[2..4].copy_from_slice(&self.word().to_be_bytes());
        packet
    }

    /// In each section, counted truly.
    fn records(&mut self) -> Vec<u8> {
        let Query { packet: query, question_end } = self.query();
        let mut counts = [1, 0, 0, 0];
        let mut parts = query[HEADER..question_end].to_vec();
        for count in &mut counts[1..] {
            for _ in 0..self.below(4) {
                let record = match self.below(5) {
                    0 => b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\xc0\0\x02\x01".to_vec(),
                    1 => self.opt(),
                    2 => [b"\x01a", &*self.opt()].concat(),
                    3 => [b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x10", &*self.octets(16)].concat(),
                    _ => {
                        let length = self.below(100);
                        let mut record = b"\0\xff\x01\0\x01\0\0\0\0\0".to_vec();
                        record.push(length as u8);
                        record.extend(self.octets(length));
                        record
                    }
                };
                parts.extend(record);
                *count += 1;
            }
        }
        packet(0x0100, counts, &[&parts])
    }

    fn spliced(&mut self) -> Vec<u8> {
        let (mut first, second) = (self.query().packet, self.query().packet);
        first.truncate(self.below(first.len()));
        first.extend(&second[self.below(second.len())..]);
        first
    }

    fn noise(&mut self) -> Vec<u8> {
        let length = match self.below(64) {
            0 => self.below(9000),
            1..16 => self.below(1500),
            _ => self.below(80),
        };
        let mut octets = self.octets(length);
        // Half of it would be replies, and nearly all the rest other operations.
        if let Some(flags) = octets.get_mut(2).filter(|_| !self.one_in(4)) {
            *flags &= 0x07;
        }
        octets
    }
}

/// Flags, the four counts, and what follows the header; the ID is 0.
fn packet(flags: u16, counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
    let mut packet = vec![0, 0];
    packet.extend(flags.to_be_bytes());
    packet.extend(counts.into_iter().flat_map(u16::to_be_bytes));
    packet.extend(parts.concat());
    packet
}

/// Whether a packet gets an answer: no reply does, and nothing without a whole header.
pub fn is_answered(sent: &[u8]) -> bool {
    sent.len() >= HEADER && sent[2] & 0x80 == 0
}

/// Octets that a datagram in answer may have. What is read as an OPT record begins like this one; of
/// several the largest, so that this is never too little, and nearly always exact.
pub fn allowed(sent: &[u8]) -> usize {
    let opts = sent.windows(5).filter(|octets| octets.starts_with(&[0, 0, 41]));
    let payload = opts.map(|opt| u16::from_be_bytes([opt[3], opt[4]])).max();
    usize::from(payload.unwrap_or(0).clamp(512, 1232))
}

/// The response code of an answer, of at most `longest` octets.
///
/// # Errors
/// What is wrong with it.
pub fn check(sent: &[u8], answer: &[u8], longest: usize) -> Result<ResponseCode, String> {
    if answer.len() < HEADER || answer.len() > longest {
        return Err(format!("{} octets", answer.len()));
    }
    if !is_answered(sent) {
        return Err("an answer to what gets none".into());
    }
    if answer[..2] != sent[..2] {
        return Err("another ID".into());
    }
    // QR is set, the opcode is that of the query.
    if answer[2] & 0xf8 != 0x80 | sent[2] & 0x78 {
        return Err("no answer to that operation".into());
    }
    let message = Message::from_vec(answer).map_err(|error| error.to_string())?;
    match answer[4..6] {
        [0, 0] => {}
        [0, 1] => {
            let mut end = HEADER;
            while answer[end] != 0 {
                end += 1 + usize::from(answer[end]);
            }
            if answer.get(..end + 5).map(|echo| &echo[HEADER..]) != sent.get(HEADER..end + 5) {
                return Err("another question".into());
            }
        }
        _ => return Err("more than one question".into()),
    }
    Ok(message.metadata.response_code)
}
