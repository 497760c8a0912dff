//! Is this host fit for a 6–12 year-old, and why?
//!
//! The engine of Préau: pure, synchronous, without I/O, clock, log or global state, and without a
//! panic on any input. Rules from lists are compiled once into a bundle ([`FilterBuilder`]); the
//! bundle is opened in place ([`Filter::open`]), bound to a profile ([`Filter::bind`]) and asked
//! ([`BoundFilter::host`], [`BoundFilter::verdict`], [`BoundFilter::explain`]).
//!
//! ```
//! use filter_core::{Filter, FilterBuilder, Options, Profile, Scope, Source, Stamp, Verdict};
//!
//! let mut builder = FilterBuilder::new();
//! let source = builder.source(Source::block("shops", &["ecommerce"]))?;
//! let mut batch = builder.batch(source);
//! batch.domain(&"amazon.fr".parse()?, Scope::Subtree, Options::default())?;
//! builder.add(batch.finish());
//! let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
//!
//! let filter = Filter::open(builder.build(stamp).bytes)?;
//! let child = filter.bind(&Profile::named("child")?)?;
//! let staff = filter.bind(&Profile::named("staff")?)?;
//! assert!(child.host("www.amazon.fr").is_blocked());
//! assert_eq!(staff.host("www.amazon.fr"), Verdict::Allowed);
//! println!("{}", child.explain(&"www.amazon.fr".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How it works, and what was measured: `filter-core/DESIGN.md`.

#![forbid(unsafe_code)]

mod bound;
mod builder;
mod category;
mod filter;
mod homograph;
mod learned;
mod manifest;
mod name;
mod phrase;
mod profile;
mod raw;
mod rule;
mod rules;
mod score;
mod text;
mod typo;
mod url;
mod url_prefix;
mod verdict;

pub use bound::{Answers, BoundFilter};
pub use builder::{Batch, Built, FilterBuilder, NEVER_LIFTED, SourceError, SourceId};
pub use category::{Categories, Category, CategoryError, CategoryInfo, CategorySet};
pub use filter::{BindError, Filter};
pub use homograph::{Letter, plain_letter};
pub use ipnet::IpNet as Network;
pub use learned::{
    Learned, LearnedCategory, LearnedError, LearnedFault, LearnedRecord, LearnedSummary,
};
pub use manifest::{Counts, Manifest, SourceRecord, Stamp};
pub use name::{DomainName, Labels, NameError};
pub use phrase::{Phrase, PhraseError, Weight};
pub use profile::{Mode, Profile, UnknownProfile};
#[doc(hidden)]
pub use raw::bundle::with_recomputed_digests;
pub use raw::{
    bundle::{FORMAT_VERSION, OpenError, RestampError, SectionKind, restamp},
    patterns::{AutomataError, PatternKind},
};
pub use rule::{Action, Fragment, NamePattern, Options, RuleError, Scope, Source, Suffixes};
pub use rules::{ListedName, ListedPattern, NameRule, Names, PatternRule};
pub use score::Score;
pub use text::{CategoryScore, FoundPhrase, FoundTerm, TextReason, TextTrace, TextVerdict};
pub use typo::{Slip, Typo, typos};
pub use url::{PageMatch, PageReason, SearchResult, UrlVerdict, host_of, query_of};
pub use url_prefix::{UrlPrefix, UrlPrefixError};
pub use verdict::{Candidate, Effect, Matched, Reason, Standing, Step, Trace, Verdict};
