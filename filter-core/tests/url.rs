//! URLs and results of searches.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use filter_core::{
    BoundFilter, Filter, FilterBuilder, Options, PatternKind, Profile, RuleError, Scope,
    SearchResult, Source, Stamp, UrlVerdict,
};
use regex_automata::{Input, dfa::Automaton as _, dfa::dense, util::syntax};

fn child() -> BoundFilter {
    let mut builder = FilterBuilder::new();
    let ads = builder.source(Source::block("ads", &["ads"])).unwrap();
    let porn = builder.source(Source::block("porn", &["porn"])).unwrap();
    let games = builder.source(Source::block("games", &["games"])).unwrap();
    let health = builder.source(Source::allow("health", &["education"], &["porn"])).unwrap();
    let mut batch = builder.batch(ads);
    batch.domain(&"ads.example".parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    batch.url(&"blog.example/~paul/ads".parse().unwrap(), Options::default()).unwrap();
    builder.add(batch.finish());
    let mut batch = builder.batch(porn);
    let exception = Options { exception: true, ..Options::default() };
    for url in ["blog.example/~paul", "blog.example/photos", "[2001:db8::1]:8080/a"] {
        batch.url(&url.parse().unwrap(), Options::default()).unwrap();
    }
    batch.url(&"blog.example/photos/flowers".parse().unwrap(), exception).unwrap();
    batch.url(&"operator.example/a".parse().unwrap(), Options::default()).unwrap();
    batch.phrase(&"< porno ><160>".parse().unwrap()).unwrap();
    batch.phrase(&"< chaud ><30>".parse().unwrap()).unwrap();
    builder.add(batch.finish());
    let mut batch = builder.batch(games);
    batch.url(&"blog.example/jeux".parse().unwrap(), Options::default()).unwrap();
    builder.add(batch.finish());
    let mut batch = builder.batch(health);
    batch.url(&"blog.example/~paul/health".parse().unwrap(), Options::default()).unwrap();
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).unwrap();
    let profile = Profile {
        allow_names: vec!["operator.example".parse().unwrap()],
        ..Profile::named("child").unwrap()
    };
    filter.bind(&profile).unwrap()
}

#[test]
fn urls() {
    let child = child();
    let paul = "porn · porn · matched blog.example/~paul";
    let cases = [
        ("https://www.example.com/", "allowed"),
        ("http://x.ads.example/a?b=c", "ads · ads"),
        ("https://blog.example/", "allowed"),
        ("https://Blog.Example/~paul", paul),
        ("blog.example:443/~paul?page=2#top", paul),
        ("https://me@blog.example/~paul/x", paul),
        ("https://blog.example:8080/~paul/x", "allowed"),
        ("https://www.blog.example/~paul", "allowed"),
        // The most specific first; an allow list lifts what it lifts.
        ("https://blog.example/~paul/ads/1", "ads · ads · matched blog.example/~paul/ads"),
        ("https://blog.example/~paul/health/1", "allowed"),
        // An exception of its own list.
        ("https://blog.example/photos/1", "porn · porn · matched blog.example/photos"),
        ("https://blog.example/photos/flowers/1", "allowed"),
        // `child` does not refuse games.
        ("https://blog.example/jeux", "allowed"),
        ("http://[2001:DB8::1]:8080/a", "porn · porn · matched [2001:db8::1]:8080/a"),
        ("https://operator.example/a", "allowed"),
        // What is searched for.
        ("https://www.example.com/?q=video+p0rno", "porn · porn · score 160 of 50"),
        ("https://operator.example/?q=%70orno", "porn · porn · score 160 of 50"),
        ("https://www.example.com/porno", "allowed"),
        ("https:///a", "the name is empty"),
    ];
    for (url, expected) in cases {
        let verdict = child.url(url);
        assert_eq!(verdict.to_string(), expected, "{url}");
        let invalid = matches!(verdict, UrlVerdict::Invalid(_));
        assert_eq!(verdict.is_blocked(), expected != "allowed" && !invalid, "{url}");
    }
}

#[test]
fn results() {
    let child = child();
    let result = |url, title, snippet| SearchResult { url, title, snippet };
    let found = [
        result("https://a.example/", "Un chat", "chaud"),
        result("https://ads.example/", "Un chat", ""),
        result("https://blog.example/~paul", "Un chat", ""),
        result("https://b.example/", "Porno", ""),
        result("https://b.example/", "", "du P.O.R.N.O"),
        result("javascript:alert(1)", "Un chat", ""),
        result("https://c.example/", "Le dernier", ""),
    ];
    let verdicts: Vec<(&str, &str)> = child
        .results(&found)
        .map(|(result, verdict)| {
            let verdict = match verdict {
                UrlVerdict::Allowed => "kept",
                UrlVerdict::BlockedHost(_) => "host",
                UrlVerdict::BlockedPage(_) => "page",
                UrlVerdict::BlockedText(_) => "text",
                UrlVerdict::Invalid(_) => "invalid",
            };
            (result.url, verdict)
        })
        .collect();
    let expected = ["kept", "host", "page", "text", "text", "invalid", "kept"];
    assert!(verdicts.iter().map(|verdict| verdict.1).eq(expected), "{verdicts:?}");
    assert!(verdicts.iter().map(|verdict| verdict.0).eq(found.iter().map(|result| result.url)));
}

/// A child's filter of one block list of expressions on URLs, and one allow list.
fn by_expressions(blocked: &[&str], lifting: &[&str]) -> BoundFilter {
    let mut builder = FilterBuilder::new();
    let porn = builder.source(Source::block("porn", &["porn"])).unwrap();
    let health = builder.source(Source::allow("health", &["education"], &["porn"])).unwrap();
    let exception = Options { exception: true, ..Options::default() };
    let mut batch = builder.batch(porn);
    for text in blocked {
        batch.url_expression(text, Options::default()).unwrap();
    }
    batch.url(&"blog.example/adult/poems".parse().unwrap(), exception).unwrap();
    batch.url(&"shop.example/adult".parse().unwrap(), Options::default()).unwrap();
    for host in ["museum.example", "shop.example"] {
        batch.domain(&host.parse().unwrap(), Scope::Subtree, exception).unwrap();
    }
    batch.domain(&"refused.example".parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    builder.add(batch.finish());
    let mut batch = builder.batch(health);
    for text in lifting {
        batch.url_expression(text, Options::default()).unwrap();
    }
    batch.url(&"refused.example/health".parse().unwrap(), Options::default()).unwrap();
    batch.domain(&"clinic.example".parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let built = builder.build(stamp);
    assert_eq!(built.manifest.counts.urls as usize, blocked.len() + lifting.len() + 3);
    let filter = Filter::open(built.bytes).unwrap();
    assert_eq!(filter.patterns(PatternKind::UrlExpression).count(), blocked.len() + lifting.len());
    let profile = Profile {
        allow_names: vec!["operator.example".parse().unwrap()],
        ..Profile::named("child").unwrap()
    };
    filter.bind(&profile).unwrap()
}

#[test]
fn expressions_on_urls() {
    let blocked =
        [r"/adult/", r"[?&]q=[^&]*xxx", r"^https?://[^/]*/cam[0-9]", r"^tube[^/]*/v/", r"\.avi$"];
    let child = by_expressions(&blocked, &[r"/adult/(health|education)/"]);
    let adult = "porn · porn · matched //adult//";
    let cases = [
        ("https://blog.example/", "allowed"),
        ("https://blog.example/adult/1", adult),
        ("HTTPS://Blog.Example/ADULT/1#top", adult),
        ("blog.example:443/adult/", adult),
        ("https://blog.example:8080/adult/", adult),
        ("https://adult.example/", "allowed"),
        ("https://s.example/find?lang=fr&q=a+xxx&p=2", r"porn · porn · matched /[?&]q=[^&]*xxx/"),
        ("https://s.example/find?lang=xxx&q=a", "allowed"),
        // With the scheme or without, as the list was written for; https where there is none.
        ("http://a.example/cam7", r"porn · porn · matched /^https?://[^/]*/cam[0-9]/"),
        ("a.example/cam7", r"porn · porn · matched /^https?://[^/]*/cam[0-9]/"),
        ("ftp://a.example/cam7", "allowed"),
        ("https://tube9.example/v/1", r"porn · porn · matched /^tube[^/]*/v//"),
        ("https://a.example/tube9.example/v/1", "allowed"),
        ("https://a.example/x.avi", r"porn · porn · matched /\.avi$/"),
        ("https://a.example/x.avi?b=c", "allowed"),
        // Exceptions of its own list, on a page or on a host; also from beginnings of URLs.
        ("https://blog.example/adult/poems/1", "allowed"),
        ("https://www.museum.example/adult/1", "allowed"),
        ("https://shop.example/adult", "allowed"),
        // What other lists lift, by an expression or by a host.
        ("https://blog.example/adult/health/1", "allowed"),
        ("https://clinic.example/adult/1", "allowed"),
        ("https://operator.example/adult/1", "allowed"),
        // No page of a refused host is open.
        ("https://refused.example/health", "porn · porn"),
    ];
    for (url, expected) in cases {
        assert_eq!(child.url(url).to_string(), expected, "{url}");
    }
}

/// Each expression alone, in an automaton without limits, on the URL with its scheme and without.
#[test]
fn expressions_on_urls_match_as_each_alone() {
    let texts = [
        r"/(banner|sponsor|event\.ng)/|adverts/",
        r"^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/search\?q=[0-9]+$",
        r"((google\..*/search.q=cache)|(images.google.[a-z]+/images.q=tbn))",
        r"[-_./?=+](big|hard)?(porn|xxx)s?[-_./?=+]",
        r"^https?:\/\/.*\.xyz\/",
        r"\?([^&]*&)*id=7(&|$)",
    ];
    let urls = [
        "https://a.example/banner/1",
        "https://a.example/banners/1",
        "http://192.0.2.7/search?q=12",
        "https://192.0.2.7/search?q=12a",
        "https://www.google.fr/search?q=cache",
        "https://images.google.fr/images?q=tbn:1",
        "https://a.example/hardporn/1",
        "https://a.example/?a=bigxxx+b",
        "https://a.example/unporny",
        "https://a.b.xyz/",
        "ftp://a.b.xyz/",
        "https://a.example/?a=b&id=7",
        "https://a.example/?a=b&id=77",
    ];
    let alone = |text: &str, url: &str| {
        let config = syntax::Config::new().case_insensitive(true).unicode(false).utf8(false);
        let dfa = dense::Builder::new().syntax(config).build(text).unwrap();
        let without_scheme = url.split_once("://").unwrap().1;
        [url, without_scheme]
            .into_iter()
            .any(|url| dfa.try_search_fwd(&Input::new(url)).unwrap().is_some())
    };
    let together = by_expressions(&texts, &[]);
    let mut matches = 0;
    for url in urls {
        let mut any = false;
        for text in texts {
            let expected = alone(text, url);
            let child = by_expressions(&[text], &[]);
            assert_eq!(child.page(url).is_some(), expected, "{text} on {url}");
            matches += usize::from(expected);
            any |= expected;
        }
        assert_eq!(together.page(url).is_some(), any, "{url}");
    }
    assert_eq!(matches, 8);
}

#[test]
fn expressions_on_urls_are_bounded() {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("porn", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    let mut add = |text: &str| batch.url_expression(text, Options::default());
    for text in ["(a{1000}){1000}", "/a.{20}b", "(/a|b)*a(a|b){20}"] {
        assert_eq!(add(text), Err(RuleError::ExpressionTooLarge), "{text}");
    }
    for text in [".*", "^", "", "/", "^https", r"\.html?$", "[?&]q="] {
        assert!(matches!(add(text), Err(RuleError::TooBroad { .. })), "{text:?}");
    }
    assert!(matches!(add("(?=/a)"), Err(RuleError::Expression(_))));
    let exception = Options { exception: true, ..Options::default() };
    assert_eq!(batch.url_expression("/x/", exception), Err(RuleError::ExceptionPattern));

    // What would take an engine that tries again and again until the end of time.
    let child = by_expressions(&["(/a+)+/b", "(x|xx)+y"], &[]);
    for text in ["/a".repeat(500_000), "x".repeat(1_000_000)] {
        assert!(child.page(&format!("https://a.example/{text}")).is_none());
        assert!(child.page(&format!("https://a.example/{text}/b/xy")).is_some());
    }
}
