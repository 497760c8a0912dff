//! Services that a profile switches by name, and the names that they answer on.

use std::{collections::HashMap, sync::Arc};

use filter_core::NamePattern;
use jiff::civil::Date;
use lists::diagnostic::TextFile;
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use super::table::{self, Table, TableError};

const SHIPPED: &str = include_str!("../../data/services.toml");

/// A table of services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// The day that the table is of.
    pub dated: Date,
    groups: Vec<ServiceGroup>,
    services: Vec<Service>,
}

/// A service: what people know by one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// As a configuration names it: `tiktok`.
    pub id: String,
    /// For people.
    pub label: Label,
    /// The group that it is of, by its name.
    pub group: String,
    /// Names that it answers on.
    pub names: Vec<NamePattern>,
}

/// Services of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGroup {
    /// As rows name it: `social`.
    pub id: String,
    /// For people.
    pub label: Label,
}

/// A few words in two languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

impl Services {
    /// The table that ships with the program.
    pub fn shipped() -> Self {
        table::shipped("services.toml", SHIPPED, |file| Self::default().with(file))
    }

    /// This table with an operator's rows: each takes the place of that of its `id`.
    ///
    /// # Errors
    /// [`TableError`], with every fault.
    pub fn with(mut self, own: Arc<TextFile>) -> Result<Self, TableError> {
        let (mut table, written) = Table::read::<typed::Table>(own)?;
        self.dated = table.date(&written.dated);
        self.groups.retain(|group| !written.group.iter().any(|own| own.id == group.id));
        self.groups.extend(written.group.iter().map(ServiceGroup::from));
        let is_replaced =
            |service: &Service| written.service.iter().any(|own| *own.id.get_ref() == service.id);
        self.services.retain(|service| !is_replaced(service));

        let taken = self.services.iter().flat_map(|service| {
            service.names.iter().map(|pattern| (pattern.clone(), service.id.clone()))
        });
        let mut taken: HashMap<NamePattern, String> = taken.collect();
        for service in &written.service {
            if self.get(service.id.get_ref()).is_some() {
                let title = format!("service `{}` stands twice", service.id.get_ref());
                table.fault(service.id.span(), title, "drop one of them, or rename it");
            }
            if !self.groups.iter().any(|group| group.id == *service.group.get_ref()) {
                let title = format!("there is no group `{}`", service.group.get_ref());
                let help = "write a [[group]] with this `id`, and `fr` and `en`";
                table.fault(service.group.span(), title, help);
            }
            let service = table.service(service, &mut taken);
            self.services.push(service);
        }
        table.finish(self)
    }

    /// The names of some services.
    ///
    /// # Errors
    /// [`UnknownService`], with the first that this table does not have.
    pub fn names<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Result<Vec<NamePattern>, UnknownService> {
        let mut names = Vec::new();
        for id in ids {
            let service = self.get(id).ok_or_else(|| UnknownService(id.to_owned()))?;
            names.extend(service.names.iter().cloned());
        }
        Ok(names)
    }

    /// The service of that name.
    pub fn get(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Every service, in the order of the table.
    pub fn all(&self) -> &[Service] {
        &self.services
    }

    /// Every group, in the order of the table.
    pub fn groups(&self) -> &[ServiceGroup] {
        &self.groups
    }
}

/// A configuration names a service that the table does not have.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no service `{0}` in the table")]
pub struct UnknownService(pub String);

impl Table {
    fn service(
        &mut self,
        written: &typed::Service,
        taken: &mut HashMap<NamePattern, String>,
    ) -> Service {
        let mut names = Vec::new();
        for text in &written.names {
            let pattern: NamePattern = match text.get_ref().parse() {
                Ok(pattern) => pattern,
                Err(error) => {
                    let title = format!("`{}` is not a host name: {error}", text.get_ref());
                    let help = "write a name such as \"example.com\", or \"*.example.com\"";
                    self.fault(text.span(), title, help);
                    continue;
                }
            };
            if let Some(other) = taken.insert(pattern.clone(), written.id.get_ref().clone()) {
                let title = format!("`{pattern}` is a name of `{other}`");
                let help = "a name belongs to one service: write a row of its `id` to change it";
                self.fault(text.span(), title, help);
            }
            names.push(pattern);
        }
        if written.names.is_empty() {
            let help = "write the `names` that it answers on";
            self.fault(written.id.span(), "a service without a name", help);
        }
        let label = Label {
            fr: written.label_fr.as_ref().unwrap_or(&written.label).clone(),
            en: written.label.clone(),
        };
        let (id, group) = (written.id.get_ref().clone(), written.group.get_ref().clone());
        Service { id, label, group, names }
    }
}

impl From<&typed::Group> for ServiceGroup {
    fn from(written: &typed::Group) -> Self {
        let label = Label { fr: written.fr.clone(), en: written.en.clone() };
        Self { id: written.id.clone(), label }
    }
}

/// The table as it is written.
mod typed {
    use super::{Deserialize, Spanned};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Table {
        pub(super) dated: Spanned<String>,
        #[serde(default)]
        pub(super) group: Vec<Group>,
        #[serde(default)]
        pub(super) service: Vec<Service>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Group {
        pub(super) id: String,
        pub(super) fr: String,
        pub(super) en: String,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Service {
        pub(super) id: Spanned<String>,
        pub(super) label: String,
        /// Where it is not the same in French.
        pub(super) label_fr: Option<String>,
        pub(super) group: Spanned<String>,
        pub(super) names: Vec<Spanned<String>>,
    }
}

#[cfg(test)]
mod tests {
    use filter_core::Scope;
    use lists::shared_cdn::SharedCdn;

    use super::*;

    #[test]
    fn the_shipped_table() {
        let services = Services::shipped();
        let count = |group: &ServiceGroup| {
            services.all().iter().filter(|service| service.group == group.id).count()
        };
        let counts: Vec<_> =
            services.groups().iter().map(|group| (group.id.as_str(), count(group))).collect();
        let expected = [
            ("video", 19),
            ("music", 4),
            ("social", 19),
            ("messaging", 11),
            ("games", 23),
            ("ai", 17),
            ("shops", 13),
        ];
        assert_eq!(counts, expected);
        let cdn = SharedCdn::shipped();
        for service in services.all() {
            for pattern in &service.names {
                assert!(!cdn.holds(&pattern.name), "{pattern} is shared with strangers");
                assert!(pattern.name.label_count() > 1, "{pattern} is a top-level domain");
                assert_eq!(pattern.scope, Scope::Subtree, "{pattern}");
            }
        }
    }

    /// Blocking one service leaves the others, and what they share with none, alone.
    #[test]
    fn no_service_holds_names_of_another() {
        let services = Services::shipped();
        for one in services.all() {
            for other in services.all().iter().filter(|other| other.id != one.id) {
                for (above, below) in
                    one.names.iter().flat_map(|a| other.names.iter().map(move |b| (a, b)))
                {
                    assert!(
                        !below.name.is_within(&above.name),
                        "{} of {} lies under {} of {}",
                        below,
                        other.id,
                        above,
                        one.id
                    );
                }
            }
        }
    }

    #[test]
    fn names_of_services() {
        let services = Services::shipped();
        let names = services.names(["discord", "tiktok"]).unwrap();
        let has = |name: &str| names.contains(&name.parse().unwrap());
        assert!(has("discord.gg") && has("tiktokcdn.com") && !has("reddit.com"));
        assert_eq!(services.names(["tiktak"]), Err(UnknownService("tiktak".into())));
        assert_eq!(services.get("io-games").unwrap().label.fr, "Jeux .io");
        assert_eq!(services.get("tiktok").unwrap().label.fr, "TikTok");
    }

    fn own(text: &str) -> Arc<TextFile> {
        Arc::new(TextFile { path: "own.toml".into(), text: text.into() })
    }

    #[test]
    fn an_operator_extends() {
        let text = "dated = \"2027-01-01\"\n[[group]]\nid = \"ent\"\nfr = \"ENT\"\nen = \"portals\"\n\
                    [[service]]\nid = \"pronote\"\nlabel = \"Pronote\"\ngroup = \"ent\"\n\
                    names = [\"pronote.net\", \"*.index-education.net\"]\n\
                    [[service]]\nid = \"wish\"\nlabel = \"Wish\"\ngroup = \"shops\"\n\
                    names = [\"wish.com\", \"wish.example\"]\n";
        let services = Services::shipped().with(own(text)).unwrap();
        assert_eq!(services.all().len(), Services::shipped().all().len() + 1);
        assert_eq!(services.names(["wish", "pronote"]).unwrap().len(), 4);
    }

    #[test]
    fn faults_say_where() {
        const HEAD: &str = "dated = \"2027-01-01\"\n[[service]]\nid = \"x\"\nlabel = \"x\"\n";
        let cases = [
            ("group = \"shop\"\nnames = [\"x.example\"]\n", (5, 9), "there is no group `shop`"),
            ("group = \"shops\"\nnames = []\n", (3, 6), "a service without a name"),
            ("group = \"shops\"\nnames = [\"a/b\"]\n", (6, 10), "`a/b` is not a host name"),
            ("group = \"shops\"\nnames = [\"tiktok.com\"]\n", (6, 10), "is a name of `tiktok`"),
            ("group = \"shops\"\nhosts = []\n", (6, 1), "unknown field `hosts`"),
            (
                "group = \"ai\"\nnames = [\"x.example\"]\n[[service]]\nid = \"x\"\nlabel = \"\"\n\
                 group = \"ai\"\nnames = [\"y.example\"]\n",
                (8, 6),
                "service `x` stands twice",
            ),
        ];
        for (text, location, title) in cases {
            let error = Services::shipped().with(own(&format!("{HEAD}{text}"))).unwrap_err();
            assert_eq!(error.faults()[0].location(), location, "{error}");
            assert!(error.to_string().contains(title), "{title}\n{error}");
        }
    }
}
