//! From what is written to what can be done: every fault is told, with what to write instead.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    ops::Range,
    path::Path,
    str::FromStr,
    sync::Arc,
};

use filter_core::{Mode, NamePattern};
use ipnet::IpNet;
use lists::diagnostic::{Diagnostic, TextFile};
use toml::Spanned;

use super::{Config, ConfigError, Group, Profile, typed};
use crate::{policy::decide::RefusalForm, resolve::upstream::Server};

/// Checks a whole file.
pub(super) fn config(file: Arc<TextFile>) -> Result<Config, ConfigError> {
    let written: typed::File = toml::from_str(&file.text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        ConfigError::Invalid(vec![Diagnostic::new(file.clone(), span, error.message())])
    })?;
    let folder = Path::new(&file.path).parent().unwrap_or(Path::new("")).to_owned();
    let mut check = Check { file: file.clone(), faults: Vec::new() };
    let defaults = Config::default();

    let listen = match &written.listen.dns {
        Some(addresses) => check.listen(addresses),
        None => defaults.listen,
    };
    let upstream = match &written.upstream.servers {
        Some(servers) => check.servers(servers, &listen),
        None => defaults.upstream,
    };
    let lists = check.lists(&written.lists, &folder);
    let mut profiles = defaults.profiles;
    let mut category_names = Vec::new();
    for (name, profile) in &written.profile {
        category_names.extend(profile.categories());
        profiles.insert(name.get_ref().clone(), check.profile(name.get_ref(), profile));
    }
    let groups = match written.group.as_slice() {
        [] => defaults.groups,
        groups => check.groups(groups, &mut profiles),
    };
    ConfigError::unless_empty(check.faults)?;
    Ok(Config { listen, upstream, lists, groups, profiles, file: Some(file), category_names })
}

/// A built-in profile as it is.
///
/// # Panics
/// If `name` is not one of [`filter_core::Profile::BUILTIN`].
pub(super) fn built_in(name: &str) -> Profile {
    let filter = filter_core::Profile::named(name).expect("the caller knows the built-in names");
    Profile { filter, refusal: RefusalForm::default() }
}

/// True when asking `server` would be asking whoever listens at `listen`.
pub(crate) fn is_loop(listen: &[SocketAddr], server: &Server) -> bool {
    let (ip, port) = (server.address.ip().to_canonical(), server.address.port());
    listen.iter().any(|own| {
        own.port() == port
            && (own.ip() == ip
                || own.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
    })
}

impl typed::Profile {
    /// Every category that the file names, and where.
    fn categories(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let named = self.block.iter().chain(&self.allow).flatten();
        named.map(|name| (name.get_ref().clone(), name.span()))
    }
}

/// A file being checked, and what is wrong with it so far.
pub(super) struct Check {
    file: Arc<TextFile>,
    faults: Vec<Diagnostic>,
}

impl Check {
    /// Notes a fault.
    pub(super) fn fault(
        &mut self,
        at: Range<usize>,
        title: impl Into<String>,
        help: impl Into<String>,
    ) {
        let fault = Diagnostic::new(self.file.clone(), at, title).help(help);
        self.faults.push(fault);
    }

    /// Notes that `again` repeats what stands at `first`.
    pub(super) fn repeated(
        &mut self,
        first: Range<usize>,
        again: Range<usize>,
        title: String,
        help: &str,
    ) {
        let fault = Diagnostic::new(self.file.clone(), again, title)
            .label("again here")
            .related(first, "first here")
            .help(help);
        self.faults.push(fault);
    }

    fn listen(&mut self, addresses: &Spanned<Vec<Spanned<String>>>) -> Vec<SocketAddr> {
        if addresses.get_ref().is_empty() {
            let help = "name at least one, such as \"127.0.0.1:53\"";
            self.fault(addresses.span(), "no address to listen on", help);
        }
        let mut seen = HashMap::new();
        for text in addresses.get_ref() {
            let Ok(address) = text.get_ref().parse::<SocketAddr>() else {
                let title = format!("`{}` is not an address and a port", text.get_ref());
                self.fault(text.span(), title, "write \"127.0.0.1:53\" or \"[::1]:53\"");
                continue;
            };
            if let Some(first) = seen.insert(address, text.span()) {
                let title = format!("{address} stands twice");
                self.repeated(first, text.span(), title, "drop one of them");
            }
        }
        // In the order of the file.
        addresses.get_ref().iter().filter_map(|text| text.get_ref().parse().ok()).collect()
    }

    fn servers(
        &mut self,
        servers: &Spanned<Vec<Spanned<String>>>,
        listen: &[SocketAddr],
    ) -> Vec<Server> {
        if servers.get_ref().is_empty() {
            let help = "name at least one, or leave `servers` out to ask the system's resolvers";
            self.fault(servers.span(), "no upstream server", help);
        }
        let mut known = Vec::new();
        for text in servers.get_ref() {
            match text.get_ref().parse::<Server>() {
                Ok(server) if is_loop(listen, &server) => {
                    let title = format!("upstream server {server} is this server itself");
                    self.fault(text.span(), title, "name a resolver that asks somebody else");
                }
                Ok(server) => known.push(server),
                Err(error) => {
                    let title = format!("`{}` is no upstream server: {error}", text.get_ref());
                    let help = "write \"192.0.2.1\", \"192.0.2.1:5353\" or \
                                \"tls://192.0.2.1#resolver.example\"";
                    self.fault(text.span(), title, help);
                }
            }
        }
        known
    }

    fn groups(
        &mut self,
        groups: &[typed::Group],
        profiles: &mut BTreeMap<String, Profile>,
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
            let profile = group.profile.get_ref();
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
                self.fault(group.profile.span(), title, help);
            }
            checked.push(Group {
                name: name.clone(),
                networks: self.networks(group, &mut networks),
                profile: profile.clone(),
            });
        }
        checked
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

    fn network(&mut self, text: &Spanned<String>) -> Option<IpNet> {
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
            self.fault(at, title, "write it as an IPv4 network: clients of it are seen as IPv4");
            return None;
        }
        Some(network)
    }

    /// A profile of a built-in name replaces only the keys that it gives.
    fn profile(&mut self, name: &str, written: &typed::Profile) -> Profile {
        let mut filter = filter_core::Profile::named(name)
            .unwrap_or_else(|_| filter_core::Profile::custom(name));
        self.contradictions(written);
        self.not_enforced_yet(written);
        let names = |list: &[Spanned<String>]| list.iter().map(|n| n.get_ref().clone()).collect();
        if let Some(block) = &written.block {
            filter.block = names(block);
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
        if let Some(mode) = written.mode {
            filter.mode = match mode {
                typed::Mode::Open => Mode::Open,
                typed::Mode::Closed => Mode::Closed,
            };
        }
        let refusal = match written.refusal.as_ref().map(Spanned::get_ref) {
            None | Some(typed::Refusal::Nxdomain | typed::Refusal::Page) => RefusalForm::NxDomain,
            Some(typed::Refusal::Nodata) => RefusalForm::NoData,
            Some(typed::Refusal::Null) => RefusalForm::Null,
        };
        Profile { filter, refusal }
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

    fn contradictions(&mut self, profile: &typed::Profile) {
        let (Some(block), Some(allow)) = (&profile.block, &profile.allow) else { return };
        for allowed in allow {
            let same = |blocked: &&Spanned<String>| blocked.get_ref() == allowed.get_ref();
            if let Some(blocked) = block.iter().find(same) {
                let title = format!("`{}` is both blocked and allowed", allowed.get_ref());
                self.repeated(blocked.span(), allowed.span(), title, "drop one of them");
            }
        }
    }

    /// Keys that are part of the language and that this version does nothing about: to pass over
    /// them in silence would leave children less protected than the file says.
    fn not_enforced_yet(&mut self, profile: &typed::Profile) {
        let mut refuse = |at: Range<usize>, what: &str, help: &str| {
            self.fault(at, format!("this version of preau cannot enforce {what}"), help);
        };
        let is_off = |value: &Spanned<String>| value.get_ref() == "off";
        if let Some(search) = profile.search.as_ref().filter(|value| !is_off(value)) {
            let what = format!("search = \"{}\"", search.get_ref());
            refuse(search.span(), &what, "leave `search` out: search engines are not rewritten");
        }
        if let Some(youtube) = profile.youtube.as_ref().filter(|value| !is_off(value)) {
            let what = format!("youtube = \"{}\"", youtube.get_ref());
            refuse(youtube.span(), &what, "leave `youtube` out: YouTube is not rewritten");
        }
        if let Some(engines) = profile.engines.as_ref().filter(|value| !value.get_ref().is_empty())
        {
            refuse(
                engines.span(),
                "engines",
                "leave `engines` out: search engines are not rewritten",
            );
        }
        if let Some(page) =
            profile.refusal.as_ref().filter(|form| *form.get_ref() == typed::Refusal::Page)
        {
            let help = "write refusal = \"nxdomain\", \"nodata\" or \"null\"";
            refuse(page.span(), "refusal = \"page\"", help);
        }
    }
}
