//! `kill -9` at random points: what is in place is a whole bundle, and nothing piles up.

use std::{fs, io::Write, process::Stdio, thread, time::Duration};

use crate::{
    archives::{gzip, tar},
    maintainer::Maintainer,
    server::{Server, answer, head},
};

/// Updates killed.
const KILLS: u32 = 200;
/// Lists, beside the archive.
const LISTS: usize = 3;
/// Names of each list.
const NAMES: usize = 3000;

#[test]
#[ignore = "takes a minute"]
fn killed_at_random_points() {
    let seed = std::env::var("SEED").map_or(0x5eed, |text| text.parse().unwrap());
    eprintln!("SEED={seed}");
    let mut random = Random(seed);
    let server = Server::start();
    let mut sources: Vec<_> = (0..LISTS)
        .map(|list| (format!("list{list}"), server.url(&format!("/list{list}")), ""))
        .collect();
    sources.push(("archive".into(), server.url("/archive"), "member = \"adult\""));
    let sources: Vec<_> =
        sources.iter().map(|(name, url, keys)| (name.as_str(), url.clone(), *keys)).collect();
    let maintainer = Maintainer::new(&sources);
    publish(&server, 0);
    let begin = std::time::Instant::now();
    maintainer.update(&["--timeout", "60"]).expect(0);
    let mut whole = begin.elapsed();
    let mut served = serial(&maintainer);
    let (mut killed, mut replaced) = (0, 0);

    for version in 1..=KILLS {
        publish(&server, version);
        let mut update = maintainer.update_command(&["--json"]);
        let mut update = update.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Now and then beyond the end: the last steps count most.
        thread::sleep(whole.mul_f64(random.share() * 1.2));
        update.kill().unwrap();
        let was_whole = update.wait().unwrap().success();
        killed += u32::from(!was_whole);
        // The machine may have become faster or slower since: three of ten come to their end.
        whole = whole.mul_f64(if was_whole { 0.8 } else { 1.1 });

        whole_and_of_one_day(&maintainer, version);
        let newer = serial(&maintainer);
        assert!(newer >= served, "version {version}");
        replaced += u32::from(newer > served);
        served = newer;
        let beside = fs::read_dir(maintainer.path(".")).unwrap().count();
        assert!(beside <= 5, "sources, cache, bundle, lock, and one being written: {beside}");
        let (new, contents) = (maintainer.files("cache/new"), maintainer.files("cache/content"));
        assert!(new.len() <= 3 * (LISTS + 1), "{new:?}");
        assert!(contents.len() <= 3 * (LISTS + 1), "{contents:?}");
    }
    eprintln!("{killed} of {KILLS} were killed before their end, {replaced} bundles replaced");
    assert!(killed > KILLS / 4 && replaced > KILLS / 20, "the kills came at the wrong time");

    maintainer.update(&["--timeout", "60"]).expect(0);
    whole_and_of_one_day(&maintainer, KILLS);
    assert!(maintainer.refuses(&format!("list0-v{KILLS}.example")));
    assert_eq!(maintainer.files("cache/new").len(), 0);
    assert_eq!(maintainer.files("cache/content").len(), LISTS + 1);
    assert_eq!(fs::read_dir(maintainer.path(".")).unwrap().count(), 4);
}

/// Puts another version of every list on the server; each comes in pieces.
fn publish(server: &Server, version: u32) {
    for list in 0..LISTS {
        let mut text = format!("list{list}-v{version}.example\n");
        (1..NAMES).for_each(|number| text += &format!("list{list}-n{number}.example\n"));
        server.at(&format!("/list{list}"), move |_, stream| {
            let (length, etag) = (text.len().to_string(), format!("\"{version}\""));
            let headers =
                [("Content-Length", length.as_str()), ("ETag", &etag), ("Connection", "close")];
            head(stream, "200 OK", &headers)?;
            for piece in text.as_bytes().chunks(text.len() / 4) {
                stream.write_all(piece)?;
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        });
    }
    let text = format!("archive-v{version}.example\n");
    let archive = gzip(&tar(&[("adult/domains", &text), ("drogue/domains", "drogue.example\n")]));
    server.at("/archive", move |_, stream| answer(stream, "200 OK", &[], &archive));
}

/// The bundle has every name of every list, and of each list one version, none from the future.
fn whole_and_of_one_day(maintainer: &Maintainer, version: u32) {
    let bundle = maintainer.bundle();
    assert_eq!(bundle.manifest().counts.names, (LISTS * NAMES + 1) as u64);
    let child = bundle.bind(&filter_core::Profile::named("child").unwrap()).unwrap();
    let lists = (0..LISTS).map(|list| format!("list{list}")).chain(["archive".into()]);
    for list in lists {
        let held = (0..=version)
            .filter(|version| child.host(&format!("{list}-v{version}.example")).is_blocked());
        assert_eq!(held.count(), 1, "{list}, version {version}");
    }
}

fn serial(maintainer: &Maintainer) -> u64 {
    maintainer.bundle().manifest().stamp.serial
}

/// The generator of Knuth's MMIX: the same seed, the same kills.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }
}
