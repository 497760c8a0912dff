//! The programs that load exports, in a few lines each: what their manuals say of the rules that we
//! write. The programs themselves are asked in `tests/tests/export.rs`.

use std::collections::{BTreeMap, BTreeSet};

use lists::source::Format;

use crate::Files;

/// Whether a program that loaded the files refuses a name.
pub(crate) type Refuses = Box<dyn Fn(&str) -> bool>;

/// What the program that reads the format refuses; of `rpz` there are two ways to read it.
pub(crate) fn readings(format: Format, files: &Files) -> Vec<Refuses> {
    let lines: Vec<String> = files
        .get("")
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| !line.starts_with(['#', '!', ';', '$', '@']) || line.starts_with("@@"))
        .map(str::to_owned)
        .collect();
    match format {
        Format::Domains | Format::E2guardian => vec![subtrees(lines.into_iter().collect())],
        Format::Wildcard => {
            let (below, alone): (Vec<_>, Vec<_>) =
                lines.into_iter().partition(|line| line.starts_with("*."));
            let trees = subtrees(below.iter().map(|line| line[2..].to_owned()).collect());
            vec![Box::new(move |name| trees(name) || alone.iter().any(|line| line == name))]
        }
        Format::Hosts => {
            let names = lines.iter().map(|line| line.strip_prefix("0.0.0.0 ").unwrap().to_owned());
            let names: BTreeSet<String> = names.collect();
            vec![Box::new(move |name| names.contains(name))]
        }
        Format::Adblock => vec![adblock(lines)],
        Format::Dnsmasq => vec![dnsmasq(&lines)],
        Format::Unbound => vec![unbound(&lines)],
        Format::Rpz => {
            let (dns, longest) = rpz(&lines);
            vec![dns, longest]
        }
        Format::Ut1 | Format::Squidguard => vec![categories(files)],
        other => panic!("{other} says nothing of names"),
    }
}

/// The name, its parent, and so on.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

fn is_within(name: &str, apex: &str) -> bool {
    ancestors(name).any(|ancestor| ancestor == apex)
}

fn subtrees(names: BTreeSet<String>) -> Refuses {
    Box::new(move |name| ancestors(name).any(|ancestor| names.contains(ancestor)))
}

/// By rank: important exceptions, important rules, exceptions, rules.
fn adblock(lines: Vec<String>) -> Refuses {
    Box::new(move |name| {
        let matching = lines.iter().filter_map(|line| {
            let (rule, important) = match line.strip_suffix("$important") {
                Some(rule) => (rule, true),
                None => (line.as_str(), false),
            };
            let (pattern, exception) = match rule.strip_prefix("@@") {
                Some(pattern) => (pattern, true),
                None => (rule, false),
            };
            let body = pattern.strip_suffix('^').unwrap();
            let matches = match (body.strip_prefix("||*."), body.strip_prefix("||")) {
                (Some(apex), _) => name != apex && is_within(name, apex),
                (_, Some(apex)) => is_within(name, apex),
                _ => body.strip_prefix('|').unwrap() == name,
            };
            matches.then_some((important, exception))
        });
        matching.max().is_some_and(|(_, exception)| !exception)
    })
}

/// The longest match; `*.d` matches what ends in `.d`.
fn dnsmasq(lines: &[String]) -> Refuses {
    let mut rules = BTreeMap::new();
    for line in lines {
        let (refuses, name) = match line.strip_prefix("local=/") {
            Some(rest) => (true, rest.strip_suffix('/').unwrap()),
            None => (false, line.strip_prefix("server=/").unwrap().strip_suffix("/#").unwrap()),
        };
        let replaced = rules.insert(name.to_owned(), refuses);
        assert_eq!(replaced, None, "two lines for {name}");
    }
    Box::new(move |name| {
        let on_ancestor = ancestors(name).find_map(|ancestor| {
            let below = (ancestor != name).then(|| rules.get(&format!("*.{ancestor}"))).flatten();
            below.or(rules.get(ancestor))
        });
        on_ancestor.copied().unwrap_or(false)
    })
}

/// The most specific local zone, then its data.
fn unbound(lines: &[String]) -> Refuses {
    let (mut zones, mut data) = (BTreeMap::new(), BTreeSet::new());
    for line in lines.iter().filter(|line| *line != "server:") {
        let words: Vec<_> = line.split([' ', '"']).filter(|word| !word.is_empty()).collect();
        let name = words[1].strip_suffix('.').unwrap().to_owned();
        match (words[0], words[2..].join(" ").as_str()) {
            ("local-zone:", kind) => {
                let replaced = zones.insert(name.clone(), kind.to_owned());
                assert_eq!(replaced, None, "two zones of {name}");
            }
            ("local-data:", "A 0.0.0.0") => assert!(data.insert(name)),
            _ => panic!("{line}"),
        }
    }
    // Data in no zone makes a transparent one of its own, or of an ancestor that it has in common with
    // other data.
    for name in &data {
        if !ancestors(name).any(|ancestor| zones.contains_key(ancestor)) {
            zones.insert(name.clone(), "transparent".into());
        }
    }
    Box::new(move |name| {
        let zone = ancestors(name).find_map(|ancestor| zones.get(ancestor));
        match zone.map(String::as_str) {
            None | Some("always_transparent") => false,
            Some("always_nxdomain") => true,
            Some("transparent") => data.contains(name),
            Some(other) => panic!("{other}"),
        }
    })
}

/// As a zone whose wildcards are DNS wildcards (BIND, Unbound), and by longest match (PowerDNS).
fn rpz(lines: &[String]) -> (Refuses, Refuses) {
    let mut records = BTreeMap::new();
    for line in lines {
        let (owner, target) = line.split_once(" CNAME ").unwrap();
        let refuses = match target {
            "." => true,
            "rpz-passthru." => false,
            other => panic!("{other}"),
        };
        assert_eq!(records.insert(owner.to_owned(), refuses), None, "two records of {owner}");
    }
    let nodes: BTreeSet<String> =
        records.keys().flat_map(|owner| ancestors(owner)).map(str::to_owned).collect();
    let (by_longest, by_dns) = (records.clone(), records);
    let dns: Refuses = Box::new(move |name| {
        // RFC 4592: the wildcard is that of the closest encloser, and of no name that exists.
        let encloser = ancestors(name).find(|ancestor| nodes.contains(*ancestor));
        match encloser {
            Some(encloser) if encloser == name => by_dns.get(name).copied(),
            Some(encloser) => by_dns.get(&format!("*.{encloser}")).copied(),
            None => None,
        }
        .unwrap_or(false)
    });
    let longest: Refuses = Box::new(move |name| {
        let wildcard = || {
            ancestors(name)
                .skip(1)
                .find_map(|ancestor| by_longest.get(&format!("*.{ancestor}")).copied())
        };
        by_longest.get(name).copied().or_else(wildcard).unwrap_or(false)
    });
    (dns, longest)
}

/// `pass !refused-again passed !refused any`.
fn categories(files: &Files) -> Refuses {
    let domains = |category: &str| {
        let text = &files[&format!("{category}/domains")];
        subtrees(text.lines().map(str::to_owned).collect())
    };
    let (again, passed, refused) =
        (domains("refused-again"), domains("passed"), domains("refused"));
    Box::new(move |name| again(name) || (!passed(name) && refused(name)))
}
