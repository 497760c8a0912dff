//! What lists of each format refuse and pass, once compiled.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use filter_core::{BoundFilter, Filter, Profile, Source, Stamp};
use lists::{
    compile::build,
    source::{Format, ListSource, Sources},
};

fn compile(format: Format, text: &str) -> BoundFilter {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    fs::write(&path, text).unwrap();
    let definition = Source::block("list", &["porn"]);
    let source = ListSource { format: Some(format), ..ListSource::at(definition, path) };
    let sources = Sources { sources: vec![source], ..Sources::default() };
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let bytes = build(&sources, stamp, &()).unwrap().bytes;
    Filter::open(bytes).unwrap().bind(&Profile::named("child").unwrap()).unwrap()
}

/// Names separated by spaces.
struct Case {
    format: Format,
    list: &'static str,
    refused: &'static str,
    passed: &'static str,
}

const CASES: &[Case] = &[
    Case {
        format: Format::Domains,
        list: "bad.example\n*.worse.example\n",
        refused: "bad.example www.bad.example worse.example www.worse.example",
        passed: "xbad.example example",
    },
    Case {
        format: Format::Wildcard,
        list: "bad.example\n*.worse.example\n",
        refused: "bad.example worse.example www.worse.example",
        passed: "www.bad.example xworse.example",
    },
    Case {
        format: Format::Hosts,
        list: "0.0.0.0 bad.example worse.example\n192.0.2.1 rewritten.example\n",
        refused: "bad.example worse.example",
        passed: "www.bad.example rewritten.example",
    },
    Case {
        format: Format::Adblock,
        list: "||bad.example^\n@@||ok.bad.example^\n||worse.example^$badfilter\n||worse.example^\n",
        refused: "bad.example www.bad.example",
        passed: "ok.bad.example www.ok.bad.example worse.example xbad.example",
    },
    Case {
        format: Format::Adblock,
        list: "||bad.example^$denyallow=ok.bad.example|elsewhere.example\n||elsewhere.example^\n",
        refused: "bad.example www.bad.example xok.bad.example elsewhere.example",
        passed: "ok.bad.example www.ok.bad.example",
    },
    Case {
        // What a rule does not apply to, another may refuse.
        format: Format::Adblock,
        list: "||bad.example^$denyallow=a.bad.example|b.bad.example\n||a.bad.example^\n",
        refused: "bad.example a.bad.example www.a.bad.example",
        passed: "b.bad.example",
    },
    Case {
        format: Format::Adblock,
        list: "||bad.example^$important,denyallow=ok.bad.example\n@@||bad.example^\n",
        refused: "bad.example www.bad.example",
        passed: "ok.bad.example",
    },
    Case {
        format: Format::Dnsmasq,
        list: "address=/bad.example/worse.example/#\nlocal=/third.example/\n\
               server=/ok.bad.example/#\nserver=/other.bad.example/192.0.2.53\n",
        refused: "bad.example www.bad.example worse.example third.example other.bad.example",
        passed: "ok.bad.example www.ok.bad.example xbad.example",
    },
    Case {
        format: Format::Dnsmasq,
        list: "local=/bad.example/\nserver=/ok.bad.example/#\nlocal=/ads.ok.bad.example/\n\
               local=/alone.example/\nserver=/*.alone.example/#\n\
               server=/home.example/#\nlocal=/*.home.example/\n",
        refused: "bad.example ads.ok.bad.example www.ads.ok.bad.example alone.example www.home.example",
        passed: "ok.bad.example www.ok.bad.example www.alone.example home.example",
    },
    Case {
        // An exception in AdBlock syntax is for everything below it.
        format: Format::Adblock,
        list: "||bad.example^\n@@||ok.bad.example^\n||ads.ok.bad.example^\n",
        refused: "bad.example",
        passed: "ok.bad.example ads.ok.bad.example",
    },
    Case {
        format: Format::Unbound,
        list: "local-zone: \"bad.example\" always_null\nlocal-zone: \"ok.bad.example\" transparent\n\
               local-zone: \"ads.ok.bad.example\" always_null\n\
               local-data: \"x.ok.bad.example A 0.0.0.0\"\n\
               local-zone: \"alone.example\" transparent\nlocal-data: \"alone.example A 0.0.0.0\"\n",
        refused: "bad.example ads.ok.bad.example www.ads.ok.bad.example x.ok.bad.example alone.example",
        passed: "ok.bad.example www.x.ok.bad.example www.alone.example",
    },
    Case {
        format: Format::Rpz,
        list: "@ SOA a. b. 1 2 3 4 5\n*.bad.example CNAME .\n*.ok.bad.example CNAME rpz-passthru.\n\
               ads.ok.bad.example CNAME .\n*.x.ok.bad.example CNAME .\n",
        refused: "www.bad.example ok.bad.example ads.ok.bad.example www.x.ok.bad.example",
        passed: "bad.example www.ok.bad.example www.ads.ok.bad.example x.ok.bad.example",
    },
    Case {
        format: Format::Dnsmasq,
        list: "address=/*video.example/#\naddress=/*.cam.example/#\naddress=/.dot.example/#\n",
        refused: "video.example www.video.example supervideo.example www.supervideo.example \
                  www.cam.example dot.example www.dot.example",
        passed: "video.example.org cam.example xdot.example",
    },
    Case {
        format: Format::Unbound,
        list: "local-zone: \"bad.example\" always_null\nlocal-zone: \"ok.bad.example\" transparent\n\
               local-data: \"one.example A 0.0.0.0\"\n",
        refused: "bad.example www.bad.example one.example",
        passed: "ok.bad.example www.ok.bad.example www.one.example xbad.example",
    },
    Case {
        format: Format::Unbound,
        list: "local-zone: \"bad.example\" redirect\nlocal-data: \"bad.example A 127.0.0.1\"\n\
               local-zone: \"search.example\" redirect\nlocal-data: \"search.example A 192.0.2.1\"\n",
        refused: "bad.example www.bad.example",
        passed: "search.example www.search.example",
    },
    Case {
        format: Format::Rpz,
        list: "@ SOA a. b. 1 2 3 4 5\nbad.example CNAME .\n*.worse.example CNAME *.\n\
               both.example CNAME .\n*.both.example CNAME .\nok.both.example CNAME rpz-passthru.\n\
               old.both.example CNAME old.both.example.\nsafe.example CNAME forcesafe.example.\n",
        refused: "bad.example www.worse.example both.example www.both.example www.ok.both.example",
        passed: "www.bad.example worse.example ok.both.example old.both.example safe.example",
    },
];

#[test]
fn lists_mean_what_their_formats_say() {
    for Case { format, list, refused, passed } in CASES {
        let filter = compile(*format, list);
        for name in refused.split_ascii_whitespace() {
            assert!(filter.host(name).is_blocked(), "{format}: {name} passes\n{list}");
        }
        for name in passed.split_ascii_whitespace() {
            assert!(!filter.host(name).is_blocked(), "{format}: {name} is refused\n{list}");
        }
    }
    for format in [
        Format::Domains,
        Format::Wildcard,
        Format::Hosts,
        Format::Adblock,
        Format::Dnsmasq,
        Format::Unbound,
        Format::Rpz,
    ] {
        assert!(CASES.iter().any(|case| case.format == format), "no case for {format}");
    }
}
