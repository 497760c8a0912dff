//! Archives: what is unpacked, what is refused, and that nothing is left or touched outside.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use lists::archive::{ArchiveError, Content, Limits, Unpacked, content, decompress, unpack};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

/// What an entry of a test archive is.
enum Entry<'a> {
    File(&'a str, &'a str),
    Folder(&'a str),
    Link(&'a str, &'a str),
    Other(&'a str, EntryType, &'a str),
}

use Entry::{File as F, Folder as D, Link as L, Other as O};

/// A header with any name, even those that the crate refuses to write.
fn header(name: &str, kind: EntryType, link: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o7777);
    header.set_size(size);
    header.set_cksum();
    header
}

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let (header, data) = match *entry {
            F(name, data) => (header(name, EntryType::Regular, "", data.len() as u64), data),
            D(name) => (header(name, EntryType::Directory, "", 0), ""),
            L(name, target) => (header(name, EntryType::Symlink, target, 0), ""),
            O(name, kind, target) => (header(name, kind, target, 0), ""),
        };
        builder.append(&header, data.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// A folder that holds one archive and a file beside it that nothing may touch.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(octets: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("archive"), octets).unwrap();
        fs::write(folder.path().join("beside"), "untouched").unwrap();
        Self { folder }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    fn unpack(&self, limits: &Limits) -> Result<Unpacked, ArchiveError> {
        let outcome = unpack(&self.archive(), &self.target(), limits);
        let mut names: Vec<_> =
            fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let expected: &[&str] =
            if outcome.is_ok() { &["archive", "beside", "into"] } else { &["archive", "beside"] };
        assert_eq!(names, expected);
        assert_eq!(fs::read(self.folder.path().join("beside")).unwrap(), b"untouched");
        outcome
    }
}

#[test]
fn a_tree_with_aliases() {
    let entries = [
        D("./"),
        D("./blacklists/"),
        L("./blacklists/porn", "adult"),
        F("./blacklists/adult/domains", "example.com\n"),
        D("./blacklists/adult/"),
        F("./blacklists/adult/usage", "black\n"),
        L("./blacklists/x/deep", "../porn/domains"),
        L("./blacklists/none", "missing"),
        L("./blacklists/loop", "loop"),
        L("./top", "blacklists"),
        L("./self", "."),
    ];
    let plain = tar(&entries);
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    for archive in [&gzip(&plain), &zstd, &plain] {
        let place = Place::new(archive);
        assert_eq!(content(&place.archive()).unwrap(), Content::Archive);
        let unpacked = place.unpack(&Limits::default()).unwrap();
        assert_eq!((unpacked.files, unpacked.octets), (2, 18));
        let aliases: Vec<_> = unpacked
            .aliases
            .iter()
            .map(|(link, target)| (link.to_str().unwrap(), target.to_str().unwrap()))
            .collect();
        assert_eq!(
            aliases,
            [
                ("blacklists/porn", "blacklists/adult"),
                ("blacklists/x/deep", "blacklists/adult/domains"),
                ("self", ""),
                ("top", "blacklists"),
            ]
        );
        let dangling = ["blacklists/loop", "blacklists/none"].map(PathBuf::from);
        assert_eq!(unpacked.dangling, dangling);
        for path in ["blacklists/porn/domains", "blacklists/x/deep", "top/adult/domains"] {
            let text = fs::read_to_string(place.target().join(path)).unwrap();
            assert_eq!(text, "example.com\n", "{path}");
        }
        // Straight to the target, not by way of another link.
        let deep = fs::read_link(place.target().join("blacklists/x/deep")).unwrap();
        assert_eq!(deep, Path::new("../../blacklists/adult/domains"));
    }
}

#[test]
fn what_is_hostile_is_refused_whole() {
    let good = || F("good", "example.com\n");
    let cases: Vec<(&str, Vec<Entry<'_>>)> = vec![
        ("leads out of the archive", vec![good(), F("../beside", "x")]),
        ("leads out of the archive", vec![good(), F("a/../../beside", "x")]),
        ("leads out of the archive", vec![good(), F("a/../b", "x")]),
        ("leads out of the archive", vec![good(), F("/tmp/preau-absolute", "x")]),
        ("leads out of the archive", vec![good(), F(".", "x")]),
        ("leads out of the archive", vec![good(), D("..")]),
        ("the link \"l\" leads to \"../beside\"", vec![good(), L("l", "../beside")]),
        ("the link \"l\" leads to \"/etc/passwd\"", vec![good(), L("l", "/etc/passwd")]),
        ("the link \"a/l\" leads to", vec![good(), L("a/l", "../../beside")]),
        // A chain, each step of which stays inside when taken alone.
        ("leads to", vec![L("a/up", ".."), L("a/upper", "up/.."), good()]),
        ("leads to", vec![L("a/b/l1", "../.."), L("a/l2", "b/l1/.."), good()]),
        // Writing through a link, before and after it is there.
        ("two entries claim \"l\"", vec![L("l", ".."), F("l/beside", "x")]),
        ("two entries claim \"l\"", vec![F("l/x", "x"), L("l", "..")]),
        ("two entries claim \"l\"", vec![L("l", "/tmp"), D("l")]),
        ("two entries claim \"good\"", vec![good(), F("./good", "other.example\n")]),
        ("two entries claim \"good\"", vec![good(), F("good/x", "x")]),
        ("\"h\" is a hard link", vec![good(), O("h", EntryType::Link, "../beside")]),
        ("\"h\" is a hard link", vec![good(), O("h", EntryType::Link, "good")]),
        ("\"d\" is a device", vec![good(), O("d", EntryType::Block, "")]),
        ("\"d\" is a device", vec![good(), O("d", EntryType::Char, "")]),
        ("\"p\" is a named pipe", vec![good(), O("p", EntryType::Fifo, "")]),
        ("\"u\" is of an unknown type", vec![good(), O("u", EntryType::new(b'V'), "")]),
    ];
    for (expected, entries) in cases {
        let error = Place::new(&tar(&entries)).unpack(&Limits::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    assert!(!Path::new("/tmp/preau-absolute").exists());
}

#[test]
fn what_is_no_archive_or_damaged() {
    let good = tar(&[F("a", &"example.com\n".repeat(200)), F("b", "x")]);
    let packed = gzip(&good);
    let mut wrong_checksum = packed.clone();
    let crc = wrong_checksum.len() - 8;
    wrong_checksum[crc] ^= 1;
    let mut wrong_header = good.clone();
    // The second header: 512 of the first, 2560 of data.
    wrong_header[3072] ^= 1;
    let cases: [(&str, &[u8]); 13] = [
        ("no tar archive", b""),
        ("no tar archive", b"example.com\n"),
        ("no tar archive", &[0; 1024]),
        ("no tar archive", &[b' '; 1024]),
        ("no tar archive", &gzip(b"example.com\n")),
        ("zip file", b"PK\x03\x04...."),
        ("xz file", b"\xfd7zXZ\0\0"),
        ("bzip2 file", b"BZh91AY&SY"),
        ("checksum mismatch", &wrong_header),
        ("corrupt", &wrong_checksum),
        ("cut off", &packed[..packed.len() - 9]),
        // Between two entries, where nothing but the end mark is missing.
        ("cut off", &good[..3072]),
        ("fetch it again", &good[..2000]),
    ];
    for (expected, octets) in cases {
        let error = Place::new(octets).unpack(&Limits::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_existing_folder_is_left_alone() {
    let place = Place::new(&tar(&[F("a", "x")]));
    fs::create_dir(place.target()).unwrap();
    fs::write(place.target().join("mine"), "x").unwrap();
    let error = unpack(&place.archive(), &place.target(), &Limits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Folder { .. }), "{error}");
    assert!(place.target().join("mine").exists());
}

/// A header, then zeros without end, compressed: 10 GB in a few kilobytes.
fn zeros_in_gzip(prefix: &[u8], octets: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(prefix).unwrap();
    io::copy(&mut io::repeat(0).take(octets), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

/// The same octets over and over, as frames of zstd: decompressed one after the other.
fn repeated_zstd(prefix: &[u8], megabytes: usize) -> Vec<u8> {
    let frame = zstd::encode_all(vec![0; 1 << 20].as_slice(), 19).unwrap();
    let mut octets = zstd::encode_all(prefix, 1).unwrap();
    octets.extend(frame.repeat(megabytes));
    octets
}

#[test]
fn bombs_stop_at_the_limit_that_is_named() {
    let huge = header("zeros", EntryType::Regular, "", 10 << 30);
    let small = header("zeros", EntryType::Regular, "", 1 << 30);
    let default = Limits::default();
    // The header alone says it: 10 GB in 46 kB.
    let ten_gigabytes = repeated_zstd(huge.as_bytes(), 1024);
    assert!(ten_gigabytes.len() < 100_000, "{}", ten_gigabytes.len());
    let one_gigabyte = repeated_zstd(small.as_bytes(), 1024);
    let gzip_bomb = zeros_in_gzip(small.as_bytes(), 100 << 20);
    // Nested in a header of the archive instead: a name of 1 GB.
    let name = header("././@LongLink", EntryType::GNULongName, "", 1 << 30);
    let long_name = repeated_zstd(name.as_bytes(), 1024);
    // After the end of the archive.
    let after = repeated_zstd(&tar(&[F("a", "x")]), 1024);
    let tight = Limits { octets: 1 << 20, ..default };
    let cases: [(&str, &[u8], Limits); 6] = [
        ("more than 2147483648 octets", &ten_gigabytes, default),
        ("grows more than 100 times", &one_gigabyte, default),
        ("grows more than 100 times", &gzip_bomb, default),
        ("more than 64 KiB", &long_name, default),
        ("grows more than 100 times", &after, default),
        ("more than 1048576 octets", &after, tight),
    ];
    for (expected, octets, limits) in cases {
        let error = Place::new(octets).unpack(&limits).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_million_headers_stop_at_the_limit() {
    let thousand = header("d", EntryType::Directory, "", 0).as_bytes().repeat(1000);
    let million = zstd::encode_all(thousand.as_slice(), 19).unwrap().repeat(1000);
    let limits = Limits { ratio: u64::MAX, entries: 5000, ..Limits::default() };
    let error = Place::new(&million).unpack(&limits).unwrap_err();
    assert!(error.to_string().contains("more than 5000 entries"), "{error}");

    // Paths that imply more folders than there are headers.
    let names: Vec<_> = (0..1000).map(|n| format!("{n}/b/c/d/e/f/g/h/i")).collect();
    let deep: Vec<_> = names.iter().map(|name| F(name, "")).collect();
    let error = Place::new(&tar(&deep)).unpack(&limits).unwrap_err();
    assert!(error.to_string().contains("more than 5000 entries"), "{error}");
    // Extensions count too, or they could go on for ever.
    let names: Vec<_> = (0..6000).map(|_| O("x", EntryType::XGlobalHeader, "")).collect();
    let error = Place::new(&tar(&names)).unpack(&limits).unwrap_err();
    assert!(error.to_string().contains("more than 5000 entries"), "{error}");
}

#[test]
fn long_names_of_gnu_and_pax() {
    let name = format!("{}/domains", "folder/".repeat(14));
    let mut builder = Builder::new(Vec::new());
    let file = header("ignored", EntryType::Regular, "", 1);
    let long = header("././@LongLink", EntryType::GNULongName, "", name.len() as u64 + 1);
    builder.append(&long, format!("{name}\0").as_bytes()).unwrap();
    builder.append(&file, &b"1"[..]).unwrap();
    let record = |key: &str, value: &str| {
        // The length counts itself; all of ours have two digits or three.
        let body = format!(" {key}={value}\n");
        let digits = if body.len() + 2 < 100 { 2 } else { 3 };
        format!("{}{body}", body.len() + digits)
    };
    let records = record("mtime", "1") + &record("path", "été/domains");
    let pax = header("PaxHeaders/x", EntryType::XHeader, "", records.len() as u64);
    builder.append(&pax, records.as_bytes()).unwrap();
    builder.append(&file, &b"2"[..]).unwrap();
    let octets = builder.into_inner().unwrap();
    let place = Place::new(&octets);
    place.unpack(&Limits::default()).unwrap();
    assert_eq!(fs::read_to_string(place.target().join(&name)).unwrap(), "1");
    assert_eq!(fs::read_to_string(place.target().join("été/domains")).unwrap(), "2");

    for (records, expected) in [
        (record("path", "../beside"), "leads out"),
        (record("path", "a\0b"), "leads out"),
        (record("size", "9999"), "two sizes"),
        (record("size", "x"), "malformed PAX size"),
        (record("GNU.sparse.major", "1"), "sparse"),
        ("nonsense".to_owned(), "malformed PAX record"),
    ] {
        let mut builder = Builder::new(Vec::new());
        let pax = header("PaxHeaders/x", EntryType::XHeader, "", records.len() as u64);
        builder.append(&pax, records.as_bytes()).unwrap();
        builder.append(&file, &b"x"[..]).unwrap();
        let octets = builder.into_inner().unwrap();
        let error = Place::new(&octets).unpack(&Limits::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn one_file_decompressed() {
    let text = "example.com\n".repeat(1000);
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    // Several members, as `cat a.gz b.gz` makes them.
    let (start, end) = text.split_at(5000);
    let members = [gzip(start.as_bytes()), gzip(end.as_bytes())].concat();
    let cases: [(&[u8], Content); 4] = [
        (text.as_bytes(), Content::Plain),
        (&gzip(text.as_bytes()), Content::Compressed),
        (&zstd, Content::Compressed),
        (&members, Content::Compressed),
    ];
    for (octets, expected) in cases {
        let place = Place::new(octets);
        assert_eq!(content(&place.archive()).unwrap(), expected);
        let mut read = String::new();
        let mut decoder = decompress(&place.archive(), &Limits::default()).unwrap();
        decoder.read_to_string(&mut read).unwrap();
        assert!(read == text, "{expected:?}");
        let limits = Limits { octets: 4096, ..Limits::default() };
        let mut decoder = decompress(&place.archive(), &limits).unwrap();
        let error = decoder.read_to_string(&mut String::new()).unwrap_err();
        let error = ArchiveError::from_read(error);
        assert!(matches!(error, ArchiveError::TooLarge { limit: 4096 }), "{error}");
    }
}

#[test]
fn the_real_tree_with_aliases() {
    let real = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/formats/ut1_with_aliases.tar.gz");
    if !real.exists() {
        #[allow(clippy::print_stdout, reason = "a test that skips says so")]
        {
            println!("skipped: no ../shared");
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let unpacked = unpack(&real, &folder.path().join("tree"), &Limits::default()).unwrap();
    assert_eq!((unpacked.files, unpacked.octets), (22, 246_851));
    let aliases: Vec<_> = unpacked
        .aliases
        .iter()
        .map(|(link, target)| (link.to_str().unwrap(), target.to_str().unwrap()))
        .collect();
    assert_eq!(
        aliases,
        [
            ("ads", "publicite"),
            ("aggressive", "agressif"),
            ("drugs", "drogue"),
            ("porn", "adult"),
            ("violence", "agressif"),
        ]
    );
    assert!(unpacked.dangling.is_empty());
}

/// Names that meet each other and the world outside.
fn name() -> impl Strategy<Value = String> {
    let parts = ["a", "b", "..", ".", "", "/", "c"];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 1..5).prop_map(|all| all.join("/"))
}

proptest! {
    #[test]
    fn nothing_is_written_or_led_outside(
        entries in prop::collection::vec((0u8..4, name(), name()), 1..12)
    ) {
        let entries: Vec<_> = entries
            .iter()
            .map(|(kind, name, target)| match kind {
                0 => F(name, "x"),
                1 => D(name),
                _ => L(name, target),
            })
            .collect();
        let place = Place::new(&tar(&entries));
        if let Ok(unpacked) = place.unpack(&Limits::default()) {
            let root = fs::canonicalize(place.target()).unwrap();
            for (link, target) in unpacked.aliases {
                let led = fs::canonicalize(root.join(link)).unwrap();
                prop_assert_eq!(led, fs::canonicalize(root.join(target)).unwrap());
            }
        }
    }

    #[test]
    fn damaged_archives_never_panic(at in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let mut octets = tar(&[F("a/b", "x"), L("c", "a"), D("d")]);
        let at = at.index(octets.len());
        octets[at] = octet;
        let _ = Place::new(&octets).unpack(&Limits::default());
        let _ = Place::new(&octets[..at]).unpack(&Limits::default());
    }
}
