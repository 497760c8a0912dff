//! What a bundle refuses and passes: names that are asked of it as clients will.

use std::collections::BTreeSet;

use filter_core::{
    Action, BindError, BoundFilter, DomainName, Effect, Filter, Profile, Standing, Trace,
};

use super::{Blame, Finding, GuardPolicy, GuardReport, Problem, RefusedName};
use crate::shared_cdn::NetworkKind;

/// Stands for any customer of a shared network; nobody lists it.
const ANY_CUSTOMER: &str = "any-customer-of-this-network";

/// Asks for every name of the policy.
pub(super) fn examine(
    filter: &Filter,
    policy: &GuardPolicy,
    report: &mut GuardReport,
) -> Result<(), BindError> {
    let profiles = Profiles::bind(filter)?;
    passed(filter, &profiles, policy, report)?;
    let refused = policy.must_allow.iter().filter_map(|name| profiles.refused_site(name));
    report.findings.extend(refused.map(|name| Finding::refuse(Problem::Refused(name))));
    shared_networks(&profiles, policy, report);
    report.overblocked = profiles.overblocked(&policy.trusted);
    Ok(())
}

/// The trusted names that profile `child` refuses, with every rule that does.
///
/// # Errors
/// [`BindError`], when no server could use the bundle.
pub fn overblocked(filter: &Filter, trusted: &[DomainName]) -> Result<Vec<RefusedName>, BindError> {
    Ok(Profiles::bind(filter)?.overblocked(trusted))
}

/// The category that every bundle blocks for everybody, unless it is declared not to.
const ALWAYS: &str = "porn";

/// Names that must be refused and are not. Those of pornography are asked for as each audience will;
/// those of another category as somebody who is refused that alone, so that a list that broke shows
/// even where another category refuses the same.
fn passed(
    filter: &Filter,
    profiles: &Profiles,
    policy: &GuardPolicy,
    report: &mut GuardReport,
) -> Result<(), BindError> {
    let blocking = filter.manifest().sources.iter().map(|record| &record.source);
    let blocking = blocking.filter(|source| source.action == Action::Block);
    let blocked: BTreeSet<&str> =
        blocking.flat_map(|source| &source.categories).map(String::as_str).collect();
    for (category, names) in &policy.must_block {
        if policy.without.contains(category) {
            continue;
        }
        let alone;
        let profiles = match category.as_str() {
            ALWAYS => profiles,
            category if !blocked.contains(category) => continue,
            category => {
                alone = Profiles::refusing(category, filter)?;
                &alone
            }
        };
        report.findings.extend(names.iter().filter_map(|name| {
            let name = profiles.passing_site(name)?;
            Some(Finding::refuse(Problem::Passed { name, category: category.clone() }))
        }));
    }
    let without = policy.without.iter().cloned();
    let warnings = without.map(|category| Finding::warn(Problem::Without { category }));
    report.findings.extend(warnings);
    Ok(())
}

/// Shared networks that are refused whole. No list means all the sites of a content-delivery
/// network, so that stops the bundle; a list may well mean everything on a platform that hosts
/// anybody's pages, so that is a warning.
fn shared_networks(profiles: &Profiles, policy: &GuardPolicy, report: &mut GuardReport) {
    for network in policy.shared_cdn.networks() {
        // A name as long as names may be has no customers.
        let Ok(customer) = format!("{ANY_CUSTOMER}.{}", network.name).parse() else { continue };
        let Some(refused) = profiles.refused(&customer) else { continue };
        let problem = Problem::SharedNetwork {
            operator: network.operator.clone(),
            network: network.kind,
            refused: RefusedName { name: network.name.clone(), ..refused },
        };
        report.findings.push(match network.kind {
            NetworkKind::Delivery => Finding::refuse(problem),
            NetworkKind::Hosting => Finding::warn(problem),
        });
    }
}

/// Profiles, bound: the built-in ones, of which each refuses all that the later ones refuse, or one
/// of its own.
struct Profiles(Vec<(&'static str, BoundFilter)>);

impl Profiles {
    fn bind(filter: &Filter) -> Result<Self, BindError> {
        let bind = |name| {
            let profile = Profile::named(name).expect("a name from the list of built-in profiles");
            Ok((name, filter.bind(&profile)?))
        };
        Profile::BUILTIN.into_iter().map(bind).collect::<Result<_, _>>().map(Self)
    }

    /// One that refuses a category and nothing else.
    fn refusing(category: &str, filter: &Filter) -> Result<Self, BindError> {
        let mut profile = Profile::custom("must-block");
        profile.block.insert(category.to_owned());
        Ok(Self(vec![("must-block", filter.bind(&profile)?)]))
    }

    /// The name of a site, or that with `www.` in front, if anybody may reach it.
    fn passing_site(&self, name: &DomainName) -> Option<DomainName> {
        let mut names = [Some(name.clone()), www(name)].into_iter().flatten();
        names.find(|name| self.0.iter().any(|(_, bound)| !bound.verdict(name).is_blocked()))
    }

    /// Who refuses a name, if anybody does.
    fn refused(&self, name: &DomainName) -> Option<RefusedName> {
        let refusing = self.0.iter().filter(|(_, bound)| bound.verdict(name).is_blocked());
        let refusing: Vec<_> = refusing.collect();
        let (_, first) = refusing.first()?;
        Some(RefusedName {
            name: name.clone(),
            profiles: refusing.iter().map(|(profile, _)| *profile).collect(),
            blame: blame(&first.explain(name)),
        })
    }

    fn overblocked(&self, trusted: &[DomainName]) -> Vec<RefusedName> {
        trusted.iter().filter_map(|name| self.refused_site(name)).collect()
    }

    /// The same of a site, which people also reach with `www.` in front: lists of hosts name that
    /// alone.
    fn refused_site(&self, name: &DomainName) -> Option<RefusedName> {
        self.refused(name).or_else(|| self.refused(&www(name)?))
    }
}

/// A name with `www.` in front, unless that is too long for one.
fn www(name: &DomainName) -> Option<DomainName> {
    format!("www.{name}").parse().ok()
}

/// The rules that refuse a name, the decisive one first.
fn blame(trace: &Trace<'_>) -> Vec<Blame> {
    let decisive = [trace.decisive()].into_iter();
    let outranked = trace.candidates.iter().filter(|candidate| {
        candidate.effect == Effect::Block && candidate.standing == Standing::Outranked
    });
    let rules = decisive.chain(outranked).filter_map(|candidate| {
        Some(Blame {
            source: candidate.source?.to_owned(),
            categories: candidate.categories.iter().map(|&name| name.to_owned()).collect(),
            rule: candidate.matched.to_string(),
        })
    });
    rules.collect()
}
