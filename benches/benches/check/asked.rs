//! What is asked: requests of every kind, and how many items of each are refused.

use std::iter;

use benches::{
    corpus::Corpus,
    text::{Words, made_up, phrases},
};
use filter_core::{BoundFilter, SearchResult, UrlVerdict};
use serde_json::{Value, json};

/// Octets of text that requests are cut from; of a title, and of a snippet.
const TEXT: usize = 6_000_000;
const TITLE: usize = 60;
const SNIPPET: usize = 160;
/// Different hosts, listed and others by turns.
const HOSTS: usize = 50_000;
/// Phrases, each of which is enough for a text to be refused.
const TELLING: usize = 100;

/// Requests of one kind, which have the same number of items.
pub(crate) struct Kind {
    /// `a host`, `100 hosts`.
    pub(crate) name: &'static str,
    pub(crate) items: usize,
    pub(crate) requests: Vec<Request>,
}

pub(crate) struct Request {
    /// JSON.
    pub(crate) body: String,
    /// How many items the engine refuses.
    pub(crate) refused: usize,
    /// Octets of text.
    pub(crate) text: usize,
}

/// Hosts, of which half are refused; pages of results, of which every tenth is for its host and
/// another for what it says; texts, of which half are.
pub(crate) fn kinds(corpus: &Corpus, child: &BoundFilter) -> Vec<Kind> {
    let listed = corpus.listed(HOSTS / 2).names;
    let unlisted = corpus.unlisted(HOSTS / 2).names;
    let text = made_up(TEXT, Words::OF_MANUALS);
    let telling: Vec<String> = phrases()
        .iter()
        .map(|phrase| phrase.terms().map(str::trim).collect::<Vec<_>>().join(" "))
        .filter(|words| child.text(words).is_blocked())
        .take(TELLING)
        .collect();
    let mut hosts = listed.iter().zip(&unlisted).flat_map(|(one, other)| [one, other]).cycle();
    let mut others = unlisted.iter().cycle();
    let mut refused_hosts = listed.iter().cycle();
    let mut telling = telling.iter().cycle();
    let mut text = Pieces { text: &text, at: 0 };

    let mut of_hosts = |name, items, requests| {
        let request = || Request::of_hosts(&hosts.by_ref().take(items).collect::<Vec<_>>(), child);
        Kind::new(name, items, requests, request)
    };
    let mut kinds = vec![
        of_hosts("a host", 1, 10_000),
        of_hosts("100 hosts", 100, 200),
        of_hosts("1000 hosts", 1000, 50),
    ];
    let mut next = |text: &mut Pieces<'_>, octets, is_telling: bool| match is_telling {
        true => {
            format!("{}{} {}", text.cut(octets / 2), telling.next().unwrap(), text.cut(octets / 2))
        }
        false => text.cut(octets).to_owned(),
    };
    for (name, items, requests) in [("10 results", 10, 500), ("50 results", 50, 100)] {
        let request = || {
            let results = (0..items).map(|place| {
                let host = if place % 10 == 3 { refused_hosts.next() } else { others.next() };
                let url = format!("https://{}/pages/{place}.html", host.unwrap());
                [url, next(&mut text, TITLE, false), next(&mut text, SNIPPET, place % 10 == 7)]
            });
            Request::of_results(&results.collect::<Vec<_>>(), child)
        };
        kinds.push(Kind::new(name, items, requests, request));
    }
    for (name, octets, requests) in
        [("a text of 1 KB", 1_000, 500), ("a text of 100 KB", 100_000, 40)]
    {
        let mut turn = iter::successors(Some(true), |turn| Some(!turn));
        let request = || Request::of_text(&next(&mut text, octets, turn.next().unwrap()), child);
        kinds.push(Kind::new(name, 1, requests, request));
    }
    kinds
}

impl Kind {
    fn new(
        name: &'static str,
        items: usize,
        requests: usize,
        request: impl FnMut() -> Request,
    ) -> Self {
        let requests: Vec<_> = iter::repeat_with(request).take(requests).collect();
        let refused: usize = requests.iter().map(|request| request.refused).sum();
        assert!(0 < refused && refused < requests.len() * items, "{name}: {refused} refused");
        Self { name, items, requests }
    }
}

impl Request {
    fn of_hosts(hosts: &[&String], child: &BoundFilter) -> Self {
        let refused = hosts.iter().filter(|host| child.host(host).is_blocked()).count();
        Self::new(hosts.iter().map(|host| json!({"host": host})).collect(), refused, 0)
    }

    fn of_results(results: &[[String; 3]], child: &BoundFilter) -> Self {
        let items = results
            .iter()
            .map(|[url, title, snippet]| json!({"url": url, "title": title, "snippet": snippet}))
            .collect();
        let results: Vec<_> = results
            .iter()
            .map(|[url, title, snippet]| SearchResult { url, title, snippet })
            .collect();
        let verdicts = child.results(&results);
        let refused = verdicts.filter(|(_, verdict)| *verdict != UrlVerdict::Allowed).count();
        let text = results.iter().map(|result| result.title.len() + result.snippet.len()).sum();
        Self::new(items, refused, text)
    }

    fn of_text(text: &str, child: &BoundFilter) -> Self {
        let refused = usize::from(child.text(text).is_blocked());
        Self::new(vec![json!({"text": text})], refused, text.len())
    }

    fn new(items: Vec<Value>, refused: usize, text: usize) -> Self {
        let body = json!({"profile": "child", "items": items}).to_string();
        Self { body, refused, text }
    }
}

/// A text, cut at spaces, again and again.
struct Pieces<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Pieces<'t> {
    /// The next piece of so many octets, and of the rest of its last word.
    fn cut(&mut self, octets: usize) -> &'t str {
        let from = if self.at + 2 * octets > self.text.len() { 0 } else { self.at };
        let rest = &self.text.as_bytes()[from + octets..];
        let word = rest.iter().position(|&octet| octet == b' ').expect("texts have spaces");
        self.at = from + octets + word + 1;
        &self.text[from..self.at]
    }
}
