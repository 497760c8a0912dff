//! Archives and encodings, from a server.

use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};

use crate::{
    maintainer::{Maintainer, Ran},
    server::{Server, answer},
};

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar archive of files, whatever their paths.
pub(crate) fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        // Not by `set_path`, which refuses what an attacker would write.
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

#[test]
fn an_archive_is_downloaded_once_for_all_its_folders() {
    let server = Server::start();
    let archive = tar(&[
        ("blacklists/adult/domains", "adult.example\n"),
        ("blacklists/drogue/domains", "drogue.example\n"),
    ]);
    server.list("/all.tar.gz", gzip(&archive));
    let maintainer = Maintainer::new(&[
        ("adult", server.url("/all.tar.gz"), "member = \"blacklists/adult\""),
        ("drogue", server.url("/all.tar.gz"), "member = \"blacklists/drogue\""),
    ]);
    maintainer.update(&[]).expect(0);
    assert_eq!(server.take_requests("/all.tar.gz").len(), 1);
    assert!(maintainer.refuses("adult.example") && maintainer.refuses("drogue.example"));
    let unpacked = maintainer.files("cache/unpacked");
    assert_eq!(maintainer.update(&[]).expect(0).status("adult"), "unchanged");
    assert_eq!(maintainer.files("cache/unpacked"), unpacked);

    // One folder is gone: its last good copy is used, beside the new one of the other.
    let without = tar(&[("blacklists/adult/domains", "adult2.example\n")]);
    server.list("/all.tar.gz", gzip(&without));
    for _ in 0..2 {
        let ran = maintainer.update(&[]).expect(6);
        assert_ne!(ran.status("adult"), "cached");
        assert_eq!(ran.status("drogue"), "cached");
        let error = ran.error("drogue");
        assert_eq!(error, "it holds no `blacklists/drogue`; there are: blacklists/adult");
        assert!(maintainer.refuses("adult2.example") && maintainer.refuses("drogue.example"));
        assert!(!maintainer.refuses("adult.example"));
    }

    server.list("/all.tar.gz", gzip(&archive));
    maintainer.update(&[]).expect(0);
    assert_eq!(maintainer.files("cache/unpacked"), unpacked, "what is not used is removed");
}

/// Whichever way a member is written, and whether the archive comes from a path or a URL.
#[test]
fn members_are_found_alike_at_paths_and_urls() {
    let server = Server::start();
    let tree =
        gzip(&tar(&[("bl/adult/domains", "a.example\n"), ("bl/games/domains", "g.example\n")]));
    let single = gzip(&tar(&[("list-1.2/list.txt", "a.example\n")]));
    let folder = gzip(&tar(&[("list-1.2/domains", "a.example\n")]));
    let root = gzip(&tar(&[("domains", "a.example\n")]));
    let cases: [(&[u8], &str, Result<(), &str>); 11] = [
        (&tree, "member = \"adult\"", Ok(())),
        (&tree, "member = \"bl/adult\"", Ok(())),
        (&tree, "member = \"drugs\"", Err("it holds no `drugs`; there are: bl/adult, bl/games")),
        (&tree, "format = \"domains\"", Err("choose it with `member`")),
        (&single, "", Ok(())),
        // One file of a folder is a folder to a format that has folders.
        (&folder, "format = \"ut1\"", Ok(())),
        (&root, "format = \"ut1\"", Ok(())),
        (&folder, "format = \"domains\"", Ok(())),
        (&single, "format = \"ut1\"", Err("no `domains`, `urls` or `expressions` here")),
        (&single, "max_octets = 100", Err("more than 100 octets")),
        (b"a.example\n", "max_octets = 5", Err("more than 5 octets")),
    ];
    for (archive, keys, expected) in cases {
        server.list("/a", archive);
        let maintainer = Maintainer::new(&[("a", server.url("/a"), keys)]);
        let by_url = maintainer.update(&[]);
        fs::write(maintainer.path("archive"), archive).unwrap();
        let local = format!(
            "[[source]]\nname = \"a\"\npath = \"archive\"\ncategories = [\"weapons\"]\n{keys}\n"
        );
        fs::write(maintainer.path("local.toml"), local).unwrap();
        let build = ["build", "--sources", "local.toml", "--out", "local.bundle"];
        let by_path = Ran::from(maintainer.command(&build).output().unwrap());
        match expected {
            Ok(()) => {
                by_url.expect(0);
                by_path.expect(0);
                assert!(maintainer.refuses("a.example"), "{keys}");
                assert!(!maintainer.refuses("g.example"), "{keys}");
            }
            Err(message) => {
                let (by_url, by_path) = (by_url.expect(1), by_path.expect(1));
                assert!(by_url.error("a").contains(message), "{keys}: {}", by_url.error("a"));
                assert!(by_path.err.contains(message), "{keys}: {}", by_path.err);
            }
        }
    }
}

#[test]
fn encodings_are_undone() {
    let server = Server::start();
    let list = b"a.example\n";
    let archive = tar(&[("adult/domains", "a.example\n")]);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let cases: [(&str, &str, Vec<u8>); 8] = [
        ("", "gzip", gzip(list)),
        ("", "x-gzip", gzip(list)),
        ("", "zstd", zstd(list)),
        ("", "identity", list.to_vec()),
        ("", "", gzip(list)),
        ("", "gzip", gzip(&gzip(list))),
        // How Apache sends an archive as it comes.
        ("member = \"adult\"", "x-gzip", gzip(&archive)),
        ("member = \"adult\"", "", zstd(&archive)),
    ];
    for (number, (keys, encoding, body)) in cases.into_iter().enumerate() {
        let sent = body.len();
        let encoding = encoding.to_owned();
        server.at("/a", move |_, stream| {
            answer(stream, "200 OK", &[("Content-Encoding", &encoding)], &body)
        });
        let maintainer = Maintainer::new(&[("a", server.url("/a"), keys)]);
        let ran = maintainer.update(&[]).expect(0);
        assert!(maintainer.refuses("a.example"), "case {number}");
        assert_eq!(ran.source("a")["transferred"], sent, "case {number}");
    }
}

#[test]
fn archives_that_cannot_be_trusted_replace_nothing() {
    let server = Server::start();
    let good = gzip(&tar(&[("adult/domains", "a.example\n")]));
    let keys = "member = \"adult\"\nmax_octets = 40000000";
    let maintainer = Maintainer::new(&[("a", server.url("/a"), keys)]);
    server.list("/a", good.clone());
    maintainer.update(&[]).expect(0);

    let escaping = tar(&[("adult/domains", "b.example\n"), ("x/../../y", "b.example\n")]);
    let huge = "b.example\n".repeat(5_000_000);
    let cases: [(Vec<u8>, &str); 5] = [
        (gzip(&tar(&[("adult/domains", &huge)])), "max_octets"),
        (good[..good.len() - 9].to_vec(), "cut off"),
        (b"b.example\n".to_vec(), "this is a single file"),
        (gzip(b"b.example\n"), "this is a single file"),
        (escaping, "leads out of the archive"),
    ];
    for (body, message) in cases {
        server.list("/a", body);
        let ran = maintainer.update(&[]).expect(6);
        assert!(ran.error("a").contains(message), "{message}: {}", ran.error("a"));
        assert!(maintainer.refuses("a.example") && !maintainer.refuses("b.example"), "{message}");
        assert_eq!(maintainer.files("cache/new").len(), 0, "{message}");
    }
}
