//! The usual case, decided from one table: lists refuse a name, or say nothing of it.
//!
//! A rule set that holds neither allow rules nor exceptions nor important rules in force means the same
//! wherever it stands: it refuses with one of its rules, or does nothing. What that is, the general
//! precedence ([`Listed`]) says of each set by itself when a profile is bound. A name that has only such
//! sets is decided by the most specific of those that refuse. For any other the caller goes the general
//! way.

use super::{BoundFilter, ListRule, listed::Listed};
use crate::{CategorySet, DomainName, Mode, raw::rule_sets::Entry, verdict::Step};

/// What lists and patterns make of a name, where that is plain.
pub(super) enum Plain {
    Refused(Refusal),
    Passed,
}

/// A refusal by a rule on a name.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    pub(super) rule: ListRule,
    pub(super) spares_descendants: bool,
}

/// What a rule set means under one profile.
#[derive(Clone, Copy)]
pub(super) struct SetInForce {
    /// It takes more than this table to tell.
    is_involved: bool,
    /// Some rule of it matches the name that has the set; a name below.
    lists_name: bool,
    lists_below: bool,
    /// An allow rule that is in force lies below the name that has the set.
    allows_below: bool,
    on_name: Option<Refusing>,
    below_name: Option<Refusing>,
}

/// The rule of a set that refuses.
#[derive(Clone, Copy)]
struct Refusing {
    entry: Entry,
    covers_descendants: bool,
}

impl SetInForce {
    /// Asks the general precedence about a name that has this set alone, and about one below it.
    pub(super) fn of(bound: &BoundFilter, set: u32) -> Self {
        let entries = bound.shared.filter.rule_sets.get(set);
        let is_involved = |entry: &Entry| {
            let is_important = entry.is_important() && !bound.in_force(*entry).blocks.is_empty();
            is_important || bound.opens(*entry)
        };
        let on_name = Listed::one(bound, 1, set);
        let refusing = |listed: &Listed<'_>| {
            let rule = listed.most_specific().err()?;
            let covers_descendants = listed.covers_descendants(rule);
            Some(Refusing { entry: rule.entry, covers_descendants })
        };
        let below_name = Listed::one(bound, 2, set);
        Self {
            lists_name: on_name.is_listed(),
            lists_below: below_name.is_listed(),
            is_involved: entries.iter().any(is_involved),
            allows_below: on_name.allows_below(),
            on_name: refusing(&on_name),
            below_name: refusing(&below_name),
        }
    }
}

impl BoundFilter {
    /// Decides the usual case; none where the general precedence has to. Allocates nothing.
    #[inline]
    pub(super) fn plain(&self, name: &DomainName) -> Option<Plain> {
        let shared = &*self.shared;
        if shared.operator.as_ref().is_some_and(|names| names.decide(name, &|_| true).is_some()) {
            return None;
        }
        let (mut is_involved, mut is_listed) = (false, false);
        let (mut allows_below, mut refusing) = (false, None);
        let found = shared.filter.find(name, |labels, is_asked, set| {
            let Some(set) = shared.sets.get(set as usize) else { return };
            is_involved |= set.is_involved;
            is_listed |= if is_asked { set.lists_name } else { set.lists_below };
            allows_below = is_asked && set.allows_below;
            let own = if is_asked { set.on_name } else { set.below_name };
            refusing = own.map(|own| (labels, own)).or(refusing);
        });
        if found.is_err() || is_involved {
            return None;
        }
        if let Some((labels, Refusing { entry, covers_descendants })) = refusing {
            let operator_allows_below =
                || shared.operator.as_ref().is_some_and(|names| names.allows_below(name));
            return Some(Plain::Refused(Refusal {
                rule: ListRule { labels, entry },
                spares_descendants: !covers_descendants || allows_below || operator_allows_below(),
            }));
        }
        let mut has_pattern = false;
        self.each_pattern(name, |_, _, _| has_pattern = true);
        if shared.mode != Mode::Open || has_pattern {
            return None;
        }
        let lifted = CategorySet::EMPTY;
        let refused = !is_listed
            && (self.homograph(name, lifted, &|_| true).is_some()
                || self.unlisted(name, lifted, &|_| true).is_some());
        (!refused).then_some(Plain::Passed)
    }
}

impl Plain {
    /// The rank of rules that allows the name; `None` where it is refused.
    pub(super) fn allowed_by(&self) -> Option<Step> {
        match self {
            Self::Refused(_) => None,
            Self::Passed => Some(Step::Default),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        BoundFilter, DomainName, Filter, FilterBuilder, Mode, Options, Profile, Scope, Source,
        Stamp,
        raw::{
            bundle::{self, SectionKind, Sections},
            domains::{Domains, push_key},
            index,
        },
    };

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    fn compiled() -> Vec<u8> {
        let mut builder = FilterBuilder::new();
        let porn = builder.source(Source::block("porn", &["porn"])).unwrap();
        let health = builder.source(Source::allow("health", &["education"], &["porn"])).unwrap();
        let toys = builder.source(Source::block("toys", &["games"])).unwrap();
        let exception = Options { exception: true, ..Options::default() };
        for (source, on, options) in [
            (porn, "example.com", Options::default()),
            (porn, "spared.example.com", exception),
            (health, "health.example.com", Options::default()),
            (toys, "toys.example", Options::default()),
        ] {
            let mut batch = builder.batch(source);
            batch.domain(&name(on), Scope::Subtree, options).unwrap();
            builder.add(batch.finish());
        }
        let stamp = Stamp { serial: 1, created: String::new(), expires: None };
        builder.build(stamp).bytes
    }

    fn set_of(bundle: &[u8], asked: &str) -> u32 {
        let sections = Sections::read(bundle).unwrap();
        let dictionary = &bundle[sections.range(SectionKind::Domains).unwrap()];
        let mut found = None;
        Domains::open(dictionary).unwrap().walk(&name(asked), |_, set| found = Some(set));
        found.unwrap()
    }

    /// The bundle with another index, which says of `colliding` what the dictionary says of another
    /// name: as if their fingerprints were alike.
    fn with_collision(bundle: &[u8], colliding: &str, with: &str) -> Vec<u8> {
        let sections = Sections::read(bundle).unwrap();
        let listed = [".", "com", "example.com", "spared.example.com", "health.example.com"];
        let entries = listed.map(|listed| (listed, set_of(bundle, listed)));
        let entries = entries.into_iter().chain([(colliding, set_of(bundle, with))]);
        let keys: Vec<_> = entries
            .map(|(listed, set)| {
                let mut key = Vec::new();
                push_key(&name(listed), &mut key);
                (key, set)
            })
            .collect();
        let digest = sections.digest(SectionKind::Domains).unwrap();
        let index = index::write(digest, keys.iter().map(|(key, set)| (key.as_slice(), *set)));
        let content: Vec<_> = sections
            .sizes()
            .into_iter()
            .map(|(kind, _)| match kind {
                SectionKind::Index => (kind, index.as_slice()),
                kind => (kind, &bundle[sections.range(kind).unwrap()]),
            })
            .collect();
        bundle::write(&content)
    }

    fn bound(bundle: Vec<u8>, profile: &Profile) -> BoundFilter {
        Filter::open(bundle).unwrap().bind(profile).unwrap()
    }

    #[test]
    fn a_collision_opens_nothing() {
        let bundle = compiled();
        let child = Profile::named("child").unwrap();
        let closed = Profile { mode: Mode::Closed, ..child.clone() };
        let games = ["games".to_owned()].into();
        let closed_but_games = Profile { allow: games, ..closed.clone() };
        let cases = [
            (&child, "evil.example.com", "health.example.com"),
            (&child, "evil.example.com", "spared.example.com"),
            (&closed, "evil.example", "health.example.com"),
            (&closed_but_games, "evil.example", "toys.example"),
        ];
        for (profile, colliding, with) in cases {
            let honest = bound(bundle.clone(), profile);
            assert!(!honest.verdict(&name(with)).is_blocked(), "{with}");
            assert!(honest.verdict(&name(colliding)).is_blocked(), "{colliding}");
            let collides = bound(with_collision(&bundle, colliding, with), profile);
            for asked in [colliding.to_owned(), format!("www.{colliding}")] {
                let asked = name(&asked);
                assert_eq!(collides.verdict(&asked), honest.verdict(&asked), "{asked}");
                assert_eq!(collides.allowed_by(&asked), None);
                assert!(collides.explain(&asked).blocked);
                let [judged, right] = [&collides, &honest]
                    .map(|bound| bound.answers(&asked).name(&asked, |_| false).is_blocked());
                assert_eq!(judged, right, "{asked}");
            }
        }
    }

    /// The index is what answers: a collision with a refused name is the price, once in 10¹¹ lookups.
    #[test]
    fn a_collision_refuses() {
        let bundle = compiled();
        let collides = with_collision(&bundle, "innocent.org", "example.com");
        let child = Profile::named("child").unwrap();
        assert!(bound(collides, &child).verdict(&name("innocent.org")).is_blocked());
        assert!(!bound(bundle, &child).verdict(&name("innocent.org")).is_blocked());
    }
}
