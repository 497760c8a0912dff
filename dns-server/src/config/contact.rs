//! `[contact]`: whom a pupil or a teacher complains to.

use super::{typed, validated::Check};
use crate::policy::refusal::Contact;

/// Schemes that clients of structured errors know.
const SCHEMES: [&str; 2] = ["mailto:", "tel:"];

impl Check {
    /// Who answers complaints.
    pub(super) fn contact(&mut self, written: &typed::Contact) -> Contact {
        let uris = written.uris.get_ref();
        if uris.is_empty() {
            let help = "give one, such as \"mailto:filtrage@ecole.example\", or drop [contact]";
            self.fault(written.uris.span(), "nobody to contact", help);
        }
        for uri in uris {
            let text = uri.get_ref();
            let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
            let is_whole = rest.is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|octet| octet.is_ascii_graphic())
            });
            if !is_whole {
                let title = format!("`{text}` is not an address that clients can use");
                let help = "write \"mailto:name@ecole.example\" or \"tel:+33123456789\"";
                self.fault(uri.span(), title, help);
            }
        }
        Contact {
            organisation: written.organisation.clone(),
            uris: uris.iter().map(|uri| uri.get_ref().clone()).collect(),
        }
    }
}
