//! For whom may be asked, and on what terms: part of a snapshot.

use std::collections::BTreeMap;

use super::{
    problem::{Kind, Problem},
    request::AudienceKeys,
};
use crate::{
    config::{CheckApi, Config},
    policy::group::GroupId,
};

/// What a configuration says about the check API.
#[derive(Debug)]
pub(crate) struct CheckTerms {
    pub(super) settings: CheckApi,
    groups: BTreeMap<String, GroupId>,
    profiles: BTreeMap<String, GroupId>,
}

/// Whom a request is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audience<'t> {
    /// Where the plan is of what they may see.
    pub(super) id: GroupId,
    /// The group's name; absent: it is about a profile.
    pub(super) group: Option<&'t str>,
}

impl CheckTerms {
    /// Those of a configuration; `None` where there is no check API.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        config.check.place.as_ref()?;
        let groups = config.groups.iter().map(|group| group.name.clone());
        let profiles = config.profiles.keys().cloned();
        // Their plans are in this order, those of profiles after those of groups.
        let numbered = |(index, name)| (name, GroupId::at(index));
        Some(Self {
            settings: config.check.clone(),
            groups: groups.enumerate().map(numbered).collect(),
            profiles: profiles
                .zip(config.groups.len()..)
                .map(|(name, index)| numbered((index, name)))
                .collect(),
        })
    }

    /// Whom a request names.
    pub(super) fn audience<'t>(&'t self, keys: &AudienceKeys) -> Result<Audience<'t>, Problem> {
        match (&keys.profile, &keys.group) {
            (Some(profile), None) => match self.profiles.get(profile) {
                Some(&id) => Ok(Audience { id, group: None }),
                None => Err(Problem::at("/profile", Kind::NoSuchProfile)),
            },
            (None, Some(group)) => match self.groups.get_key_value(group) {
                Some((name, &id)) => Ok(Audience { id, group: Some(name) }),
                None => Err(Problem::at("/group", Kind::NoSuchGroup)),
            },
            (None, None) => Err(Problem::at("", Kind::NoAudience)),
            (Some(_), Some(_)) => Err(Problem::at("/group", Kind::TwoAudiences)),
        }
    }
}
