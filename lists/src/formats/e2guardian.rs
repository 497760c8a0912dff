//! e2guardian: what all its lists have in common, and the lines of its site lists, and of its lists of
//! regular expressions on URLs (`bannedregexpurllist`, `exceptionregexpurllist`).
//!
//! | line | means |
//! |---|---|
//! | `example.com` | the site and everything under it |
//! | `.fr` | a top-level domain: refused, as in every list |
//! | `example.com/path` | URL |
//! | `192.0.2.1` | a host written so |
//! | `192.0.2.0/24`, `192.0.2.0/255.255.255.0`, `192.0.2.1-192.0.2.9` | clients or servers, not names: skipped |
//! | `**`, `*ip` | every site: skipped |
//! | `#listcategory: "Chat"` | what follows is of that category: see `listcategories` of a source |
//! | `#time: 9 0 17 0 01234` | what follows holds at those hours only: skipped, since a bundle has none |
//! | `.Include<file>` | that file too |

use std::{net::IpAddr, path::Path};

use filter_core::Scope;

use super::{Kind, Out, ReadOptions, Rule, Sink, Skip, domains, expression, host};

/// What the lines before it say of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// `#listcategory:`
    category: Option<Box<str>>,
    /// Below a `#time:`.
    timed: bool,
}

impl Context {
    /// Takes a line that is no entry; gives back one that is, without its comment and the spaces
    /// around it. `comment` cuts what may follow an entry.
    pub(super) fn entry<'t>(
        &mut self,
        text: &'t str,
        options: &ReadOptions,
        comment: impl Fn(&'t str) -> &'t str,
    ) -> Result<&'t str, Skip> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Skip::Blank);
        }
        if let Some(comment) = text.strip_prefix('#') {
            self.comment(comment);
            return Err(Skip::Comment);
        }
        if let Some(file) = text.strip_prefix(".Include<") {
            let file = file.split('>').next().unwrap_or_default();
            options.includes.follow(file, self)?;
            return Err(Skip::Included);
        }
        if self.timed {
            return Err(Skip::TimeLimited);
        }
        let wanted = |name: &str| {
            options.listcategories.iter().any(|wanted| wanted.trim().eq_ignore_ascii_case(name))
        };
        if !options.listcategories.is_empty() && !self.category.as_deref().is_some_and(wanted) {
            return Err(Skip::OtherCategory);
        }
        Ok(comment(text).trim_end())
    }

    fn comment(&mut self, text: &str) {
        if text.starts_with("time:") {
            self.timed = true;
        }
        // Four real lists put a space before it, one forgets the closing quotes.
        if let Some(name) = text.trim_start().strip_prefix("listcategory:") {
            self.category = Some(name.trim().trim_matches('"').into());
        }
    }
}

/// A line of a site list.
pub(super) fn site_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let entry = out.context.entry(text, options, without_comment)?;
    if is_addresses(entry) {
        return Err(Skip::Network);
    }
    if entry.starts_with('*') {
        return Err(Skip::Wildcard);
    }
    match host::is_url(entry) {
        true => domains::line(entry, options, out),
        false if entry.contains(char::is_whitespace) => Err(Skip::SeveralWords),
        false => {
            let name = host::name(entry)?;
            let scope = host::scope(entry, options.scope.unwrap_or(Scope::Subtree));
            out.plain(Rule::Domain { name: &name, scope })
        }
    }
}

/// True for the name that e2guardian gives to lists of expressions on URLs.
pub(super) fn is_of_url_expressions(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| stem.to_ascii_lowercase().ends_with("regexpurllist"))
}

/// A line of a list of expressions on URLs. A `#` within one is part of it.
pub(super) fn url_expression_line<S: Sink>(
    text: &str,
    options: &ReadOptions,
    out: &mut Out<'_, S>,
) -> Result<Kind, Skip> {
    let entry = out.context.entry(text, options, |entry| entry)?;
    expression::url_rule(entry, out)
}

fn without_comment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

/// A range of addresses, or a network with its length or mask.
fn is_addresses(entry: &str) -> bool {
    let address = |text: &str| text.trim().parse::<IpAddr>().is_ok();
    let both = |(first, last): (&str, &str)| address(first) && address(last);
    host::is_network(entry)
        || ['-', '/'].into_iter().any(|by| entry.split_once(by).is_some_and(both))
}

#[cfg(test)]
mod tests {
    use filter_core::{Options, RuleError};

    use super::*;
    use crate::{
        formats::{Part, read_part},
        source::Format,
    };

    #[test]
    fn addresses_that_are_no_names() {
        for entry in ["192.0.2.0/24", "192.0.2.0/255.255.255.0", "192.0.2.1-192.0.2.9", "::/0"] {
            assert!(is_addresses(entry), "{entry}");
        }
        for entry in ["192.0.2.1", "a-b.example", "192.0.2.1/path", "192.0.2.1-a.example", "-"] {
            assert!(!is_addresses(entry), "{entry}");
        }
    }

    /// Rules as text.
    #[derive(Default)]
    struct Told(Vec<String>);

    impl Sink for Told {
        fn rule(&mut self, _: u64, rule: Rule<'_>, _: Options) -> Result<(), RuleError> {
            self.0.push(format!("{rule:?}"));
            Ok(())
        }
    }

    #[test]
    fn lists_of_expressions_on_urls_go_by_their_name() {
        let text = "#listcategory: \"Sport\"\n(sport|foot)\n/live/[0-9]+#top\n^sport\\.\n(?=a)\n\n";
        let read = |name: &str| {
            let part = Part::of(Format::E2guardian, Path::new(name)).unwrap();
            let mut told = Told::default();
            let options = ReadOptions::default();
            let read = read_part(part, Context::default(), text.as_bytes(), &options, &mut told);
            (told.0, read.unwrap())
        };
        for name in ["lists/bannedregexpurllist", "exceptionregexpurllist.txt"] {
            let (told, report) = read(name);
            // Those that a host name may match are of URLs, too.
            let expected = ["(sport|foot)", "/live/[0-9]+#top", r"^sport\."];
            assert_eq!(told, expected.map(|text| format!("UrlExpression({text:?})")), "{name}");
            assert_eq!((report.accepted.urls, report.skipped_lines()), (3, 3));
            assert!(report.skipped.contains_key(&Skip::Expression), "{:?}", report.skipped);
        }
        assert_eq!(read("bannedsitelist").1.accepted.urls, 0);
    }

    #[test]
    fn contexts() {
        let options = ReadOptions { listcategories: vec!["Chat".into()], ..ReadOptions::default() };
        let mut context = Context::default();
        let cases = [
            ("a.example", Err(Skip::OtherCategory)),
            ("", Err(Skip::Blank)),
            ("#listcategory: \"chat\"", Err(Skip::Comment)),
            ("a.example # why", Ok("a.example")),
            ("# listcategory: \"Chat (Italian)", Err(Skip::Comment)),
            ("a.example", Err(Skip::OtherCategory)),
            ("#listcategory:Chat", Err(Skip::Comment)),
            ("a.example", Ok("a.example")),
            (".Include<x>", Err(Skip::Include)),
            ("##time: 9 0 17 0 01234", Err(Skip::Comment)),
            ("a.example", Ok("a.example")),
            ("#time: 9 0 17 0 01234", Err(Skip::Comment)),
            ("a.example", Err(Skip::TimeLimited)),
        ];
        for (text, expected) in cases {
            assert_eq!(context.entry(text, &options, without_comment), expected, "{text}");
        }
    }
}
