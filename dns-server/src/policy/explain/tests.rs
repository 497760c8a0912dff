//! What is printed of a name: the steps in the order in which they decide, and one that does.

use super::*;
use crate::{config::Config, service, testing};

const CONFIG: &str = r#"
[floor]
profile = "academie"
groups = ["pupils"]

[profile.academie]
block_names = ["never.example"]
search = "only"
engines = ["qwant-junior"]

[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "child"

[[group]]
name = "teens"
networks = ["10.1.0.0/16"]
profile = "teens"

[[group]]
name = "readers"
networks = ["10.2.0.0/16"]
profile = "readers"

[profile.readers]
block = ["porn"]
unlisted = 10

[profile.teens]
block = ["porn"]
search = "forced"
allow_names = ["startpage.com"]
block_networks = ["192.0.2.0/24", "2001:db8:66::/48"]
"#;

const PUPILS: GroupId = GroupId::at(0);
const TEENS: GroupId = GroupId::at(1);
const READERS: GroupId = GroupId::at(2);

const CASES: &[(GroupId, &str, &str)] = &[
    (
        READERS,
        "www.a-new-porn-site.co.uk",
        "\
www.a-new-porn-site.co.uk is refused in profile readers
→ 9 names like it: block porn 300 of 200: \"porn\" 400, base -100 · decides
  10 profile's default: allow no rule · outranked
",
    ),
    (
        READERS,
        "a-new-site.co.uk",
        "\
a-new-site.co.uk is allowed in profile readers
  9 names like it: block porn -100 of 200: base -100 · below the threshold
→ 10 profile's default: allow no rule · decides
",
    ),
    (
        TEENS,
        "www.a-new-porn-site.co.uk",
        "\
www.a-new-porn-site.co.uk is allowed in profile teens
→ 10 profile's default: allow no rule · decides
",
    ),
    (
        PUPILS,
        "www.bing.com",
        "\
www.bing.com is refused in profile child
→ 3 floor academie: 6 search engines: Bing is not among the engines that are left · decides
  3 floor academie: 10 profile's default: allow no rule · outranked
  6 search engines: Bing is not among the engines that are left · outranked
  10 profile's default: allow no rule · outranked
",
    ),
    (
        PUPILS,
        "www.never.example",
        "\
www.never.example is refused in profile child
→ 3 floor academie: 5 operator's names: block never.example · decides
  3 floor academie: 10 profile's default: allow no rule · outranked
  10 profile's default: allow no rule · outranked
",
    ),
    (
        PUPILS,
        "porn.example",
        "\
porn.example is refused in profile child
  3 floor academie: 8 list rules: block porn.example · porn · ut1-adult · not in force in this profile
  3 floor academie: 10 profile's default: allow no rule · outranked
→ 8 list rules: block porn.example · porn · ut1-adult · decides
  10 profile's default: allow no rule · outranked
",
    ),
    (
        TEENS,
        "www.startpage.com",
        "\
www.startpage.com is allowed in profile teens
→ 5 operator's names: allow startpage.com · decides
  6 search engines: Startpage is not among the engines that are left · outranked
  10 profile's default: allow no rule · outranked
",
    ),
    (
        TEENS,
        "www.ask.com",
        "\
www.ask.com is refused in profile teens
→ 6 search engines: Ask is not among the engines that are left · decides
  10 profile's default: allow no rule · outranked
",
    ),
    (
        TEENS,
        "www.google.com",
        "\
www.google.com is allowed in profile teens
→ 10 profile's default: allow no rule · decides
  made safe by forcesafesearch.google.com
",
    ),
    (
        TEENS,
        "192.0.2.7",
        "\
192.0.2.7 is allowed in profile teens
→ 10 profile's default: allow no rule · decides
  answers that hold it are refused: operator's networks · matched 192.0.2.0/24
",
    ),
    (
        TEENS,
        "2001:db8:66::1",
        "\
2001:db8:66::1 is allowed in profile teens
→ 10 profile's default: allow no rule · decides
  answers that hold it are refused: operator's networks · matched 2001:db8:66::/48
",
    ),
    (TEENS, "localhost", "1 special-use name: decides\n"),
];

#[test]
fn steps_in_order() {
    let config = Config::parse("test.toml", CONFIG).unwrap();
    let now = Timestamp::now();
    let plans = service::plans(&config, &testing::filter(), now).unwrap();
    let policy = service::policy(&config, plans);
    for (group, name, expected) in CASES {
        let name: DomainName = name.parse().unwrap();
        let explanation = policy.explain(&name, *group, now).unwrap();
        assert_eq!(explanation.to_string(), *expected);
        let marks = expected.lines().filter(|line| line.contains("decides")).count();
        assert_eq!(marks, 1, "{name}");
    }
}
