//! The semantics, a line a case: each is asked of the engine and of the oracle.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod oracle;

use filter_core::{Mode, Profile, Source, Verdict};
use oracle::{Both, bind, engine_answer};

/// Rules as `source: rule`; what is asked as `name → expected`.
struct Case {
    about: &'static str,
    profile: &'static str,
    rules: &'static [&'static str],
    asked: &'static [(&'static str, &'static str)],
}

/// Sources by name; an allow source lifts what stands after `>`.
fn sources() -> Vec<Source> {
    vec![
        Source::block("porn1", &["porn"]),
        Source::block("porn2", &["porn"]),
        Source::block("shops", &["ecommerce"]),
        Source::block("ads", &["ads", "tracking"]),
        Source::block("games", &["games"]),
        Source::block("malware", &["malware"]),
        Source::allow("sex-ed", &["education"], &["porn", "mixed-adult"]),
        Source::allow("school", &["education"], &["ads", "ecommerce"]),
        Source::allow("library", &["education"], &[]),
    ]
}

/// `child` and the like, or one of the profiles that only tests need.
fn profile(name: &str) -> Profile {
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    match name {
        "closed" => Profile { mode: Mode::Closed, ..Profile::named("child").unwrap() },
        "closed, open to games" => Profile {
            mode: Mode::Closed,
            allow: ["games".to_owned()].into(),
            ..Profile::named("child").unwrap()
        },
        "child, ads allowed" => {
            Profile { allow: ["ads".to_owned()].into(), ..Profile::named("child").unwrap() }
        }
        "operator" => Profile {
            block_names: names(&["example.org", "*.example.net", "tie.example"]),
            allow_names: names(&[
                "good.example.org",
                "example.com",
                "tie.example",
                "deep.a.example.net",
            ]),
            ..Profile::named("child").unwrap()
        },
        name => Profile::named(name).unwrap(),
    }
}

const SCOPE: &[Case] = &[
    Case {
        about: "a subtree rule matches at label boundaries only",
        profile: "child",
        rules: &["porn1: example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com"),
            ("www.example.com", "porn · porn1 · matched example.com"),
            ("a.b.c.example.com", "porn · porn1 · matched example.com"),
            ("badexample.com", "allowed"),
            ("example.com.fr", "allowed"),
            ("com", "allowed"),
            ("example", "allowed"),
            (".", "allowed"),
        ],
    },
    Case {
        about: "an exact rule matches itself, and spares what is below",
        profile: "child",
        rules: &["porn1: =example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com (exactly) [spares]"),
            ("www.example.com", "allowed"),
        ],
    },
    Case {
        about: "an exact rule and its twin below are a tree",
        profile: "child",
        rules: &["porn1: =example.com", "porn1: *.example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com (exactly)"),
            ("www.example.com", "porn · porn1 · matched *.example.com"),
        ],
    },
    Case {
        about: "unless something below is allowed",
        profile: "child",
        rules: &["porn1: =example.com", "porn1: *.example.com", "porn1: @@www.example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com (exactly) [spares]"),
            ("a.example.com", "porn · porn1 · matched *.example.com"),
            ("www.example.com", "allowed"),
        ],
    },
    Case {
        about: "a subdomains-only rule matches below, not itself",
        profile: "child",
        rules: &["porn1: *.example.com"],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "porn · porn1 · matched *.example.com"),
        ],
    },
    Case {
        about: "exact and subtree on one name: the wider one decides how it is refused",
        profile: "child",
        rules: &["porn1: =example.com", "porn2: example.com"],
        asked: &[("example.com", "porn · porn2 · matched example.com")],
    },
    Case {
        about: "a host written as an address",
        profile: "child",
        rules: &["malware: =192.0.2.1", "malware: =2001:db8::1"],
        asked: &[
            ("192.0.2.1", "malware · malware · matched 192.0.2.1 (exactly) [spares]"),
            ("2001:DB8:0::1", "malware · malware · matched 2001:db8::1 (exactly) [spares]"),
            ("192.0.2.10", "allowed"),
        ],
    },
];

const IDN: &[Case] = &[Case {
    about: "one name, however it is written",
    profile: "child",
    rules: &["porn1: bücher.example"],
    asked: &[
        ("xn--bcher-kva.example", "porn · porn1 · matched xn--bcher-kva.example"),
        ("BÜCHER.Example.", "porn · porn1 · matched xn--bcher-kva.example"),
        ("bucher.example", "allowed"),
    ],
}];

const CATEGORIES: &[Case] = &[
    Case {
        about: "a profile refuses its categories, the first source is named",
        profile: "child",
        rules: &["porn2: example.com", "shops: example.com", "porn1: example.com"],
        asked: &[("example.com", "porn · porn1 · matched example.com")],
    },
    Case {
        about: "what it does not block it does not refuse",
        profile: "teen",
        rules: &["shops: example.com", "games: example.org"],
        asked: &[("example.com", "allowed"), ("example.org", "allowed")],
    },
    Case {
        about: "one blocked category of a source is enough, and the reason names that one",
        profile: "staff",
        rules: &["ads: example.com"],
        asked: &[("example.com", "tracking · ads · matched example.com")],
    },
    Case {
        about: "`allow` takes a category out of `block`",
        profile: "child, ads allowed",
        rules: &["ads: example.com"],
        asked: &[("example.com", "tracking · ads · matched example.com")],
    },
];

const ALLOW_OVER_BLOCK: &[Case] = &[
    Case {
        about: "an allow lifts the categories it names, below and at equal depth",
        profile: "child",
        rules: &[
            "porn1: example.com",
            "sex-ed: health.example.com",
            "sex-ed: porn.example",
            "porn1: porn.example",
        ],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com [spares]"),
            ("health.example.com", "allowed"),
            ("a.health.example.com", "allowed"),
            ("other.example.com", "porn · porn1 · matched example.com"),
            ("porn.example", "allowed"),
        ],
    },
    Case {
        about: "and no others",
        profile: "child",
        rules: &[
            "ads: example.com",
            "malware: bad.example",
            "sex-ed: example.com",
            "sex-ed: bad.example",
        ],
        asked: &[
            ("example.com", "tracking · ads · matched example.com"),
            ("bad.example", "malware · malware · matched bad.example"),
        ],
    },
    Case {
        about: "an allow lifts one category, the other still refuses",
        profile: "child",
        rules: &["ads: example.com", "school: example.com"],
        asked: &[("example.com", "tracking · ads · matched example.com")],
    },
    Case {
        about: "a more specific block stands against a wider allow",
        profile: "child",
        rules: &["sex-ed: example.com", "porn1: xxx.example.com", "porn1: example.com"],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "allowed"),
            ("xxx.example.com", "porn · porn1 · matched xxx.example.com"),
        ],
    },
    Case {
        about: "a rule below an allow is not covered by the same source's rule above it",
        profile: "child",
        rules: &["porn1: example.com", "sex-ed: a.example.com", "porn1: b.a.example.com"],
        asked: &[
            ("a.example.com", "allowed"),
            ("b.a.example.com", "porn · porn1 · matched b.a.example.com"),
        ],
    },
    Case {
        about: "an allow without lifts opens nothing in an open profile",
        profile: "child",
        rules: &["shops: amazon.fr", "library: amazon.fr"],
        asked: &[("amazon.fr", "ecommerce · shops · matched amazon.fr")],
    },
    Case {
        about: "the ancestor of an allow that is not in force is refused plainly",
        profile: "staff",
        rules: &["porn1: example.com", "school: www.example.com"],
        asked: &[("example.com", "porn · porn1 · matched example.com")],
    },
    Case {
        about: "every ancestor of an allow in force spares what is below it",
        profile: "child",
        rules: &["porn1: example.com", "sex-ed: a.b.c.example.com"],
        asked: &[
            ("c.example.com", "porn · porn1 · matched example.com [spares]"),
            ("b.c.example.com", "porn · porn1 · matched example.com [spares]"),
            ("x.c.example.com", "porn · porn1 · matched example.com"),
        ],
    },
    Case {
        about: "the apex of a subdomains-only allow spares it too",
        profile: "child",
        rules: &["porn1: example.com", "sex-ed: *.a.example.com"],
        asked: &[
            ("a.example.com", "porn · porn1 · matched example.com [spares]"),
            ("b.a.example.com", "allowed"),
        ],
    },
];

const IMPORTANT_AND_EXCEPTIONS: &[Case] = &[
    Case {
        about: "an important block is not lifted",
        profile: "child",
        rules: &["porn1: example.com$important", "sex-ed: www.example.com"],
        asked: &[("www.example.com", "porn · porn1 · matched example.com")],
    },
    Case {
        about: "nor in force where its category is not blocked",
        profile: "teen",
        rules: &["shops: example.com$important"],
        asked: &[("example.com", "allowed")],
    },
    Case {
        about: "an exception cancels rules of its own source, above and below",
        profile: "child",
        rules: &["porn1: example.com", "porn1: @@www.example.com", "porn1: a.www.example.com"],
        asked: &[
            ("www.example.com", "allowed"),
            ("a.www.example.com", "allowed"),
            ("example.com", "porn · porn1 · matched example.com [spares]"),
        ],
    },
    Case {
        about: "and of no other source",
        profile: "child",
        rules: &["porn1: example.com", "porn2: @@example.com"],
        asked: &[("example.com", "porn · porn1 · matched example.com")],
    },
    Case {
        about: "a plain exception leaves an important rule, an important one does not",
        profile: "child",
        rules: &[
            "porn1: example.com$important",
            "porn1: @@a.example.com",
            "porn1: @@b.example.com$important",
        ],
        asked: &[
            ("a.example.com", "porn · porn1 · matched example.com"),
            ("b.example.com", "allowed"),
        ],
    },
    Case {
        about: "a narrow exception spares from narrow rules of its source, from no other",
        profile: "child",
        rules: &[
            "porn1: example.com$narrow",
            "porn1: @@a.example.com$narrow",
            "porn1: @@b.example.com$narrow",
            "porn1: c.b.example.com",
            "porn2: x.a.example.com",
        ],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com [spares]"),
            ("www.example.com", "porn · porn1 · matched example.com"),
            ("a.example.com", "allowed"),
            ("y.a.example.com", "allowed"),
            ("x.a.example.com", "porn · porn2 · matched x.a.example.com"),
            ("c.b.example.com", "porn · porn1 · matched c.b.example.com"),
        ],
    },
];

/// `@` before an exception that yields to what is more specific.
const NEAREST_EXCEPTIONS: &[Case] = &[
    Case {
        about: "it spares from rules above it, not from those below it",
        profile: "child",
        rules: &["porn1: example.com", "porn1: @www.example.com", "porn1: a.www.example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com [spares]"),
            ("www.example.com", "allowed"),
            ("b.www.example.com", "allowed"),
            ("a.www.example.com", "porn · porn1 · matched a.www.example.com"),
            ("b.a.www.example.com", "porn · porn1 · matched a.www.example.com"),
        ],
    },
    Case {
        about: "refused, passed, refused, passed: the deepest decides",
        profile: "child",
        rules: &[
            "porn1: example.com",
            "porn1: @a.example.com",
            "porn1: b.a.example.com",
            "porn1: @c.b.a.example.com",
        ],
        asked: &[
            ("x.example.com", "porn · porn1 · matched example.com"),
            ("x.a.example.com", "allowed"),
            ("x.b.a.example.com", "porn · porn1 · matched b.a.example.com"),
            ("x.c.b.a.example.com", "allowed"),
            ("b.a.example.com", "porn · porn1 · matched b.a.example.com [spares]"),
        ],
    },
    Case {
        about: "of two rules alike on one name it wins",
        profile: "child",
        rules: &[
            "porn1: example.com",
            "porn1: @example.com",
            "porn1: =example.net",
            "porn1: @=example.net",
            "porn1: *.example.org",
            "porn1: @*.example.org",
        ],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "allowed"),
            ("example.net", "allowed"),
            ("www.example.org", "allowed"),
        ],
    },
    Case {
        about: "of two rules on one name the one that matches less wins: tree passed, name refused",
        profile: "child",
        rules: &["porn1: @example.com", "porn1: =example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com (exactly) [spares]"),
            ("www.example.com", "allowed"),
        ],
    },
    Case {
        about: "tree passed, what is below refused",
        profile: "child",
        rules: &["porn1: @example.com", "porn1: *.example.com"],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "porn · porn1 · matched *.example.com"),
        ],
    },
    Case {
        about: "tree refused, name passed",
        profile: "child",
        rules: &["porn1: @=example.com", "porn1: example.com"],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "porn · porn1 · matched example.com"),
        ],
    },
    Case {
        about: "tree refused, what is below passed",
        profile: "child",
        rules: &["porn1: @*.example.com", "porn1: example.com"],
        asked: &[
            ("example.com", "porn · porn1 · matched example.com [spares]"),
            ("www.example.com", "allowed"),
        ],
    },
    Case {
        about: "another source's rules stand, above and below",
        profile: "child",
        rules: &["porn1: @www.example.com", "porn2: example.com", "porn1: example.com"],
        asked: &[("www.example.com", "porn · porn2 · matched example.com")],
    },
    Case {
        about: "an exception of every depth beside it goes on cancelling rules of every depth",
        profile: "child",
        rules: &["porn1: @example.com", "porn1: @@example.com", "porn1: a.example.com"],
        asked: &[("a.example.com", "allowed")],
    },
    Case {
        about: "a plain one leaves important rules, an important one those that are more specific",
        profile: "child",
        rules: &[
            "porn1: example.com$important",
            "porn1: @a.example.com",
            "porn1: @b.example.com$important",
            "porn1: c.b.example.com$important",
        ],
        asked: &[
            ("a.example.com", "porn · porn1 · matched example.com"),
            ("b.example.com", "allowed"),
            ("c.b.example.com", "porn · porn1 · matched c.b.example.com"),
        ],
    },
    Case {
        about: "patterns are less specific than any name",
        profile: "child",
        rules: &["porn1: ~sexualit", "porn1: @sexualites.example", "porn1: /^xxx/"],
        asked: &[
            ("www.sexualites.example", "allowed"),
            ("xxx.sexualites.example", "allowed"),
            ("sexualite.example", "porn · porn1 · matched fragment sexualit"),
        ],
    },
    Case {
        about: "in a closed profile it opens nothing by itself",
        profile: "closed",
        rules: &["library: example.com", "porn1: example.com", "porn1: @www.example.com"],
        asked: &[
            ("www.example.com", "allowed"),
            ("example.com", "porn · porn1 · matched example.com [spares]"),
            ("www.example.org", "profile's default"),
        ],
    },
];

const OPERATOR: &[Case] = &[
    Case {
        about: "the operator's names come before lists; most specific, tie: allow",
        profile: "operator",
        rules: &["porn1: example.com$important", "porn1: good.example.org"],
        asked: &[
            ("example.com", "allowed"),
            ("www.example.com", "allowed"),
            ("example.org", "operator's names · matched example.org [spares]"),
            ("good.example.org", "allowed"),
            ("bad.example.org", "operator's names · matched example.org"),
            ("tie.example", "allowed"),
            ("example.net", "allowed"),
            ("a.example.net", "operator's names · matched *.example.net [spares]"),
            ("deep.a.example.net", "allowed"),
        ],
    },
    Case {
        about: "a list's allow below does not soften the operator's refusal",
        profile: "operator",
        rules: &["sex-ed: x.bad.example.org"],
        asked: &[("bad.example.org", "operator's names · matched example.org")],
    },
];

const PATTERNS: &[Case] = &[
    Case {
        about: "fragments, anywhere or anchored",
        profile: "child",
        rules: &["porn1: ~xvideo", "porn1: ~.cam.", "shops: ~|.shop.", "ads: ~.adserver.test.|"],
        asked: &[
            ("myxvideos.example", "porn · porn1 · matched fragment xvideo"),
            ("a.cam.example", "porn · porn1 · matched fragment .cam."),
            ("webcam.example", "allowed"),
            ("shop.example", "ecommerce · shops · matched fragment |.shop. [spares]"),
            ("a.shop.example", "allowed"),
            ("x.adserver.test", "tracking · ads · matched fragment .adserver.test.|"),
            ("adserver.test.example", "allowed"),
        ],
    },
    Case {
        about: "expressions",
        profile: "child",
        rules: &["porn1: /sexcam/", "shops: /^boutique/"],
        asked: &[
            ("my-SEXCAMS.example", "porn · porn1 · matched /sexcam/ [spares]"),
            ("boutique.example", "ecommerce · shops · matched /^boutique/ [spares]"),
            ("ma.boutique.example", "allowed"),
        ],
    },
    Case {
        about: "a pattern yields to an allow that lifts its category and to its source's exceptions",
        profile: "child",
        rules: &[
            "porn1: ~sexualit",
            "sex-ed: sexualite-ados.example",
            "porn1: @@sexualites.example",
        ],
        asked: &[
            ("sexualite-ados.example", "allowed"),
            ("www.sexualites.example", "allowed"),
            ("sexualite.example", "porn · porn1 · matched fragment sexualit"),
        ],
    },
    Case {
        about: "list rules come first, fragments before expressions",
        profile: "child",
        rules: &["porn2: /casino/", "porn1: ~casino", "shops: casino.example"],
        asked: &[
            ("casino.example", "ecommerce · shops · matched casino.example"),
            ("casino.test", "porn · porn1 · matched fragment casino"),
        ],
    },
];

const CLOSED: &[Case] = &[
    Case {
        about: "a closed profile refuses what no allow names",
        profile: "closed",
        rules: &["library: museum.example", "porn1: xxx.museum.example", "porn1: x.test"],
        asked: &[
            ("museum.example", "allowed"),
            ("www.museum.example", "allowed"),
            ("xxx.museum.example", "porn · porn1 · matched xxx.museum.example"),
            ("other.example", "profile's default"),
            ("example", "profile's default [spares]"),
            (".", "profile's default [spares]"),
            ("x.test", "porn · porn1 · matched x.test"),
        ],
    },
    Case {
        about: "and opens to the categories it allows",
        profile: "closed, open to games",
        rules: &["games: play.example", "porn1: play.example.org"],
        asked: &[
            ("a.play.example", "allowed"),
            ("other.example", "profile's default [spares]"),
            ("play.example.org", "porn · porn1 · matched play.example.org"),
        ],
    },
];

#[test]
fn engine_and_oracle_answer_every_case_as_written() {
    let groups = [
        SCOPE,
        IDN,
        CATEGORIES,
        ALLOW_OVER_BLOCK,
        IMPORTANT_AND_EXCEPTIONS,
        NEAREST_EXCEPTIONS,
        OPERATOR,
        PATTERNS,
        CLOSED,
    ];
    let mut asked = 0;
    for case in groups.into_iter().flatten() {
        let mut both = Both::default();
        let sources: Vec<Source> = sources();
        for source in &sources {
            both.source(source.clone());
        }
        for rule in case.rules {
            let (source, rule) = rule.split_once(": ").unwrap();
            let index = sources.iter().position(|known| known.name == source).unwrap();
            both.rule(index, rule).unwrap();
        }
        let profile = profile(case.profile);
        let (bytes, oracle) = both.build();
        let bound = bind(bytes, &profile);
        for (host, expected) in case.asked {
            let name = host.parse().unwrap();
            let got = match bound.host(host) {
                Verdict::Allowed => "allowed".to_owned(),
                Verdict::Blocked(reason) if reason.spares_descendants => {
                    format!("{} [spares]", reason.about(&name))
                }
                Verdict::Blocked(reason) => reason.about(&name),
                Verdict::Invalid(error) => error.to_string(),
            };
            assert_eq!(got, *expected, "{}: {host}\n{}", case.about, bound.explain(&name));
            let answers = (engine_answer(&bound, &name), oracle.answer(&profile, &name));
            assert_eq!(answers.0, answers.1, "{}: {host}", case.about);
            asked += 1;
        }
    }
    assert_eq!(asked, 131);
}

#[test]
fn text_that_is_no_host_is_invalid() {
    let bound = bind(Both::default().build().0, &Profile::named("child").unwrap());
    for text in ["", "a b", "http://example.com/", "a..b", "é\u{0}"] {
        assert!(matches!(bound.host(text), Verdict::Invalid(_)), "{text:?}");
    }
}

#[test]
fn explanations_read_well() {
    let mut both = Both::default();
    for source in sources() {
        both.source(source);
    }
    both.rule(0, "example.com").unwrap();
    both.rule(6, "health.example.com").unwrap();
    both.rule(2, "example.com").unwrap();
    for rule in ["tube.example", "@edu.tube.example", "x.edu.tube.example"] {
        both.rule(1, rule).unwrap();
    }
    let (bytes, _) = both.build();
    let teen = bind(bytes, &Profile::named("teen").unwrap());
    let explained = |host: &str| teen.explain(&host.parse().unwrap()).to_string();
    assert_eq!(
        explained("www.example.com"),
        "www.example.com is refused in profile teen\n\
         → 8 list rules: block example.com · porn · porn1 · decides\n\
         \u{20} 8 list rules: block example.com · ecommerce · shops · not in force in this profile\n\
         \u{20} 10 profile's default: allow no rule · outranked\n"
    );
    assert_eq!(
        explained("a.health.example.com"),
        "a.health.example.com is allowed in profile teen\n\
         → 8 list rules: allow health.example.com · education · sex-ed · lifts porn, mixed-adult · decides\n\
         \u{20} 8 list rules: block example.com · porn · porn1 · lifted by an allow rule\n\
         \u{20} 8 list rules: block example.com · ecommerce · shops · not in force in this profile\n\
         \u{20} 10 profile's default: allow no rule · outranked\n"
    );
    assert_eq!(
        explained("x.edu.tube.example"),
        "x.edu.tube.example is refused in profile teen\n\
         → 8 list rules: block x.edu.tube.example · porn · porn2 · decides\n\
         \u{20} 8 list rules: except edu.tube.example · porn · porn2 · outranked\n\
         \u{20} 8 list rules: block tube.example · porn · porn2 · cancelled by an exception of its source\n\
         \u{20} 10 profile's default: allow no rule · outranked\n"
    );
    assert_eq!(
        explained("example.org"),
        "example.org is allowed in profile teen\n\
         → 10 profile's default: allow no rule · decides\n"
    );
}
