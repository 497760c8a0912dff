//! URLs and results of searches.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use filter_core::{
    BoundFilter, Filter, FilterBuilder, Options, Profile, Scope, SearchResult, Source, Stamp,
    UrlVerdict,
};

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
