//! One bundle with something of everything, in every format, word for word.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lists --test export` writes the expected files anew.

use std::{env, fmt::Write, fs, path::Path};

use filter_core::{
    Filter, FilterBuilder, Fragment, Network, Options, Phrase, Scope, Source, UrlPrefix,
};
use lists::source::Format;

use crate::{child, export, finish};

fn filter() -> Filter {
    let mut builder = FilterBuilder::new();
    let porn = Source {
        licence: Some("CC-BY-SA-4.0".into()),
        attribution: Some("Some\nuniversity".into()),
        url: Some("https://lists.example/porn".into()),
        ..Source::block("porn-list", &["porn"])
    };
    let porn = builder.source(porn).unwrap();
    let learning = builder.source(Source::allow("learning", &["education"], &["porn"])).unwrap();
    let games = builder.source(Source::block("games-list", &["games"])).unwrap();
    let plain = Options::default();
    let exception = Options { exception: true, ..plain };
    let nearest = Options { nearest: true, ..exception };

    let mut batch = builder.batch(porn);
    let mut allow = builder.batch(learning);
    let mut other = builder.batch(games);
    let names = [
        ("subtree.example", Scope::Subtree),
        ("again.learn.deep.subtree.example", Scope::Subtree),
        ("exact.example", Scope::Exact),
        ("below.example", Scope::SubdomainsOnly),
        ("xn--cole-9oa.example", Scope::Subtree),
        ("_under-score.example", Scope::Subtree),
        // No address, though the length octet of its first label is a colon.
        ("a123456789b123456789c123456789d123456789e123456789f1234567.example", Scope::Subtree),
        ("192.0.2.1", Scope::Exact),
        ("2001:db8::1", Scope::Exact),
    ];
    for (name, scope) in names {
        batch.domain(&name.parse().unwrap(), scope, plain).unwrap();
    }
    // Too long for a zone under a name of its own.
    let long = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(47), "example".into()];
    batch.domain(&long.join(".").parse().unwrap(), Scope::Subtree, plain).unwrap();
    batch.domain(&"1.2.0.192.rpz-ip".parse().unwrap(), Scope::Subtree, plain).unwrap();
    batch.domain(&"spared.subtree.example".parse().unwrap(), Scope::Exact, exception).unwrap();
    // Nothing around it is refused by name, but an expression would refuse it.
    batch.domain(&"ad7.example".parse().unwrap(), Scope::Subtree, exception).unwrap();
    allow.domain(&"learn.deep.subtree.example".parse().unwrap(), Scope::Subtree, plain).unwrap();
    other.domain(&"games.example".parse().unwrap(), Scope::Subtree, plain).unwrap();

    batch.fragment(&Fragment::parse(".casino.").unwrap(), plain).unwrap();
    other.fragment(&Fragment::parse("arcade").unwrap(), plain).unwrap();
    batch.expression(r"(?:^|\.)ad[0-9]+\.example$", plain).unwrap();
    for (network, options) in [
        ("198.51.100.0/24", plain),
        ("198.51.100.7/32", exception),
        ("198.51.100.8/29", exception),
        ("198.51.100.9/32", plain),
        ("198.51.100.64/26", nearest),
        ("198.51.100.65/32", plain),
        ("203.0.113.1/32", exception),
        ("2001:db8:0:1::/64", plain),
    ] {
        batch.network(&network.parse::<Network>().unwrap(), options).unwrap();
    }
    batch.url(&"http://pages.example:8080/~user".parse::<UrlPrefix>().unwrap(), plain).unwrap();
    batch.protect(&"lumni.fr".parse().unwrap(), plain).unwrap();
    for phrase in ["< word >,<other><50>", "<school><-20>", "<worst><ban>"] {
        batch.phrase(&phrase.parse::<Phrase>().unwrap()).unwrap();
    }
    finish(builder, vec![batch, allow, other])
}

#[test]
fn golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export/golden");
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let filter = filter();
    let mut wrong = Vec::new();
    for format in Format::ALL {
        let (files, exported) = export(&filter, &child(), format);
        let mut got = String::new();
        for (path, text) in files {
            let name = if path.is_empty() { format.to_string() } else { path };
            let _ = writeln!(got, "=== {name}\n{text}");
        }
        let _ = write!(got, "=== report\n{exported}");
        let expected = folder.join(format!("{format}.expected"));
        if update {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n\n{}", wrong.len(), wrong.join("\n"));
}
