//! Typosquats: names one slip of the finger or of the eye away from another.
//!
//! They are finite, so they are rules like any other: lists of format `protected` give them when a
//! bundle is compiled. What a name was made from is found again where people are told.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::DomainName;

/// Fewest letters of a label that is taken for another that differs by what is easily overlooked.
const OVERLOOKED: usize = 5;
/// Fewest letters where any one slip leaves the name recognisable.
const RECOGNISED: usize = 6;
/// Fewest letters where label and suffix may be joined.
const JOINED: usize = 4;

/// Letters by row, as keyboards of France and of the rest of the world have them.
const KEYBOARDS: [[&[u8]; 3]; 2] =
    [[b"azertyuiop", b"qsdfghjklm", b"wxcvbn"], [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"]];

/// What looks alike in most typefaces, both ways.
const ALIKE: [(&str, &str); 14] = [
    ("o", "0"),
    ("l", "1"),
    ("i", "1"),
    ("i", "l"),
    ("e", "3"),
    ("a", "4"),
    ("s", "5"),
    ("b", "8"),
    ("g", "q"),
    ("u", "v"),
    ("m", "rn"),
    ("w", "vv"),
    ("d", "cl"),
    ("n", "ri"),
];

/// Endings that `.com` is mistyped as.
const MISTYPED_COM: [&str; 3] = ["cm", "co", "om"];
/// Endings that follow a name which holds the true one already: `lumni-fr.com`.
const JOINED_WITH: [&str; 2] = ["com", "fr"];

/// How a name differs from the one that it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Slip {
    /// `wwwlumni.fr`, `www-lumni.fr`.
    Www,
    /// `1umni.fr`, `lurnni.fr`.
    LooksAlike,
    /// `lummni.fr`.
    Doubled,
    /// `lunmi.fr`.
    Exchanged,
    /// `roblx.com`.
    LeftOut,
    /// `robkox.com`: another key.
    Neighbour,
    /// `robklox.com`: two keys at once.
    TwoKeys,
    /// `ecole-directe.com`.
    HyphenAdded,
    /// `servicepublic.fr`.
    HyphenLeftOut,
    /// `roblox.cm`.
    Ending,
    /// `lumni-fr.com`, `impots-gouv.fr`.
    Joined,
}

impl Slip {
    /// In a few words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Www => "with www stuck to it",
            Self::LooksAlike => "with a letter that looks alike",
            Self::Doubled => "with a letter twice",
            Self::Exchanged => "with two letters exchanged",
            Self::LeftOut => "without one letter",
            Self::Neighbour => "with the next key for a letter",
            Self::TwoKeys => "with two keys pressed at once",
            Self::HyphenAdded => "with a hyphen",
            Self::HyphenLeftOut => "without its hyphen",
            Self::Ending => "with another ending",
            Self::Joined => "with its ending in front of another",
        }
    }
}

/// A name that another is taken for, and how it differs.
///
/// Displays as `lumni.fr with two letters exchanged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Typo {
    /// The name that it is taken for.
    pub of: DomainName,
    /// How it differs.
    pub slip: Slip,
}

impl fmt::Display for Typo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.of, self.slip.label())
    }
}

/// The names that a site may be mistyped as or that are misread as it, in order of text, with how each
/// differs.
/// Each is the site of an owner of its own; a site has none if it is internationalised.
pub fn typos(site: &DomainName) -> Vec<(DomainName, Slip)> {
    let mut typos = BTreeMap::new();
    let text = site.to_string();
    let Some((label, suffix)) = text.split_once('.') else { return Vec::new() };
    let is_own = site.is_host_name() && site.site().as_ref() == Some(site);
    if label.starts_with("xn--") || !is_own {
        return Vec::new();
    }
    each(label, suffix, |label, suffix, slip| {
        let is_label = !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        // What would read as an A-label is none.
        let typo = (is_label && !label.get(2..).is_some_and(|rest| rest.starts_with("--")))
            .then(|| format!("{label}.{suffix}").parse::<DomainName>().ok())
            .flatten();
        if let Some(typo) = typo.filter(|typo| typo != site && typo.site().as_ref() == Some(typo)) {
            typos.entry(typo.to_string()).or_insert((typo, slip));
        }
    });
    typos.into_values().collect()
}

/// Of those names, the first that `asked` is mistyped from.
pub(crate) fn typo_of<'n>(
    asked: &DomainName,
    mut protected: impl Iterator<Item = &'n str>,
) -> Option<Typo> {
    let text = asked.to_string();
    protected.find_map(|of| {
        if !is_near(&text, of) {
            return None;
        }
        let of: DomainName = of.parse().ok()?;
        let (_, slip) = typos(&of).into_iter().find(|(typo, _)| typo == asked)?;
        Some(Typo { of, slip })
    })
}

/// False where no slip leads from one to the other: each changes one place, by two octets at most, or
/// adds to an end.
fn is_near(typo: &str, of: &str) -> bool {
    let alike = |a: &mut dyn Iterator<Item = u8>, b: &mut dyn Iterator<Item = u8>| {
        a.zip(b).take_while(|(a, b)| a == b).count()
    };
    let label = of.split('.').next().unwrap_or(of).len();
    let before = alike(&mut typo.bytes(), &mut of.bytes());
    let behind = alike(&mut typo.bytes().rev(), &mut of.bytes().rev());
    before + behind + 2 >= label
}

/// Calls `found` with each label and suffix; the same may come more than once.
fn each(label: &str, suffix: &str, mut found: impl FnMut(&str, &str, Slip)) {
    let letters = label.bytes().filter(u8::is_ascii_lowercase).count();
    let replaced = |at: usize, length: usize, by: &str| {
        format!("{}{by}{}", &label[..at], &label[at + length..])
    };
    found(&format!("www{label}"), suffix, Slip::Www);
    found(&format!("www-{label}"), suffix, Slip::Www);
    if letters >= OVERLOOKED {
        for (a, b) in ALIKE.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]) {
            for (at, _) in label.match_indices(a) {
                found(&replaced(at, a.len(), b), suffix, Slip::LooksAlike);
            }
        }
        for (at, letter) in label.char_indices().filter(|(_, c)| c.is_ascii_lowercase()) {
            found(&replaced(at, 0, letter.encode_utf8(&mut [0; 4])), suffix, Slip::Doubled);
        }
        for (at, pair) in label.as_bytes().windows(2).enumerate() {
            let exchanged = [char::from(pair[1]), char::from(pair[0])];
            found(&replaced(at, 2, &String::from_iter(exchanged)), suffix, Slip::Exchanged);
        }
    }
    if letters >= RECOGNISED {
        for (at, letter) in label.char_indices() {
            found(
                &replaced(at, 1, ""),
                suffix,
                match letter {
                    '-' => Slip::HyphenLeftOut,
                    _ => Slip::LeftOut,
                },
            );
            for near in neighbours(letter) {
                let mut octets = [0; 4];
                let near = near.encode_utf8(&mut octets);
                found(&replaced(at, 1, near), suffix, Slip::Neighbour);
                found(&replaced(at, 0, near), suffix, Slip::TwoKeys);
                found(&replaced(at + 1, 0, near), suffix, Slip::TwoKeys);
            }
            if at > 0 {
                found(&replaced(at, 0, "-"), suffix, Slip::HyphenAdded);
            }
        }
        found(&label.replace('-', ""), suffix, Slip::HyphenLeftOut);
        for ending in MISTYPED_COM.into_iter().filter(|_| suffix == "com") {
            found(label, ending, Slip::Ending);
        }
    }
    if letters >= JOINED {
        for ending in JOINED_WITH.into_iter().filter(|ending| *ending != suffix) {
            found(&format!("{label}-{}", suffix.replace('.', "-")), ending, Slip::Joined);
            found(&format!("{label}{}", suffix.replace('.', "")), ending, Slip::Joined);
        }
        // `impots-gouv.fr` for `impots.gouv.fr`.
        if let Some((first, rest)) = suffix.split_once('.') {
            found(&format!("{label}-{first}"), rest, Slip::Joined);
            found(&format!("{label}{first}"), rest, Slip::Joined);
        }
    }
}

/// The letters around one, on any of the keyboards.
fn neighbours(letter: char) -> impl Iterator<Item = char> {
    const AROUND: [(isize, isize); 6] = [(0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0)];
    KEYBOARDS.into_iter().flat_map(move |keyboard| {
        let places = keyboard.into_iter().enumerate();
        let place = places.flat_map(|(row, keys)| {
            keys.iter().enumerate().map(move |(column, &key)| (row, column, key))
        });
        let own = place.into_iter().find(|&(.., key)| char::from(key) == letter);
        own.into_iter().flat_map(move |(row, column, _)| {
            AROUND.into_iter().filter_map(move |(down, right)| {
                let keys = keyboard.get(row.checked_add_signed(down)?)?;
                keys.get(column.checked_add_signed(right)?).copied().map(char::from)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(site: &str) -> BTreeMap<String, Slip> {
        let typos = typos(&site.parse().unwrap());
        typos.into_iter().map(|(name, slip)| (name.to_string(), slip)).collect()
    }

    #[test]
    fn slips() {
        use Slip::*;
        let cases = [
            ("lumni.fr", "wwwlumni.fr", Some(Www)),
            ("lumni.fr", "www-lumni.fr", Some(Www)),
            ("lumni.fr", "1umni.fr", Some(LooksAlike)),
            ("lumni.fr", "lurnni.fr", Some(LooksAlike)),
            ("lumni.fr", "lummni.fr", Some(Doubled)),
            ("lumni.fr", "lunmi.fr", Some(Exchanged)),
            ("lumni.fr", "lumni-fr.com", Some(Joined)),
            ("lumni.fr", "lumnifr.com", Some(Joined)),
            // Five letters: what is left is many another word.
            ("lumni.fr", "lumn.fr", None),
            ("lumni.fr", "kumni.fr", None),
            ("pix.fr", "wwwpix.fr", Some(Www)),
            ("pix.fr", "plx.fr", None),
            ("roblox.com", "robox.com", Some(LeftOut)),
            ("roblox.com", "robkox.com", Some(Neighbour)),
            ("roblox.com", "roblpox.com", Some(TwoKeys)),
            ("roblox.com", "rob1ox.com", Some(LooksAlike)),
            ("roblox.com", "rob-lox.com", Some(HyphenAdded)),
            ("roblox.com", "roblox.cm", Some(Ending)),
            ("roblox.com", "roblox.net", None),
            ("roblox.com", "roblux.com", None),
            ("service-public.fr", "servicepublic.fr", Some(HyphenLeftOut)),
            ("service-public.fr", "service-publci.fr", Some(Exchanged)),
            ("impots.gouv.fr", "impots-gouv.fr", Some(Joined)),
            ("impots.gouv.fr", "impotsgouv.fr", Some(Joined)),
            ("impots.gouv.fr", "impots-gouv-fr.com", Some(Joined)),
            ("impots.gouv.fr", "impot.gouv.fr", Some(LeftOut)),
            // AZERTY and QWERTY.
            ("lalilo.com", "lqlilo.com", Some(Neighbour)),
            ("lalilo.com", "lslilo.com", Some(Neighbour)),
            ("lalilo.com", "lzlilo.com", Some(Neighbour)),
        ];
        for (site, typo, slip) in cases {
            assert_eq!(of(site).get(typo).copied(), slip, "{typo}");
        }
    }

    #[test]
    fn typos_are_sites_of_others() {
        for site in
            ["service-public.fr", "impots.gouv.fr", "e-lyco.fr", "abc.co.uk", "a-b.github.io"]
        {
            let own: DomainName = site.parse().unwrap();
            let typos = typos(&own);
            assert!(typos.len() >= 2, "{site}");
            for (typo, _) in &typos {
                assert_eq!(typo.site().as_ref(), Some(typo), "{site}");
                assert_ne!(*typo, own);
                let label = typo.labels().next().unwrap();
                assert!(!label.starts_with(b"-") && !label.ends_with(b"-"), "{typo}");
            }
        }
        for none in ["fr", "www.lumni.fr", "école.fr", "localhost", "192.0.2.1"] {
            assert_eq!(of(none).len(), 0, "{none}");
        }
    }

    /// Nothing is generated that is not found again.
    #[test]
    fn a_typo_tells_its_origin() {
        let protected = ["impots.gouv.fr", "lumni.fr", "pix.fr", "roblox.com", "service-public.fr"];
        for of in protected {
            for (typo, slip) in typos(&of.parse().unwrap()) {
                let found = typo_of(&typo, protected.into_iter());
                let expected = Typo { of: of.parse().unwrap(), slip };
                assert_eq!(found, Some(expected), "{typo}");
            }
        }
        assert_eq!(typo_of(&"example.com".parse().unwrap(), protected.into_iter()), None);
        let typo = typo_of(&"lunmi.fr".parse().unwrap(), protected.into_iter()).unwrap();
        assert_eq!(typo.to_string(), "lumni.fr with two letters exchanged");
    }
}
