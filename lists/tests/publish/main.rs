//! Publishing as a maintainer does it, and what is refused; to stores of others, in `stores.rs`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

mod stores;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
use lists::{
    digest::Sha256Digest,
    pointer::Pointer,
    signature::{PublicKey, PublicKeys},
};
use tempfile::TempDir;

/// A folder with a key and the tool's results.
struct Publisher {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What every bundle refuses.
const PORN: [&str; 7] = [
    "brazzers.com",
    "pornhub.com",
    "redtube.com",
    "xhamster.com",
    "xnxx.com",
    "xvideos.com",
    "youporn.com",
];

impl Publisher {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        this.done(&["keygen", "--out", "k", "--no-password"]);
        this
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a bundle of this serial that refuses `vSERIAL.example`.
    fn build(&self, serial: u64, expires: Option<&str>) {
        self.build_of("ecommerce", &[format!("v{serial}.example")], serial, expires);
    }

    /// Writes a bundle of this serial, of one list, and of one of porn if that is not it.
    fn build_of(&self, category: &str, names: &[String], serial: u64, expires: Option<&str>) {
        let mut builder = FilterBuilder::new();
        let id = builder.source(Source::block("list", &[category])).unwrap();
        let mut batch = builder.batch(id);
        for name in names {
            batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
        }
        builder.add(batch.finish());
        if category != "porn" {
            // Without these, the guards let no bundle pass.
            let id = builder.source(Source::block("porn", &["porn"])).unwrap();
            let mut batch = builder.batch(id);
            for name in PORN {
                batch.domain(&name.parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
            }
            builder.add(batch.finish());
        }
        let (created, expires) = ("2026-11-22T00:00:00Z".into(), expires.map(str::to_owned));
        let bytes = builder.build(Stamp { serial, created, expires }).bytes;
        fs::write(self.path().join(format!("{serial}.bundle")), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        command
            .args(arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }

    fn publish(&self, serial: u64, to: &[&str]) -> String {
        self.build(serial, None);
        let file = format!("{serial}.bundle");
        self.done(&[&["publish", &file, "--key", "k"], to].concat())
    }

    fn keys(&self) -> PublicKeys {
        [PublicKey::load(&self.path().join("k.pub")).unwrap()].into_iter().collect()
    }

    /// What a folder of its own points to, which must be there, whole and signed.
    fn published(&self, folder: &str) -> (Pointer, Filter) {
        let folder = self.path().join(folder);
        let pointer = Pointer::parse(&fs::read(folder.join("current.json")).unwrap()).unwrap();
        let object = folder.join(&pointer.object);
        self.keys().verify_file(&object).unwrap();
        let bytes = fs::read(object).unwrap();
        assert_eq!(bytes.len() as u64, pointer.octets);
        let filter = Filter::open(bytes).unwrap();
        assert_eq!(filter.manifest().stamp, pointer.stamp);
        (pointer, filter)
    }

    /// Names below `objects`.
    fn objects(&self, folder: &str) -> usize {
        fs::read_dir(self.path().join(folder).join("objects")).unwrap().count()
    }
}

fn refuses(filter: &Filter, name: &str) -> bool {
    filter.bind(&filter_core::Profile::named("child").unwrap()).unwrap().host(name).is_blocked()
}

#[test]
fn to_a_folder() {
    let publisher = Publisher::new();
    let said = publisher.publish(5, &["--to", "out"]);
    assert!(said.starts_with("out: published serial 5; objects/"), "{said}");
    let url = format!("file://{}", publisher.path().join("out").display());
    publisher.publish(6, &["--to", &url]);
    let (pointer, filter) = publisher.published("out");
    assert_eq!(pointer.stamp.serial, 6);
    assert!(refuses(&filter, "v6.example"));
    assert_eq!(publisher.objects("out"), 4);
    // The same again is no mistake.
    publisher.publish(6, &["--to", "out", "--json"]);
    assert_eq!(publisher.published("out").0, pointer);

    // Signed elsewhere, with the key in a safe.
    publisher.build(7, None);
    publisher.done(&["sign", "7.bundle", "--key", "k"]);
    publisher.done(&["publish", "7.bundle", "--to", "out", "--public-key", "k.pub"]);
    assert_eq!(publisher.published("out").0.stamp.serial, 7);
}

#[test]
fn refusals_leave_what_was_published() {
    let publisher = Publisher::new();
    publisher.publish(5, &["--to", "out"]);
    publisher.build(4, None);
    publisher.build(6, Some("2026-11-21T00:00:00Z"));
    publisher.build(7, None);
    publisher.done(&["keygen", "--out", "other", "--no-password"]);
    publisher.done(&["sign", "7.bundle", "--key", "other"]);
    let whole = fs::read(publisher.path().join("7.bundle")).unwrap();
    fs::write(publisher.path().join("half.bundle"), &whole[..whole.len() / 2]).unwrap();
    // Another bundle of serial 5.
    let mut again = fs::read(publisher.path().join("4.bundle")).unwrap();
    again = filter_core::restamp(
        &again,
        Stamp { serial: 5, created: "2026-11-22T00:00:00Z".into(), expires: None },
    )
    .unwrap();
    fs::write(publisher.path().join("again.bundle"), again).unwrap();
    let before = publisher.published("out").0;
    let key = ["--key", "k"];
    let cases: &[(&str, &[&str], i32, &str)] = &[
        ("4.bundle", &key, 4, "it has serial 4, and 5 is published"),
        ("again.bundle", &key, 4, "another bundle of serial 5 is published"),
        ("6.bundle", &key, 4, "it expired at 2026-11-21T00:00:00Z"),
        ("half.bundle", &key, 4, "half.bundle: no server could open it: the bundle is cut short"),
        ("k.pub", &key, 4, "not a Préau bundle"),
        ("absent.bundle", &key, 1, "cannot read absent.bundle"),
        ("7.bundle", &["--key", "absent"], 1, "cannot read the secret key absent"),
        (
            "7.bundle",
            &["--public-key", "k.pub"],
            4,
            "the bundle is not published: it is signed with key",
        ),
        ("4.bundle", &["--public-key", "k.pub"], 4, "it has serial 4"),
        ("7.bundle", &[], 2, "--key"),
    ];
    for (file, arguments, code, message) in cases {
        let all = [&["publish", file, "--to", "out"], *arguments].concat();
        let (got, said) = publisher.run(&all);
        assert_eq!(got, Some(*code), "{all:?}: {said}");
        assert!(said.contains(message), "{all:?}: {said}");
        assert_eq!(publisher.published("out").0, before, "{all:?}");
    }
    // A folder where something else is.
    fs::write(publisher.path().join("out/current.json"), "{}").unwrap();
    let (code, said) = publisher.run(&["publish", "7.bundle", "--to", "out", "--key", "k"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("out/current.json is something else"), "{said}");
}

#[test]
fn guards_are_asked() {
    let publisher = Publisher::new();
    let many: Vec<_> = (0..100).map(|number| format!("shop{number}.example")).collect();
    publisher.build_of("ecommerce", &many, 5, None);
    publisher.done(&["publish", "5.bundle", "--to", "out", "--key", "k"]);
    publisher.build_of("ecommerce", &many[..50], 6, None);
    publisher.build_of("porn", &["a.example".to_owned()], 7, None);
    for (file, told) in [("6.bundle", "--accept-shrink"), ("7.bundle", "pornhub.com")] {
        let arguments = ["publish", file, "--to", "out", "--key", "k"];
        let (code, said) = publisher.run(&arguments);
        assert_eq!(code, Some(5), "{said}");
        assert!(said.contains(told), "{said}");
        assert_eq!(publisher.published("out").0.stamp.serial, 5);
    }
    publisher.done(&["publish", "6.bundle", "--to", "out", "--key", "k", "--accept-shrink"]);
    // Whoever goes back knows that he does.
    publisher.done(&["publish", "--rollback", "5", "--to", "out", "--key", "k"]);
    publisher.done(&["publish", "--rollback", "6", "--to", "out", "--key", "k"]);
}

#[test]
fn old_lists_are_published_again_under_a_new_serial() {
    let publisher = Publisher::new();
    for serial in [5, 6, 7] {
        publisher.publish(serial, &["--to", "out"]);
    }
    let rollback = |more: &[&str]| {
        publisher.run(&[&["publish", "--to", "out", "--key", "k", "--rollback"], more].concat())
    };
    let (code, said) = rollback(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(", the lists of serial 6 again;"), "{said}");
    let (pointer, filter) = publisher.published("out");
    assert!(pointer.stamp.serial > 7 && refuses(&filter, "v6.example"), "{pointer:?}");
    let (code, said) = rollback(&["5"]);
    assert_eq!(code, Some(0), "{said}");
    let (again, filter) = publisher.published("out");
    assert!(again.stamp.serial > pointer.stamp.serial && refuses(&filter, "v5.example"));

    let (code, said) = rollback(&["99"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no usable bundle of serial 99: the serials 5, 6, 7, "), "{said}");
    // What somebody else put there is not signed again.
    let object = publisher.path().join("out").join(&pointer.object);
    let signature = lists::signature::signature_path(&object);
    publisher.done(&["keygen", "--out", "mallory", "--no-password"]);
    publisher.done(&["sign", object.to_str().unwrap(), "--key", "mallory"]);
    assert!(signature.exists());
    let (code, said) = rollback(&[&pointer.stamp.serial.to_string()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("it is signed with key"), "{said}");
    let (code, said) = publisher.run(&["publish", "--rollback", "--to", "empty", "--key", "k"]);
    assert_eq!((code, said.contains("nothing is published at empty")), (Some(1), true), "{said}");
}

/// Whoever can write there can put an old bundle of somebody else's there.
#[test]
fn bundles_of_others_stop_nobody_from_going_back() {
    let publisher = Publisher::new();
    for serial in [5, 6, 7] {
        publisher.publish(serial, &["--to", "out"]);
    }
    let object = |serial: u64| {
        let bytes = fs::read(publisher.path().join(format!("{serial}.bundle"))).unwrap();
        publisher.path().join(format!("out/objects/{}.bundle", Sha256Digest::of(&bytes)))
    };
    publisher.done(&["keygen", "--out", "mallory", "--no-password"]);
    publisher.done(&["sign", object(6).to_str().unwrap(), "--key", "mallory"]);
    let rollback = ["publish", "--to", "out", "--key", "k", "--rollback"];
    let (code, said) = publisher.run(&rollback);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: passed over: ") && said.contains("signed with key"), "{said}");
    assert!(said.contains(", the lists of serial 5 again;"), "{said}");
    // Nor does a damaged one.
    fs::write(object(7), "rubbish").unwrap();
    let (code, said) = publisher.run(&[&rollback[..], &["7"]].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no usable bundle of serial 7"), "{said}");
    let (code, said) = publisher.run(&rollback);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("its SHA-256 is not the one in its name"), "{said}");
    assert!(said.contains(", the lists of serial 5 again;"), "{said}");
}

/// What was published cannot be compared with, so somebody has to look; but then it goes on.
#[test]
fn what_cannot_be_read_is_replaced_once_somebody_accepts_it() {
    let many: Vec<_> = (0..100).map(|number| format!("shop{number}.example")).collect();
    for is_pointer in [false, true] {
        let publisher = Publisher::new();
        let publish = |serial: u64, more: &[&str]| {
            let file = format!("{serial}.bundle");
            publisher.run(&[&["publish", &file, "--to", "out", "--key", "k"], more].concat())
        };
        for serial in [5, 6] {
            publisher.build_of("ecommerce", &many, serial, None);
            assert_eq!(publish(serial, &[]).0, Some(0));
        }
        let name = match is_pointer {
            true => "current.json".to_owned(),
            false => publisher.published("out").0.object,
        };
        fs::write(publisher.path().join("out").join(&name), "rubbish").unwrap();
        publisher.build_of("ecommerce", &many, 7, None);
        let (code, said) = publish(7, &[]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&format!("--accept-unreadable {name}")), "{said}");
        let (code, said) = publish(7, &["--accept-unreadable", "objects/another.bundle"]);
        assert_eq!(code, Some(1), "{said}");

        // The guards do not sleep: they have what was published before.
        let accept = ["--accept-unreadable", &name];
        publisher.build_of("ecommerce", &many[..50], 8, None);
        let (code, said) = publish(8, &accept);
        assert_eq!(code, Some(5), "{said}");
        let newest = if is_pointer { 6 } else { 5 };
        assert!(said.contains(&format!("compare with serial {newest}, ")), "{said}");
        // And what readers have seen stays the least.
        publisher.build_of("ecommerce", &many, 4, None);
        let (code, said) = publish(4, &accept);
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains("it has serial 4, and 6 is published"), "{said}");

        let (code, said) = publish(7, &accept);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(publisher.published("out").0.stamp.serial, 7);
        publisher.publish(9, &["--to", "out", "--accept-shrink"]);
    }
}

#[test]
fn one_publishes_to_a_folder_at_a_time() {
    let publisher = Publisher::new();
    publisher.publish(5, &["--to", "out"]);
    let lock = fs::File::open(publisher.path().join("out/.publish.lock")).unwrap();
    lock.lock().unwrap();
    publisher.build(6, None);
    let publish = ["publish", "6.bundle", "--to", "out", "--key", "k"];
    let (code, said) = publisher.run(&publish);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another `list-compile publish` is at work in out"), "{said}");
    assert_eq!(publisher.published("out").0.stamp.serial, 5);
    drop(lock);
    publisher.done(&publish);
}

#[test]
fn old_bundles_go_and_the_present_one_never() {
    let publisher = Publisher::new();
    for serial in 1..=5 {
        publisher.publish(serial, &["--to", "out", "--keep", "3"]);
        // Times of files tell their order.
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(publisher.objects("out"), 6);
    fs::write(publisher.path().join("out/objects/note.txt"), "mine").unwrap();
    let said = publisher.publish(6, &["--to", "out", "--keep", "0"]);
    assert!(said.contains("3 old bundles removed"), "{said}");
    assert_eq!(publisher.published("out").0.stamp.serial, 6);
    assert_eq!(publisher.objects("out"), 3, "bundle, signature, note");
}

/// `PREAU_KILLS` times (200).
#[test]
#[ignore = "half a minute"]
fn killed_anywhere_it_leaves_a_whole_bundle_published() {
    let kills = std::env::var("PREAU_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let publisher = Publisher::new();
    publisher.publish(1, &["--to", "out"]);
    let (mut before, mut steps) = (1, 0);
    for kill in 0..kills {
        let serial = kill + 2;
        publisher.build(serial, None);
        let mut child = Command::new(env!("CARGO_BIN_EXE_list-compile"))
            .args(["publish", &format!("{serial}.bundle"), "--to", "out", "--key", "k"])
            .args(["--keep", "3"])
            .current_dir(publisher.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(kill * 7 % 150));
        let _ = child.kill();
        child.wait().unwrap();
        let (pointer, filter) = publisher.published("out");
        assert!(pointer.stamp.serial == serial || pointer.stamp.serial == before);
        assert!(refuses(&filter, &format!("v{}.example", pointer.stamp.serial)));
        steps += u64::from(pointer.stamp.serial > before);
        before = pointer.stamp.serial;
    }
    println!("{kills} kills; {steps} times what was being published was published");
    assert!(steps > 0 && steps < kills, "{steps} of {kills}");
    publisher.publish(kills + 2, &["--to", "out", "--keep", "3"]);
    assert_eq!(publisher.objects("out"), 6, "what was half published is removed like the old");
}
