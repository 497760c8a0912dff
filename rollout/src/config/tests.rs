//! What is said about configurations that cannot be rolled out.

use super::*;

const AUDIENCE: &str = "[[audience]]\nname = \"pupils\"\n";

fn parsed(text: &str) -> Result<Rollout, RolloutError> {
    parse("rollout.toml", text, Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").as_path())
}

#[test]
fn a_name_is_enough() {
    let rollout = parsed(AUDIENCE).unwrap();
    let [audience] = rollout.audiences.as_slice() else { panic!("one audience") };
    assert_eq!(audience.doh, Doh::Off);
    assert!(audience.private_browsing && audience.guest && audience.prefetch && audience.quic);
    assert!(audience.search.is_none() && audience.extensions.is_none());
}

#[test]
fn the_example_is_valid_and_has_every_key() {
    let rollout = parsed(crate::EXAMPLE).unwrap();
    assert_eq!(rollout.audiences.len(), 2);
    let all = crate::EXAMPLE
        .replace("#authority = ", "authority = ")
        .replace("#[[engine]]", "[[engine]]")
        .replace("\n#id", "\nid")
        .replace("\n#label", "\nlabel")
        .replace("\n#keyword", "\nkeyword")
        .replace("\n#url", "\nurl")
        .replace("search = \"qwant\"", "search = \"ent\"");
    let rollout = parsed(&all).unwrap();
    assert!(rollout.audiences[0].authority.is_some());
    let search = rollout.audiences[1].search.as_ref().unwrap();
    assert_eq!((search.value.label.as_str(), search.locked), ("ENT", false));
    let written = include_str!("../config.rs");
    let audience = written.split("struct TypedAudience {").nth(1).unwrap();
    let keys = audience.split('}').next().unwrap().lines().filter_map(|line| line.split_once(": "));
    for (key, _) in keys {
        assert!(all.contains(&format!("\n{} = ", key.trim())), "{key} is not in the example");
    }
}

#[test]
fn faults() {
    for (text, expected) in FAULTS {
        let text = text.replace("AUDIENCE\n", AUDIENCE);
        let message = parsed(&text).expect_err(&text).to_string();
        assert_eq!(message, *expected, "\n--- of:\n{text}\n--- got:\n{message}\n---");
    }
}

/// `AUDIENCE` stands for two lines.
const FAULTS: &[(&str, &str)] = &[
    (
        "",
        "\
error: no audience
 --> rollout.toml:1:1
  |
1 |
  | ^
  |
help: add [[audience]] with a name; `preau rollout --example` prints one",
    ),
    (
        "[[audience]]\n",
        "\
error: missing field `name`
 --> rollout.toml:1:1
  |
1 | [[audience]]
  | ^^^^^^^^^^^^",
    ),
    (
        "AUDIENCE\ncolour = \"red\"\n",
        "\
error: unknown field `colour`, expected one of `name`, `search`, `search_locked`, `doh`, `safe_search`, `youtube`, `private_browsing`, `guest`, `home_page`, `home_page_locked`, `new_tab`, `extensions`, `prefetch`, `quic`, `authority`
 --> rollout.toml:3:1
  |
3 | colour = \"red\"
  | ^^^^^^",
    ),
    (
        "AUDIENCE\n[audience.extensions]\nsafari = []\n",
        "\
error: unknown field `safari`, expected one of `chrome`, `edge`, `firefox`
 --> rollout.toml:4:1
  |
4 | safari = []
  | ^^^^^^",
    ),
    (
        "audience = 3\n",
        "\
error: invalid type: integer `3`, expected a sequence
 --> rollout.toml:1:12
  |
1 | audience = 3
  |            ^",
    ),
    (
        "[[audience]]\nname = \"Élèves du collège\"\n",
        "\
error: not the name of an audience, nor of its folder
 --> rollout.toml:2:8
  |
2 | name = \"Élèves du collège\"
  |        ^^^^^^^^^^^^^^^^^^^
  |
help: write 1 to 40 of a-z, 0-9 and hyphens, such as \"pupils\"",
    ),
    (
        "[[audience]]\nname = \"../pupils\"\n",
        "\
error: not the name of an audience, nor of its folder
 --> rollout.toml:2:8
  |
2 | name = \"../pupils\"
  |        ^^^^^^^^^^^
  |
help: write 1 to 40 of a-z, 0-9 and hyphens, such as \"pupils\"",
    ),
    (
        "[[audience]]\nname = \"\"\n",
        "\
error: not the name of an audience, nor of its folder
 --> rollout.toml:2:8
  |
2 | name = \"\"
  |        ^^
  |
help: write 1 to 40 of a-z, 0-9 and hyphens, such as \"pupils\"",
    ),
    (
        "AUDIENCE\nAUDIENCE\n",
        "\
error: audience `pupils` twice
 --> rollout.toml:4:8
  |
2 | name = \"pupils\"
  |        -------- first here
3 | [[audience]]
4 | name = \"pupils\"
  |        ^^^^^^^^ again
  |
help: call one of them otherwise",
    ),
    (
        "AUDIENCE\nsearch = \"qwant-jr\"\n",
        "\
error: no engine `qwant-jr`
 --> rollout.toml:3:10
  |
3 | search = \"qwant-jr\"
  |          ^^^^^^^^^^
  |
help: name one of qwant-junior, qwant, duckduckgo, ecosia, google, bing, or add an [[engine]]",
    ),
    (
        "AUDIENCE\nsearch_locked = true\n",
        "\
error: `search_locked` without `search`
 --> rollout.toml:3:17
  |
3 | search_locked = true
  |                 ^^^^
  |
help: add `search`, or drop `search_locked`",
    ),
    (
        "AUDIENCE\nhome_page_locked = false\n",
        "\
error: `home_page_locked` without `home_page`
 --> rollout.toml:3:20
  |
3 | home_page_locked = false
  |                    ^^^^^
  |
help: add `home_page`, or drop `home_page_locked`",
    ),
    (
        "AUDIENCE\nsearch = [\"qwant\"]\n",
        "\
error: invalid type: sequence, expected a string
 --> rollout.toml:3:10
  |
3 | search = [\"qwant\"]
  |          ^^^^^^^^^",
    ),
    (
        "AUDIENCE\nprivate_browsing = \"no\"\n",
        "\
error: invalid type: string \"no\", expected a boolean
 --> rollout.toml:3:20
  |
3 | private_browsing = \"no\"
  |                    ^^^^",
    ),
    (
        "AUDIENCE\nhome_page = \"ent.example\"\n",
        "\
error: `ent.example` cannot be used: it does not begin with https:// or http://
 --> rollout.toml:3:13
  |
3 | home_page = \"ent.example\"
  |             ^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/\"",
    ),
    (
        "AUDIENCE\nhome_page = \"javascript:alert(1)\"\n",
        "\
error: `javascript:alert(1)` cannot be used: its scheme is not https or http
 --> rollout.toml:3:13
  |
3 | home_page = \"javascript:alert(1)\"
  |             ^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/\"",
    ),
    (
        "AUDIENCE\nhome_page = \"https://user:secret@ent.example/\"\n",
        "\
error: `https://user:secret@ent.example/` cannot be used: there is a user's name in it
 --> rollout.toml:3:13
  |
3 | home_page = \"https://user:secret@ent.example/\"
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/\"",
    ),
    (
        "AUDIENCE\nhome_page = \"https://ent.example/a b\"\n",
        "\
error: `https://ent.example/a b` cannot be used: there are characters in it that a URL does not have
 --> rollout.toml:3:13
  |
3 | home_page = \"https://ent.example/a b\"
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/\"",
    ),
    (
        "AUDIENCE\nhome_page = \"https://ent.example/\\n[x]\"\n",
        "\
error: `https://ent.example/\\n[x]` cannot be used: there are characters in it that a URL does not have
 --> rollout.toml:3:13
  |
3 | home_page = \"https://ent.example/\\n[x]\"
  |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/\"",
    ),
    (
        "AUDIENCE\nnew_tab = \"empty\"\n",
        "\
error: `empty` cannot be used: it does not begin with https:// or http://
 --> rollout.toml:3:11
  |
3 | new_tab = \"empty\"
  |           ^^^^^^^
  |
help: write a URL such as \"https://ent.example/\", or \"blank\"",
    ),
    (
        "AUDIENCE\ndoh = \"on\"\n",
        "\
error: `on` cannot be used: it does not begin with https://
 --> rollout.toml:3:7
  |
3 | doh = \"on\"
  |       ^^^^
  |
help: write a URL such as \"https://dns.school.example/dns-query\", or \"off\"",
    ),
    (
        "AUDIENCE\ndoh = \"http://dns.example/dns-query\"\n",
        "\
error: `http://dns.example/dns-query` cannot be used: its scheme is not https
 --> rollout.toml:3:7
  |
3 | doh = \"http://dns.example/dns-query\"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://dns.school.example/dns-query\", or \"off\"",
    ),
    (
        "AUDIENCE\ndoh = \"https://dns.example/dns-query{?dns}\"\n",
        "\
error: a template, where Firefox takes an address
 --> rollout.toml:3:7
  |
3 | doh = \"https://dns.example/dns-query{?dns}\"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: drop what is in braces: without it browsers ask by POST, which Firefox does in any case",
    ),
    (
        "AUDIENCE\nyoutube = \"hard\"\n",
        "\
error: no restricted mode `hard`
 --> rollout.toml:3:11
  |
3 | youtube = \"hard\"
  |           ^^^^^^
  |
help: write \"strict\", \"moderate\" or \"off\"",
    ),
    (
        "AUDIENCE\nextensions = { chrome = [\"uBlock0@raymondhill.net\"], edge = [\"*\"], firefox = [\"ddkjiahejlhfcafbddmgiahcphecmpfh\", \"{d10d0bf8}\"] }\n",
        "\
error: `uBlock0@raymondhill.net` is no extension's id
 --> rollout.toml:3:26
  |
3 | extensions = { chrome = [\"uBlock0@raymondhill.net\"], edge = [\"*\"], firefox = [\"ddkjiahejlhfcafbddmgiahcphecmpfh\", \"{d10d0bf8}\"] }
  |                          ^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write the 32 letters, a to p, that end its address in the store

error: `*` is no extension's id
 --> rollout.toml:3:62
  |
3 | extensions = { chrome = [\"uBlock0@raymondhill.net\"], edge = [\"*\"], firefox = [\"ddkjiahejlhfcafbddmgiahcphecmpfh\", \"{d10d0bf8}\"] }
  |                                                              ^^^
  |
help: write the 32 letters, a to p, that end its address in the store

error: `ddkjiahejlhfcafbddmgiahcphecmpfh` is no extension's id
 --> rollout.toml:3:79
  |
3 | extensions = { chrome = [\"uBlock0@raymondhill.net\"], edge = [\"*\"], firefox = [\"ddkjiahejlhfcafbddmgiahcphecmpfh\", \"{d10d0bf8}\"] }
  |                                                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write what about:debugging shows as its ID, such as \"uBlock0@raymondhill.net\" or \"{…}\" with a UUID

error: `{d10d0bf8}` is no extension's id
 --> rollout.toml:3:115
  |
3 | extensions = { chrome = [\"uBlock0@raymondhill.net\"], edge = [\"*\"], firefox = [\"ddkjiahejlhfcafbddmgiahcphecmpfh\", \"{d10d0bf8}\"] }
  |                                                                                                                   ^^^^^^^^^^^^
  |
help: write what about:debugging shows as its ID, such as \"uBlock0@raymondhill.net\" or \"{…}\" with a UUID",
    ),
    (
        "AUDIENCE\nauthority = \"nowhere.pem\"\n",
        "\
error: `nowhere.pem` cannot be rolled out: No such file or directory (os error 2)
 --> rollout.toml:3:13
  |
3 | authority = \"nowhere.pem\"
  |             ^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"rollout/main.rs\"\n",
        "\
error: `rollout/main.rs` cannot be rolled out: it holds 0 certificates
 --> rollout.toml:3:13
  |
3 | authority = \"rollout/main.rs\"
  |             ^^^^^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"bad/two.pem\"\n",
        "\
error: `bad/two.pem` cannot be rolled out: it holds 2 certificates
 --> rollout.toml:3:13
  |
3 | authority = \"bad/two.pem\"
  |             ^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"bad/key.pem\"\n",
        "\
error: `bad/key.pem` cannot be rolled out: there is a private key in it, which must never leave its place
 --> rollout.toml:3:13
  |
3 | authority = \"bad/key.pem\"
  |             ^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"bad/leaf.pem\"\n",
        "\
error: `bad/leaf.pem` cannot be rolled out: its certificate is not that of an authority (no CA:TRUE)
 --> rollout.toml:3:13
  |
3 | authority = \"bad/leaf.pem\"
  |             ^^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"bad/torn.pem\"\n",
        "\
error: `bad/torn.pem` cannot be rolled out: what it holds is no X.509 certificate
 --> rollout.toml:3:13
  |
3 | authority = \"bad/torn.pem\"
  |             ^^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\nauthority = \"bad/nothing.pem\"\n",
        "\
error: `bad/nothing.pem` cannot be rolled out: it holds 0 certificates
 --> rollout.toml:3:13
  |
3 | authority = \"bad/nothing.pem\"
  |             ^^^^^^^^^^^^^^^^^
  |
help: name a PEM file with one certificate, that of the authority",
    ),
    (
        "AUDIENCE\n[[engine]]\nid = \"ent\"\nlabel = \"ENT\"\nurl = \"https://ent.example/search\"\n",
        "\
error: nothing stands for the search
 --> rollout.toml:6:7
  |
6 | url = \"https://ent.example/search\"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write {searchTerms} where the search goes, such as \"https://ent.example/search?q={searchTerms}\"",
    ),
    (
        "AUDIENCE\n[[engine]]\nid = \"ent\"\nlabel = \"ENT\"\nurl = \"http://ent.example/?q={searchTerms}\"\n",
        "\
error: `http://ent.example/?q={searchTerms}` cannot be used: its scheme is not https
 --> rollout.toml:6:7
  |
6 | url = \"http://ent.example/?q={searchTerms}\"
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write a URL such as \"https://ent.example/search?q={searchTerms}\"",
    ),
    (
        "AUDIENCE\n[[engine]]\nid = \"qwant\"\nlabel = \" \"\nkeyword = \"a b\"\nurl = \"https://ent.example/?q={searchTerms}\"\n",
        "\
error: there is an engine `qwant` already
 --> rollout.toml:4:6
  |
4 | id = \"qwant\"
  |      ^^^^^^^
  |
help: call it otherwise: each engine is named once

error: a name is a line of text
 --> rollout.toml:5:9
  |
5 | label = \" \"
  |         ^^^
  |
help: write a few letters

error: a keyword has no spaces
 --> rollout.toml:6:11
  |
6 | keyword = \"a b\"
  |           ^^^^^
  |
help: write one word, such as \"ent\"",
    ),
    (
        "AUDIENCE\n[[engine]]\nid = \"ent\"\nlabel = \"ENT\"\nurl = \"https://a.example/?q={searchTerms}\"\n[[engine]]\nid = \"ent\"\nlabel = \"ENT\"\nurl = \"https://b.example/?q={searchTerms}\"\n",
        "\
error: engine `ent` twice
 --> rollout.toml:8:6
  |
4 | id = \"ent\"
  |      ----- first here
...
8 | id = \"ent\"
  |      ^^^^^ again
  |
help: call it otherwise: each engine is named once",
    ),
    (
        "AUDIENCE\n[[engine]]\nid = \"ent\"\n",
        "\
error: missing field `label`
 --> rollout.toml:3:1
  |
3 | [[engine]]
  | ^^^^^^^^^^",
    ),
];
