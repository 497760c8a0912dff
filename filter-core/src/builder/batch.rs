//! Rules of one source, as keys in an arena.

use super::SourceId;
use crate::{
    DomainName, Network, Phrase, RuleError, UrlPrefix,
    raw::{
        domains::push_key,
        expressions,
        patterns::{self, PatternKind},
        rule_sets::Entry,
    },
    rule::{Fragment, Options, Scope, Suffixes},
};

/// Rules of one source.
#[derive(Debug)]
pub struct Batch {
    pub(super) source: SourceId,
    suffixes: Suffixes,
    /// Keys of the names, one after the other.
    keys: Vec<u8>,
    pub(super) rows: Vec<Row>,
    /// By [`PatternKind`]: texts, each with the tag of its options.
    pub(super) patterns: [Vec<(String, u8)>; PatternKind::ALL.len()],
}

/// In place of scope and options: not a rule, an allow rule of the source lies below.
pub(super) const ALLOW_BELOW: u8 = u8::MAX;

/// A rule on a name: where its key lies, and what the rule says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// First octets of the key, so that most comparisons stay within the row.
    pub(super) prefix: u64,
    start: u32,
    length: u8,
    /// [`Scope`] and [`Options`], or [`ALLOW_BELOW`].
    tag: u8,
    /// Index of the batch, once batches are put together.
    pub(super) batch: u16,
}

impl Row {
    pub(super) fn of_batch(self, batch: u16) -> Self {
        Self { batch, ..self }
    }
}

impl Batch {
    /// Most expressions of one batch, on names and on URLs each: checking each takes milliseconds, and each may cost memory.
    pub const MAX_EXPRESSIONS: usize = 1000;
    /// Most protected sites of one batch: each stands for some two hundred names.
    pub const MAX_PROTECTED: usize = 10_000;
    /// Shortest prefix of a network of IPv4: no list means a share of the whole Internet.
    pub const MIN_PREFIX_IPV4: u8 = 8;
    /// Shortest prefix of a network of IPv6.
    pub const MIN_PREFIX_IPV6: u8 = 16;

    /// Adds a rule on a domain.
    ///
    /// # Errors
    /// [`RuleError::PublicSuffix`] or [`RuleError::PrivateSuffix`], when the name is one;
    /// [`RuleError::NotAHostName`], when it came off the wire with octets that no list can write.
    pub fn domain(
        &mut self,
        name: &DomainName,
        scope: Scope,
        options: Options,
    ) -> Result<(), RuleError> {
        if !name.is_host_name() {
            return Err(RuleError::NotAHostName);
        }
        match name.public_suffix() {
            Some(psl::Type::Icann) => return Err(RuleError::PublicSuffix),
            Some(psl::Type::Private) if self.suffixes == Suffixes::Refuse => {
                return Err(RuleError::PrivateSuffix);
            }
            _ => {}
        }
        let start = u32::try_from(self.keys.len()).map_err(|_| RuleError::SourceTooLarge)?;
        push_key(name, &mut self.keys);
        self.push_row(start, tag(scope, options));
        Ok(())
    }

    /// Adds a host-name fragment; the name is refused where it is found.
    ///
    /// # Errors
    /// [`RuleError::TooBroad`]; [`RuleError::ExceptionPattern`], when options ask for more than a
    /// plain rule.
    pub fn fragment(&mut self, fragment: &Fragment, options: Options) -> Result<(), RuleError> {
        plain(options)?;
        patterns::check_fragment(fragment.as_str())?;
        self.pattern(PatternKind::Fragment, fragment.as_str().to_owned(), options);
        Ok(())
    }

    /// Adds a regular expression, found anywhere in the lower-case host name (no trailing dot),
    /// ASCII case ignored. Syntax of the `regex` crate without Unicode classes; no look-around.
    ///
    /// # Errors
    /// [`RuleError::Expression`], [`RuleError::ExpressionTooLarge`], [`RuleError::TooBroad`],
    /// [`RuleError::TooManyExpressions`], [`RuleError::ExceptionPattern`].
    pub fn expression(&mut self, text: &str, options: Options) -> Result<(), RuleError> {
        plain(options)?;
        self.has_place(PatternKind::Expression)?;
        expressions::check(text)?;
        self.pattern(PatternKind::Expression, text.to_owned(), options);
        Ok(())
    }

    /// Adds a regular expression, found anywhere in a URL as it is written: in
    /// `https://host[:port]/path?query`, and in the same without its scheme, the host in lower case, ASCII
    /// case ignored. The ports 80 and 443 are left out, and a fragment (`#…`). Syntax as for
    /// [`expression`](Self::expression).
    ///
    /// # Errors
    /// As for [`expression`](Self::expression).
    pub fn url_expression(&mut self, text: &str, options: Options) -> Result<(), RuleError> {
        plain(options)?;
        self.has_place(PatternKind::UrlExpression)?;
        expressions::check_on_urls(text)?;
        self.pattern(PatternKind::UrlExpression, text.to_owned(), options);
        Ok(())
    }

    fn has_place(&self, kind: PatternKind) -> Result<(), RuleError> {
        match self.patterns[kind as usize].len() < Self::MAX_EXPRESSIONS {
            true => Ok(()),
            false => Err(RuleError::TooManyExpressions),
        }
    }

    /// Adds a network: answers that hold an address of it are refused. An exception spares its
    /// addresses from the networks of its source.
    ///
    /// # Errors
    /// [`RuleError::NetworkTooBroad`], [`RuleError::ExceptionPattern`].
    pub fn network(&mut self, network: &Network, options: Options) -> Result<(), RuleError> {
        plain(Options { exception: false, ..options })?;
        let shortest = match network {
            Network::V4(_) => Self::MIN_PREFIX_IPV4,
            Network::V6(_) => Self::MIN_PREFIX_IPV6,
        };
        if network.prefix_len() < shortest {
            return Err(RuleError::NetworkTooBroad);
        }
        self.pattern(PatternKind::Network, network.trunc().to_string(), options);
        Ok(())
    }

    /// Adds the beginning of a URL.
    ///
    /// # Errors
    /// [`RuleError::ExceptionPattern`].
    pub fn url(&mut self, prefix: &UrlPrefix, options: Options) -> Result<(), RuleError> {
        plain(Options { exception: false, ..options })?;
        self.pattern(PatternKind::Url, prefix.to_string(), options);
        Ok(())
    }

    /// Adds a phrase.
    ///
    /// # Errors
    /// None today: what a phrase may hold was checked when it was made.
    pub fn phrase(&mut self, phrase: &Phrase) -> Result<(), RuleError> {
        self.pattern(PatternKind::Phrase, phrase.to_string(), Options::default());
        Ok(())
    }

    /// Protects a site that impostors imitate: where a profile refuses a category of the source, it
    /// refuses the internationalised names that read like the site, unless they are protected too. An
    /// exception says of a name that it only looks like one: it is no homograph.
    ///
    /// What it is mistyped as are rules of their own, which the caller adds: [`typos`](crate::typos).
    ///
    /// # Errors
    /// [`RuleError::NotASite`], [`RuleError::TooManySites`], [`RuleError::ExceptionPattern`].
    pub fn protect(&mut self, site: &DomainName, options: Options) -> Result<(), RuleError> {
        plain(Options { exception: false, ..options })?;
        if !site.is_host_name() || site.site().as_ref() != Some(site) {
            return Err(RuleError::NotASite);
        }
        if self.patterns[PatternKind::Protected as usize].len() == Self::MAX_PROTECTED {
            return Err(RuleError::TooManySites);
        }
        self.pattern(PatternKind::Protected, site.to_string(), options);
        Ok(())
    }

    fn pattern(&mut self, kind: PatternKind, text: String, options: Options) {
        self.patterns[kind as usize].push((text, tag(Scope::Subtree, options)));
    }

    /// Sorts the batch and drops its duplicates: half the work of a build, best done on the thread
    /// that read the list. A batch may also be added as it is.
    #[must_use]
    pub fn finish(mut self) -> Self {
        let keys = std::mem::take(&mut self.keys);
        let key = |row: &Row| &keys[row.start as usize..][..usize::from(row.length)];
        self.rows.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))).then_with(|| a.tag.cmp(&b.tag))
        });
        self.rows.dedup_by(|a, b| a.tag == b.tag && a.prefix == b.prefix && key(a) == key(b));
        self.rows.shrink_to_fit();
        self.keys = keys;
        self.keys.shrink_to_fit();
        for patterns in &mut self.patterns {
            patterns.sort_unstable();
            patterns.dedup();
        }
        self
    }

    /// Rules in the batch.
    pub fn len(&self) -> usize {
        self.rows.len() + self.patterns.iter().map(Vec::len).sum::<usize>()
    }

    /// True when there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn new(source: SourceId, suffixes: Suffixes) -> Self {
        let (keys, rows) = (Vec::new(), Vec::new());
        Self { source, suffixes, keys, rows, patterns: Default::default() }
    }

    pub(super) fn push(&mut self, key: &[u8], tag: u8) {
        let start = self.keys.len() as u32;
        self.keys.extend_from_slice(key);
        self.push_row(start, tag);
    }

    /// Adds a row for the key that runs from `start` to the end of the arena.
    fn push_row(&mut self, start: u32, tag: u8) {
        let key = &self.keys[start as usize..];
        let (prefix, length) = (key_prefix(key), key.len() as u8);
        self.rows.push(Row { prefix, start, length, tag, batch: 0 });
    }

    pub(super) fn key(&self, row: &Row) -> &[u8] {
        &self.keys[row.start as usize..][..usize::from(row.length)]
    }

    pub(super) fn entry(&self, row: &Row) -> Entry {
        if row.tag == ALLOW_BELOW {
            return Entry::allow_below(self.source.0);
        }
        self.tagged(row.tag)
    }

    pub(super) fn tagged(&self, tag: u8) -> Entry {
        let (scope, options) = untag(tag);
        Entry::new(self.source.0, scope, options)
    }
}

fn key_prefix(key: &[u8]) -> u64 {
    let mut octets = [0; 8];
    let length = key.len().min(8);
    octets[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(octets)
}

fn tag(scope: Scope, options: Options) -> u8 {
    let Options { important, exception, narrow, nearest } = options;
    let flags = [important, exception, narrow, exception && nearest];
    let flags = flags.into_iter().rev().fold(0, |flags, flag| flags << 1 | u8::from(flag));
    scope as u8 | flags << 2
}

fn untag(tag: u8) -> (Scope, Options) {
    let scope = match tag & 3 {
        0 => Scope::Exact,
        1 => Scope::Subtree,
        _ => Scope::SubdomainsOnly,
    };
    let options = Options {
        important: tag & 4 != 0,
        exception: tag & 8 != 0,
        narrow: tag & 16 != 0,
        nearest: tag & 32 != 0,
    };
    (scope, options)
}

fn plain(options: Options) -> Result<(), RuleError> {
    match options {
        Options { important: false, exception: false, narrow: false, .. } => Ok(()),
        _ => Err(RuleError::ExceptionPattern),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_round_trip() {
        for scope in [Scope::Exact, Scope::Subtree, Scope::SubdomainsOnly] {
            for bits in 0..16 {
                let [important, exception, narrow, near] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                let options = Options { important, exception, narrow, nearest: near };
                let meant = Options { nearest: near && exception, ..options };
                assert_eq!(untag(tag(scope, options)), (scope, meant));
                assert_ne!(tag(scope, options), ALLOW_BELOW);
            }
        }
    }

    #[test]
    fn key_prefixes_order_as_keys_do() {
        let mut keys: Vec<&[u8]> =
            vec![b"", b"com", b"com+a", b"com+a+b", b"com+aaaaaaaa", b"com-a"];
        keys.sort();
        assert!(keys.is_sorted_by_key(|key| key_prefix(key)));
    }
}
