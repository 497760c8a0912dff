//! Structured DNS errors (draft-ietf-dnsop-structured-dns-error): why a question is refused, for
//! programs that show it to people.
//!
//! Experimental, since it is no RFC: IANA has not assigned the option that clients of the newest
//! drafts ask with. What is spoken here is draft 09, as deployed: a client asks with an empty
//! extended error, [`REQUEST`]. The answer has the members of the newest draft, of which older
//! clients skip those that they do not know.

use std::fmt::{self, Write as _};

use super::ede;

/// EDNS option code by which a client asks for structured errors, its data being empty. Newer drafts
/// have a code of their own for it, to be assigned.
pub const REQUEST: u16 = ede::OPTION;

/// A sub-error of the draft's registry: what kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubError {
    /// The name distributes malware.
    Malware = 1,
    /// The name steals passwords, or the like.
    Phishing = 2,
    /// Whoever operates the network does not want it.
    NetworkOperatorPolicy = 5,
    /// Whoever operates the resolver does not want it.
    DnsOperatorPolicy = 6,
}

impl SubError {
    /// Whether it may go with an extended error of this code.
    pub fn goes_with(self, code: ede::Code) -> bool {
        match self {
            Self::Malware | Self::Phishing => {
                matches!(code, ede::Code::BLOCKED | ede::Code::FILTERED)
            }
            Self::NetworkOperatorPolicy | Self::DnsOperatorPolicy => code == ede::Code::BLOCKED,
        }
    }
}

/// The EXTRA-TEXT of an extended error, as minified I-JSON (RFC 7493). Members without a value are
/// left out.
#[derive(Clone, Copy, Debug)]
pub struct StructuredError<'t, J> {
    /// `c`: URIs of whom to complain to.
    pub contacts: &'t [String],
    /// `j`: why, for people.
    pub justification: Option<J>,
    /// `s`.
    pub sub_error: Option<SubError>,
    /// `o`: who refuses, for people.
    pub organisation: Option<&'t str>,
    /// `l`: language tag of `j` and `o` (RFC 5646), left out where there is neither.
    pub language: &'t str,
}

impl<J> StructuredError<'_, J> {
    /// The same without `j` and `o`, where there is no room for them.
    #[must_use]
    pub fn without_prose(self) -> Self {
        Self { justification: None, organisation: None, ..self }
    }
}

impl<J: fmt::Display> fmt::Display for StructuredError<'_, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '{';
        let mut member = |f: &mut fmt::Formatter<'_>, name: char| {
            write!(f, "{separator}\"{name}\":")?;
            separator = ',';
            Ok(())
        };
        if !self.contacts.is_empty() {
            member(f, 'c')?;
            for (place, uri) in self.contacts.iter().enumerate() {
                f.write_char(if place == 0 { '[' } else { ',' })?;
                string(f, uri)?;
            }
            f.write_char(']')?;
        }
        if let Some(justification) = &self.justification {
            member(f, 'j')?;
            string(f, justification)?;
        }
        if let Some(sub_error) = self.sub_error {
            member(f, 's')?;
            write!(f, "{}", sub_error as u8)?;
        }
        if let Some(organisation) = self.organisation {
            member(f, 'o')?;
            string(f, organisation)?;
        }
        if self.justification.is_some() || self.organisation.is_some() {
            member(f, 'l')?;
            string(f, self.language)?;
        }
        f.write_str(if separator == '{' { "{}" } else { "}" })
    }
}

/// A JSON string (RFC 8259 §7). Allocates nothing.
fn string(f: &mut fmt::Formatter<'_>, text: impl fmt::Display) -> fmt::Result {
    f.write_char('"')?;
    write!(Escaped(f), "{text}")?;
    f.write_char('"')
}

struct Escaped<'f, 'w>(&'f mut fmt::Formatter<'w>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|char| match char {
            '"' | '\\' => write!(self.0, "\\{char}"),
            '\0'..='\x1f' => write!(self.0, "\\u{:04x}", u32::from(char)),
            _ => self.0.write_char(char),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn members() {
        let uris = ["mailto:filtrage@ecole.example", "tel:+33100000000"].map(String::from);
        let none = StructuredError {
            contacts: &[],
            justification: None,
            sub_error: None,
            organisation: None,
            language: "fr",
        };
        let whole = StructuredError {
            contacts: &uris[..1],
            justification: Some("Catégorie : commerce"),
            sub_error: Some(SubError::NetworkOperatorPolicy),
            organisation: Some("Académie"),
            language: "fr",
        };
        #[rustfmt::skip]
        let cases = [
            (whole, r#"{"c":["mailto:filtrage@ecole.example"],"j":"Catégorie : commerce","s":5,"o":"Académie","l":"fr"}"#),
            (whole.without_prose(), r#"{"c":["mailto:filtrage@ecole.example"],"s":5}"#),
            (StructuredError { contacts: &uris, ..none }, r#"{"c":["mailto:filtrage@ecole.example","tel:+33100000000"]}"#),
            (StructuredError { organisation: Some("a \"b\" \\ \n"), ..none }, r#"{"o":"a \"b\" \\ \u000a","l":"fr"}"#),
            (StructuredError { sub_error: Some(SubError::Malware), ..none }, r#"{"s":1}"#),
            (none, "{}"),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn sub_errors_by_code() {
        use SubError::{DnsOperatorPolicy, Malware, NetworkOperatorPolicy, Phishing};
        use ede::Code;
        for (sub_error, expected) in [
            (Malware, [true, false, true]),
            (Phishing, [true, false, true]),
            (NetworkOperatorPolicy, [true, false, false]),
            (DnsOperatorPolicy, [true, false, false]),
        ] {
            let codes = [Code::BLOCKED, Code::CENSORED, Code::FILTERED];
            assert_eq!(codes.map(|code| sub_error.goes_with(code)), expected, "{sub_error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_json(uri: String, justification: String, organisation: String) {
            let contacts = [uri.clone()];
            let error = StructuredError {
                contacts: &contacts,
                justification: Some(&justification),
                sub_error: Some(SubError::DnsOperatorPolicy),
                organisation: Some(&organisation),
                language: "en",
            };
            let read: Value = serde_json::from_str(&error.to_string()).unwrap();
            let expected =
                json!({ "c": [uri], "j": justification, "s": 6, "o": organisation, "l": "en" });
            prop_assert_eq!(read, expected);
        }
    }
}
