//! Response policy zones (draft-vixie-dnsop-dns-rpz-00, §4), as master files.
//!
//! | record | taken as |
//! |---|---|
//! | `d CNAME .`, `d CNAME *.` | `d` only |
//! | `*.d CNAME .`, `*.d CNAME *.` | what is below `d` |
//! | `24.0.2.0.192.rpz-ip CNAME .` | the network, in answers |
//! | `… CNAME rpz-passthru.`, `d CNAME d.` | exception within this list |
//! | `… CNAME rpz-drop.`, `rpz-tcp-only.`, another name; other types | nothing: lists refuse and pass |
//! | `….rpz-client-ip`, `….rpz-nsdname`, `….rpz-nsip` | nothing: the server does not look at these |
//!
//! The zone's name is that of its SOA record, or its first `$ORIGIN`; without either the zone is the
//! root, so that absolute names are read as written. Times have no effect: a bundle is not cached.
//! No other file is ever opened.
//!
//! The most specific name, and the longest prefix, decides: an exception leaves what the zone refuses
//! further down.

mod records;
mod trigger;

use std::{borrow::Cow, io::BufRead};

use domain::{
    base::{
        Name, ToName,
        iana::{Class, Rtype},
    },
    rdata::ZoneRecordData,
    zonefile::inplace::{Entry, ScannedRecord, Zonefile},
};
use filter_core::{DomainName, Options, Scope};

use super::{
    Context, FileReport, Kind, Out, ReadError, ReadOptions, Rule, Sink, Skip, count, host,
    lines::Lines,
};
use records::Records;
use trigger::Trigger;

/// Reads a whole zone: a record may take several lines, and mean what those before it say.
pub(super) fn read(
    lines: Lines<impl BufRead>,
    options: &ReadOptions,
    sink: &mut impl Sink,
) -> Result<FileReport, ReadError> {
    let mut records = Records::new(lines);
    let mut zone = Zone::new();
    let mut report = FileReport::default();
    while !sink.is_done() {
        let Some(record) = records.next()? else { break };
        let mut lines = (record.line..).zip(record.text.lines());
        let Some((number, first)) = lines.next() else { continue };
        sink.line(number, first);
        let further = record.fault.clone().unwrap_or(Skip::Continuation);
        let outcome = match record.fault {
            Some(fault) => {
                zone.lose(record.text);
                Err(fault)
            }
            None => {
                let mut out = Out {
                    line: number,
                    sink: &mut *sink,
                    report: &mut report,
                    context: &mut Context::default(),
                };
                zone.record(record.text, options, &mut out)
            }
        };
        report.lines += 1;
        match outcome {
            Ok(kind) => report.accept(kind),
            Err(reason) => {
                sink.skipped(number, &reason, first);
                count(&mut report.skipped, reason, number, first);
            }
        }
        for (number, text) in lines {
            sink.line(number, text);
            sink.skipped(number, &further, text);
            report.lines += 1;
            count(&mut report.skipped, further.clone(), number, text);
        }
    }
    Ok(report)
}

/// What is known of the zone so far.
struct Zone {
    /// Given one record at a time; it holds the origin, and the owner of the last record.
    parser: Zonefile,
    /// Its own name.
    apex: DomainName,
    apex_from: ApexFrom,
}

/// What says the name of the zone, the weaker first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ApexFrom {
    Nothing,
    Origin,
    Soa,
}

impl Zone {
    fn new() -> Self {
        let mut parser = parser();
        parser.set_origin(Name::root_bytes());
        Self {
            parser,
            apex: DomainName::from_wire(&[0]).expect("the root is a name").0,
            apex_from: ApexFrom::Nothing,
        }
    }

    fn record<S: Sink>(
        &mut self,
        text: &str,
        options: &ReadOptions,
        out: &mut Out<'_, S>,
    ) -> Result<Kind, Skip> {
        match text.trim_start().as_bytes().first() {
            None => return Err(Skip::Blank),
            Some(b';') => return Err(Skip::Comment),
            Some(b'$') if text.starts_with('$') => return Err(self.directive(text)),
            Some(_) => {}
        }
        let record = self.parse(text)?.ok_or(Skip::Syntax)?;
        let owner = name_of(record.owner())?;
        if record.rtype() == Rtype::SOA {
            self.set_apex(owner, ApexFrom::Soa);
            return Err(Skip::ZoneRecord);
        }
        if matches!(record.rtype(), Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3) {
            return Err(Skip::ZoneRecord);
        }
        let (trigger, own_name) = Trigger::read(&self.relative(&owner)?)?;
        let exception = passes(&record, own_name.as_ref())?;
        let flags = Options { exception, nearest: exception, ..Options::default() };
        match trigger {
            Trigger::Name(name) => {
                let scope = if is_address(&name) { None } else { options.scope };
                let scope = scope.unwrap_or(Scope::Exact);
                out.rule(Rule::Domain { name: &name, scope }, flags)
            }
            Trigger::Below(name) => {
                out.rule(Rule::Domain { name: &name, scope: Scope::SubdomainsOnly }, flags)
            }
            Trigger::Network(network) => out.rule(Rule::Network(&network), flags),
        }
    }

    /// Heeds a directive, or tells why not.
    fn directive(&mut self, text: &str) -> Skip {
        let mut words = text.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default();
        let is = |name: &str| keyword.eq_ignore_ascii_case(name);
        if is("$ORIGIN") {
            return match self.parse(text) {
                Ok(_) => {
                    if let Ok(origin) = self.parser.origin().map_err(|_| Skip::Syntax)
                        && let Ok(name) = name_of(&origin)
                    {
                        self.set_apex(name, ApexFrom::Origin);
                    }
                    Skip::Directive
                }
                Err(reason) => {
                    // Relative names would get that of another origin.
                    self.parser = parser();
                    reason
                }
            };
        }
        if is("$TTL") {
            let value = words.next().unwrap_or_default().split(';').next().unwrap_or_default();
            let is_time = value.bytes().all(|o| o.is_ascii_digit()) || seconds(value).is_some();
            return if is_time && !value.is_empty() { Skip::Directive } else { Skip::Syntax };
        }
        if is("$INCLUDE") {
            Skip::Include
        } else if is("$GENERATE") {
            Skip::Generate
        } else {
            Skip::Syntax
        }
    }

    /// Parses one record or `$ORIGIN`. After a fault the parser starts anew with the same origin, and
    /// without an owner: the next record must have its own, or it would get that of a stranger.
    fn parse(&mut self, text: &str) -> Result<Option<ScannedRecord>, Skip> {
        self.parser.extend_from_slice(in_seconds(text).as_bytes());
        let record = match self.parser.next_entry() {
            Ok(Some(Entry::Record(record))) => Some(record),
            Ok(None) => None,
            Ok(Some(Entry::Include { .. })) | Err(_) => return Err(self.refuse()),
        };
        // What it leaves unread would be read as the beginning of the next one.
        match self.parser.next_entry() {
            Ok(None) => Ok(record),
            _ => Err(self.refuse()),
        }
    }

    /// Forgets what lines that are not read may have changed.
    fn lose(&mut self, text: &str) {
        if text.lines().any(|line| line.starts_with('$')) {
            self.parser = parser();
        } else {
            self.forget_owner();
        }
    }

    fn refuse(&mut self) -> Skip {
        self.forget_owner();
        Skip::Syntax
    }

    fn forget_owner(&mut self) {
        let origin = self.parser.origin();
        self.parser = parser();
        if let Ok(origin) = origin {
            self.parser.set_origin(origin);
        }
    }

    fn set_apex(&mut self, name: DomainName, from: ApexFrom) {
        if from > self.apex_from {
            (self.apex, self.apex_from) = (name, from);
        }
    }

    /// A name without that of the zone.
    fn relative(&self, owner: &DomainName) -> Result<DomainName, Skip> {
        if !owner.is_within(&self.apex) {
            return Err(Skip::OutOfZone);
        }
        let wire = owner.as_wire();
        let mut relative = [0; MAX_WIRE];
        let length = wire.len() - self.apex.as_wire().len();
        relative[..length].copy_from_slice(&wire[..length]);
        Ok(DomainName::from_wire(&relative).expect("the rest is the root label").0)
    }
}

/// Octets of the longest name (RFC 1035 §3.1).
const MAX_WIRE: usize = 255;

/// A parser without an origin. Records say `IN`, or nothing.
fn parser() -> Zonefile {
    let mut parser = Zonefile::new();
    parser.set_default_class(Class::IN);
    parser
}

/// A name as the filter holds it. The parser lets empty labels pass: `a..example` must not become
/// `a`.
fn name_of(name: &impl ToName) -> Result<DomainName, Skip> {
    let mut wire = [0; MAX_WIRE];
    let mut end = 0;
    for label in name.iter_labels() {
        let octets = label.as_slice();
        let place = wire.get_mut(end..=end + octets.len()).ok_or(Skip::NameTooLong)?;
        place[0] = u8::try_from(octets.len()).map_err(|_| Skip::LabelTooLong)?;
        place[1..].copy_from_slice(octets);
        end += place.len();
    }
    match DomainName::from_wire(&wire[..end]) {
        Ok((name, length)) if length == end => Ok(name),
        _ => Err(Skip::EmptyLabel),
    }
}

/// Whether a record passes its trigger; fails where it neither passes nor refuses.
fn passes(record: &ScannedRecord, own_name: Option<&DomainName>) -> Result<bool, Skip> {
    let ZoneRecordData::Cname(target) = record.data() else { return Err(Skip::LocalData) };
    let target = name_of(target.cname())?;
    match target.as_wire() {
        b"\0" | b"\x01*\0" => Ok(false),
        b"\x0crpz-passthru\0" => Ok(true),
        b"\x08rpz-drop\0" => Err(Skip::Drop),
        b"\x0crpz-tcp-only\0" => Err(Skip::TcpOnly),
        _ if Some(&target) == own_name => Ok(true),
        _ => Err(Skip::Rewrite),
    }
}

fn is_address(name: &DomainName) -> bool {
    name.label_count() == 4 && host::is_address(&name.to_string())
}

/// A record with BIND's times, such as `1h30m`, in seconds. Its owner stays as it is; elsewhere a
/// word of this form is a time, or in data that is not looked at.
fn in_seconds(text: &str) -> Cow<'_, str> {
    let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '(' | ')' | ';');
    let mut changed = Cow::Borrowed("");
    let mut copied = 0;
    let mut at = text.find(ends).unwrap_or(text.len());
    for word in text[at..].split(ends) {
        if let Some(seconds) = seconds(word) {
            let changed = changed.to_mut();
            changed.push_str(&text[copied..at]);
            changed.push_str(&seconds.to_string());
            copied = at + word.len();
        }
        at += word.len() + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    changed.to_mut().push_str(&text[copied..]);
    changed
}

/// `1w2d3h4m5s`; a plain number is none of these.
fn seconds(word: &str) -> Option<u32> {
    let mut total: u32 = 0;
    let mut rest = word;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit()).filter(|&at| at > 0)?;
        let unit = match rest.as_bytes()[unit_at].to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        let number: u32 = rest[..unit_at].parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[unit_at + 1..];
    }
    (!word.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_units() {
        let cases = [
            ("a 1h CNAME .\n", "a 3600 CNAME .\n"),
            ("1h 1h IN CNAME .\n", "1h 3600 IN CNAME .\n"),
            ("\t1W2d NS a.\n", "\t777600 NS a.\n"),
            ("@ SOA a b ( 1 12h 15m 3w 2h)\n", "@ SOA a b ( 1 43200 900 1814400 7200)\n"),
            ("a 300 CNAME .\n", "a 300 CNAME .\n"),
            ("a 99999999w CNAME .\n", "a 99999999w CNAME .\n"),
            ("h 1hh 5 s\n", "h 1hh 5 s\n"),
            ("a", "a"),
        ];
        for (text, expected) in cases {
            assert_eq!(in_seconds(text), expected, "{text}");
        }
    }
}
