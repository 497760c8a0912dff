//! Bundles come and are kept; what is bad leaves what was good.

use lists::{digest::Sha256Digest, signature::PublicKeys};

use super::*;
use crate::testing;

/// A directory with an operator's bundle in it, and the configuration that names it.
struct Site {
    folder: tempfile::TempDir,
    config: Config,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "[lists]\nbundle = \"today.bundle\"\ncache = \"cache\"\n";
        let file = folder.path().join("preau.toml");
        let config = Config::parse(file.to_str().unwrap(), text).unwrap();
        Self { folder, config }
    }

    fn publish(&self, bytes: &[u8]) {
        fs::write(self.folder.path().join("today.bundle"), bytes).unwrap();
    }

    fn store(&self) -> Store {
        Store::open(cache(&self.config).unwrap()).unwrap()
    }

    /// The operator's file.
    fn bundle(&self) -> PathBuf {
        self.folder.path().join("today.bundle")
    }

    /// Takes the bundle in.
    fn install(&self) -> Result<Filter, BundleError> {
        let store = self.store();
        let staged = store.stage(&self.bundle(), &self.config.lists.keys)?;
        Ok(store.commit(staged)?.filter)
    }

    /// Serials of what is kept.
    fn kept_serials(&self) -> Vec<u64> {
        let kept = self.store().kept(&self.config.lists.keys);
        kept.iter().map(|kept| serial(&kept.filter)).collect()
    }

    /// Names of what the cache holds, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("cache")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn serial(filter: &Filter) -> u64 {
    filter.manifest().stamp.serial
}

fn copy_name(bytes: &[u8]) -> String {
    format!("{}.bundle", Sha256Digest::of(bytes))
}

#[test]
fn the_starter_list_is_sound() {
    let filter = inspect(&Config::default()).unwrap().1;
    let counts = &filter.manifest().counts;
    assert!(counts.names >= 400, "{counts:?}");
}

#[test]
fn the_copy_is_served_not_the_file() {
    let site = Site::new();
    let bytes = testing::bundle(7);
    site.publish(&bytes);
    let filter = site.install().unwrap();
    assert_eq!(serial(&filter), 7);
    assert_eq!(site.names(), [copy_name(&bytes)]);
    // Overwritten in place, as by a careless copy.
    site.publish(&vec![0; bytes.len()]);
    let staff = filter.bind(&filter_core::Profile::named("staff").unwrap()).unwrap();
    assert!(staff.host("porn.example").is_blocked());
}

#[test]
fn a_new_bundle_replaces_the_copy() {
    let site = Site::new();
    for number in [1, 2, 2, 3] {
        let bytes = testing::bundle(number);
        site.publish(&bytes);
        assert_eq!(serial(&site.install().unwrap()), number);
        assert_eq!(site.names(), [copy_name(&bytes)]);
    }
}

#[test]
fn a_bad_bundle_leaves_the_last_good_one() {
    let good = testing::bundle(7);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let bad: [(&str, Option<Vec<u8>>); 6] = [
        ("missing", None),
        ("empty", Some(Vec::new())),
        ("garbage", Some(b"\x7fELF\x02\x01\x01".repeat(99))),
        ("truncated", Some(good[..good.len() / 2].to_vec())),
        ("flipped", Some(flipped(good.len() / 2))),
        ("flipped at the end", Some(flipped(good.len() - 1))),
    ];
    for (what, bytes) in bad {
        let site = Site::new();
        site.publish(&good);
        site.install().unwrap();
        match &bytes {
            Some(bytes) => site.publish(bytes),
            None => fs::remove_file(site.folder.path().join("today.bundle")).unwrap(),
        }
        let error = site.install().unwrap_err();
        assert_eq!(matches!(error, BundleError::Read { .. }), bytes.is_none(), "{what}");
        assert!(error.to_string().contains("today.bundle"), "{what}: {error}");
        assert_eq!(site.kept_serials(), [7], "{what}");
        assert_eq!(site.names(), [copy_name(&good)], "{what}");
    }
}

#[test]
fn what_is_not_committed_leaves_nothing() {
    let site = Site::new();
    assert!(site.kept_serials().is_empty());
    let good = testing::bundle(7);
    site.publish(&good);
    site.install().unwrap();
    site.publish(&testing::bundle(8));
    let staged = site.store().stage(&site.bundle(), &PublicKeys::default()).unwrap();
    assert_eq!(serial(&staged.filter), 8);
    drop(staged);
    assert_eq!(site.names(), [copy_name(&good)]);
    assert_eq!(site.kept_serials(), [7]);
}

#[test]
fn a_copy_that_rotted_on_the_disk_is_not_good() {
    let site = Site::new();
    let good = testing::bundle(7);
    site.publish(&good);
    site.install().unwrap();
    let copy = site.folder.path().join("cache").join(copy_name(&good));
    fs::write(copy, &good[..good.len() - 9]).unwrap();
    assert!(site.kept_serials().is_empty());
}

#[test]
fn inspecting_keeps_nothing() {
    let site = Site::new();
    site.publish(&testing::bundle(7));
    assert_eq!(serial(&inspect(&site.config).unwrap().1), 7);
    assert!(!site.folder.path().join("cache").exists());
}

#[test]
fn a_bundle_is_a_regular_file() {
    let site = Site::new();
    fs::create_dir(site.bundle()).unwrap();
    for error in [site.install().unwrap_err(), inspect(&site.config).unwrap_err()] {
        assert!(error.to_string().ends_with("today.bundle: not a regular file"), "{error}");
    }
}

#[test]
fn a_cache_serves_one() {
    let site = Site::new();
    let first = site.store();
    let error = Store::open(first.folder().to_owned()).unwrap_err();
    assert!(matches!(error, BundleError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("set [lists] cache"), "{error}");
    drop(first);
    site.store();
}

#[test]
fn a_cache_that_cannot_be_made() {
    let site = Site::new();
    site.publish(&testing::bundle(7));
    fs::write(site.folder.path().join("cache"), "in the way").unwrap();
    let error = Store::open(cache(&site.config).unwrap()).unwrap_err();
    assert!(matches!(error, BundleError::Store { .. }), "{error}");
    assert!(error.to_string().contains("set [lists] cache"), "{error}");
}

#[test]
fn where_the_cache_is() {
    const EMPTY: &str = "";
    let configured = Config::parse("/etc/preau.toml", "[lists]\ncache = \"/srv\"\n").unwrap();
    let cases: &[(&Config, [&str; 3], &str)] = &[
        (&configured, ["/var/lib/preau", "/state", "/root"], "/srv"),
        (&Config::default(), ["/var/lib/preau", "/state", "/root"], "/var/lib/preau"),
        (&Config::default(), [EMPTY, "/state", "/root"], "/state/preau"),
        (&Config::default(), [EMPTY, EMPTY, "/root"], "/root/.local/state/preau"),
    ];
    for (config, values, expected) in cases {
        let variables = ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"];
        let variable = |name: &str| {
            let index = variables.iter().position(|variable| *variable == name)?;
            Some(values[index].into())
        };
        assert_eq!(cache_from(config, variable).unwrap(), Path::new(expected));
    }
    let nothing = cache_from(&Config::default(), |_| None);
    assert!(matches!(nothing, Err(BundleError::NoCache)));
}

#[test]
fn only_its_own_files_are_removed() {
    let site = Site::new();
    let cache = site.folder.path().join("cache");
    fs::create_dir(&cache).unwrap();
    // A README once told to keep the operator's bundle here.
    let mine = ["lists.bundle", "note.txt", "mine.tmp", "current"];
    let leftovers = [
        "copied.tmp".to_owned(),
        "fetched.tmp".to_owned(),
        "highest-serial.tmp".to_owned(),
        format!("{}.minisig.tmp", copy_name(b"x")),
    ];
    for name in mine.iter().copied().chain(leftovers.iter().map(String::as_str)) {
        fs::write(cache.join(name), testing::bundle(1)).unwrap();
    }
    for serial in [7, 8] {
        site.publish(&testing::bundle(serial));
        site.install().unwrap();
    }
    let mut expected = mine.map(str::to_owned).to_vec();
    expected.push(copy_name(&testing::bundle(8)));
    expected.sort();
    assert_eq!(site.names(), expected);
    assert_eq!(site.kept_serials(), [8]);
}

#[test]
fn the_newest_signed_bundle_is_served_and_its_serial_remembered() {
    let folder = tempfile::tempdir().unwrap();
    // Of two copies, as a server that was killed may leave them, and one that nobody signed.
    for serial in [5, 6, 7] {
        let bytes = testing::bundle(serial);
        fs::write(folder.path().join(copy_name(&bytes)), bytes).unwrap();
    }
    let store = Store::open(folder.path().to_owned()).unwrap();
    let serials = |keys: &PublicKeys| -> Vec<_> {
        store.kept(keys).iter().map(|kept| serial(&kept.filter)).collect()
    };
    assert_eq!(serials(&PublicKeys::default()), [7, 6, 5]);
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".parse().unwrap();
    assert!(serials(&[key].into_iter().collect()).is_empty());

    assert_eq!(store.highest_serial().unwrap(), 0);
    fs::write(folder.path().join("highest-serial"), "12\n").unwrap();
    assert_eq!(store.highest_serial().unwrap(), 12);
    fs::write(folder.path().join("highest-serial"), "many").unwrap();
    let error = store.highest_serial().unwrap_err().to_string();
    assert!(error.contains("highest-serial holds no number"), "{error}");
}
