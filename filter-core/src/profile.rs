//! Profiles: what a verdict means for one audience.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{NamePattern, Network};

/// Whether names that no list knows are reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything that is not refused.
    #[default]
    Open,
    /// Only what an allow rule names, or what a list puts in a category of
    /// [`allow`](Profile::allow).
    Closed,
}

/// What one audience may reach. Categories go by name, so that a profile fits any bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, such as `child`.
    pub name: String,
    /// Categories refused.
    pub block: BTreeSet<String>,
    /// Categories not refused, whatever [`block`](Self::block) says; a closed profile also opens to
    /// the names that lists put there.
    pub allow: BTreeSet<String>,
    /// Names refused, whatever lists say.
    pub block_names: Vec<NamePattern>,
    /// Names reachable, whatever lists say. Of two of the operator's names the more specific one
    /// decides; this one, if they are equally so.
    pub allow_names: Vec<NamePattern>,
    /// Networks whose addresses are refused in answers, whatever lists say; but not in those for a
    /// name of [`allow_names`](Self::allow_names).
    pub block_networks: Vec<Network>,
    /// Open or closed.
    pub mode: Mode,
    /// The score from which on a text is refused, category by category: see
    /// [`BoundFilter::text`](crate::BoundFilter::text). 50 for young children
    /// ([`YOUNG_CHILD`](Self::YOUNG_CHILD)), 100 for older ones, 160 for teenagers, as e2guardian has it.
    pub text_threshold: u32,
    /// How many of 10 000 harmless names may be refused by mistake where no list knows a name, and its
    /// pieces alone decide ([`Learned`](crate::Learned)); 0: none is refused for that. A bundle whose
    /// table was never measured at so few refuses none either.
    pub unlisted: u32,
}

/// Refused for everyone.
const EVERYONE: &[&str] =
    &["porn", "violence", "hate", "malware", "phishing", "scam", "hacking", "tracking"];
/// Refused for minors too.
const MINORS: &[&str] = &[
    "mixed-adult",
    "weapons",
    "sects",
    "gambling",
    "drugs",
    "self-harm",
    "dating",
    "bypass",
    "piracy",
    "cheating",
    "ads",
];
/// Refused for children of 6 to 12 too.
const CHILDREN: &[&str] =
    &["ecommerce", "social", "lingerie", "file-hosting", "fake-news", "shortener", "ai"];

impl Profile {
    /// Threshold of texts for children who have just learnt to read; that of `child`, and of custom
    /// profiles unless they say otherwise.
    pub const YOUNG_CHILD: u32 = 50;
    /// Threshold of texts for older children.
    pub const OLDER_CHILD: u32 = 100;
    /// Threshold of texts for teenagers; that of `teen` and `staff`.
    pub const TEENAGER: u32 = 160;

    /// The category of names that look like others; no built-in profile refuses it.
    pub const LOOKALIKES: &str = "lookalikes";

    /// Names of the built-in profiles.
    pub const BUILTIN: [&str; 3] = ["child", "teen", "staff"];

    /// A built-in profile: `child` (6 to 12), `teen` or `staff`.
    ///
    /// # Errors
    /// [`UnknownProfile`], when there is none of that name.
    pub fn named(name: &str) -> Result<Self, UnknownProfile> {
        let block: &[&[&str]] = match name {
            "child" => &[EVERYONE, MINORS, CHILDREN],
            "teen" => &[EVERYONE, MINORS],
            "staff" => &[EVERYONE],
            _ => return Err(UnknownProfile { name: name.to_owned() }),
        };
        let block = block.iter().copied().flatten().map(|&category| category.to_owned()).collect();
        let text_threshold = if name == "child" { Self::YOUNG_CHILD } else { Self::TEENAGER };
        Ok(Self { block, text_threshold, ..Self::custom(name) })
    }

    /// An open profile that refuses nothing yet.
    pub fn custom(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            block: BTreeSet::new(),
            allow: BTreeSet::new(),
            block_names: Vec::new(),
            allow_names: Vec::new(),
            block_networks: Vec::new(),
            mode: Mode::Open,
            text_threshold: Self::YOUNG_CHILD,
            unlisted: 0,
        }
    }
}

/// No profile of that name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown profile `{name}`; built in: {}", Profile::BUILTIN.join(", "))]
pub struct UnknownProfile {
    /// The name that was asked for.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Categories;

    /// The table of the founding design, as it stands there.
    const TABLE: &[(&str, [bool; 3])] = &[
        ("porn violence hate malware phishing scam hacking", [true, true, true]),
        (
            "mixed-adult weapons sects gambling drugs self-harm dating bypass piracy cheating",
            [true, true, false],
        ),
        ("tracking", [true, true, true]),
        ("ads", [true, true, false]),
        ("ecommerce social lingerie file-hosting fake-news shortener ai", [true, false, false]),
        ("games video radio comics education lookalikes", [false, false, false]),
    ];

    #[test]
    fn builtin_profiles_follow_the_table() {
        let mut seen = 0;
        for (categories, blocked) in TABLE {
            for category in categories.split(' ') {
                for (profile, expected) in Profile::BUILTIN.iter().zip(blocked) {
                    let profile = Profile::named(profile).unwrap();
                    assert_eq!(profile.block.contains(category), *expected, "{category}");
                }
                seen += 1;
            }
        }
        assert_eq!(seen, Categories::builtin().names().count());
        for profile in Profile::BUILTIN {
            let profile = Profile::named(profile).unwrap();
            assert!(Categories::builtin().set(&profile.block).is_ok());
        }
        let unknown = Profile::named("kid").unwrap_err().to_string();
        assert_eq!(unknown, "unknown profile `kid`; built in: child, teen, staff");
    }
}
