//! `[[local]]`: names of the operator's own network.

use std::net::IpAddr;

use super::Spanned;
use filter_core::DomainName;

use super::{typed, validated::Check};
use crate::policy::local::LocalRecords;

impl Check {
    /// The local records.
    pub(super) fn local(&mut self, written: &[typed::Local]) -> LocalRecords {
        let mut records = LocalRecords::default();
        for local in written {
            let addresses = self.addresses(&local.addresses);
            match DomainName::parse(local.name.get_ref()) {
                Ok(name) => records.insert(&name, &addresses),
                Err(error) => {
                    let title = format!("`{}` is not a host name: {error}", local.name.get_ref());
                    self.fault(local.name.span(), title, "write \"printer.school.example\"");
                }
            }
        }
        records
    }

    /// Names alone.
    pub(super) fn names(&mut self, written: &[Spanned<String>]) -> Vec<DomainName> {
        let mut names = Vec::new();
        for text in written {
            match DomainName::parse(text.get_ref()) {
                Ok(name) => names.push(name),
                Err(error) => {
                    let title = format!("`{}` is not a host name: {error}", text.get_ref());
                    self.fault(text.span(), title, "write \"school.example\"");
                }
            }
        }
        names
    }

    /// At least one address.
    pub(super) fn addresses(&mut self, written: &Spanned<Vec<Spanned<String>>>) -> Vec<IpAddr> {
        if written.get_ref().is_empty() {
            self.fault(written.span(), "no address", "name at least one, such as \"10.0.0.5\"");
        }
        let mut addresses = Vec::new();
        for text in written.get_ref() {
            match text.get_ref().parse() {
                Ok(address) => addresses.push(address),
                Err(_) => {
                    let title = format!("`{}` is not an address", text.get_ref());
                    self.fault(text.span(), title, "write \"10.0.0.5\" or \"2001:db8::5\"");
                }
            }
        }
        addresses
    }
}
