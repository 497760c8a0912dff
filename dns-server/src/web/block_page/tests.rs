//! What is answered to whom, and that nothing that was sent is ever markup.

use std::{cell::RefCell, fmt::Write as _, fs, net::IpAddr, path::Path};

use axum::http::HeaderMap;
use html5ever::{
    TokenizerResult,
    tokenizer::{
        BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::{RawKind, State as TokenizerState},
    },
};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{colour::Colour, template::Template, *};
use crate::policy::refusal::Language;
use crate::{config::Config, testing};

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]
[page]
addresses = ["10.0.0.80"]
town = "Villeneuve & <environs>"
home = "https://ent.example.org/?a=1&b=2"
[contact]
organisation = "Direction <du> numérique"
uris = ["mailto:a@b.example"]
[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "child"
[[group]]
name = "staff"
networks = ["10.9.0.0/16"]
profile = "staff"
[[group]]
name = "discreet"
networks = ["10.8.0.0/16"]
profile = "discreet"
[[group]]
name = "closed"
networks = ["10.7.0.0/16"]
profile = "closed"
[[local]]
name = "printer.school.example"
addresses = ["10.0.0.9"]
[profile.child]
refusal = "page"
block_names = ["www.example", "chosen.example"]
[profile.discreet]
block = ["porn"]
reasons = "category"
[profile.closed]
mode = "closed"
reasons = "code"
[[group]]
name = "primary"
networks = ["10.6.0.0/16"]
profile = "child"
[floor]
profile = "academy"
groups = ["primary"]
[profile.academy]
block = ["ads"]
block_names = ["floor.example", "www.example"]
"#;

/// Addresses of a pupil, and so on.
const PUPIL: &str = "10.0.0.1";
const STAFF: &str = "10.9.0.1";
const DISCREET: &str = "10.8.0.1";
const CLOSED: &str = "10.7.0.1";
/// In a group with a floor.
const PRIMARY: &str = "10.6.0.1";
const STRANGER: &str = "192.0.2.9";

struct Got {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// What a client gets for a request; `headers` beside those that browsers send for a page.
fn got(client: &str, method: &str, target: &str, headers: &[(&str, &[u8])]) -> Got {
    got_of(CONFIG, client, method, target, headers)
}

fn got_of(
    config: &str,
    client: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &[u8])],
) -> Got {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !headers.iter().any(|(name, _)| ["accept", "sec-fetch-dest"].contains(name)) {
        request = request.header("accept", "text/html,*/*;q=0.8");
    }
    answered(config, client, request.body(Body::empty()).unwrap())
}

fn answered(config: &str, client: &str, request: Request) -> Got {
    let client: IpAddr = client.parse().unwrap();
    Runtime::new().unwrap().block_on(async {
        let service = Arc::new(Service::of_snapshot(testing::snapshot(config)));
        let response = respond(Shared(service), Extension(Client(client)), request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let body = String::from_utf8(body).unwrap();
        Got { status: parts.status.as_u16(), headers: parts.headers, body }
    })
}

fn page_of(client: &str, host: &str) -> Got {
    got(client, "GET", "/", &[("host", host.as_bytes())])
}

/// What a browser makes of a page.
#[derive(Debug, Default)]
struct Parsed {
    /// `<tag attribute=value…>`, but for the inside of the drawing.
    tags: Vec<String>,
    /// What can be read.
    text: String,
    errors: usize,
}

#[derive(Default)]
struct Sink(RefCell<(Parsed, bool)>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let (parsed, in_drawing) = &mut *self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => {
                let is_start = tag.kind == html5ever::tokenizer::TagKind::StartTag;
                let mut written = format!("<{}{}", if is_start { "" } else { "/" }, tag.name);
                for attribute in &tag.attrs {
                    write!(written, " {}={}", attribute.name.local, attribute.value).unwrap();
                }
                if &*tag.name == "svg" {
                    *in_drawing = is_start;
                }
                if !*in_drawing {
                    parsed.tags.push(written + ">");
                }
                if is_start && &*tag.name == "style" {
                    return TokenSinkResult::RawData(RawKind::Rawtext);
                }
            }
            Token::CharacterTokens(text) => parsed.text.push_str(&text),
            Token::ParseError(_) => parsed.errors += 1,
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn parsed(html: &str) -> Parsed {
    let input = BufferQueue::default();
    input.push_back(html.into());
    let options =
        TokenizerOpts { initial_state: Some(TokenizerState::Data), ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(Sink::default(), options);
    assert!(matches!(tokenizer.feed(&input), TokenizerResult::Done));
    tokenizer.end();
    tokenizer.sink.0.into_inner().0
}

#[test]
fn what_is_told_of_a_refusal_is_what_its_profile_tells() {
    #[rustfmt::skip]
    let cases = [
        // who, name, status; what can be read; what cannot
        (PUPIL, "porn.example", 403, vec!["Oups, cette page est fermée.", "porn.example", "pornographie", "ut1-adult", "Villeneuve & <environs>", "Direction <du> numérique", "a@b.example"], vec!["Réessayer"]),
        (PUPIL, "a.b.porn.example:8080", 403, vec!["a.b.porn.example", "pornographie"], vec!["8080"]),
        (PUPIL, "ads.example", 403, vec!["publicité", "hosts"], vec![]),
        (PUPIL, "chosen.example", 403, vec!["choix de l’établissement"], vec!["Liste"]),
        // Its name passes, and is an alias of one that does not.
        (PUPIL, "alias.example", 403, vec!["alias.example", "choix de l’établissement", "Mène à", "www.example"], vec![]),
        (PUPIL, "www.bing.example", 421, vec!["Cette page est ouverte.", "Réessayer"], vec!["Pour les adultes"]),
        (PUPIL, "www.startpage.com", 403, vec!["moteur de recherche"], vec!["Liste"]),
        (PUPIL, "www.google.fr", 421, vec!["Cette page est ouverte."], vec![]),
        (STAFF, "ads.example", 421, vec!["Cette page est ouverte."], vec![]),
        (STAFF, "porn.example", 403, vec!["pornographie"], vec![]),
        (PRIMARY, "porn.example", 403, vec!["pornographie"], vec!["autorité"]),
        (PRIMARY, "ads.example", 403, vec!["publicité (décision d’une autorité supérieure)", "hosts"], vec![]),
        (PRIMARY, "floor.example", 403, vec!["décision d’une autorité supérieure"], vec!["établissement)", "choix de", "(décision"]),
        (PRIMARY, "chosen.example", 403, vec!["choix de l’établissement"], vec!["autorité"]),
        (PRIMARY, "alias.example", 403, vec!["décision d’une autorité supérieure", "www.example"], vec!["choix de"]),
        (DISCREET, "porn.example", 403, vec!["pornographie"], vec!["ut1-adult", "Liste"]),
        (CLOSED, "unknown.example", 403, vec!["unknown.example"], vec!["Raison", "Liste"]),
        (PUPIL, "printer.school.example", 404, vec!["Ici, tu es à l’abri."], vec!["printer", "Pour les adultes"]),
        (PUPIL, "use-application-dns.net", 404, vec!["Ici, tu es à l’abri."], vec![]),
        (PUPIL, "localhost", 404, vec!["Ici, tu es à l’abri."], vec![]),
        (PUPIL, "10.0.0.80", 404, vec!["Ici, tu es à l’abri."], vec!["10.0.0.80"]),
        (STRANGER, "porn.example", 403, vec!["Ici, tu es à l’abri."], vec!["porn"]),
    ];
    for (client, host, status, reads, lacks) in cases {
        let got = page_of(client, host);
        assert_eq!(got.status, status, "{client} {host}");
        let Parsed { text, errors, .. } = parsed(&got.body);
        assert_eq!(errors, 0, "{host}");
        for words in reads {
            assert!(text.contains(words), "{client} {host}: no `{words}` in {text}");
        }
        for words in lacks {
            assert!(!text.contains(words), "{client} {host}: `{words}` in {text}");
        }
    }
}

#[test]
fn what_the_law_asks_for_says_so() {
    // RFC 7725: 451. The list is marked in a bundle of its own.
    let mut builder = filter_core::FilterBuilder::new();
    let source = filter_core::Source::block("courts", &["piracy"]);
    let id = builder.source(filter_core::Source { legal: true, ..source }).unwrap();
    let mut batch = builder.batch(id);
    let scope = filter_core::Scope::Subtree;
    batch.domain(&"torrents.example".parse().unwrap(), scope, Default::default()).unwrap();
    builder.add(batch.finish());
    let created = "2026-11-22T00:00:00Z".into();
    let stamp = filter_core::Stamp { serial: 1, created, expires: None };
    let filter = filter_core::Filter::open(builder.build(stamp).bytes).unwrap();
    let resolver = testing::resolver(Arc::new(testing::FewNames));
    let snapshot = testing::snapshot_over(CONFIG, &filter, resolver);
    let asked = Asked { name: "torrents.example".parse().ok(), language: Language::English };
    let standing = Standing::of(&snapshot, &asked, PUPIL.parse().unwrap());
    let standing = Runtime::new().unwrap().block_on(standing);
    let response = show(snapshot.terms.page().unwrap(), &asked, &standing, false, None);
    assert_eq!(response.status(), 451);
}

#[test]
fn in_french_first_and_in_english_where_that_is_preferred() {
    let in_language = |accepted: &str| {
        let headers: [(&str, &[u8]); 2] =
            [("host", b"porn.example"), ("accept-language", accepted.as_bytes())];
        got(PUPIL, "GET", "/", &headers)
    };
    let (english, french) = (in_language("en-GB,en;q=0.9,fr;q=0.8"), in_language("de, en;q=bad"));
    assert_eq!(
        [english.header("content-language"), french.header("content-language")],
        ["en", "fr"]
    );
    assert!(
        english.body.contains("<html lang=\"en\">") && french.body.contains("<html lang=\"fr\">")
    );
    let (english, french) = (parsed(&english.body), parsed(&french.body));
    assert!(
        english.text.contains("Oops, this page is closed.") && english.text.contains("pornography")
    );
    for words in ["fermée", "pornographie", "Chercher", "établissement", "Liste"] {
        assert!(french.text.contains(words), "{words}");
        assert!(!english.text.contains(words), "{words}");
    }
    for (host, says) in [
        ("chosen.example", "a choice of the school’s"),
        ("floor.example", "a higher authority’s decision"),
        ("ads.example", "advertising (a higher authority’s decision)"),
    ] {
        let headers: [(&str, &[u8]); 2] = [("host", host.as_bytes()), ("accept-language", b"en")];
        let text = parsed(&got(PRIMARY, "GET", "/", &headers).body).text;
        assert!(text.contains(says), "{host}: {text}");
    }
}

/// What is sent is never more than text: the page of hostile requests has the tags, attributes and
/// values of a harmless one, and none of what was sent.
#[test]
fn nothing_that_is_sent_is_markup() {
    let payloads: [&[u8]; 18] = [
        b"<script>alert(1)</script>",
        b"\"><script>alert(1)</script>",
        b"'><img src=x onerror=alert(1)>",
        b"</title><script>alert(1)</script>",
        b"</style><script>alert(1)</script>",
        b"--><svg onload=alert(1)>",
        b"javascript:alert(1)",
        b"{{ 7 * 7 }}",
        b"{% for a in range(9) %}a{% endfor %}",
        b"${7*7}",
        b"&lt;script&gt;",
        b"%3Cscript%3Ealert(1)%3C/script%3E",
        b"\xc3\xa9\xff\xfe",
        b"\xe2\x80\xae moc.elpmaxe",
        b"a.example\tb",
        b"evil.example/../../etc/passwd",
        b"user:password@porn.example",
        b"evil.example, porn.example",
    ];
    let expected = page_of(PUPIL, "192.0.2.1");
    let expected_tags = parsed(&expected.body).tags;
    for payload in payloads {
        let shown = String::from_utf8_lossy(payload).into_owned();
        let got = got(PUPIL, "GET", "/", &[("host", payload)]);
        assert_eq!((got.status, &got.body), (404, &expected.body), "{shown}");
        assert_eq!(
            got.header("content-security-policy"),
            expected.header("content-security-policy")
        );
        assert_eq!(parsed(&got.body).tags, expected_tags, "{shown}");
    }
    // Everything but the host.
    let harmless = page_of(PUPIL, "porn.example");
    for payload in payloads {
        let headers = ["accept-language", "referer", "user-agent", "cookie", "x-forwarded-host"];
        for name in headers {
            let got = got(PUPIL, "GET", "/", &[("host", b"porn.example"), (name, payload)]);
            assert_eq!((got.status, &got.body), (403, &harmless.body), "{name}");
        }
    }
    for target in [
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/'\"onmouseover=alert(1)",
        "/?q=%22%3E%3Cscript%3E&{{7*7}}",
        "/../../etc/passwd",
        "//evil.example/",
        "/_preau/",
        "/%00%0d%0aSet-Cookie:a=b",
    ] {
        for method in ["GET", "POST"] {
            let got = got(PUPIL, method, target, &[("host", b"porn.example")]);
            assert_eq!((got.status, &got.body), (403, &harmless.body), "{method} {target}");
            assert!(
                !got.headers.contains_key("location") && !got.headers.contains_key("set-cookie")
            );
        }
    }
}

/// Names that pass for names and are none in markup.
#[test]
fn odd_names_are_text() {
    let harmless = parsed(&page_of(PUPIL, "a.porn.example").body);
    let long = format!("{}.porn.example", ["x".repeat(63).as_str(); 3].join("."));
    for host in ["_dmarc.porn.example", "xn--9ca.porn.example", "-.porn.example", &long] {
        let odd = parsed(&page_of(PUPIL, host).body);
        assert_eq!(odd.tags, harmless.tags, "{host}");
        assert!(odd.text.contains(host), "{host}");
    }
}

#[test]
fn every_answer_has_its_guards() {
    let html: &[(&str, &[u8])] = &[("host", b"porn.example")];
    let image: &[(&str, &[u8])] = &[("host", b"porn.example"), ("accept", b"image/avif,*/*")];
    let frame: &[(&str, &[u8])] = &[("host", b"porn.example"), ("sec-fetch-dest", b"iframe")];
    #[rustfmt::skip]
    let cases = [
        ("GET", html, 403, true), ("HEAD", html, 403, true), ("POST", html, 403, true),
        ("GET", image, 403, false), ("GET", frame, 403, false),
        ("OPTIONS", html, 405, false), ("PUT", html, 405, false), ("TRACE", html, 405, false), ("ODD", html, 405, false),
    ];
    for (method, headers, status, is_page) in cases {
        let got = got(PUPIL, method, "/a/b?c", headers);
        assert_eq!((got.status, !got.body.is_empty()), (status, is_page), "{method}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("connection", "close"),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(got.header(name), value, "{method}");
        }
        let policy = got.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        if is_page {
            let (_, style) = got.body.split_once("<style>").unwrap();
            let (style, _) = style.split_once("</style>").unwrap();
            let digest = lists::digest::Sha256Digest::of(style.as_bytes());
            let digest = data_encoding::BASE64.encode(digest.octets());
            let expected = format!(
                "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self' \
                 https://www.qwantjunior.com; frame-ancestors 'none'; base-uri 'none'"
            );
            assert_eq!(policy, expected);
        }
    }
}

/// No script, no style but the sheet's, nothing that is loaded, no way out but the three that the
/// operator chose.
#[test]
fn the_page_asks_nobody_for_anything() {
    for host in ["porn.example", "open.example", "192.0.2.1"] {
        let got = page_of(PUPIL, host);
        let Parsed { tags, errors, .. } = parsed(&got.body);
        assert_eq!(errors, 0);
        for tag in &tags {
            let name = tag.trim_start_matches("</").trim_start_matches('<');
            let name = name.split([' ', '>']).next().unwrap();
            assert!(
                !["script", "iframe", "object", "embed", "img", "base"].contains(&name),
                "{tag}"
            );
            assert!(
                !tag.contains(" on") && !tag.contains(" style=") && !tag.contains(" src="),
                "{tag}"
            );
        }
        // Where it leads.
        let mut leads: Vec<&str> = tags
            .iter()
            .flat_map(|tag| [" href=", " action="].map(|name| tag.split_once(name)))
            .flatten()
            .map(|(_, rest)| rest.split([' ', '>']).next().unwrap())
            .collect();
        leads.sort_unstable();
        leads.dedup();
        let known = [
            "/",
            "data:,",
            "https://ent.example.org/?a=1&b=2",
            "https://www.qwantjunior.com/",
            "mailto:a@b.example",
            forms::REPORT,
        ];
        assert!(leads.iter().all(|lead| known.contains(lead)), "{leads:?}");
    }
}

#[test]
fn without_a_home_and_a_search_box_it_still_says_how_to_go_on() {
    let config = "[upstream]\nservers = [\"192.0.2.53\"]\n[page]\naddresses = [\"10.0.0.80\"]\n\
                  [[group]]\nname = \"all\"\nnetworks = [\"10.0.0.0/8\"]\nprofile = \"child\"\n";
    let got = got_of(config, PUPIL, "GET", "/", &[("host", b"porn.example")]);
    assert!(parsed(&got.body).text.contains("utilise la flèche"), "{}", got.body);
    // A listener that is still there, and a configuration that has no page any more.
    let config = config.replace("[page]\naddresses = [\"10.0.0.80\"]\n", "");
    let got = got_of(&config, PUPIL, "GET", "/", &[("host", b"porn.example")]);
    assert_eq!((got.status, got.body.as_str()), (403, ""));
}

/// A folder with a file, and what is wrong with it.
fn fault_of(name: &str, text: &[u8]) -> String {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let error = Template::of_folder(folder.path(), Colour::default()).unwrap_err();
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn faults_of_an_operators_page_have_a_place() {
    let cases: [(&str, &str, &str, &str); 8] = [
        ("page.html", "<p>\n{{ nmae }}</p>\n", "undefined value", "page.html:2:4"),
        ("page.html", "<p>{{ name\n", "syntax error", "page.html:1:"),
        ("page.html", "<p>\n\n{% if name %}</p>\n", "syntax error", "page.html:"),
        ("page.html", "{% extends \"other.html\" %}\n", "syntax error", "page.html:1:"),
        ("page.html", "{{ name|shout }}\n", "unknown filter", "page.html:1:"),
        (
            "page.html",
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ a * b }}{% endfor %}{% endfor %}",
            "engine ran out of fuel",
            "page.html:1:",
        ),
        ("page.css", "a { }\n</style><script>", "ends a style sheet", "page.css:2:1"),
        ("drawing.svg", "GIF89a", "not an SVG drawing", "drawing.svg:1:1"),
    ];
    for (name, text, title, place) in cases {
        let fault = fault_of(name, text.as_bytes());
        assert!(fault.contains(title) && fault.contains(place), "{text}: {fault}");
    }
    let unreadable = fault_of("page.css", b"\xff");
    assert!(unreadable.starts_with("cannot read page.css: "), "{unreadable}");
    let nothing = fault_of("index.html", b"<p>");
    assert!(nothing.starts_with("there is no page.html, page.css or drawing.svg in "), "{nothing}");
}

#[test]
fn an_operators_page_takes_the_place_of_ours_and_a_broken_one_does_not() {
    let folder = TempDir::new().unwrap();
    let own = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let path = folder.path().join("preau.toml");
    let configured = |path: &Path| {
        let text =
            CONFIG.replace("[page]", &format!("[page]\ntemplate = {path:?}\ncolour = \"#804000\""));
        let config = Config::parse("test.toml", text.clone()).unwrap();
        (config.check_page().map_err(|error| error.to_string()), text)
    };
    own(
        "page.html",
        "<title>{{ town }}</title><style>{{ css }}</style><b>{{ name }}</b>{{ text.heading }}\r\n",
    );
    own("page.css", "b {\r\n  color: var(--main)\r\n}\r\n");
    let (checked, config) = configured(folder.path());
    checked.unwrap();
    let got = got_of(&config, PUPIL, "GET", "/", &[("host", b"porn.example")]);
    let expected = "<title>Villeneuve &amp; &lt;environs&gt;</title><style>:root { --main: #804000; }\n\
                    b {\n  color: var(--main)\n}\n</style><b>porn.example</b>Oups, cette page est fermée.";
    assert_eq!(got.body.trim_end(), expected);

    own("page.html", "<p>\n{{ nmae }}\n");
    let (checked, config) = configured(folder.path());
    let fault = checked.unwrap_err();
    assert!(fault.contains("page.html:2:4") && fault.contains("undefined value"), "{fault}");
    let got = got_of(&config, PUPIL, "GET", "/", &[("host", b"porn.example")]);
    assert!(got.body.contains("<h1>Oups, cette page est fermée.</h1>"), "{}", got.body);
    assert!(got.body.contains("--main: #804000") && !got.body.contains("b {"), "{}", got.body);

    let (checked, _) = configured(&path);
    let fault = checked.unwrap_err();
    assert!(fault.contains("test.toml:") && fault.contains("there is no page.html"), "{fault}");
}

/// It took every sample, and not this one.
#[test]
fn a_page_that_fails_when_it_is_shown_gives_way_to_ours() {
    let folder = TempDir::new().unwrap();
    let html = "{% if name == \"porn.example\" %}{{ name + 1 }}{% endif %}own";
    fs::write(folder.path().join("page.html"), html).unwrap();
    let config = CONFIG.replace("[page]", &format!("[page]\ntemplate = {:?}", folder.path()));
    let shown = |host: &str| got_of(&config, PUPIL, "GET", "/", &[("host", host.as_bytes())]).body;
    assert_eq!(shown("www.porn.example"), "own");
    assert!(shown("porn.example").contains("<h1>Oups, cette page est fermée.</h1>"));
}

/// Whoever writes a template reads which names there are.
#[test]
fn the_guide_says_all_that_a_template_can_name() {
    let guide = include_str!("../../../../docs/block-page.md");
    let view = View::samples().nth(1).unwrap();
    let named = |value: &serde_json::Value, path: &str| {
        let keys = value.as_object().unwrap().keys();
        keys.map(|key| format!("`{path}{key}`")).collect::<Vec<_>>()
    };
    let value = serde_json::to_value(&view).unwrap();
    let mut names = named(&value, "");
    names.extend(["`css`".to_owned(), "`drawing`".to_owned()]);
    for inner in ["search", "contact"] {
        names.extend(named(&value[inner], &format!("{inner}.")));
    }
    assert!(names.len() > 15);
    for name in names {
        assert!(guide.contains(&name), "docs/block-page.md does not name {name}");
    }
}

/// A form as a browser sends it from the page.
fn sent(path: &str, origin: &str, body: &str) -> Got {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("host", "porn.example")
        .header("origin", origin)
        .header("accept", "text/html")
        .header("accept-language", "en")
        .body(Body::from(body.to_owned()))
        .unwrap();
    answered(CONFIG, PUPIL, request)
}

/// What becomes of reports and codes is tested where they are kept; here nothing is kept, and no code
/// holds.
#[test]
fn forms_are_answered_with_a_page_that_says_what_became_of_them() {
    const OWN: &str = "http://porn.example";
    let cases = [
        (forms::REPORT, OWN, "why=needed", 503, "The report could not be kept"),
        (
            forms::REPORT,
            OWN,
            "why=%3Cscript%3Ealert(1)%3C/script%3E",
            403,
            "did not come from this page",
        ),
        (forms::REPORT, "http://evil.example", "why=needed", 403, "did not come from this page"),
        (forms::REPORT, "null", "why=needed", 403, "did not come from this page"),
        (
            forms::UNLOCK,
            OWN,
            "code=%3Cscript%3Ealert(1)%3C/script%3E&minutes=15",
            403,
            "No code opens this site",
        ),
        (
            forms::UNLOCK,
            "http://evil.example",
            "code=a&minutes=15",
            403,
            "did not come from this page",
        ),
    ];
    for (path, origin, body, status, said) in cases {
        let got = sent(path, origin, body);
        assert_eq!(got.status, status, "{path} {body}");
        let Parsed { text, errors, tags } = parsed(&got.body);
        assert_eq!(errors, 0);
        assert!(text.contains(said), "{path} {body}: {text}");
        assert!(text.contains("Oops, this page is closed."));
        assert!(!got.body.contains("alert(1)"), "{path} {body}");
        assert!(tags.contains(&"<details open=>".to_owned()), "{tags:?}");
    }
}
