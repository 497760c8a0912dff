//! What the pieces of a name add up to, told to people.

use std::fmt;

use serde::Serialize;

use crate::{DomainName, LearnedSummary, filter::Inner};

/// Score of a name that no list knows, for one category: a base, and the weights of its pieces.
///
/// Displays as `porn 568 of 338: "porn" 310, "xxx" 160, "hotel" -58, base -212`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Score<'a> {
    /// The category's name.
    pub category: &'a str,
    /// The site that was looked at: the registrable domain.
    pub site: DomainName,
    /// The score, in hundredths of a logarithm of odds.
    pub score: i32,
    /// The score from which on the profile refuses.
    pub threshold: i32,
    /// The score of a name without any piece.
    pub base: i32,
    /// The pieces found and what they add, all places together; what adds most, either way, first.
    pub pieces: Vec<(String, i32)>,
}

/// Pieces that are told to people; all are counted.
const TOLD: usize = 12;

impl fmt::Display for Score<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}:", self.category, self.score, self.threshold)?;
        for (piece, weight) in self.pieces.iter().take(TOLD) {
            write!(f, " \"{piece}\" {weight},")?;
        }
        if let Some(rest) = self.pieces.get(TOLD..).filter(|rest| !rest.is_empty()) {
            let sum: i32 = rest.iter().map(|(_, weight)| weight).sum();
            write!(f, " {} more {sum},", rest.len())?;
        }
        write!(f, " base {}", self.base)
    }
}

/// The score of a name that is not held, in one lane of a bundle's table.
#[derive(Clone, Copy)]
pub(crate) struct Scored<'a> {
    pub(crate) filter: &'a Inner,
    pub(crate) lane: usize,
    pub(crate) threshold: i32,
}

impl<'a> Scored<'a> {
    fn summary(&self) -> Option<&'a LearnedSummary> {
        self.filter.manifest.learned.as_ref()?.categories.get(self.lane)
    }

    /// Adds up again, and notes the pieces.
    pub(crate) fn tell(self, name: &DomainName) -> Score<'a> {
        let site = name.site_labels().unwrap_or_default();
        let (category, base) =
            self.summary().map_or(("", 0), |summary| (summary.name.as_str(), summary.base));
        let found = self.filter.learned();
        let found = found.map(|pieces| pieces.automaton.found(name, site, self.lane));
        let mut pieces: Vec<_> = found.unwrap_or_default().into_iter().collect();
        // Stable: of equal weights, in order of text.
        pieces.sort_by_key(|(_, weight)| -weight.abs());
        let sum: i32 = pieces.iter().map(|(_, weight)| weight).sum();
        let site = name.suffix(site);
        Score {
            category,
            site,
            score: base.saturating_add(sum),
            threshold: self.threshold,
            base,
            pieces,
        }
    }
}

/// Two are equal when they tell the same of every name.
impl PartialEq for Scored<'_> {
    fn eq(&self, other: &Self) -> bool {
        let key = |scored: &Self| (scored.lane, scored.threshold);
        key(self) == key(other)
            && self.summary() == other.summary()
            && self.filter.learned() == other.filter.learned()
    }
}

impl Eq for Scored<'_> {}

impl fmt::Debug for Scored<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scored")
            .field("category", &self.summary().map(|summary| &summary.name))
            .field("threshold", &self.threshold)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        BoundFilter, Filter, FilterBuilder, Learned, OpenError, Options, Profile, Scope,
        SectionKind, Source, Stamp, Verdict, with_recomputed_digests,
    };

    const TABLE: &str = "from a-list CC0-1.0\ncategory porn\nbase -212\nmistakes 1 561\n\
                         mistakes 10 338\n310 porn\n160 xxx\n90 .xx\n-58 hotel\ncategory gambling\n\
                         base -100\nmistakes 10 50\n200 casino\n";

    fn bundle() -> Vec<u8> {
        let mut builder = FilterBuilder::new();
        builder.learned(TABLE.parse::<Learned>().unwrap()).unwrap();
        let games = builder.source(Source::block("games", &["games"])).unwrap();
        let health = Source::allow("health", &["education"], &["porn"]);
        let health = builder.source(health).unwrap();
        for (source, name) in [(games, "pornxxx-games.com"), (health, "pornxxx-help.org")] {
            let mut batch = builder.batch(source);
            batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
            builder.add(batch.finish());
        }
        let stamp = Stamp { serial: 1, created: String::new(), expires: None };
        builder.build(stamp).bytes
    }

    fn bound(profile: &str, unlisted: u32) -> BoundFilter {
        let profile = Profile { unlisted, ..Profile::named(profile).unwrap() };
        Filter::open(bundle()).unwrap().bind(&profile).unwrap()
    }

    #[test]
    fn names_that_no_list_knows() {
        // The profile, how many mistakes it accepts, the name, what its refusal says.
        let cases = [
            ("child", 0, "xxxpornxxx.com", None),
            ("child", 1, "xxxpornxxx.com", None),
            ("child", 1, "xxxpornxxxporn.com", Some("porn · names like it")),
            ("child", 10, "www.cdn7.xxxpornxxx.com", Some("porn · names like it")),
            ("staff", 10, "xxxpornxxx.com", Some("porn · names like it")),
            // What is before the site says nothing, nor does what is no site.
            ("child", 10, "xxxpornxxx.example.com", None),
            ("child", 10, "xxxpornxxx.internal", None),
            // Five are three; and less is found.
            ("child", 10, "xxxxxxporn.fr", Some("porn · names like it")),
            ("child", 10, "xxxporn-hotel.fr", None),
            // Lists know these.
            ("staff", 10, "pornxxx-games.com", None),
            ("child", 10, "www.pornxxx-help.org", None),
            ("child", 10, "grandcasino.example.fr", None),
            ("child", 10, "grandcasino.fr", Some("gambling · names like it")),
            ("child", 1, "grandcasino.fr", None),
            ("staff", 10, "grandcasino.fr", None),
        ];
        for (profile, unlisted, host, expected) in cases {
            let bound = bound(profile, unlisted);
            let told = match bound.host(host) {
                Verdict::Blocked(reason) => Some(reason.to_string()),
                _ => None,
            };
            let trace = bound.explain(&host.parse().unwrap());
            assert_eq!(told.as_deref(), expected, "{trace}");
        }
    }

    #[test]
    fn a_trace_shows_pieces_and_weights() {
        let trace = |host: &str| bound("child", 10).explain(&host.parse().unwrap()).to_string();
        let refused = trace("www.xxxporn-hotels.fr");
        let told = "  9 names like it: block porn 290 of 338: \"porn\" 310, \"xxx\" 160, \".xx\" 90, \
                    \"hotel\" -58, base -212 · below the threshold\n";
        assert!(refused.contains(told), "{refused}");
        let told = "→ 9 names like it: block porn 348 of 338: \"porn\" 310, \"xxx\" 160, \".xx\" 90, \
                    base -212 · decides\n";
        assert!(trace("xxxporn.fr").contains(told), "{}", trace("xxxporn.fr"));
        assert!(!trace("pornxxx-games.com").contains("names like it"));
    }

    #[test]
    fn a_bundle_that_lost_its_table_is_refused() {
        let mut bytes = bundle();
        let tag = b"learned\0";
        let at = bytes.windows(tag.len()).position(|octets| octets == tag).unwrap();
        bytes[at..at + tag.len()].copy_from_slice(b"tomorrow");
        let section = SectionKind::Learned;
        let lost = Filter::open(with_recomputed_digests(bytes)).unwrap_err();
        assert_eq!(lost, OpenError::Missing { section });
    }
}
