//! The API over real sockets, as programs use it and as they should not.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    process::Command,
};

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{config::Config, testing, web::server::WebListener};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]

[lists]
bundle = "lists.bundle"
cache = "cache"

[check]
listen = "127.0.0.1:0"
token_file = "token"
items = 1000
requests = 4
timeout = "1s"

[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "child"

[[group]]
name = "teachers"
networks = ["10.1.0.0/16"]
profile = "staff"

[floor]
profile = "academie"

[profile.academie]
block = ["violence"]
"#;

/// Lists as the documentation has them in its examples.
fn bundle(hosts: &[&str]) -> Vec<u8> {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("ut1-adult", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    for host in hosts {
        batch.domain(&host.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    }
    batch.url(&"www.example.org/adult/".parse().unwrap(), Options::default()).unwrap();
    builder.add(batch.finish());
    let source = builder.source(Source::block("preau-fr", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    batch.phrase(&"<vidéos porno><160>".parse().unwrap()).unwrap();
    builder.add(batch.finish());
    let source = builder.source(Source::block("preau-war", &["violence"])).unwrap();
    let mut batch = builder.batch(source);
    batch.phrase(&"<comment tuer><160>".parse().unwrap()).unwrap();
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    builder.build(stamp).bytes
}

/// A server of that configuration.
struct World {
    folder: TempDir,
    address: SocketAddr,
    service: Arc<Service>,
    _runtime: Runtime,
}

impl World {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content);
        write("lists.bundle", &bundle(&["porn.example"])).unwrap();
        write("token", TOKEN.as_bytes()).unwrap();
        let private = Permissions::from_mode(0o600);
        fs::set_permissions(folder.path().join("token"), private).unwrap();
        write("preau.toml", config.as_bytes()).unwrap();
        let config = Config::load(&folder.path().join("preau.toml")).unwrap();
        let settings = config.check.clone();
        let service = Arc::new(Service::start(config).unwrap());
        let runtime = Runtime::new().unwrap();
        let server = server(service.clone(), &settings);
        let address = testing::served(&runtime, server, CancellationToken::new());
        Self { folder, address, service, _runtime: runtime }
    }

    fn stream(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// What is said to a body, with the token.
    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Response {
        let head = format!("Authorization: Bearer {TOKEN}\r\n");
        exchange(&mut self.stream(), &request("POST", path, &head, body.as_ref()))
    }

    fn check(&self, request: &Value) -> Value {
        let response = self.post(CHECK, request.to_string());
        assert_eq!((response.status, response.kind()), (200, "application/json"), "{request}");
        response.json()
    }

    /// What was counted of something.
    fn counted(&self, labels: [&str; 2]) -> u64 {
        let stats = Arc::clone(&self.service.snapshot().stats);
        let counts: Vec<_> = stats.checks().requests().chain(stats.checks().items()).collect();
        counts.into_iter().find(|(found, _)| *found == labels).unwrap().1
    }
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn kind(&self) -> &str {
        self.header("content-type").unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> Response {
    // The server may have closed it before everything is written.
    let _ = stream.write_all(request);
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response);
    let response = String::from_utf8(response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    Response { status, head: head.to_owned(), body: body.to_owned() }
}

#[test]
fn a_mixed_batch_in_its_order() {
    let world = World::new();
    let items = json!([
        {"host": "www.example.com"},
        {"host": "www.porn.example"},
        {"host": "no host"},
        {"url": "https://www.example.org/adult/1"},
        {"text": "Comment tuer le temps"},
        {"url": "https://a.example/", "title": "Le chat", "snippet": "Un félin"},
        {"url": "https://b.example/", "title": "VIDÉOS P0RNO"},
        {"url": "https://c.example/?q=videos+porno"},
        {"text": ""},
    ]);
    let answer = world.check(&json!({"profile": "child", "items": items}));
    let verdicts: Vec<_> = answer["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"].as_str().unwrap())
        .collect();
    let expected = [
        "allowed", "blocked", "invalid", "blocked", "blocked", "allowed", "blocked", "blocked",
        "allowed",
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(answer["kept"], json!([0, 5, 8]));
    assert_eq!((&answer["profile"], &answer["language"]), (&json!("child"), &json!("fr")));
    assert_eq!(
        answer["answers"][1]["reason"],
        json!({
            "text": "Refusé : pornographie (liste ut1-adult, règle porn.example).",
            "what": "host", "by": "profile", "category": "porn",
            "category_name": "pornographie", "list": "ut1-adult", "rule": "porn.example"
        })
    );
    assert_eq!(answer["answers"][3]["reason"]["what"], "page");
    assert_eq!(
        answer["answers"][6]["reason"],
        json!({
            "text": "Refusé : pornographie (liste preau-fr, score 160 pour un seuil de 50).",
            "what": "text", "by": "profile", "category": "porn",
            "category_name": "pornographie", "list": "preau-fr", "score": 160, "threshold": 50
        })
    );
    // It is counted, by kind and verdict.
    for (kind, verdict, count) in [
        ("host", "allowed", 1),
        ("host", "blocked", 1),
        ("host", "invalid", 1),
        ("url", "blocked", 2),
        ("text", "allowed", 1),
        ("text", "blocked", 1),
        ("result", "allowed", 1),
        ("result", "blocked", 1),
        ("result", "invalid", 0),
    ] {
        assert_eq!(world.counted([kind, verdict]), count, "{kind} {verdict}");
    }
    assert_eq!(world.counted(["check", "answered"]), 1);
}

#[test]
fn for_a_group_the_floor_has_a_say() {
    let world = World::new();
    let text = json!("Comment tuer le temps");
    let of_group = world.check(&json!({"group": "teachers", "text": text, "language": "en"}));
    let reason = &of_group["answers"][0]["reason"];
    assert_eq!(reason["by"], "floor");
    assert_eq!(
        reason["text"],
        "Refused: violence (list preau-war, score 160, threshold 50). The rule is a higher \
         authority's."
    );
    assert_eq!((&of_group["group"], &of_group["profile"]), (&json!("teachers"), &json!("staff")));
    // Of the profile alone, it is another matter: nothing is above it.
    let of_profile = world.check(&json!({"profile": "staff", "text": text}));
    assert_eq!(of_profile["answers"][0]["reason"]["by"], "profile");
    assert_eq!(of_profile["group"], Value::Null);
}

#[test]
fn only_who_has_the_token_is_answered() {
    let world = World::new();
    let body = json!({"profile": "child", "host": "www.example.com"}).to_string();
    let wrong = TOKEN.replace('0', "1");
    let cases = [
        (String::new(), 401),
        (format!("Authorization: Bearer {wrong}\r\n"), 401),
        (format!("Authorization: Bearer {}\r\n", &TOKEN[1..]), 401),
        (format!("Authorization: Bearer {TOKEN}0\r\n"), 401),
        (format!("Authorization: Basic {TOKEN}\r\n"), 401),
        (format!("Authorization: {TOKEN}\r\n"), 401),
        ("Authorization: Bearer\r\n".into(), 401),
        ("Authorization: Bearer \r\n".into(), 401),
        ("Authorization: \u{e9}\r\n".into(), 401),
        (format!("authorization: bearer {TOKEN}\r\n"), 200),
    ];
    for (headers, status) in &cases {
        let request = request("POST", CHECK, headers, body.as_bytes());
        let response = exchange(&mut world.stream(), &request);
        assert_eq!(response.status, *status, "{headers}");
        if *status == 401 {
            assert_eq!(response.header("www-authenticate"), Some("Bearer realm=\"preau\""));
            assert_eq!(response.json()["title"], "Jeton absent ou faux");
        }
    }
    assert_eq!(world.counted(["check", "unauthorized"]), 9);
    // A reload takes another.
    fs::write(world.folder.path().join("token"), &wrong).unwrap();
    world.service.reload().unwrap();
    assert_eq!(world.post(CHECK, &body).status, 401);
    let header = format!("Authorization: Bearer {wrong}\r\n");
    let request = request("POST", CHECK, &header, body.as_bytes());
    assert_eq!(exchange(&mut world.stream(), &request).status, 200);
}

/// What is wrong, where, and what to do, in the language asked for.
#[test]
fn faults_say_where_and_what_to_do() {
    let world = World::new();
    let deep = format!("{{\"profile\": \"child\", \"items\": {}", "[".repeat(100_000));
    let many = json!({"profile": "child", "items": vec![json!({"host": "a.example"}); 1001]});
    let long = json!({"profile": "child", "text": "x".repeat((1 << 20) + 1)});
    type Case<'c> = (&'c [u8], u16, &'c str, &'c str, Option<&'c str>);
    let cases: Vec<Case<'_>> = vec![
        (b"", 400, "json", "Not the JSON expected", Some("")),
        (b"[]", 400, "json", "Not the JSON expected", Some("")),
        (b"{", 400, "json", "Not the JSON expected", Some("")),
        (b"{} {}", 400, "json", "Not the JSON expected", Some("")),
        (b"{\"profile\": \"\xff\"}", 400, "json", "Not UTF-8", None),
        (b"{}", 400, "for-whom", "For whom?", Some("")),
        (br#"{"profile":"child","group":"pupils"}"#, 400, "for-whom", "For whom?", Some("/group")),
        (
            br#"{"profile":"nobody","host":"a"}"#,
            400,
            "for-whom",
            "Unknown profile",
            Some("/profile"),
        ),
        (br#"{"group":"child","host":"a"}"#, 400, "for-whom", "Unknown group", Some("/group")),
        (br#"{"profile":"child"}"#, 400, "items", "Not an item", Some("")),
        (br#"{"profile":"child","host":"a","text":"b"}"#, 400, "items", "Not an item", Some("")),
        (
            br#"{"profile":"child","host":"a","items":[]}"#,
            400,
            "items",
            "Not an item",
            Some("/items"),
        ),
        (
            br#"{"profile":"child","items":[{"host":"a"},{}]}"#,
            400,
            "items",
            "Not an item",
            Some("/items/1"),
        ),
        (
            br#"{"profile":"child","items":[{"host":"a","title":"b"}]}"#,
            400,
            "items",
            "Not an item",
            Some("/items/0"),
        ),
        (
            br#"{"profile":"child","items":[{"host":"a"},{"hots":"b"}]}"#,
            400,
            "json",
            "Not the JSON expected",
            Some("/items/1/hots"),
        ),
        (
            br#"{"profile":"child","items":[{"host":"a"},{"host":7}]}"#,
            400,
            "json",
            "Not the JSON expected",
            Some("/items/1/host"),
        ),
        (
            br#"{"profile":"child","items":[{"text":[1,2]}]}"#,
            400,
            "json",
            "Not the JSON expected",
            Some("/items/0/text"),
        ),
        (br#"{"profile":"child","a/b~":1}"#, 400, "json", "Not the JSON expected", Some("/a~1b~0")),
        (
            br#"{"profile":"child","language":"de"}"#,
            400,
            "json",
            "Not the JSON expected",
            Some("/language"),
        ),
        (deep.as_bytes(), 400, "json", "Not the JSON expected", Some("/items/0")),
    ];
    for (body, status, anchor, title, pointer) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(99)]).into_owned();
        let head = format!("Authorization: Bearer {TOKEN}\r\nAccept-Language: en\r\n");
        let response = exchange(&mut world.stream(), &request("POST", CHECK, &head, body));
        assert_eq!(
            (response.status, response.kind()),
            (status, "application/problem+json"),
            "{shown}"
        );
        let told = response.json();
        assert_eq!(told["title"], title, "{shown}: {told}");
        assert!(
            told["type"].as_str().unwrap().ends_with(&format!("check-api.md#{anchor}")),
            "{told}"
        );
        assert_eq!(told["status"], status);
        assert!(!told["detail"].as_str().unwrap().is_empty());
        assert_eq!(told["errors"][0]["pointer"].as_str(), pointer, "{shown}: {told}");
    }
    // Too much of anything; the request's own language has the last word.
    for (body, title) in [(&many, "Too many items"), (&long, "Item too long")] {
        let mut body = body.clone();
        assert_eq!(world.post(CHECK, body.to_string()).status, 413, "{title}");
        body["language"] = json!("en");
        let response = world.post(CHECK, body.to_string());
        assert_eq!((response.status, &response.json()["title"]), (413, &json!(title)));
    }
    // A great many of nothing, in a body that is not too long; more than any configuration allows.
    let empty = vec![json!({}); 600_000];
    let response = world.post(CHECK, json!({"profile": "child", "items": empty}).to_string());
    assert_eq!((response.status, &response.json()["title"]), (413, &json!("Trop d'éléments")));
    let key = "k".repeat(1 << 20);
    let response = world.post(CHECK, json!({"profile": "child", key: 1}).to_string());
    assert_eq!(response.status, 400);
    assert!(response.body.len() < 2000, "{} octets", response.body.len());
    let huge = vec![b' '; (2 << 20) + 1];
    let response = world.post(CHECK, &huge);
    assert_eq!((response.status, &response.json()["title"]), (413, &json!("Demande trop longue")));
    let chunked = format!(
        "POST {CHECK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        huge.len()
    );
    let chunked = [chunked.as_bytes(), &huge, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(exchange(&mut world.stream(), &chunked).status, 413);
    assert_eq!(world.counted(["check", "too_large"]), 7);

    for (method, path, status) in
        [("GET", CHECK, 405), ("PUT", EXPLAIN, 405), ("POST", "/v1/chec", 404), ("GET", "/", 404)]
    {
        let response = exchange(&mut world.stream(), &request(method, path, "", b""));
        assert_eq!((response.status, response.kind()), (status, "application/problem+json"));
        assert_eq!(
            response.header("allow"),
            (status == 405).then_some("POST"),
            "{}",
            response.head
        );
    }
    let header = format!("X: {}\r\n", "x".repeat(100_000));
    assert_eq!(exchange(&mut world.stream(), &request("POST", CHECK, &header, b"{}")).status, 431);
}

/// Nothing that may stand in a text is a fault, or stops the others from being judged.
#[test]
fn hostile_strings() {
    let world = World::new();
    let hostile = [
        r"\ud83d",
        r"\udc00\ud800 x",
        r"\u0000\u0001",
        r"\u202e\u200b\ufeff",
        r#"\"}]}{\"host\":\"x\""#,
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%00%ff%zz",
        "'; DROP TABLE lists; --",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
        "http://[::1",
        "http://user:pass@porn.example:99999/",
    ];
    for key in ["host", "url", "text", "title"] {
        let items: Vec<String> = hostile
            .iter()
            .map(|text| match key {
                "title" => format!(r#"{{"url":"https://a.example/","title":"{text}"}}"#),
                key => format!(r#"{{"{key}":"{text}"}}"#),
            })
            .collect();
        let items = items.join(",");
        let body = format!(
            "\u{feff}{{\"profile\":\"child\",\"items\":[{items},{{\"text\":\"vidéos porno\"}}]}}"
        );
        let response = world.post(CHECK, body);
        assert_eq!(response.status, 200, "{key}: {}", response.body);
        let answers = response.json()["answers"].as_array().unwrap().clone();
        assert_eq!(answers.len(), hostile.len() + 1);
        assert_eq!(answers[hostile.len()]["verdict"], "blocked");
    }
    // Half an emoji is no disguise.
    let body = r#"{"profile":"child","url":"https://a.example/","snippet":"vidéos porno \ud83d"}"#;
    assert_eq!(world.post(CHECK, body).json()["answers"][0]["verdict"], "blocked");
}

/// Bodies that lack their last octet keep their places, until they have it.
#[test]
fn one_request_too_many_is_told_when_to_come_again() {
    let world = World::with(&CONFIG.replace("timeout = \"1s\"", "timeout = \"1m\""));
    let head = format!("Authorization: Bearer {TOKEN}\r\n");
    let whole = request("POST", CHECK, &head, br#"{"profile":"child","host":"a.example"}"#);
    let (most, last) = whole.split_at(whole.len() - 1);
    let mut waiting: Vec<_> = (0..4).map(|_| world.stream()).collect();
    for stream in &mut waiting {
        stream.write_all(most).unwrap();
    }
    // They may take a moment to have every place.
    let busy = loop {
        let response = exchange(&mut world.stream(), &whole);
        if response.status != 200 {
            break response;
        }
    };
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    assert_eq!(busy.json()["title"], "Trop de demandes à la fois");
    for stream in &mut waiting {
        assert_eq!(exchange(stream, last).status, 200);
    }
    assert_eq!(world.counted(["check", "busy"]), 1);
    assert_eq!(exchange(&mut world.stream(), &whole).status, 200);
}

#[test]
fn who_is_slow_is_told_so() {
    let world = World::new();
    let head = format!("Authorization: Bearer {TOKEN}\r\n");
    let whole = request("POST", CHECK, &head, br#"{"profile":"child","host":"a.example"}"#);
    let response = exchange(&mut world.stream(), &whole[..whole.len() - 1]);
    assert_eq!((response.status, response.header("connection")), (408, Some("close")));
    assert_eq!(response.json()["title"], "Demande trop lente");
    assert_eq!(world.counted(["check", "slow"]), 1);
}

/// Every answer is by the lists before or those after, whatever happens meanwhile.
#[test]
fn a_batch_is_answered_by_one_set_of_lists() {
    let world = World::new();
    let items: Vec<_> = (0..1000).map(|_| json!({"host": "swap.example"})).collect();
    let body = json!({"profile": "child", "items": items}).to_string();
    let mut seen = Vec::new();
    let path = world.folder.path().join("lists.bundle");
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut seen = Vec::new();
            while !seen.contains(&1000) || !seen.contains(&0) {
                let answer = world.post(CHECK, &body).json();
                let kept = answer["kept"].as_array().unwrap().len();
                assert!(kept == 0 || kept == 1000, "{kept} of one batch");
                seen.push(kept);
            }
            seen
        });
        let lists = [bundle(&["swap.example"]), bundle(&["porn.example"])];
        for bytes in lists.iter().cycle() {
            if asking.is_finished() {
                break;
            }
            let new = path.with_extension("new");
            fs::write(&new, bytes).unwrap();
            fs::rename(new, &path).unwrap();
            world.service.reload().unwrap();
        }
        seen = asking.join().unwrap();
    });
    assert!(seen.len() >= 2);
}

/// Where it listens is as before, whatever the file says now; a profile that is new is known.
#[test]
fn a_reload() {
    let world = World::new();
    let config = world.folder.path().join("preau.toml");
    let body = json!({"profile": "new", "host": "www.porn.example"}).to_string();
    assert_eq!(world.post(CHECK, &body).status, 400);
    fs::write(&config, format!("{CONFIG}[profile.new]\nblock = [\"porn\"]\n")).unwrap();
    world.service.reload().unwrap();
    assert_eq!(world.post(CHECK, &body).json()["answers"][0]["verdict"], "blocked");
    let section = CONFIG.split("[check]").nth(1).unwrap().split("\n\n").next().unwrap();
    fs::write(&config, CONFIG.replace(section, "").replace("[check]", "")).unwrap();
    let reloaded = world.service.reload().unwrap();
    assert_eq!(reloaded.not_applied, ["[check] listen and socket"]);
    let body = json!({"profile": "child", "host": "www.porn.example"}).to_string();
    assert_eq!(world.post(CHECK, &body).json()["answers"][0]["verdict"], "blocked");
}

#[test]
fn a_socket_takes_no_token() {
    let config = "[upstream]\nservers = [\"192.0.2.53\"]\n[check]\nsocket = \"check.sock\"\n";
    let snapshot = testing::snapshot_over(
        config,
        &Filter::open(bundle(&["porn.example"])).unwrap(),
        testing::resolver(Arc::new(testing::FewNames)),
    );
    let settings = Config::parse("test.toml", config).unwrap().check;
    let service = Arc::new(Service::of_snapshot(snapshot));
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("check.sock");
    let runtime = Runtime::new().unwrap();
    let listener = {
        let _runtime = runtime.enter();
        WebListener::unix(&path).unwrap()
    };
    let stop = CancellationToken::new();
    let serving = runtime.spawn(server(service, &settings).serve(listener, stop.clone()));
    let body = br#"{"profile":"child","host":"porn.example"}"#;
    let response =
        exchange(&mut UnixStream::connect(&path).unwrap(), &request("POST", CHECK, "", body));
    assert_eq!(response.json()["answers"][0]["verdict"], "blocked");
    stop.cancel();
    runtime.block_on(serving).unwrap();
}

/// What `preau explain --json` says of a host, and the same sort of thing of URLs and texts.
#[test]
fn explanations() {
    let world = World::new();
    let explain = |request: Value| world.post(EXPLAIN, request.to_string()).json();
    let host = explain(json!({"group": "pupils", "host": "www.porn.example"}));
    assert_eq!((&host["group"], &host["blocked"]), (&json!("pupils"), &json!(true)));
    assert_eq!(host["decided_by"], "profile");
    assert_eq!(host["trace"]["candidates"][0]["matched"]["name"], "porn.example");
    assert_eq!(host["floor"]["trace"]["profile"], "academie");

    let url = explain(json!({"profile": "child", "url": "http://www.example.org/adult/?q=chat"}));
    assert_eq!((&url["blocked"], &url["host"]["blocked"]), (&json!(true), &json!(false)));
    assert_eq!(url["page"], "porn · ut1-adult · matched www.example.org/adult/");
    assert_eq!(url["query"]["blocked"], false);

    let text = explain(json!({"group": "pupils", "text": "des vidéos porno"}));
    assert_eq!((&text["blocked"], &text["floor"]["blocked"]), (&json!(true), &json!(false)));
    assert_eq!(text["trace"]["phrases"][0]["text"], "<vidéos porno><160>");
    assert_eq!(text["trace"]["phrases"][0]["terms"][0]["at"], json!({"start": 4, "end": 17}));

    for (request, status) in [
        (json!({"profile": "child", "host": "no host"}), 400),
        (json!({"profile": "child", "url": "http:///"}), 400),
        (json!({"profile": "child"}), 400),
        (json!({"profile": "child", "items": [{"host": "a.example"}]}), 400),
    ] {
        assert_eq!(world.post(EXPLAIN, request.to_string()).status, status, "{request}");
    }
    assert_eq!(world.counted(["explain", "answered"]), 3);
}

/// Reasons name no disguise and no part of a text, in either language.
#[test]
fn reasons_hold_nothing_of_a_text() {
    let world = World::new();
    for language in ["fr", "en"] {
        let answer = world.check(&json!({
            "profile": "child", "language": language, "text": "Secret de Louise : vidéos porno"
        }));
        let told = answer.to_string();
        assert!(told.contains(if language == "fr" { "Refusé" } else { "Refused" }), "{told}");
        assert!(!told.contains("Louise") && !told.contains("vidéos"), "{told}");
    }
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

#[test]
fn the_openapi_file_is_current() {
    let committed = fs::read_to_string(docs().join("check-api.openapi.json")).unwrap();
    assert!(
        committed == format!("{:#}\n", document()),
        "docs/check-api.openapi.json is not what the types say. Print it anew:\n\
         cargo run -- openapi > docs/check-api.openapi.json"
    );
    // Each reference leads somewhere.
    let whole: Value = serde_json::from_str(&committed).unwrap();
    let references = committed.lines().filter_map(|line| line.trim().strip_prefix("\"$ref\": \"#"));
    let mut count = 0;
    for reference in references {
        let pointer = reference.trim_end_matches([',', '"']);
        assert!(whole.pointer(pointer).is_some(), "{pointer}");
        count += 1;
    }
    assert!(count > 20, "{count}");
    assert!(whole.pointer("/components/schemas/Problem/properties/errors").is_some());
}

/// The examples of the documentation: each request, in its `curl`, has the answer that stands below.
#[test]
fn the_documentation_says_what_happens() {
    let world = World::new();
    let page = fs::read_to_string(docs().join("check-api.md")).unwrap();
    let mut blocks = page.split("```").skip(1).step_by(2);
    let (mut examples, mut answer) = (0, None);
    for block in blocks.by_ref() {
        let (language, text) = block.split_once('\n').unwrap();
        match language {
            "sh" if text.contains("--json '") => {
                let (before, body) = text.split_once("--json '").unwrap();
                let body = body.split('\'').next().unwrap();
                let path = if before.contains(EXPLAIN) { EXPLAIN } else { CHECK };
                let english = if before.contains("Accept-Language: en") { "en" } else { "fr" };
                let token = if before.contains("$TOKEN") { TOKEN } else { "" };
                let head =
                    format!("Authorization: Bearer {token}\r\nAccept-Language: {english}\r\n");
                let request = request("POST", path, &head, body.as_bytes());
                answer = Some(exchange(&mut world.stream(), &request).json());
            }
            "json" => {
                let expected: Value = serde_json::from_str(text).unwrap();
                assert_eq!(answer.take(), Some(expected), "{text}");
                examples += 1;
            }
            _ => {}
        }
    }
    assert!(answer.is_none() && examples >= 5, "{examples}");
    // What faults link to.
    for anchor in ["paths", "token", "limits", "busy", "for-whom", "json", "items"] {
        let heading = page.lines().any(|line| {
            line.strip_prefix("### ")
                .is_some_and(|title| title.to_lowercase().replace(' ', "-") == anchor)
        });
        assert!(heading, "{anchor}");
    }
}

/// A portal's own program, over a page of results.
#[test]
fn the_worked_example() {
    let world = World::new();
    let python = |arguments: &[&str]| {
        Command::new("python3")
            .arg(docs().join("examples/filter_results.py"))
            .args(arguments)
            .env("PREAU_URL", format!("http://{}", world.address))
            .env("PREAU_TOKEN_FILE", world.folder.path().join("token"))
            .output()
    };
    let page = docs().join("examples/results.json");
    let output = match python(&["--profile", "child", page.to_str().unwrap()]) {
        Err(_) => return eprintln!("skipped: no python3"),
        Ok(output) => output,
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let kept: Value = serde_json::from_slice(&output.stdout).unwrap();
    let all: Value = serde_json::from_str(&fs::read_to_string(&page).unwrap()).unwrap();
    assert_eq!(kept, json!([all[0], all[3]]));
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("Refusé : pornographie (liste ut1-adult"), "{said}");
    // Where the filter is not to be had, nothing is shown.
    let output = python(&["--profile", "nobody", page.to_str().unwrap()]).unwrap();
    assert!(!output.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), json!([]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Profil inconnu"));
}
