//! `[services]`, and the services that a profile switches by name.

use std::path::Path;

use super::Spanned;
use filter_core::NamePattern;

use super::{typed, validated::Check};
use crate::policy::services::Services;

impl Check {
    /// The table of services: the shipped one, with the operator's rows. Relative paths start from
    /// `folder`.
    pub(super) fn services(&mut self, written: &typed::Services, folder: &Path) -> Services {
        let shipped = Services::shipped();
        let Some(own) = written.file.as_ref().and_then(|path| self.text(path, folder)) else {
            return shipped;
        };
        shipped.clone().with(own).unwrap_or_else(|error| {
            self.faults_of(error);
            shipped
        })
    }

    /// The names of some services.
    pub(super) fn names_of_services(
        &mut self,
        written: Option<&Vec<Spanned<String>>>,
        services: &Services,
    ) -> Vec<NamePattern> {
        let mut names = Vec::new();
        for id in written.into_iter().flatten() {
            match services.names([id.get_ref().as_str()]) {
                Ok(of_service) => names.extend(of_service),
                Err(error) => {
                    let known: Vec<_> = services.all().iter().map(|row| row.id.as_str()).collect();
                    let help = format!("the services are {}", known.join(", "));
                    self.fault(id.span(), error.to_string(), help);
                }
            }
        }
        names
    }
}
