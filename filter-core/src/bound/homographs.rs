//! Internationalised names that no list knows, and that read like others: near the end of step 9.
//!
//! The other is a site that lists protect, or a name that they refuse. Whether a profile is to be told
//! is whether it refuses a category of a source that protects sites.

use super::{BoundFilter, ListRule, listed::Listed};
use crate::{CategorySet, DomainName, homograph::Reading, raw::rule_sets::Entry, verdict::Matcher};

/// Fewest octets of a label, with its dot, that is taken for a site's under another suffix, or for a
/// listed name's: of shorter ones, other languages have words that read the same.
const SHORTEST: usize = "abcde.".len();

/// What a name reads like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Homograph {
    /// A protected site, by its number among them.
    Site { number: usize, entry: Entry },
    /// A name that this rule refuses.
    Listed(ListRule),
}

impl Homograph {
    /// As if it stood on the root: less specific than any rule on a name.
    pub(super) fn as_rule(self) -> ListRule {
        let (Self::Site { entry, .. } | Self::Listed(ListRule { entry, .. })) = self;
        ListRule { labels: 0, entry }
    }
}

impl BoundFilter {
    /// What a name that no list knows reads like, if the profile refuses it for that. Allocates nothing.
    #[inline]
    pub(super) fn homograph(
        &self,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Homograph> {
        self.shared.tells_homographs.then(|| self.homograph_of(name, lifted, counts))?
    }

    /// Kept apart, so that profiles without the switch do not pay for the room that this takes.
    #[inline(never)]
    fn homograph_of(
        &self,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Homograph> {
        if !has_a_label(name) {
            return None;
        }
        let site = name.site_labels().filter(|&site| counts(site))?;
        let reading = Reading::of(name, site)?;
        let protected = &self.shared.filter.protected;
        if protected.find(Text::of(name, site).octets()).is_some() {
            return None;
        }
        let plain = Text::of(&reading.plain, site);
        let (label, suffix) = plain.parts();
        // Marks are of many languages: they make another name, unless all the rest is the same. Where
        // the suffix is of another script too, it is that script's word.
        let is_bold =
            reading.is_disguised && label.len() >= SHORTEST && !suffix_has_a_label(suffix);
        let mut alike = None;
        for (number, text, set) in protected.beginning_with(label) {
            let is_same = text.as_bytes() == plain.octets();
            let blocks = |entry: &&Entry| {
                !entry.is_exception()
                    && !self.in_force(**entry).blocks.difference(lifted).is_empty()
            };
            let entry = self.shared.filter.rule_sets.get(set).iter().find(blocks);
            let found = entry.map(|&entry| Homograph::Site { number, entry });
            if is_same && found.is_some() {
                return found;
            }
            alike = alike.or(found.filter(|_| is_bold));
        }
        alike.or_else(|| {
            let listed = || Listed::beyond(self, &reading.plain, lifted, counts);
            let rule = is_bold
                .then(listed)
                .and_then(|listed| listed.important().or_else(|| listed.most_specific().err()));
            rule.map(Homograph::Listed)
        })
    }

    pub(super) fn homograph_matcher(&self, homograph: Homograph) -> Matcher<'_> {
        match homograph {
            Homograph::Site { number, .. } => {
                let texts = &self.shared.filter.protected.texts;
                Matcher::HomographOf(texts.get(number).map_or("", String::as_str))
            }
            Homograph::Listed(ListRule { labels, .. }) => Matcher::HomographOfListed { labels },
        }
    }
}

/// True for a name with an A-label (RFC 5890 §2.3.2.1).
fn has_a_label(name: &DomainName) -> bool {
    name.labels().any(|label| label.starts_with(b"xn--"))
}

fn suffix_has_a_label(suffix: &[u8]) -> bool {
    suffix.split(|&octet| octet == b'.').any(|label| label.starts_with(b"xn--"))
}

/// The text of a site, without escapes: with unusual octets it is no protected site's.
struct Text {
    octets: [u8; 256],
    length: usize,
    /// Octets of the first label and the dot behind it.
    label: usize,
}

impl Text {
    fn of(name: &DomainName, site: usize) -> Self {
        let mut text = Self { octets: [0; 256], length: 0, label: 0 };
        for label in name.labels().skip(name.label_count().saturating_sub(site)) {
            if text.length > 0 {
                text.push(b".");
            }
            text.push(label);
            if text.label == 0 {
                text.label = text.length + 1;
            }
        }
        text
    }

    /// Names have 255 octets at most, so that all fits.
    fn push(&mut self, octets: &[u8]) {
        if let Some(place) = self.octets.get_mut(self.length..self.length + octets.len()) {
            place.copy_from_slice(octets);
            self.length += octets.len();
        }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// The first label with its dot, and what follows.
    fn parts(&self) -> (&[u8], &[u8]) {
        self.octets().split_at_checked(self.label).unwrap_or((self.octets(), &[]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Filter, FilterBuilder, Mode, Options, Profile, Scope, Source, Stamp, Verdict, plain_letter,
        typos,
    };

    const PROTECTED: [&str; 5] =
        ["caf.fr", "lumni.fr", "pole-emploi.fr", "roblox.com", "vikidia.org"];
    const SPARED: &str = "pôle-emploi.fr";
    const LISTED: [&str; 3] = ["badcasino.com", "cop.com", "müller-adult.com"];

    fn bundle() -> Vec<u8> {
        let mut builder = FilterBuilder::new();
        let (plain, exception) =
            (Options::default(), Options { exception: true, ..Options::default() });
        let sites = builder.source(Source::block("sites", &["lookalikes"])).unwrap();
        let mut batch = builder.batch(sites);
        for site in PROTECTED {
            let site: DomainName = site.parse().unwrap();
            batch.protect(&site, plain).unwrap();
            for (typo, _) in typos(&site) {
                batch.domain(&typo, Scope::Subtree, plain).unwrap();
            }
        }
        batch.protect(&SPARED.parse().unwrap(), exception).unwrap();
        builder.add(batch.finish());
        let gambling = builder.source(Source::block("bets", &["gambling"])).unwrap();
        let mut batch = builder.batch(gambling);
        for name in LISTED {
            batch.domain(&name.parse().unwrap(), Scope::Subtree, plain).unwrap();
        }
        builder.add(batch.finish());
        let library = Source::allow("library", &["education"], &["lookalikes"]);
        let library = builder.source(library).unwrap();
        let mut batch = builder.batch(library);
        batch.domain(&"lumnï.fr".parse().unwrap(), Scope::Subtree, plain).unwrap();
        batch.domain(&"lumnni.fr".parse().unwrap(), Scope::Subtree, plain).unwrap();
        builder.add(batch.finish());
        builder.build(Stamp { serial: 1, created: String::new(), expires: None }).bytes
    }

    fn profile(switched_on: bool) -> Profile {
        let mut profile = Profile::named("child").unwrap();
        if switched_on {
            profile.block.insert("lookalikes".to_owned());
        }
        profile
    }

    fn bound(profile: &Profile) -> BoundFilter {
        Filter::open(bundle()).unwrap().bind(profile).unwrap()
    }

    #[test]
    fn names_that_look_like_others() {
        const SITES: Option<&str> = Some("lookalikes · sites");
        const BETS: Option<&str> = Some("gambling · bets");
        let cases = [
            // Cyrillic і; the same below; under another suffix.
            ("lumnі.fr", SITES),
            ("www.lumnі.fr", SITES),
            ("lumnі.com", SITES),
            // Marks: the very site only.
            ("lumnì.fr", SITES),
            ("lumnì.com", None),
            ("vıkıdıa.org", SITES),
            // It is right so; and so says a list.
            ("pôle-emploi.fr", None),
            ("pole-êmploi.fr", SITES),
            ("lumnï.fr", None),
            // Short ones: the very site only.
            ("саf.fr", SITES),
            ("саf.com", None),
            // Another script's word, and the sites themselves.
            ("лумни.fr", None),
            ("lumnі.рф", None),
            ("lumni.fr", None),
            ("lumnі.example.fr", None),
            // Typing errors are rules.
            ("lunmi.fr", SITES),
            ("www.roblx.com", SITES),
            ("lumnni.fr", None),
            // Of listed names; not for marks, nor where they are short.
            ("bаdcasino.com", BETS),
            ("www.bаdcasino.com", BETS),
            ("bâdcasino.com", None),
            ("сор.com", None),
            ("badcasino.com", BETS),
        ];
        let (on, off) = (bound(&profile(true)), bound(&profile(false)));
        for (host, expected) in cases {
            let told = |bound: &BoundFilter| match bound.host(host) {
                Verdict::Blocked(reason) => Some(reason.to_string()),
                _ => None,
            };
            let trace = on.explain(&host.parse().unwrap());
            assert_eq!(told(&on).as_deref(), expected, "{trace}");
            assert_eq!(trace.blocked, expected.is_some(), "{trace}");
            let listed = host.is_ascii().then_some(expected).flatten();
            assert_eq!(told(&off).as_deref(), listed.filter(|_| expected == BETS), "{host}");
        }
    }

    #[test]
    fn an_allowed_name_looks_like_nothing() {
        let names = ["lumnі.fr", "lunmi.fr"];
        let allow_names = names.map(|name| name.parse().unwrap()).to_vec();
        let bound = bound(&Profile { allow_names, ..profile(true) });
        for name in names {
            assert!(!bound.host(name).is_blocked(), "{name}");
        }
        assert!(bound.host("lumnі.com").is_blocked());
    }

    #[test]
    fn what_it_looks_like_is_told() {
        let bound = bound(&profile(true));
        let told = |host: &str| {
            let name = host.parse().unwrap();
            match bound.verdict(&name) {
                Verdict::Blocked(reason) => reason.about(&name),
                other => panic!("{host}: {other:?}"),
            }
        };
        let reads = "matched reads like lumni.fr: і (U+0456, Cyrillic) for i";
        assert_eq!(told("www.lumnі.fr"), format!("lookalikes · sites · {reads}"));
        assert_eq!(
            told("bаdcasino.com"),
            "gambling · bets · matched reads like badcasino.com: а (U+0430, Cyrillic) for a"
        );
        let typo = "matched lunmi.fr (lumni.fr with two letters exchanged)";
        assert_eq!(told("www.lunmi.fr"), format!("lookalikes · sites · {typo}"));
        let trace = bound.explain(&"lumnі.fr".parse().unwrap()).to_string();
        let line = "→ 9 homographs: block reads like lumni.fr: і (U+0456, Cyrillic) for i · lookalikes \
                    · sites · decides\n";
        assert!(trace.contains(line), "{trace}");
        let json = serde_json::to_string(&bound.explain(&"lumnі.fr".parse().unwrap())).unwrap();
        assert!(json.contains(r#""kind":"homograph","of":"lumni.fr""#), "{json}");
    }

    #[test]
    fn a_closed_profile_says_its_own() {
        let bound = bound(&Profile { mode: Mode::Closed, ..profile(true) });
        let told = |host: &str| match bound.host(host) {
            Verdict::Blocked(reason) => reason.to_string(),
            _ => String::new(),
        };
        assert_eq!(told("lumnі.fr"), "lookalikes · sites");
        assert_eq!(told("lumni.fr"), "profile's default");
    }

    #[test]
    fn only_sites_are_protected() {
        let mut builder = FilterBuilder::new();
        let source = builder.source(Source::block("sites", &["lookalikes"])).unwrap();
        let mut batch = builder.batch(source);
        for wrong in ["www.lumni.fr", "fr", "co.uk", "localhost"] {
            let refused = batch.protect(&wrong.parse().unwrap(), Options::default());
            assert_eq!(refused, Err(crate::RuleError::NotASite), "{wrong}");
        }
    }

    /// The rule said again, with strings.
    fn naive(label: &str, suffix: &str) -> bool {
        let name = format!("{label}.{suffix}");
        let plain: String = label
            .chars()
            .map(|c| plain_letter(c).unwrap_or(c.encode_utf8(&mut [0; 4])).to_owned())
            .collect();
        let is_cyrillic = |c: char| ('а'..='ԯ').contains(&c);
        let same = format!("{plain}.{suffix}");
        if label.is_ascii() || name == SPARED || !plain.is_ascii() {
            return false;
        }
        let bold = label.contains(is_cyrillic) && plain.len() >= 5;
        let of_site = |site: &str| site.split('.').next() == Some(plain.as_str());
        PROTECTED.contains(&same.as_str())
            || bold && PROTECTED.iter().any(|site| of_site(site))
            || bold && LISTED.contains(&same.as_str())
    }

    proptest! {
        #[test]
        fn as_a_naive_reader_has_it(
            name in prop::sample::select(vec!["lumni", "caf", "roblox", "pole-emploi", "badcasino", "cop"]),
            swaps in prop::collection::vec((0..12_usize, prop::sample::select(vec![
                ('a', 'а'), ('a', 'à'), ('c', 'с'), ('o', 'о'), ('o', 'ô'), ('i', 'і'), ('i', 'î'),
                ('e', 'е'), ('e', 'é'), ('p', 'р'), ('m', 'м'), ('x', 'ж'), ('u', 'ü'),
            ])), 0..4),
            suffix in prop::sample::select(vec!["fr", "com", "org"]),
        ) {
            let mut label: Vec<char> = name.chars().collect();
            for (at, (from, to)) in swaps {
                if let Some(letter) = label.get_mut(at).filter(|letter| **letter == from) {
                    *letter = to;
                }
            }
            let label = String::from_iter(label);
            let bound = bound(&profile(true));
            let host = format!("{label}.{suffix}");
            let expected = naive(&label, suffix) || LISTED.contains(&host.as_str());
            prop_assert_eq!(bound.host(&host).is_blocked(), expected, "{}", host);
        }
    }
}
