//! From what is written to what can be done: every fault is told, with what to write instead.

use std::{ops::Range, path::Path, sync::Arc};

use lists::diagnostic::Diagnostic;

use super::{Config, ConfigError, Listen, files::Files, profiles::Tables, typed};
use crate::resolve::upstream::Server;

/// Checks what all files together say.
pub(super) fn config(files: Arc<Files>) -> Result<Config, ConfigError> {
    let written: typed::File = toml::from_str(files.text()).map_err(|error| {
        let span = error.span().unwrap_or_default();
        ConfigError::Invalid(vec![files.fault(span, error.message())])
    })?;
    let folder = files.path().parent().unwrap_or(Path::new("")).to_owned();
    let mut check = Check { files: files.clone(), faults: Vec::new() };
    let defaults = Config::default();

    let listen = check.listen(&written.listen);
    let proxies = check.proxies(&written.listen);
    let limits = check.limits(&written.limits);
    let check_api = check.check_api(&written.check, &folder);
    let over_tls = written.check.listen.as_ref().filter(|_| check_api.is_encrypted());
    let tls = check.tls(written.tls.as_ref(), &written.listen, over_tls, &folder);
    let upstream = check.upstream(&written.upstream, &written.forward, &listen, &folder);
    let cache = check.cache(&written.cache);
    let lists = check.lists(&written.lists, &folder);
    let contact = written.contact.as_ref().map(|contact| check.contact(contact));
    let contact = Arc::new(contact.unwrap_or_default());
    let engines = check.search_table(&written.search, &folder);
    let page = written.page.as_ref().map(|page| check.page(page, &contact, &engines, &folder));
    let services = check.services(&written.services, &folder);
    let tables = Tables { engines: &engines, services: &services };
    let school_year = check.school_year(&written.calendar, &folder);
    let addresses = page.as_ref().map(|page| &page.addresses);
    let mut profiles = defaults.profiles;
    let mut category_names = Vec::new();
    for (name, profile) in &written.profile {
        category_names.extend(profile.categories());
        let profile = check.profile(name.get_ref(), profile, addresses, &contact, tables);
        profiles.insert(name.get_ref().clone(), profile);
    }
    let mut groups = match written.group.as_slice() {
        [] => defaults.groups,
        groups => check.groups(groups, &mut profiles, &school_year),
    };
    check.doh_paths(&written.group, &listen);
    if let Some(floor) = &written.floor {
        check.floor(floor, &mut groups, &mut profiles);
    }
    check.timetables(&written.profile, &groups, &mut profiles, &school_year);
    let private = check.names(&written.rebinding.private_zones);
    let local = check.local(&written.local);
    let codes = check.codes(&written.code, &groups, &school_year, &folder);
    category_names.extend(written.code.iter().flat_map(typed::Code::categories));
    let operations = check.operations(&written, &folder);
    ConfigError::unless_empty(check.faults)?;
    Ok(Config {
        listen,
        tls,
        proxies,
        limits,
        upstream,
        cache,
        lists,
        groups,
        profiles,
        engines: Arc::new(engines),
        page: page.map(Arc::new),
        school_year,
        private,
        local,
        codes,
        operations,
        check: check_api,
        files: Some(files),
        category_names,
    })
}

/// True when asking `server` would be asking whoever listens at `listen`.
pub(crate) fn is_loop(listen: &Listen, server: &Server) -> bool {
    let (ip, port) = (server.address.ip().to_canonical(), server.address.port());
    listen.all().any(|own| {
        own.port() == port
            && (own.ip() == ip
                || own.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
    })
}

/// Files being checked, and what is wrong with them so far.
pub(super) struct Check {
    files: Arc<Files>,
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
        let fault = self.diagnostic(at, title).help(help);
        self.faults.push(fault);
    }

    /// Something wrong that is no obstacle.
    pub(super) fn diagnostic(&self, at: Range<usize>, title: impl Into<String>) -> Diagnostic {
        self.files.fault(at, title)
    }

    /// Notes faults of another file.
    pub(super) fn extend(&mut self, faults: Vec<Diagnostic>) {
        self.faults.extend(faults);
    }

    /// Notes that `again` repeats what stands at `first`.
    pub(super) fn repeated(
        &mut self,
        first: Range<usize>,
        again: Range<usize>,
        title: String,
        help: &str,
    ) {
        self.faults.push(self.files.repeated(first, again, title).help(help));
    }
}
