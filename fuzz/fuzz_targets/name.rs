//! Any text and any wire bytes: what is read can be written and read again, and whether it looks like
//! another name is told alike by verdict and trace.
#![no_main]

use std::sync::LazyLock;

use filter_core::{
    BoundFilter, DomainName, Filter, FilterBuilder, Options, Profile, Scope, Source, Stamp,
    Verdict, typos,
};
use libfuzzer_sys::fuzz_target;

/// A protected site and a listed name, in a profile that looks for homographs of both.
static LOOKALIKES: LazyLock<BoundFilter> = LazyLock::new(|| {
    let mut builder = FilterBuilder::new();
    for (category, site) in [("lookalikes", "lumni.fr"), ("gambling", "badcasino.com")] {
        let id = builder.source(Source::block(category, &[category])).expect("a good source");
        let mut batch = builder.batch(id);
        let site: DomainName = site.parse().expect("a good name");
        if category == "lookalikes" {
            batch.protect(&site, Options::default()).expect("a site");
        } else {
            batch.domain(&site, Scope::Subtree, Options::default()).expect("a good rule");
        }
        builder.add(batch.finish());
    }
    let stamp = Stamp { serial: 1, created: String::new(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).expect("a good bundle");
    let block = ["lookalikes", "gambling"].map(str::to_owned).into();
    filter.bind(&Profile { block, ..Profile::custom("fuzz") }).expect("a good profile")
});

fn looks(name: &DomainName) {
    let trace = LOOKALIKES.explain(name);
    let verdict = LOOKALIKES.verdict(name);
    assert_eq!(verdict.is_blocked(), trace.blocked, "{name}");
    if let Verdict::Blocked(reason) = verdict {
        assert_eq!(reason.matched(name), trace.decisive().matched, "{name}");
    }
    if let Some(site) = name.site() {
        assert!(typos(&site).iter().all(|(typo, _)| *typo != site && typo.is_host_name()));
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok((name, used)) = DomainName::from_wire(bytes) {
        assert_eq!(name.as_wire(), bytes[..used].to_ascii_lowercase());
        assert!(name.is_within(&name.suffix(name.label_count() / 2)));
        let _ = name.to_string();
        looks(&name);
    }
    if let Ok(name) =
        std::str::from_utf8(bytes).map_err(drop).and_then(|t| DomainName::parse(t).map_err(drop))
    {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
        looks(&name);
        assert_eq!(DomainName::from_wire(name.as_wire()).map(|(name, _)| name).as_ref(), Ok(&name));
    }
});
