//! `[[group]]`: who is who; `[floor]`: what a higher authority sets.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    ops::Range,
};

use super::Spanned;
use ipnet::IpNet;

use super::{Group, Profile, profiles::built_in, schedule::SchoolYear, typed, validated::Check};

impl Check {
    pub(super) fn groups(
        &mut self,
        groups: &[typed::Group],
        profiles: &mut BTreeMap<String, Profile>,
        year: &SchoolYear,
    ) -> Vec<Group> {
        let mut names: HashMap<&str, Range<usize>> = HashMap::new();
        let mut networks: HashMap<IpNet, Range<usize>> = HashMap::new();
        let mut checked = Vec::new();
        for group in groups {
            let name = group.name.get_ref();
            if let Some(first) = names.insert(name, group.name.span()) {
                let title = format!("two groups are called `{name}`");
                self.repeated(first, group.name.span(), title, "give each its own name");
            }
            self.known_profile(&group.profile, profiles);
            checked.push(Group {
                name: name.clone(),
                networks: self.networks(group, &mut networks),
                profile: group.profile.get_ref().clone(),
                floor: None,
                doh_path: group.doh_path.as_ref().map(|path| path.get_ref().as_str().into()),
                calendar: group.zone.as_ref().and_then(|zone| self.calendar(zone, &year.calendars)),
            });
        }
        checked
    }

    /// Notes whose floor a profile is.
    pub(super) fn floor(
        &mut self,
        floor: &typed::Floor,
        groups: &mut [Group],
        profiles: &mut BTreeMap<String, Profile>,
    ) {
        self.known_profile(&floor.profile, profiles);
        let is_scheduled = |profile: &Profile| !profile.timetable.is_empty();
        if profiles.get(floor.profile.get_ref()).is_some_and(is_scheduled) {
            let help = "a floor holds at all times: name a profile without slots";
            self.fault(floor.profile.span(), "the floor has slots", help);
        }
        for name in floor.groups.iter().flat_map(|names| names.get_ref()) {
            if !groups.iter().any(|group| group.name == *name.get_ref()) {
                let known: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
                let title = format!("unknown group `{}`", name.get_ref());
                self.fault(name.span(), title, format!("the groups are {}", known.join(", ")));
            }
        }
        for group in groups {
            let holds = floor.groups.as_ref().is_none_or(|names| {
                names.get_ref().iter().any(|name| *name.get_ref() == group.name)
            });
            group.floor = holds.then(|| floor.profile.get_ref().clone());
        }
    }

    /// Checks the profiles that others give way to, and that a calendar says when.
    pub(super) fn timetables(
        &mut self,
        written: &BTreeMap<Spanned<String>, typed::Profile>,
        groups: &[Group],
        profiles: &mut BTreeMap<String, Profile>,
        year: &SchoolYear,
    ) {
        for (name, profile) in written {
            let of_slots = profile.slot.iter().map(|slot| &slot.profile);
            let used = of_slots.chain(profile.exception.iter().map(|day| &day.profile));
            for other in used {
                self.known_profile(other, profiles);
                if profiles.get(other.get_ref()).is_some_and(|other| !other.timetable.is_empty()) {
                    let title = format!("profile `{}` has slots of its own", other.get_ref());
                    let help = "a profile that others give way to is the same at all times";
                    self.fault(other.span(), title, help);
                }
            }
            for during in profile.slot.iter().filter_map(|slot| slot.during.as_ref()) {
                let own = groups.iter().filter(|group| group.profile == *name.get_ref());
                self.needs_calendar(during, own, year);
            }
        }
    }

    /// Adds a built-in profile that is used; notes a fault where there is none of that name.
    fn known_profile(&mut self, name: &Spanned<String>, profiles: &mut BTreeMap<String, Profile>) {
        let (at, profile) = (name.span(), name.get_ref());
        if filter_core::Profile::BUILTIN.contains(&profile.as_str()) {
            profiles.entry(profile.clone()).or_insert_with(|| built_in(profile));
        } else if !profiles.contains_key(profile) {
            let mut known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            known.extend(filter_core::Profile::BUILTIN);
            known.sort_unstable();
            known.dedup();
            let title = format!("unknown profile `{profile}`");
            let help = format!(
                "the profiles are {}; another one needs a table [profile.{profile}]",
                known.join(", ")
            );
            self.fault(at, title, help);
        }
    }

    /// The networks of one group; `seen` are those of the groups before it.
    fn networks(
        &mut self,
        group: &typed::Group,
        seen: &mut HashMap<IpNet, Range<usize>>,
    ) -> Vec<IpNet> {
        if group.networks.get_ref().is_empty() {
            let title = format!("group `{}` has no networks", group.name.get_ref());
            self.fault(group.networks.span(), title, "name at least one, such as \"10.1.0.0/16\"");
        }
        let mut checked = Vec::new();
        for text in group.networks.get_ref() {
            let Some(network) = self.network(text) else { continue };
            if let Some(first) = seen.insert(network, text.span()) {
                let title = format!("the network {network} stands twice");
                let help = "a client is in one group: drop one of them, or make one more specific";
                self.repeated(first, text.span(), title, help);
            }
            checked.push(network);
        }
        checked
    }

    pub(super) fn network(&mut self, text: &Spanned<String>) -> Option<IpNet> {
        let (at, text) = (text.span(), text.get_ref());
        let single = |address: IpAddr| IpNet::from(address);
        let Ok(network) = text.parse::<IpNet>().or_else(|_| text.parse().map(single)) else {
            let title = format!("`{text}` is not a network");
            self.fault(at, title, "write \"10.1.0.0/16\", \"2001:db8::/32\" or a single address");
            return None;
        };
        if network.trunc() != network {
            let title = format!("`{text}` is an address within a network");
            let help = format!("the network is \"{}\"", network.trunc());
            self.fault(at, title, help);
            return None;
        }
        if let IpNet::V6(mapped) = network
            && mapped.addr().to_ipv4_mapped().is_some()
        {
            let title = format!("`{text}` is an IPv4 network in IPv6 clothing");
            self.fault(at, title, "write it as an IPv4 network: its addresses are seen as IPv4");
            return None;
        }
        Some(network)
    }
}
