//! Service bindings without the keys of encrypted client hellos (RFC 9848): with such a key, a
//! client hides from the network which host it visits.

use std::borrow::Cow;

use filter_core::DomainName;

use super::{
    super::{HEADER, rr_type, u16_at},
    Record, Response, Section, Sections, Writer, question,
};

/// Service parameters (RFC 9460 §14.3.2).
const MANDATORY: u16 = 0;
const ECH: u16 = 5;
/// Octets of a parameter before its value.
const PARAMETER_HEADER: usize = 4;

impl Response {
    /// True where [`Self::without_ech`] has something to remove, and allocates.
    pub fn has_ech(&self) -> bool {
        self.has_ech
    }

    /// The same without `ech` in its SVCB and HTTPS records, and without the signatures that no
    /// longer hold then. Borrowed where there is none.
    pub fn without_ech(&self) -> Cow<'_, Self> {
        let without = self.has_ech.then(|| self.rewritten()).flatten();
        without.map_or(Cow::Borrowed(self), Cow::Owned)
    }

    /// `None`: there is no `ech`.
    pub(super) fn rewritten(&self) -> Option<Self> {
        let (name, length) = DomainName::from_wire(self.octets.get(HEADER..)?).ok()?;
        let record_type = u16_at(&self.octets, HEADER + length)?;
        if !matches!(record_type, rr_type::SVCB | rr_type::HTTPS) {
            return None;
        }
        let mut sections = Sections::read(&self.octets, HEADER + length + 4)?;
        // What is left of a record's data goes behind the message, where the record then finds it.
        let mut message = self.octets.to_vec();
        for record in sections.answer.iter_mut().filter(|one| one.record_type == record_type) {
            if let Some(data) = without_ech(&self.octets[record.data.clone()]) {
                record.data = message.len()..message.len() + data.len();
                message.extend(data);
            }
        }
        if message.len() == self.octets.len() {
            return None;
        }
        let is_void = |record: &&Record| {
            record.record_type == rr_type::RRSIG
                && u16_at(&message[record.data.clone()], 0) == Some(record_type)
        };
        let mut writer = Writer::new(&name, &question(&name, record_type));
        for record in sections.answer.iter().filter(|record| !is_void(record)) {
            writer.record(Section::Answer, &message, record, record.ttl)?;
        }
        for record in &sections.authority {
            writer.record(Section::Authority, &message, record, record.ttl)?;
        }
        let octets = writer.finish(self.rcode)?;
        let ttl_offsets = writer.ttl_offsets.into();
        Some(Self { octets, ttl_offsets, authentic: false, has_ech: false, ..self.clone() })
    }
}

/// The data of an SVCB or HTTPS record without `ech`; `None` where there is none, or where it is not
/// such data.
fn without_ech(data: &[u8]) -> Option<Vec<u8>> {
    let (_, length) = DomainName::from_wire(data.get(2..)?).ok()?;
    let (fixed, mut parameters) = data.split_at(2 + length);
    let mut left = fixed.to_vec();
    let mut found = false;
    while !parameters.is_empty() {
        let end = PARAMETER_HEADER + usize::from(u16_at(parameters, 2)?);
        let (parameter, rest) = parameters.split_at_checked(end)?;
        match u16_at(parameter, 0)? {
            ECH => found = true,
            MANDATORY => left.extend(&*mandatory(parameter)),
            _ => left.extend(parameter),
        }
        parameters = rest;
    }
    found.then_some(left)
}

/// The parameter `mandatory` less `ech`; none where no other key is left (RFC 9460 §8). What is not a
/// list of keys stays as it is.
fn mandatory(parameter: &[u8]) -> Cow<'_, [u8]> {
    let (header, keys) = parameter.split_at(PARAMETER_HEADER);
    let (keys, rest) = keys.as_chunks::<2>();
    let others: Vec<_> = keys.iter().filter(|key| **key != ECH.to_be_bytes()).copied().collect();
    if others.len() == keys.len() || !rest.is_empty() {
        return parameter.into();
    }
    if others.is_empty() {
        return Cow::Borrowed(&[]);
    }
    let length = (2 * others.len()) as u16; // less than it was
    [&header[..2], &length.to_be_bytes(), others.as_flattened()].concat().into()
}

#[cfg(test)]
mod tests;
