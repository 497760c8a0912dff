//! Categories: what a listed name is about.

use std::{fmt, iter};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A category, as a position in one bundle's table ([`Categories`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(u8);

impl Category {
    /// Its position, below [`Categories::MAX`].
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of categories of one bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CategorySet(u64);

impl CategorySet {
    /// The set of no category.
    pub const EMPTY: Self = Self(0);

    /// True when no category is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when `category` is in the set.
    pub fn contains(self, category: Category) -> bool {
        self.0 & (1 << category.0) != 0
    }

    /// This set with `category` added.
    #[must_use]
    pub fn with(self, category: Category) -> Self {
        Self(self.0 | 1 << category.0)
    }

    /// What is in either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The categories in table order.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        let mut left = self.0;
        iter::from_fn(move || {
            let first = (left != 0).then(|| Category(left.trailing_zeros() as u8))?;
            left &= left - 1;
            Some(first)
        })
    }
}

impl FromIterator<Category> for CategorySet {
    fn from_iter<I: IntoIterator<Item = Category>>(categories: I) -> Self {
        categories.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// A category's name in lists and configuration, and its labels for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryInfo {
    /// Lower-case English word, such as `porn` or `file-hosting`.
    pub name: String,
    /// French label, such as `pornographie`.
    pub fr: String,
    /// English label, such as `pornography`.
    pub en: String,
}

/// The category table of a bundle: the built-in ones, then those that its sources declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Categories(Vec<CategoryInfo>);

/// Name, French label, English label.
const BUILTIN: &[(&str, &str, &str)] = &[
    ("porn", "pornographie", "pornography"),
    ("violence", "violence", "violence"),
    ("hate", "haine", "hate"),
    ("malware", "logiciels malveillants", "malware"),
    ("phishing", "hameçonnage", "phishing"),
    ("scam", "escroquerie", "scam"),
    ("hacking", "piratage informatique", "hacking"),
    ("mixed-adult", "contenus en partie pour adultes", "partly adult content"),
    ("weapons", "armes", "weapons"),
    ("sects", "sectes", "sects"),
    ("gambling", "jeux d’argent", "gambling"),
    ("drugs", "drogues", "drugs"),
    ("self-harm", "suicide et automutilation", "suicide and self-harm"),
    ("dating", "rencontres", "dating"),
    ("bypass", "contournement du filtrage", "filter bypass"),
    ("piracy", "téléchargement illégal", "piracy"),
    ("cheating", "triche", "cheating"),
    ("tracking", "pistage", "tracking"),
    ("ads", "publicité", "advertising"),
    ("ecommerce", "commerce en ligne", "online shopping"),
    ("social", "réseaux sociaux", "social networks"),
    ("lingerie", "lingerie", "lingerie"),
    ("file-hosting", "hébergement de fichiers", "file hosting"),
    ("fake-news", "désinformation", "fake news"),
    ("shortener", "raccourcisseurs d’adresses", "URL shorteners"),
    ("ai", "intelligence artificielle", "artificial intelligence"),
    ("games", "jeux", "games"),
    ("video", "vidéo", "video"),
    ("radio", "radio", "radio"),
    ("comics", "bandes dessinées", "comics"),
    ("education", "éducation", "education"),
    ("lookalikes", "noms trompeurs", "look-alike names"),
];

impl Categories {
    /// Most categories of one bundle.
    pub const MAX: usize = 64;

    /// The built-in table.
    pub fn builtin() -> Self {
        let info = |&(name, fr, en): &(&str, &str, &str)| CategoryInfo {
            name: name.into(),
            fr: fr.into(),
            en: en.into(),
        };
        Self(BUILTIN.iter().map(info).collect())
    }

    /// Adds a category of the operator's own.
    ///
    /// # Errors
    /// [`CategoryError`], when the name is taken or malformed, or the table is full.
    pub fn declare(&mut self, info: CategoryInfo) -> Result<Category, CategoryError> {
        let well_formed = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if info.name.is_empty() || !info.name.bytes().all(well_formed) {
            return Err(CategoryError::Name { name: info.name });
        }
        if self.get(&info.name).is_some() {
            return Err(CategoryError::Duplicate { name: info.name });
        }
        if self.0.len() == Self::MAX {
            return Err(CategoryError::Full { name: info.name });
        }
        self.0.push(info);
        Ok(Category(self.0.len() as u8 - 1))
    }

    /// The category of that name.
    pub fn get(&self, name: &str) -> Option<Category> {
        self.0.iter().position(|info| info.name == name).map(|index| Category(index as u8))
    }

    /// The set of those names. What is built in and missing from this table counts as empty: the
    /// bundle is older than the category.
    ///
    /// # Errors
    /// [`CategoryError::Unknown`] for the first name that is neither in the table nor built in.
    pub fn set<'n>(
        &self,
        names: impl IntoIterator<Item = &'n String>,
    ) -> Result<CategorySet, CategoryError> {
        let find = |name: &String| match self.get(name) {
            None if !self.knows(name) => Err(CategoryError::Unknown {
                name: name.clone(),
                known: self.names().map(str::to_owned).collect(),
            }),
            found => Ok(found),
        };
        let found: Vec<_> = names.into_iter().map(find).collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }

    /// True for a name of this table, and for one that is built in.
    pub fn knows(&self, name: &str) -> bool {
        self.get(name).is_some() || BUILTIN.iter().any(|&(builtin, ..)| builtin == name)
    }

    /// Name and labels of a category of this table.
    ///
    /// # Panics
    /// If `category` is of another, larger table.
    pub fn info(&self, category: Category) -> &CategoryInfo {
        &self.0[usize::from(category.0)]
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Category, &CategoryInfo)> {
        self.0.iter().enumerate().map(|(index, info)| (Category(index as u8), info))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|info| info.name.as_str())
    }

    /// Checks a table that was read from a file.
    pub(crate) fn validate(self) -> Result<Self, CategoryError> {
        let mut table = Self(Vec::new());
        for info in self.0 {
            table.declare(info)?;
        }
        Ok(table)
    }
}

/// What is wrong with a category, by name. The fault is a list's or a configuration's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CategoryError {
    /// No such category.
    #[error("unknown category `{name}`; known: {}", Joined(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Declared twice, or the name of a built-in one.
    #[error("category `{name}` exists already")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Not lower-case letters, digits and hyphens.
    #[error("`{name}` cannot name a category: use lower-case letters, digits and hyphens")]
    Name {
        /// The name.
        name: String,
    },
    /// No place left.
    #[error("no place for category `{name}`: a bundle holds {} categories", Categories::MAX)]
    Full {
        /// The name.
        name: String,
    },
}

struct Joined<'a>(&'a [String]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> CategoryInfo {
        CategoryInfo { name: name.into(), fr: name.into(), en: name.into() }
    }

    #[test]
    fn builtin_table_is_well_formed() {
        let table = Categories::builtin();
        assert_eq!(table.names().count(), 32);
        assert_eq!(table.clone().validate(), Ok(table));
    }

    #[test]
    fn sets() {
        let table = Categories::builtin();
        let names = ["porn".to_owned(), "education".to_owned()];
        let set = table.set(&names).unwrap();
        let back: Vec<_> = set.iter().map(|category| table.info(category).name.clone()).collect();
        assert_eq!(back, names);
        assert!(set.difference(set).is_empty());
        let unknown = table.set(&["pron".to_owned()]).unwrap_err().to_string();
        assert!(
            unknown.starts_with("unknown category `pron`; known: porn, violence,"),
            "{unknown}"
        );
    }

    /// A bundle that was made before a category was built in binds to profiles that refuse it.
    #[test]
    fn built_in_since() {
        let mut older = Categories::builtin();
        older.0.retain(|info| info.name != "self-harm");
        let names = ["self-harm".to_owned(), "porn".to_owned()];
        let set = older.set(&names).unwrap();
        assert_eq!(set, older.set(&names[1..]).unwrap());
        assert!(older.set(&["none".to_owned()]).is_err());
    }

    #[test]
    fn declaring() {
        let mut table = Categories::builtin();
        let own = table.declare(info("crypto-mining")).unwrap();
        assert_eq!(table.info(own).name, "crypto-mining");
        assert!(matches!(table.declare(info("porn")), Err(CategoryError::Duplicate { .. })));
        assert!(matches!(table.declare(info("Porn")), Err(CategoryError::Name { .. })));
        assert!(matches!(table.declare(info("")), Err(CategoryError::Name { .. })));
        for n in table.names().count()..Categories::MAX {
            table.declare(info(&format!("c{n}"))).unwrap();
        }
        assert!(matches!(table.declare(info("one-more")), Err(CategoryError::Full { .. })));
    }
}
