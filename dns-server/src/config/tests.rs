//! Configurations, and what is said about those that cannot be served.

use std::{fs, net::IpAddr};

use super::*;
use crate::{
    policy::{calendar::Calendars, schedule::Weekdays, services::Services},
    resolve::upstream::{Order, Server},
};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("/etc/preau/preau.toml", text)
}

#[test]
fn nothing_is_the_default() {
    let config = parse("").unwrap();
    assert_eq!(config.listen.dns, ["127.0.0.1:5300".parse().unwrap()]);
    assert_eq!(config.listen.all().count(), 1);
    assert_eq!(config.upstream, Upstream::default());
    assert_eq!(config.cache, CacheSettings::default());
    assert_eq!(config.lists, Lists::default());
    assert_eq!(config.groups, [Group::default()]);
    assert_eq!(config.groups[0].profile, "child");
    assert_eq!(config.profiles["child"].filter, filter_core::Profile::named("child").unwrap());
}

#[test]
fn limits() {
    let config = parse("[limits]\nconnections = 70\nwaiting_per_client = 9\n").unwrap();
    let expected = Limits { connections: 70, waiting_per_client: 9, ..Limits::default() };
    assert_eq!(config.limits, expected);
    let config = parse("[listen]\nproxies = [\"10.0.0.2\", \"2001:db8::/64\"]\n").unwrap();
    assert_eq!(config.proxies.len(), 2);
}

#[test]
fn structured_errors_name_a_contact() {
    let config = parse(
        "[contact]\norganisation = \"École\"\nuris = [\"mailto:a@b.example\", \"tel:+331\"]\n\
         [profile.x]\nstructured_errors = true\nremove_ech = true\n[profile.y]\n",
    )
    .unwrap();
    let contact = Contact {
        organisation: Some("École".into()),
        uris: vec!["mailto:a@b.example".into(), "tel:+331".into()],
    };
    let x = &config.profiles["x"];
    assert_eq!((x.structured_errors.as_deref(), x.remove_ech), (Some(&contact), true));
    let y = &config.profiles["y"];
    assert_eq!((y.structured_errors.as_deref(), y.remove_ech), (None, false));
    let nobody = parse("[profile.x]\nstructured_errors = true\n").unwrap();
    assert_eq!(nobody.profiles["x"].structured_errors.as_deref(), Some(&Contact::default()));
}

#[test]
fn the_block_page() {
    let config = parse(
        "[page]\naddresses = [\"2001:db8::80\", \"10.0.0.80\"]\nlisten = [\"10.0.0.80:80\"]\n\
         town = \"Villeneuve\"\nhome = \"https://ent.example.org\"\nsearch = \"kiddle\"\n\
         [contact]\nuris = [\"tel:+331\"]\n[profile.x]\nrefusal = \"page\"\n",
    )
    .unwrap();
    let page = config.page.as_ref().unwrap();
    let addresses: [IpAddr; 2] = ["10.0.0.80", "2001:db8::80"].map(|text| text.parse().unwrap());
    assert_eq!(*page.addresses, addresses);
    assert_eq!(config.profiles["x"].refusal, RefusalForm::Page(page.addresses.clone()));
    assert_eq!(page.listen, ["10.0.0.80:80".parse().unwrap()]);
    assert_eq!(page.town.as_deref(), Some("Villeneuve"));
    assert_eq!(page.home.as_deref(), Some("https://ent.example.org/"));
    assert_eq!(page.search.as_ref().map(|engine| engine.id.as_str()), Some("kiddle"));
    assert_eq!(page.contact.uris, ["tel:+331"]);
    config.check_page().unwrap();
    let least = parse("[page]\naddresses = [\"10.0.0.80\"]\n").unwrap().page.unwrap();
    assert!(least.listen.is_empty() && least.home.is_none() && least.town.is_none());
    assert_eq!(least.search.as_ref().map(|engine| engine.id.as_str()), Some("qwant-junior"));
    assert!(parse("").unwrap().page.is_none());
}

#[test]
fn names_that_look_like_others_are_refused_on_request() {
    let text = "[profile.child]\nlookalikes = true\n[profile.x]\nlookalikes = true\nobserve = \
                [\"lookalikes\"]\n[profile.y]\nlookalikes = false\n[profile.teen]\n";
    let config = parse(text).unwrap();
    let refused = |profile: &str| config.profiles[profile].filter.block.contains("lookalikes");
    assert_eq!(["child", "x", "y", "teen"].map(refused), [true, false, false, false]);
    assert!(config.profiles["child"].filter.block.contains("porn"));
}

#[test]
fn names_that_no_list_knows_are_refused_on_request() {
    let config = parse("[profile.x]\nunlisted = 10\n[profile.y]\n").unwrap();
    let accepted = ["x", "y"].map(|profile| config.profiles[profile].filter.unlisted);
    assert_eq!(accepted, [10, 0]);
}

#[test]
fn everything() {
    let config = parse(
        r#"
[listen]
dns = ["10.0.0.1:53", "[2001:db8::1]:53"]

[upstream]
servers = ["192.0.2.1", "192.0.2.1:5353", "2001:db8::53", "tls://9.9.9.9#dns.quad9.net"]

[lists]
bundle = "lists/today.bundle"
cache = "/var/lib/preau"

[[group]]
name = "pupils"
networks = ["10.1.0.0/16", "2001:db8:1::/48"]
profile = "child"

[[group]]
name = "library"
networks = ["10.1.2.3"]
profile = "library"

[[group]]
name = "teachers"
networks = ["10.2.0.0/16"]
profile = "staff"

[profile.child]
allow_names = ["*.example.com", "École.example"]
search = "only"
engines = ["qwant-junior", "google"]
youtube = "off"
block_services = ["roblox"]

[profile.library]
block = ["porn", "violence"]
allow = ["education"]
block_names = ["example.net"]
mode = "closed"
refusal = "null"

[profile.unused]
"#,
    )
    .unwrap();
    let texts = |servers: &[Server]| servers.iter().map(Server::to_string).collect::<Vec<_>>();
    assert_eq!(
        texts(&config.upstream.servers),
        ["192.0.2.1:53", "192.0.2.1:5353", "[2001:db8::53]:53", "tls://9.9.9.9:853#dns.quad9.net"]
    );
    assert_eq!(config.listen.dns.len(), 2);
    let bundle = ListSource::Bundle("/etc/preau/lists/today.bundle".into());
    assert_eq!(config.lists.source, bundle);
    assert_eq!(config.lists.cache, Some("/var/lib/preau".into()));
    assert_eq!(config.groups[1].networks, ["10.1.2.3/32".parse().unwrap()]);

    // A profile of a built-in name replaces only the keys that it gives.
    let child = &config.profiles["child"];
    assert_eq!(child.filter.block, filter_core::Profile::named("child").unwrap().block);
    let allowed: Vec<_> = child.filter.allow_names.iter().map(ToString::to_string).collect();
    assert_eq!(allowed, ["*.example.com", "xn--cole-9oa.example"]);
    assert_eq!(child.refusal, RefusalForm::NxDomain);

    assert!(matches!(child.search, SearchMode::Only(_)));
    assert_eq!(child.youtube, YouTube::Off);
    assert!(child.filter.block_names.iter().any(|name| name.to_string() == "roblox.com"));
    let teen = parse("[profile.teen]\n").unwrap().profiles["teen"].clone();
    assert_eq!((teen.search, teen.youtube), (SearchMode::Safe, YouTube::Moderate));

    let library = &config.profiles["library"];
    assert_eq!(library.filter.block, ["porn", "violence"].map(String::from).into());
    assert_eq!(library.filter.allow, ["education".to_owned()].into());
    assert_eq!(library.filter.mode, filter_core::Mode::Closed);
    assert_eq!(library.refusal, RefusalForm::Null);
    assert_eq!(config.profiles["staff"].filter, filter_core::Profile::named("staff").unwrap());
}

#[test]
fn upstream_and_cache() {
    let config = parse(
        r#"
[upstream]
servers = ["127.0.0.1:5335", "https://9.9.9.9/dns-query#dns.quad9.net"]
order = "fastest"
dnssec = "trust"

[[forward]]
zone = "Lan.School.example"
servers = ["10.0.0.2"]

[[forward]]
zone = "10.in-addr.arpa"
servers = ["10.0.0.2", "10.0.0.3"]

[cache]
size = "1GiB"
min_ttl = "30s"
max_ttl = "1h"
failures = "10s"
stale = "3d"
prefetch = false
"#,
    )
    .unwrap();
    assert_eq!((config.upstream.order, config.upstream.trusted), (Order::Fastest, true));
    let zones: Vec<_> = config
        .upstream
        .zones
        .iter()
        .map(|zone| format!("{} {}", zone.name, zone.servers.len()))
        .collect();
    assert_eq!(zones, ["lan.school.example 1", "10.in-addr.arpa 2"]);
    let expected = CacheSettings {
        octets: 1 << 30,
        ttl: 30..=3600,
        failures: Duration::from_secs(10),
        stale: Duration::from_secs(3 * 24 * 60 * 60),
        prefetch: false,
    };
    assert_eq!(config.cache, expected);
}

/// A category that the profile blocks by default may be allowed: that is how it is lifted.
#[test]
fn a_default_may_be_lifted() {
    let config = parse("[profile.child]\nallow = [\"ads\"]\n").unwrap();
    let child = &config.profiles["child"].filter;
    assert!(child.block.contains("ads") && child.allow.contains("ads"));
}

/// Pairs of a configuration and the message about it.
const FAULTS: &[(&str, &str)] = &[
    (
        "[listen]\ndsn = [\"127.0.0.1:53\"]\n",
        "\
error: unknown field `dsn`, expected one of `dns`, `tls`, `https`, `quic`, `proxies`
 --> /etc/preau/preau.toml:2:1
  |
2 | dsn = [\"127.0.0.1:53\"]
  | ^^^",
    ),
    (
        "[[group]]\nname = \"a\"\nnetworks = [\"10.0.0.0/8\"]\n",
        "\
error: missing field `profile`
 --> /etc/preau/preau.toml:1:1
  |
1 | [[group]]
  | ^^^^^^^^^",
    ),
    (
        "[profile.x]\nmode = \"shut\"\n",
        "\
error: unknown variant `shut`, expected `open` or `closed`
 --> /etc/preau/preau.toml:2:8
  |
2 | mode = \"shut\"
  |        ^^^^^^",
    ),
    (
        "[listen]\ndns = \"127.0.0.1:53\"\n",
        "\
error: invalid type: string \"127.0.0.1:53\", expected a sequence
 --> /etc/preau/preau.toml:2:7
  |
2 | dns = \"127.0.0.1:53\"
  |       ^^^^^^^^^^^^^^",
    ),
    (
        "[listen]\ndns = []\n",
        "\
error: no address to listen on
 --> /etc/preau/preau.toml:2:7
  |
2 | dns = []
  |       ^^
  |
help: name at least one, such as \"127.0.0.1:53\"",
    ),
    (
        "[listen]\ndns = [\"127.0.0.1\"]\n",
        "\
error: `127.0.0.1` is not an address and a port
 --> /etc/preau/preau.toml:2:8
  |
2 | dns = [\"127.0.0.1\"]
  |        ^^^^^^^^^^^
  |
help: write \"127.0.0.1:53\" or \"[::1]:53\"",
    ),
    (
        "[listen]\ndns = [\"127.0.0.1:53\", \"127.0.0.1:53\"]\n",
        "\
error: 127.0.0.1:53 stands twice
 --> /etc/preau/preau.toml:2:24
  |
2 | dns = [\"127.0.0.1:53\", \"127.0.0.1:53\"]
  |        --------------  ^^^^^^^^^^^^^^ again here
  |        |
  |        first here
  |
help: drop one of them",
    ),
    (
        "[listen]\nproxies = [\"10.0.0.2/8\"]\n",
        "\
error: `10.0.0.2/8` is an address within a network
 --> /etc/preau/preau.toml:2:12
  |
2 | proxies = [\"10.0.0.2/8\"]
  |            ^^^^^^^^^^^^
  |
help: the network is \"10.0.0.0/8\"",
    ),
    (
        "[profile.x]\nblock_networks = [\"10.0.0.2/8\"]\n",
        "\
error: `10.0.0.2/8` is an address within a network
 --> /etc/preau/preau.toml:2:19
  |
2 | block_networks = [\"10.0.0.2/8\"]
  |                   ^^^^^^^^^^^^
  |
help: the network is \"10.0.0.0/8\"",
    ),
    (
        "[profile.x]\nblock_networks = [\"ads.example\"]\n",
        "\
error: `ads.example` is not a network
 --> /etc/preau/preau.toml:2:19
  |
2 | block_networks = [\"ads.example\"]
  |                   ^^^^^^^^^^^^^
  |
help: write \"10.1.0.0/16\", \"2001:db8::/32\" or a single address",
    ),
    (
        "[profile.x]\nblock_networks = [\"192.0.2.7\", \"192.0.2.7/32\"]\n",
        "\
error: the network 192.0.2.7/32 stands twice
 --> /etc/preau/preau.toml:2:32
  |
2 | block_networks = [\"192.0.2.7\", \"192.0.2.7/32\"]
  |                   -----------  ^^^^^^^^^^^^^^ again here
  |                   |
  |                   first here
  |
help: drop one of them",
    ),
    (
        "[limits]\nqueries_per_second = 0\n",
        "\
error: 0 is out of range
 --> /etc/preau/preau.toml:2:22
  |
2 | queries_per_second = 0
  |                      ^
  |
help: write a number from 1 to 1000000",
    ),
    (
        "[limits]\nconnections = 10\nconnections_per_client = 11\n",
        "\
error: a client may have 11, all together 10
 --> /etc/preau/preau.toml:3:26
  |
3 | connections_per_client = 11
  |                          ^^
  |
help: lower it, or raise `connections`",
    ),
    (
        "[upstream]\nservers = []\n",
        "\
error: no upstream server
 --> /etc/preau/preau.toml:2:11
  |
2 | servers = []
  |           ^^
  |
help: name at least one, or leave `servers` out to ask the system's resolvers",
    ),
    (
        "[upstream]\nservers = [\"dns.example\"]\n",
        "\
error: `dns.example` is no upstream server: not an IP address, with or without a port
 --> /etc/preau/preau.toml:2:12
  |
2 | servers = [\"dns.example\"]
  |            ^^^^^^^^^^^^^
  |
help: write \"192.0.2.1\", \"192.0.2.1:5353\" or \"tls://192.0.2.1#resolver.example\"",
    ),
    (
        "[upstream]\nservers = [\"127.0.0.1\", \"192.0.2.1\"]\ndnssec = \"trust\"\n",
        "\
error: `192.0.2.1` cannot be trusted to verify
 --> /etc/preau/preau.toml:2:25
  |
2 | servers = [\"127.0.0.1\", \"192.0.2.1\"]
  |                         ^^^^^^^^^^^
  |
help: anybody on the way can change what it says: ask a resolver on this machine, or by tls://, https:// or quic://, or drop `dnssec`",
    ),
    (
        "[upstream]\ndnssec = \"trust\"\n",
        "\
error: nobody to trust
 --> /etc/preau/preau.toml:2:10
  |
2 | dnssec = \"trust\"
  |          ^^^^^^^
  |
help: name the `servers` that verify: the system's are anybody's",
    ),
    (
        "[upstream]\ndnssec = \"validate\"\n",
        "\
error: unknown variant `validate`, expected `off` or `trust`
 --> /etc/preau/preau.toml:2:10
  |
2 | dnssec = \"validate\"
  |          ^^^^^^^^^^",
    ),
    (
        "[[forward]]\nzone = \"a.example\"\nservers = []\n",
        "\
error: no upstream server
 --> /etc/preau/preau.toml:3:11
  |
3 | servers = []
  |           ^^
  |
help: name at least one",
    ),
    (
        "[[forward]]\nzone = \".\"\nservers = [\"192.0.2.1\"]\n",
        "\
error: `.` is not a zone
 --> /etc/preau/preau.toml:2:8
  |
2 | zone = \".\"
  |        ^^^
  |
help: write a domain name such as \"school.example\", or \"168.192.in-addr.arpa\" for the names of 192.168.0.0/16",
    ),
    (
        "\
[upstream]
servers = [\"tls://9.9.9.9\", \"192.0.2.1\", \"tls://9.9.9.9:853#9.9.9.9\"]
",
        "\
error: upstream server tls://9.9.9.9:853#9.9.9.9 stands twice
 --> /etc/preau/preau.toml:2:42
  |
2 | servers = [\"tls://9.9.9.9\", \"192.0.2.1\", \"tls://9.9.9.9:853#9.9.9.9\"]
  |            --------------- first here    ^^^^^^^^^^^^^^^^^^^^^^^^^^^ again here
  |
help: drop one of them",
    ),
    (
        "\
[[forward]]
zone = \"school.example\"
servers = [\"192.0.2.1\"]
[[forward]]
zone = \"School.Example.\"
servers = [\"192.0.2.2\"]
",
        "\
error: the zone school.example stands twice
 --> /etc/preau/preau.toml:5:8
  |
2 | zone = \"school.example\"
  |        ---------------- first here
...
5 | zone = \"School.Example.\"
  |        ^^^^^^^^^^^^^^^^^ again here
  |
help: put the servers of both into one",
    ),
    (
        "[cache]\nsize = \"64\"\n",
        "\
error: `64` is not a size for a cache
 --> /etc/preau/preau.toml:2:8
  |
2 | size = \"64\"
  |        ^^^^
  |
help: write a number and a unit, MiB or GiB, from \"1MiB\", such as \"64MiB\"",
    ),
    (
        "[cache]\nstale = \"4d\"\n",
        "\
error: `4d` is not a length of time that makes sense here
 --> /etc/preau/preau.toml:2:9
  |
2 | stale = \"4d\"
  |         ^^^^
  |
help: write a number and a unit, s, m, h or d, from \"0s\" (never) to \"3d\"",
    ),
    (
        "[cache]\nmin_ttl = \"10m\"\nmax_ttl = \"5m\"\n",
        "\
error: `min_ttl` is more than the 300 s of `max_ttl`
 --> /etc/preau/preau.toml:2:11
  |
2 | min_ttl = \"10m\"
  |           ^^^^^
  |
help: lower it",
    ),
    (
        "[listen]\ndns = [\"0.0.0.0:53\"]\n[upstream]\nservers = [\"127.0.0.1\"]\n",
        "\
error: upstream server 127.0.0.1:53 is this server itself
 --> /etc/preau/preau.toml:4:12
  |
4 | servers = [\"127.0.0.1\"]
  |            ^^^^^^^^^^^
  |
help: name a resolver that asks somebody else",
    ),
    (
        "[[group]]\nname = \"a\"\nnetworks = []\nprofile = \"child\"\n",
        "\
error: group `a` has no networks
 --> /etc/preau/preau.toml:3:12
  |
3 | networks = []
  |            ^^
  |
help: name at least one, such as \"10.1.0.0/16\"",
    ),
    (
        "[[group]]\nname = \"a\"\nnetworks = [\"10.1.2.0/16\"]\nprofile = \"child\"\n",
        "\
error: `10.1.2.0/16` is an address within a network
 --> /etc/preau/preau.toml:3:13
  |
3 | networks = [\"10.1.2.0/16\"]
  |             ^^^^^^^^^^^^^
  |
help: the network is \"10.1.0.0/16\"",
    ),
    (
        "[[group]]\nname = \"a\"\nnetworks = [\"10.1.2.0/33\"]\nprofile = \"child\"\n",
        "\
error: `10.1.2.0/33` is not a network
 --> /etc/preau/preau.toml:3:13
  |
3 | networks = [\"10.1.2.0/33\"]
  |             ^^^^^^^^^^^^^
  |
help: write \"10.1.0.0/16\", \"2001:db8::/32\" or a single address",
    ),
    (
        "[[group]]\nname = \"a\"\nnetworks = [\"::ffff:10.0.0.0/104\"]\nprofile = \"child\"\n",
        "\
error: `::ffff:10.0.0.0/104` is an IPv4 network in IPv6 clothing
 --> /etc/preau/preau.toml:3:13
  |
3 | networks = [\"::ffff:10.0.0.0/104\"]
  |             ^^^^^^^^^^^^^^^^^^^^^
  |
help: write it as an IPv4 network: its addresses are seen as IPv4",
    ),
    (
        "\
[[group]]
name = \"pupils\"
networks = [\"10.1.0.0/16\"]
profile = \"child\"
[[group]]
name = \"teachers\"
networks = [\"10.1.0.0/16\"]
profile = \"staff\"
",
        "\
error: the network 10.1.0.0/16 stands twice
 --> /etc/preau/preau.toml:7:13
  |
3 | networks = [\"10.1.0.0/16\"]
  |             ------------- first here
...
7 | networks = [\"10.1.0.0/16\"]
  |             ^^^^^^^^^^^^^ again here
  |
help: a client is in one group: drop one of them, or make one more specific",
    ),
    (
        "\
[[group]]
name = \"a\"
networks = [\"10.1.0.0/16\"]
profile = \"child\"
[[group]]
name = \"a\"
networks = [\"10.2.0.0/16\"]
profile = \"child\"
",
        "\
error: two groups are called `a`
 --> /etc/preau/preau.toml:6:8
  |
2 | name = \"a\"
  |        --- first here
...
6 | name = \"a\"
  |        ^^^ again here
  |
help: give each its own name",
    ),
    (
        "[profile.library]\n[[group]]\nname = \"a\"\nnetworks = [\"::/0\"]\nprofile = \"kid\"\n",
        "\
error: unknown profile `kid`
 --> /etc/preau/preau.toml:5:11
  |
5 | profile = \"kid\"
  |           ^^^^^
  |
help: the profiles are child, library, staff, teen; another one needs a table [profile.kid]",
    ),
    (
        "[profile.x]\nblock = [\"ads\"]\nallow = [\"ads\"]\n",
        "\
error: `ads` is both blocked and allowed
 --> /etc/preau/preau.toml:3:10
  |
2 | block = [\"ads\"]
  |          ----- first here
3 | allow = [\"ads\"]
  |          ^^^^^ again here
  |
help: drop one of them",
    ),
    (
        "[profile.x]\nblock_names = [\"a..example\"]\n",
        "\
error: `a..example` is not a host name: the name has an empty label (two dots in a row, or a leading dot)
 --> /etc/preau/preau.toml:2:16
  |
2 | block_names = [\"a..example\"]
  |                ^^^^^^^^^^^^
  |
help: write \"example.com\" for the name and all below it, \"*.example.com\" for all below it only",
    ),
    (
        "[profile.x]\nrefusal = \"page\"\n",
        "\
error: refusal = \"page\" without a page
 --> /etc/preau/preau.toml:2:11
  |
2 | refusal = \"page\"
  |           ^^^^^^
  |
help: say where the block page is served: [page] addresses = [\"10.0.0.80\"]",
    ),
    (
        "[contact]\nuris = []\n",
        "\
error: nobody to contact
 --> /etc/preau/preau.toml:2:8
  |
2 | uris = []
  |        ^^
  |
help: give one, such as \"mailto:filtrage@ecole.example\", or drop [contact]",
    ),
    (
        "[contact]\nuris = [\"https://ecole.example\"]\n",
        "\
error: `https://ecole.example` is not an address that clients can use
 --> /etc/preau/preau.toml:2:9
  |
2 | uris = [\"https://ecole.example\"]
  |         ^^^^^^^^^^^^^^^^^^^^^^^
  |
help: write \"mailto:name@ecole.example\" or \"tel:+33123456789\"",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\nlisten = [\"10.0.0.80\"]\n",
        "\
error: `10.0.0.80` is not an address and a port
 --> /etc/preau/preau.toml:3:11
  |
3 | listen = [\"10.0.0.80\"]
  |           ^^^^^^^^^^^
  |
help: write \"10.0.0.80:80\" or \"[2001:db8::80]:80\"",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\nhome = \"javascript:alert(1)\"\n",
        "\
error: `javascript:alert(1)` is not the URL of a page
 --> /etc/preau/preau.toml:3:8
  |
3 | home = \"javascript:alert(1)\"
  |        ^^^^^^^^^^^^^^^^^^^^^
  |
help: write \"https://ent.example.org/\"",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\ntown = \" \"\n",
        "\
error: a name of 1 to 100 characters is expected
 --> /etc/preau/preau.toml:3:8
  |
3 | town = \" \"
  |        ^^^
  |
help: write a short name, such as \"Villeneuve\", or leave it out",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\ncolour = \"#ff8800\"\n",
        "\
error: `#ff8800` is too pale: white has a contrast of 2.4 on it, and needs 4.5 to be readable (WCAG 2.2, 1.4.3)
 --> /etc/preau/preau.toml:3:10
  |
3 | colour = \"#ff8800\"
  |          ^^^^^^^^^
  |
help: write two hexadecimal digits each of red, green and blue: \"#1f6f8b\"",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\nsearch = \"qwant-senior\"\n",
        "\
error: there is no search engine `qwant-senior` in the table
 --> /etc/preau/preau.toml:3:10
  |
3 | search = \"qwant-senior\"
  |          ^^^^^^^^^^^^^^
  |
help: write one of qwant-junior, kiddle; another one needs a row with `search_url` in a file of yours: [search] engines_file",
    ),
    (
        "[page]\naddresses = [\"10.0.0.80\"]\nsearch = \"kidrex\"\n",
        "\
error: it is not known where `kidrex` takes searches
 --> /etc/preau/preau.toml:3:10
  |
3 | search = \"kidrex\"
  |          ^^^^^^^^
  |
help: write one of qwant-junior, kiddle; another one needs a row with `search_url` in a file of yours: [search] engines_file",
    ),
    (
        "[page]\naddresses = [\"the web\"]\n",
        "\
error: `the web` is not an address
 --> /etc/preau/preau.toml:2:14
  |
2 | addresses = [\"the web\"]
  |              ^^^^^^^^^
  |
help: write \"10.0.0.5\" or \"2001:db8::5\"",
    ),
    (
        "[[local]]\nname = \"not a name\"\naddresses = []\n",
        "\
error: no address
 --> /etc/preau/preau.toml:3:13
  |
3 | addresses = []
  |             ^^
  |
help: name at least one, such as \"10.0.0.5\"

error: `not a name` is not a host name: ' ' at position 3 cannot stand in a host name
 --> /etc/preau/preau.toml:2:8
  |
2 | name = \"not a name\"
  |        ^^^^^^^^^^^^
  |
help: write \"printer.school.example\"",
    ),
    (
        "[floor]\nprofile = \"academie\"\n",
        "\
error: unknown profile `academie`
 --> /etc/preau/preau.toml:2:11
  |
2 | profile = \"academie\"
  |           ^^^^^^^^^^
  |
help: the profiles are child, staff, teen; another one needs a table [profile.academie]",
    ),
    (
        "[floor]\nprofile = \"teen\"\ngroups = [\"pupils\"]\n",
        "\
error: unknown group `pupils`
 --> /etc/preau/preau.toml:3:11
  |
3 | groups = [\"pupils\"]
  |           ^^^^^^^^
  |
help: the groups are this machine",
    ),
    (
        "[profile.child]\nobserve = [\"ads\"]\nblock = [\"ads\"]\n",
        "\
error: `ads` is both blocked and observed
 --> /etc/preau/preau.toml:2:12
  |
2 | observe = [\"ads\"]
  |            ^^^^^ again here
3 | block = [\"ads\"]
  |          ----- first here
  |
help: drop one of them",
    ),
    // Every fault at once.
    (
        "[profile.x]\nyoutube = \"strict\"\nengines = [\"qwant-junior\"]\nblock_services = [\"tictoc\"]\n\
         [profile.y]\nsearch = \"only\"\n",
        "\
error: there is no service `tictoc` in the table
 --> /etc/preau/preau.toml:4:19
  |
4 | block_services = [\"tictoc\"]
  |                   ^^^^^^^^
  |
help: the services are SERVICES

error: `engines` without search = \"only\"
 --> /etc/preau/preau.toml:3:11
  |
3 | engines = [\"qwant-junior\"]
  |           ^^^^^^^^^^^^^^^^
  |
help: with search = \"only\" they are all that is left; drop them, or write that

error: search = \"only\" without `engines`
 --> /etc/preau/preau.toml:6:10
  |
6 | search = \"only\"
  |          ^^^^^^
  |
help: add those that are left, such as engines = [\"qwant-junior\"]",
    ),
    (
        "[calendar]\nzone = \"D\"\ntime_zone = \"Paris\"\nfile = \"none.toml\"\n",
        "\
error: cannot read /etc/preau/none.toml: No such file or directory (os error 2)
 --> /etc/preau/preau.toml:4:8
  |
4 | file = \"none.toml\"
  |        ^^^^^^^^^^^
  |
help: paths start from the folder of this file

error: unknown time zone `Paris`
 --> /etc/preau/preau.toml:3:13
  |
3 | time_zone = \"Paris\"
  |             ^^^^^^^
  |
help: write a name of the IANA database, such as \"Europe/Paris\"

error: unknown school zone `D`
 --> /etc/preau/preau.toml:2:8
  |
2 | zone = \"D\"
  |        ^^^
  |
help: the zones are ZONES",
    ),
    (
        "[[profile.child.slot]]\ndays = [\"mon\", \"noday\"]\nfrom = \"8\"\nto = \"24:00\"\n\
         during = \"term\"\nuse = \"lesson\"\n",
        "\
error: `noday` is not a day of the week
 --> /etc/preau/preau.toml:2:8
  |
2 | days = [\"mon\", \"noday\"]
  |        ^^^^^^^^^^^^^^^^
  |
help: write \"mon\", \"lundi\" or \"mon-fri\"

error: `8` is not a time of the day
 --> /etc/preau/preau.toml:3:8
  |
3 | from = \"8\"
  |        ^^^
  |
help: write \"08:00\"

error: unknown profile `lesson`
 --> /etc/preau/preau.toml:6:7
  |
6 | use = \"lesson\"
  |       ^^^^^^^^
  |
help: the profiles are child, staff, teen; another one needs a table [profile.lesson]

error: nobody says when it is `term`
 --> /etc/preau/preau.toml:5:10
  |
5 | during = \"term\"
  |          ^^^^^^
  |
help: name the school zone: [calendar] zone = \"A\"",
    ),
    (
        "[floor]\nprofile = \"child\"\n[[profile.child.exception]]\ndate = \"2026-12-24\"\n\
         to = \"2026-12-20\"\nuse = \"staff\"\n",
        "\
error: the last day is before the first
 --> /etc/preau/preau.toml:5:6
  |
5 | to = \"2026-12-20\"
  |      ^^^^^^^^^^^^
  |
help: swap them

error: the floor has slots
 --> /etc/preau/preau.toml:2:11
  |
2 | profile = \"child\"
  |           ^^^^^^^
  |
help: a floor holds at all times: name a profile without slots",
    ),
    (
        "[listen\n",
        "\
error: unclosed table, expected `]`
 --> /etc/preau/preau.toml:1:8
  |
1 | [listen
  |        ^",
    ),
    (
        "[profile.x]\nunlisted = 51\n",
        "\
error: more mistakes than 50 in 10 000 names
 --> /etc/preau/preau.toml:2:12
  |
2 | unlisted = 51
  |            ^^
  |
help: 1 is careful, 10 finds more; 0 switches it off",
    ),
];

#[test]
fn faults() {
    let services = Services::shipped();
    let services: Vec<_> = services.all().iter().map(|service| service.id.as_str()).collect();
    let calendars = Calendars::shipped();
    let zones: Vec<_> = calendars.ids().collect();
    for (text, expected) in FAULTS {
        let message = parse(text).expect_err(text).to_string();
        let expected = expected.replace("SERVICES", &services.join(", "));
        let expected = expected.replace("ZONES", &zones.join(", "));
        assert_eq!(message, expected, "\n--- got:\n{message}\n---");
    }
}

#[test]
fn categories_are_those_of_the_bundle() {
    let config =
        parse("[profile.x]\nblock = [\"porn\", \"pron\"]\nallow = [\"astrology\"]\n").unwrap();
    let known = Categories::builtin();
    let message = config.check_categories(&known).unwrap_err().to_string();
    let expected = "\
error: unknown category `pron`
 --> /etc/preau/preau.toml:2:18
  |
2 | block = [\"porn\", \"pron\"]
  |                  ^^^^^^
  |
help: the bundle's categories are porn, violence, ";
    assert!(message.starts_with(expected), "{message}");
    assert!(
        message.contains("error: unknown category `astrology`\n --> /etc/preau/preau.toml:3:10")
    );
    assert!(parse("").unwrap().check_categories(&known).is_ok());
}

#[test]
fn a_file_that_is_not_there() {
    let message = Config::load(Path::new("/nonexistent/preau.toml")).unwrap_err().to_string();
    let expected = "cannot read the configuration /nonexistent/preau.toml: \
                    No such file or directory (os error 2)";
    assert_eq!(message, expected);
}

#[test]
fn loops() {
    let cases = [
        ("127.0.0.1:53", "127.0.0.1", true),
        ("127.0.0.1:53", "127.0.0.1:54", false),
        ("127.0.0.1:53", "127.0.0.2", false),
        ("127.0.0.1:53", "::ffff:127.0.0.1", true),
        ("0.0.0.0:53", "127.0.0.53", true),
        ("0.0.0.0:53", "192.0.2.1", false),
        ("[::]:53", "::1", true),
        ("10.0.0.1:53", "10.0.0.1", true),
    ];
    for (listen, server, expected) in cases {
        let got = is_loop(
            &Listen { dns: vec![listen.parse().unwrap()], ..Listen::default() },
            &server.parse().unwrap(),
        );
        assert_eq!(got, expected, "{listen} {server}");
    }
}

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const NEXT_KEY: &str = "RWQh6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

/// What schools are told to begin with.
#[test]
fn the_example_for_schools() {
    let text = include_str!("../../../lists/data/school/preau.toml");
    let config = parse(&text.replace("/etc/preau/school.key.pub", KEY)).unwrap();
    let groups: Vec<_> = config.groups.iter().map(|group| group.profile.as_str()).collect();
    assert_eq!(groups, ["child", "closed", "teen", "staff"]);
    assert!(matches!(config.lists.source, ListSource::Published { .. }));
}

#[test]
fn published_lists() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = format!("untrusted comment: minisign public key\n{NEXT_KEY}\n");
    fs::write(folder.path().join("next.pub"), key_file).unwrap();
    let path = folder.path().join("preau.toml");
    let parse = |poll: &str| {
        let text = format!(
            "[lists]\nurl = \"https://lists.example/preau\"\nkeys = [\"{KEY}\", \"next.pub\"]\n\
             {poll}cache = \"cache\"\n"
        );
        Config::parse(path.to_str().unwrap(), text).unwrap().lists
    };
    let lists = parse("");
    let ids: Vec<_> = lists.keys.iter().map(|key| key.id().to_string()).collect();
    assert_eq!(ids, ["E7620F1842B4E81F", "E7620F1842B4E821"]);
    assert_eq!(lists.cache, Some(folder.path().join("cache")));
    for (text, seconds) in [("", 3600), ("90s", 90), ("5m", 300), ("12h", 43_200), ("7d", 604_800)]
    {
        let poll = if text.is_empty() { String::new() } else { format!("poll = \"{text}\"\n") };
        let url = "https://lists.example/preau".parse().unwrap();
        let expected = ListSource::Published { url, poll: Duration::from_secs(seconds) };
        assert_eq!(parse(&poll).source, expected);
    }
}

#[test]
fn faults_of_lists() {
    let with_key = |text: &str| format!("[lists]\n{text}keys = [\"{KEY}\"]\n");
    let cases = [
        (
            "[lists]\nurl = \"https://a.example\"\n".to_owned(),
            "2:7",
            "`url` without `keys`",
            "the publisher's public key",
        ),
        (
            with_key("url = \"https://a.example\"\nbundle = \"b\"\n"),
            "3:10",
            "`url` and `bundle` exclude each other",
            "a file of yours",
        ),
        (
            with_key("url = \"lists.example\"\n"),
            "2:7",
            "not a URL (relative URL without a base)",
            "https://lists.example/preau",
        ),
        (
            with_key("url = \"ftp://a.example\"\n"),
            "2:7",
            "ftp is not supported",
            "the folder that bundles",
        ),
        (
            with_key("url = \"https://a:b@c.example\"\n"),
            "2:7",
            "must not hold a user name",
            "the folder",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"1 hour\"\n"),
            "3:8",
            "`1 hour` is not a length of time",
            "\"1h\" or \"30m\"",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"h\"\n"),
            "3:8",
            "`h` is not a length of time",
            "a number and a unit",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"é\"\n"),
            "3:8",
            "`é` is not a length of time",
            "a number and a unit",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"0s\"\n"),
            "3:8",
            "out of range",
            "from \"1s\" to \"7d\"",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"8d\"\n"),
            "3:8",
            "out of range",
            "from \"1s\" to \"7d\"",
        ),
        (
            with_key("url = \"https://a.example\"\npoll = \"99999999999999999999d\"\n"),
            "3:8",
            "not a length of time",
            "",
        ),
        (
            with_key("bundle = \"b\"\npoll = \"1h\"\n"),
            "3:8",
            "`poll` without `url`",
            "only a `url` is polled",
        ),
        (with_key(""), "2:8", "`keys` without lists to verify", "add the `url` or the `bundle`"),
        ("[lists]\nbundle = \"b\"\nkeys = []\n".to_owned(), "3:8", "no key", ".pub file"),
        (
            "[lists]\nbundle = \"b\"\nkeys = [\"absent.pub\"]\n".to_owned(),
            "3:9",
            "/etc/preau/absent.pub: No such file",
            ".pub file",
        ),
        (
            format!("[lists]\nbundle = \"b\"\nkeys = [\"{KEY}\", \"{KEY}\"]\n"),
            "3:69",
            "key E7620F1842B4E81F stands twice",
            "drop one",
        ),
        (
            "[lists]\nstate_dir = \"/srv\"\n".to_owned(),
            "2:1",
            "unknown field `state_dir`, expected one of `url`, `keys`, `poll`, `bundle`, `cache`",
            "",
        ),
    ];
    for (text, place, title, help) in cases {
        let message = parse(&text).expect_err(&text).to_string();
        assert!(message.contains(&format!("/etc/preau/preau.toml:{place}\n")), "{text}: {message}");
        assert!(message.contains(title) && message.contains(help), "{text}: {message}");
        assert_eq!(message.matches("error: ").count(), 1, "{text}: {message}");
    }
}

#[test]
fn operations() {
    let day = Duration::from_secs(86_400);
    assert_eq!(parse("").unwrap().operations, Operations::default());
    let config = "[control]\nsocket = \"/run/p.sock\"\nlongest_allow = \"2h\"\n[audit]\nkeep = \"30d\"\n[reports]\nkeep = \"7d\"\n[metrics]\nlisten = \"[::1]:9353\"\n";
    let expected = Operations {
        socket: Some("/run/p.sock".into()),
        longest_allow: Duration::from_secs(7200),
        audit_keep: 30 * day,
        reports_keep: 7 * day,
        metrics: Some("[::1]:9353".parse().unwrap()),
    };
    assert_eq!(parse(config).unwrap().operations, expected);
    let long = format!("socket = \"/{}\"", "x".repeat(107));
    let cases = [
        ("[control]\nsockt = \"a\"", "2:1", "unknown field `sockt`"),
        ("[control]\nsocket = \"/\"", "2:10", "not the path of a socket"),
        (&*format!("[control]\n{long}"), "2:10", "has at most 107 octets"),
        (
            "[control]\nlongest_allow = \"8d\"",
            "2:17",
            "a unit, s, m, h or d, from \"1m\" to \"7d\"",
        ),
        ("[control]\nlongest_allow = \"59s\"", "2:17", "`59s` is not a length of time"),
        ("[control]\nlongest_allow = \"long\"", "2:17", "`long` is not a length of time"),
        ("[audit]\nkeep = \"1h\"", "2:8", "from \"1d\" to \"3650d\""),
        ("[reports]\nkeep = \"366d\"", "2:8", "from \"1d\" to \"365d\""),
        ("[metrics]\nlisten = \"9353\"", "2:10", "`9353` is not an address and a port"),
        ("[audit]\nkeep = 365", "2:8", "invalid type"),
    ];
    for (text, place, message) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(&format!("preau.toml:{place}")), "{text}: {error}");
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn codes() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    file("a", "k7fq-29mx-p4tr\n", 0o640);
    file("same", "K7FQ29MXP4TR", 0o600);
    file("weak", "ecole", 0o600);
    file("no-digest", "sha256:12", 0o600);
    file("open", "k7fq-29mx-p4ts", 0o644);
    file("long", &"a1b2c3".repeat(1000), 0o600);
    let path = folder.path().join("preau.toml");
    let parse = |rows: &str| {
        let text = format!(
            "[[group]]\nname = \"pupils\"\nnetworks = [\"10.0.0.0/8\"]\nprofile = \"child\"\n{rows}"
        );
        Config::parse(path.to_str().unwrap(), text)
    };
    const ROW: &str = "[[code]]\nid = \"jaures\"\nfile = \"a\"\ngroups = [\"pupils\"]\n";
    let code = parse(ROW).unwrap().codes.remove(0);
    assert!(code.digest.is("k7fq 29mx p4tr"));
    assert_eq!((&*code.id, code.longest), ("jaures", Duration::from_secs(3600)));
    assert_eq!(code.groups.iter().collect::<Vec<_>>(), ["pupils"]);
    assert!(code.never.contains("porn") && code.never.contains("bypass") && code.never.len() == 8);
    let code =
        parse(&format!("{ROW}never = [\"ads\"]\nlongest = \"2h\"\n")).unwrap().codes.remove(0);
    assert_eq!(code.never.iter().collect::<Vec<_>>(), ["ads"]);
    assert_eq!((code.longest, code.hours.len()), (Duration::from_secs(7200), 0));
    const HOURS: &str = "[[code.hours]]\nfrom = \"08:00\"\nto = \"18:00\"\n";
    let code = parse(&format!("{ROW}{HOURS}{HOURS}days = [\"sam\"]\n")).unwrap().codes.remove(0);
    assert_eq!(code.hours.len(), 2);
    assert_eq!(code.hours[1].days, Weekdays::parse(["sat"]).unwrap());

    let with = |from: &str, to: &str| ROW.replace(from, to);
    let twice = |from: &str, to: &str| format!("{ROW}{}", ROW.replace(from, to));
    let cases = [
        (with("\"jaures\"", "\"\""), "6:6", "is not the id of a code"),
        (with("jaures", "Mme Martin"), "6:6", "`Mme Martin` is not the id of a code"),
        (twice("\"a\"", "\"weak\""), "10:6", "two codes are called `jaures`"),
        (
            twice("jaures", "other").replacen("file = \"a\"", "file = \"same\"", 1),
            "11:8",
            "two codes are the same",
        ),
        (with("\"a\"", "\"none\""), "7:8", "preau code --out FILE"),
        (with("\"a\"", "\".\""), "7:8", "it is not a file of a line"),
        (with("\"a\"", "\"long\""), "7:8", "it is not a file of a line"),
        (with("\"a\"", "\"weak\""), "7:8", "easily guessed"),
        (with("\"a\"", "\"no-digest\""), "7:8", "holds no code: a SHA-256 digest is 64"),
        (with("\"a\"", "\"open\""), "7:8", "chmod 640"),
        (with("[\"pupils\"]", "[]"), "8:10", "a code for no group"),
        (with("[\"pupils\"]", "[\"pupil\"]"), "8:11", "the groups are pupils"),
        (format!("{ROW}longest = \"2d\"\n"), "9:11", "from \"1m\" to \"1d\""),
        (format!("{ROW}code = \"1234\"\n"), "9:1", "unknown field `code`"),
        (with("id = \"jaures\"\n", ""), "5:1", "missing field `id`"),
        (format!("{ROW}{HOURS}").replace("08:00", "8h"), "10:8", "`8h` is not a time of the day"),
        (format!("{ROW}{HOURS}days = []\n"), "12:8", "no day"),
        (format!("{ROW}{HOURS}during = \"term\"\n"), "12:10", "nobody says when it is `term`"),
        (format!("{ROW}{HOURS}use = \"child\"\n"), "12:1", "unknown field `use`"),
    ];
    for (rows, place, message) in cases {
        let error = parse(&rows).unwrap_err().to_string();
        assert!(error.contains(&format!("preau.toml:{place}")), "{rows}: {error}");
        assert!(error.contains(message), "{rows}: {error}");
    }
    let config = parse(&format!("{ROW}never = [\"pron\"]\n")).unwrap();
    let error = config.check_categories(&crate::testing::filter().manifest().categories);
    assert!(error.unwrap_err().to_string().contains("preau.toml:9:10"));
}

#[test]
fn the_page_over_https() {
    use std::os::unix::fs::PermissionsExt as _;

    use crate::{testing, web::certificates::Authority};

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let (one, other) = (Authority::generate(&[]).unwrap(), Authority::generate(&[]).unwrap());
    let identity = testing::certificate("page.example", 2020..2100);
    let folders = [
        ("good", &one.certificate, &*one.key, 0o600),
        ("open", &one.certificate, &one.key, 0o640),
        ("mixed", &one.certificate, &other.key, 0o600),
        ("leaf", &identity.certificate, &identity.key, 0o600),
        ("none", &one.certificate, "", 0o600),
    ];
    for (name, certificate, key, mode) in folders {
        write(&format!("{name}/authority.pem"), certificate, 0o644);
        write(&format!("{name}/authority.key"), key, mode);
    }
    let path = folder.path().join("preau.toml");
    let parse = |keys: &str| {
        let text = format!("[page]\naddresses = [\"10.0.0.80\"]\n{keys}\n");
        Config::parse(path.to_str().unwrap(), text)
    };
    const AT: &str = "https = [\"10.0.0.80:443\"]\n";
    let page = parse(&format!("{AT}authority = \"good\"")).unwrap().page.unwrap();
    assert_eq!(page.https, ["10.0.0.80:443".parse().unwrap()]);
    assert!(page.certifiers.authority.is_some() && page.certifiers.identity.is_none());
    let cases = [
        (AT.to_owned(), "3:9", "`https` without a certificate"),
        ("https = [\"443\"]\nauthority = \"good\"".into(), "3:10", "is not an address and a port"),
        ("authority = \"good\"".into(), "3:13", "a certificate without HTTPS"),
        (format!("{AT}certificate = \"good/authority.pem\""), "4:15", "one without the other"),
        (format!("{AT}authority = \"absent\""), "4:13", "preau ca --out FOLDER"),
        (format!("{AT}authority = \"open\""), "4:13", "chmod 600"),
        (format!("{AT}authority = \"mixed\""), "4:13", "not that of the key"),
        (format!("{AT}authority = \"leaf\""), "4:13", "no authority's"),
        (format!("{AT}authority = \"none\""), "4:13", "the authority cannot be used"),
    ];
    for (keys, place, message) in cases {
        let error = parse(&keys).unwrap_err().to_string();
        assert!(error.contains(&format!("preau.toml:{place}")), "{keys}: {error}");
        assert!(error.contains(message), "{keys}: {error}");
    }
}
