//! One change, as it is found.

use std::fmt;

use filter_core::{DomainName, Options, PatternKind, Scope};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::tables::{Rule, RuleSet, Tables, bits};

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing matched it in the old bundle.
    Added,
    /// Nothing matches it in the new bundle.
    Removed,
    /// Other sources, categories, scope or options.
    Moved,
}

/// What changed.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A name.
    Name(&'a DomainName),
    /// A pattern, in the notation of its kind.
    Pattern(PatternKind, &'a str),
}

/// An entry of which the two bundles say something else.
///
/// Displays as a line of columns parted by tabs: `+ example.com`, categories, sources; `- …`; and
/// `~ …` with `before -> after` in each column that changed.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What became of it.
    pub kind: Kind,
    /// The entry.
    pub entry: Entry<'a>,
    /// What the old bundle says of it.
    pub before: Said<'a>,
    /// What the new bundle says of it.
    pub after: Said<'a>,
}

/// What one bundle says of an entry.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    pub(super) set: &'a RuleSet,
    pub(super) tables: &'a Tables,
}

impl<'a> Said<'a> {
    /// The categories that it is blocked as, in order of their names.
    pub fn categories(self) -> impl Iterator<Item = &'a str> {
        bits(self.set.categories).map(move |bit| self.tables.categories[bit].as_str())
    }

    /// The rules on it, in order of their sources' names.
    pub fn rules(self) -> impl Iterator<Item = (&'a str, Scope, Options)> {
        let name = move |rule: &Rule| self.tables.sources[rule.source].as_str();
        self.set.rules.iter().map(move |rule| (name(rule), rule.scope, rule.options))
    }

    /// `porn,violence`; `-` for none.
    fn category_column(self) -> String {
        column(self.categories().map(str::to_owned))
    }

    /// `ut1-adult,my-list(exact important)`; `-` for none.
    fn source_column(self) -> String {
        column(self.rules().map(|(source, scope, options)| {
            let words = rule_words(scope, options);
            if words.is_empty() {
                source.to_owned()
            } else {
                format!("{source}({})", words.join(" "))
            }
        }))
    }
}

/// What a rule says beyond "this name and everything under it".
fn rule_words(scope: Scope, options: Options) -> Vec<&'static str> {
    let scope = match scope {
        Scope::Exact => Some("exact"),
        Scope::Subtree => None,
        Scope::SubdomainsOnly => Some("below"),
    };
    let flags = [
        (options.important, "important"),
        (options.exception, "exception"),
        (options.narrow, "narrow"),
        (options.nearest, "nearest"),
    ];
    scope.into_iter().chain(flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1)).collect()
}

fn column(words: impl Iterator<Item = String>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "-".into() } else { words.join(",") }
}

impl fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source_column())
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Pattern(kind, text) => write!(f, "{} {text}", kind_name(*kind)),
        }
    }
}

impl fmt::Display for Change<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, entry, before, after } = *self;
        let moved = |before: String, after: String| {
            if before == after { after } else { format!("{before} -> {after}") }
        };
        let (sign, categories, sources) = match kind {
            Kind::Added => ('+', after.category_column(), after.source_column()),
            Kind::Removed => ('-', before.category_column(), before.source_column()),
            Kind::Moved => (
                '~',
                moved(before.category_column(), after.category_column()),
                moved(before.source_column(), after.source_column()),
            ),
        };
        write!(f, "{sign} {entry}\t{categories}\t{sources}")
    }
}

impl Serialize for Change<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (entry, text) = match self.entry {
            Entry::Name(name) => ("name", name.to_string()),
            Entry::Pattern(kind, text) => (kind_name(kind), text.to_owned()),
        };
        let mut map = serializer.serialize_struct("Change", 5)?;
        map.serialize_field("change", &self.kind)?;
        map.serialize_field("entry", entry)?;
        map.serialize_field("text", &text)?;
        map.serialize_field("before", &self.before)?;
        map.serialize_field("after", &self.after)?;
        map.end()
    }
}

/// `null` for nothing.
impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            categories: Vec<&'a str>,
            rules: Vec<ShownRule<'a>>,
        }
        #[derive(Serialize)]
        struct ShownRule<'a> {
            source: &'a str,
            scope: Scope,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            important: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            exception: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            narrow: bool,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            nearest: bool,
        }
        let rules = self.rules().map(|(source, scope, options)| {
            let Options { important, exception, narrow, nearest } = options;
            ShownRule { source, scope, important, exception, narrow, nearest }
        });
        let shown = Shown { categories: self.categories().collect(), rules: rules.collect() };
        (!shown.rules.is_empty()).then_some(shown).serialize(serializer)
    }
}

fn kind_name(kind: PatternKind) -> &'static str {
    match kind {
        PatternKind::Fragment => "fragment",
        PatternKind::Expression => "expression",
        PatternKind::Network => "network",
        PatternKind::Url => "url",
        PatternKind::UrlExpression => "url expression",
        PatternKind::Phrase => "phrase",
        PatternKind::Protected => "protected site",
    }
}
