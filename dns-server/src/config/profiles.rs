//! `[profile.NAME]`: what an audience may see, and how it is told no.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    ops::Range,
    str::FromStr,
    sync::Arc,
};

use super::Spanned;
use filter_core::{Mode, NamePattern};
use ipnet::IpNet;

use super::{Profile, schedule::Timetable, search, typed, validated::Check};
use crate::policy::{
    refusal::{Contact, Detail, Language, RefusalForm, Telling},
    search::SearchTable,
    services::Services,
};

/// A built-in profile as it is.
///
/// # Panics
/// If `name` is not one of [`filter_core::Profile::BUILTIN`].
pub(super) fn built_in(name: &str) -> Profile {
    let filter = filter_core::Profile::named(name).expect("the caller knows the built-in names");
    let (search, youtube) = search::built_in(name);
    Profile {
        filter,
        observe: BTreeSet::new(),
        search,
        youtube,
        timetable: Timetable::default(),
        canaries: true,
        refusal: RefusalForm::default(),
        telling: Telling::default(),
        structured_errors: None,
        remove_ech: false,
    }
}

impl Profile {
    /// Whether programs that ask by a canary are told that the network filters.
    pub(crate) fn answers_canaries(&self) -> bool {
        let blocks_bypass =
            self.filter.block.contains(BYPASS) && !self.filter.allow.contains(BYPASS);
        self.canaries && blocks_bypass
    }
}

/// The category of ways around the filter.
const BYPASS: &str = "bypass";

/// Most harmless names in 10 000 that a profile may accept to lose: no table is measured beyond.
const MOST_MISTAKES: u32 = 50;

/// What profiles refer to by name.
#[derive(Clone, Copy)]
pub(super) struct Tables<'t> {
    pub(super) engines: &'t SearchTable,
    pub(super) services: &'t Services,
}

impl typed::Profile {
    /// Every category that the file names, and where.
    pub(super) fn categories(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let named = self.block.iter().chain(&self.allow).chain(&self.observe).flatten();
        named.map(|name| (name.get_ref().clone(), name.span()))
    }
}

impl Check {
    /// A profile of a built-in name replaces only the keys that it gives.
    ///
    /// `page` is where the block page is served, `contact` who answers complaints.
    pub(super) fn profile(
        &mut self,
        name: &str,
        written: &typed::Profile,
        page: Option<&Arc<[IpAddr]>>,
        contact: &Arc<Contact>,
        tables: Tables<'_>,
    ) -> Profile {
        let mut filter = filter_core::Profile::named(name)
            .unwrap_or_else(|_| filter_core::Profile::custom(name));
        self.contradictions(written);
        let names = |list: &[Spanned<String>]| list.iter().map(|n| n.get_ref().clone()).collect();
        if let Some(block) = &written.block {
            filter.block = names(block);
        }
        if written.lookalikes == Some(true) {
            filter.block.insert(filter_core::Profile::LOOKALIKES.to_owned());
        }
        if let Some(allow) = &written.allow {
            filter.allow = names(allow);
        }
        if let Some(patterns) = &written.block_names {
            filter.block_names = self.patterns(patterns);
        }
        if let Some(patterns) = &written.allow_names {
            filter.allow_names = self.patterns(patterns);
        }
        if let Some(networks) = &written.block_networks {
            filter.block_networks = self.refused_networks(networks);
        }
        let block = written.block_services.as_ref();
        filter.block_names.extend(self.names_of_services(block, tables.services));
        let allow = written.allow_services.as_ref();
        filter.allow_names.extend(self.names_of_services(allow, tables.services));
        if let Some(mode) = written.mode {
            filter.mode = match mode {
                typed::Mode::Open => Mode::Open,
                typed::Mode::Closed => Mode::Closed,
            };
        }
        if let Some(unlisted) = &written.unlisted {
            filter.unlisted = self.unlisted(unlisted);
        }
        let observe = names(written.observe.as_deref().unwrap_or_default());
        filter.block = filter.block.difference(&observe).cloned().collect();
        let refusal = match &written.refusal {
            Some(form) => self.refusal(form, page),
            None => RefusalForm::default(),
        };
        let (search, youtube) = self.search(written, search::built_in(name), tables.engines);
        Profile {
            filter,
            observe,
            search,
            youtube,
            timetable: self.timetable(written),
            canaries: written.canaries.unwrap_or(true),
            refusal,
            telling: telling(written),
            structured_errors: (written.structured_errors == Some(true)).then(|| contact.clone()),
            remove_ech: written.remove_ech.unwrap_or_default(),
        }
    }

    fn unlisted(&mut self, accepted: &Spanned<u32>) -> u32 {
        if *accepted.get_ref() > MOST_MISTAKES {
            let title = format!("more mistakes than {MOST_MISTAKES} in 10 000 names");
            self.fault(accepted.span(), title, "1 is careful, 10 finds more; 0 switches it off");
        }
        *accepted.get_ref()
    }

    fn refusal(
        &mut self,
        written: &Spanned<typed::Refusal>,
        page: Option<&Arc<[IpAddr]>>,
    ) -> RefusalForm {
        match (written.get_ref(), page) {
            (typed::Refusal::Nxdomain, _) => RefusalForm::NxDomain,
            (typed::Refusal::Nodata, _) => RefusalForm::NoData,
            (typed::Refusal::Null, _) => RefusalForm::Null,
            (typed::Refusal::Page, Some(addresses)) => RefusalForm::Page(addresses.clone()),
            (typed::Refusal::Page, None) => {
                let help = "say where the block page is served: [page] addresses = [\"10.0.0.80\"]";
                self.fault(written.span(), "refusal = \"page\" without a page", help);
                RefusalForm::default()
            }
        }
    }

    fn patterns(&mut self, texts: &[Spanned<String>]) -> Vec<NamePattern> {
        let mut patterns = Vec::new();
        for text in texts {
            match NamePattern::from_str(text.get_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    let title = format!("`{}` is not a host name: {error}", text.get_ref());
                    let help = "write \"example.com\" for the name and all below it, \
                                \"*.example.com\" for all below it only";
                    self.fault(text.span(), title, help);
                }
            }
        }
        patterns
    }

    fn refused_networks(&mut self, texts: &[Spanned<String>]) -> Vec<IpNet> {
        let mut networks: HashMap<IpNet, Range<usize>> = HashMap::new();
        for text in texts {
            let Some(network) = self.network(text) else { continue };
            if let Some(first) = networks.insert(network, text.span()) {
                let title = format!("the network {network} stands twice");
                self.repeated(first, text.span(), title, "drop one of them");
            }
        }
        networks.into_keys().collect()
    }

    fn contradictions(&mut self, profile: &typed::Profile) {
        let pairs = [
            (&profile.block, &profile.allow, "both blocked and allowed"),
            (&profile.block, &profile.observe, "both blocked and observed"),
            (&profile.allow, &profile.observe, "both allowed and observed"),
            (&profile.block_services, &profile.allow_services, "both blocked and allowed"),
        ];
        for (first, second, what) in pairs {
            let (Some(first), Some(second)) = (first, second) else { continue };
            for again in second {
                let same = |category: &&Spanned<String>| category.get_ref() == again.get_ref();
                if let Some(first) = first.iter().find(same) {
                    let title = format!("`{}` is {what}", again.get_ref());
                    self.repeated(first.span(), again.span(), title, "drop one of them");
                }
            }
        }
    }
}

fn telling(written: &typed::Profile) -> Telling {
    Telling {
        detail: match written.reasons {
            Some(typed::Reasons::None) => Detail::None,
            Some(typed::Reasons::Code) => Detail::Code,
            Some(typed::Reasons::Category) => Detail::Category,
            Some(typed::Reasons::Full) | None => Detail::Full,
        },
        language: written.language.map(|language| match language {
            typed::Language::Fr => Language::French,
            typed::Language::En => Language::English,
        }),
        on_request: written.on_request.unwrap_or_default(),
    }
}
