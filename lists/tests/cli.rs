//! `list-compile` as a maintainer runs it: exit codes, messages, files.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use filter_core::Filter;
use tempfile::TempDir;

/// A folder with a list, and sources that name it.
struct Maintainer {
    folder: TempDir,
}

impl Maintainer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let this = Self { folder };
        this.write("porn.txt", "# a list\nexample.com\nexample.net\n\ncom\n");
        this.write("learn.txt", "learn.example.com\n");
        this.write(
            "sources.toml",
            r#"
[[source]]
name = "my-porn"
path = "porn.txt"
categories = ["porn"]
licence = "CC0-1.0"

[[source]]
name = "my-learning"
path = "learn.txt"
categories = ["education"]
action = "allow"
lifts = ["porn"]
"#,
        );
        this
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        command.args(arguments).current_dir(self.path()).env_remove("SOURCE_DATE_EPOCH");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    fn build(&self, more: &[&str]) -> Ran {
        self.run(&[&["build", "--sources", "sources.toml", "--out", "out.bundle"], more].concat())
    }
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

const AT: [&str; 2] = ["--created", "2026-11-22T10:00:00Z"];

#[test]
fn build_writes_a_bundle_and_a_report() {
    let maintainer = Maintainer::new();
    let ran = maintainer.build(&AT).expect(0);
    assert_eq!(ran.err, "", "no progress bar without a terminal");
    let expected = "\
source       format       lines   accepted   skipped      rules
my-porn      domains          5          2         3          2
my-learning  domains          1          1         0          1
total                         6          3         3          3

lines skipped, by reason
         1  blank
         1  comment
         1  public-suffix
            porn.txt:5: com

accepted: 3 names, 0 fragments, 0 expressions, 0 networks, 0 URLs, 0 phrases
bundle: serial 1795341600, created 2026-11-22T10:00:00Z
        3 distinct names (0 covered by an ancestor), 0 fragments, 0 expressions, 0 networks, 0 URLs, 0 phrases
";
    assert!(ran.out.starts_with(expected), "{}", ran.out);
    let files: Vec<_> =
        fs::read_dir(maintainer.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(files.len(), 4, "nothing is left beside the bundle: {files:?}");
    assert!(Filter::open(maintainer.read("out.bundle")).is_ok());
}

#[test]
fn build_is_stamped_as_asked() {
    let maintainer = Maintainer::new();
    let serial = |more: &[&str]| {
        let report = maintainer.build(&[&["--json"], more].concat()).expect(0).json();
        let stamp = &report["bundle"]["stamp"];
        (stamp["serial"].as_u64().unwrap(), stamp["created"].as_str().unwrap().to_owned())
    };
    assert_eq!(serial(&AT), (1_795_341_600, "2026-11-22T10:00:00Z".into()));
    let paris = ["--created", "2026-11-22T11:00:00.9+01:00", "--serial", "12"];
    assert_eq!(serial(&paris), (12, "2026-11-22T10:00:00Z".into()));

    let first = maintainer.read("out.bundle");
    serial(&paris);
    assert!(maintainer.read("out.bundle") == first, "the same inputs give the same bytes");

    let arguments = ["build", "--sources", "sources.toml", "--out", "out.bundle"];
    let epoch = |value: &str| {
        Ran::from(maintainer.command(&arguments).env("SOURCE_DATE_EPOCH", value).output().unwrap())
    };
    assert!(
        epoch("1000000000")
            .expect(0)
            .out
            .contains("serial 1000000000, created 2001-09-09T01:46:40Z")
    );
    assert!(epoch("yesterday").expect(2).err.contains("SOURCE_DATE_EPOCH must be a number"));

    let ran =
        maintainer.build(&[&AT[..], &["--expires", "2026-11-22T09:00:00Z"]].concat()).expect(2);
    assert!(ran.err.contains("--expires must come after --created"), "{}", ran.err);
    let ran = maintainer.build(&["--created", "1969-01-01T00:00:00Z"]).expect(2);
    assert!(ran.err.contains("needs a --serial"), "{}", ran.err);
    maintainer.build(&["--created", "yesterday"]).expect(2);
}

#[test]
fn reports_name_the_limits() {
    let maintainer = Maintainer::new();
    let list = "||example.com^\n/(a{1000}){1000}/\n||ab\n";
    maintainer.write("porn.txt", list);
    let ran = maintainer.build(&AT).expect(0);
    for line in [
        "         1  expression-too-large (limit: 4096 characters, automata of 1 MiB)\n",
        "         1  fragment-too-short (limit: 3 letters or digits at least)\n",
    ] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
}

#[test]
fn a_failed_build_leaves_the_old_bundle() {
    let maintainer = Maintainer::new();
    maintainer.build(&AT).expect(0);
    let old = maintainer.read("out.bundle");
    let good = maintainer.read("sources.toml");

    let cases: &[(&str, &[u8], i32, &str)] = &[
        ("porn.txt", b"", 1, "there is no entry in this list"),
        ("porn.txt", b"com\nco.uk\n", 1, "no list format fits these lines"),
        ("porn.txt", b"\x00\x01\x02\x03\x04", 1, "this is a binary file, not a list"),
        ("porn.txt", b"server=/example.com/#5353\n", 1, "not one of its 1 lines was accepted"),
        (
            "sources.toml",
            b"[[source]]\nname = \"a\"\npath = \"porn.txt\"\ncategories = [\"pron\"]\n",
            3,
            " --> sources.toml:4:15",
        ),
        ("sources.toml", b"nonsense", 3, " --> sources.toml:1:9"),
    ];
    for (name, bytes, code, message) in cases {
        maintainer.write("porn.txt", "example.com\n");
        maintainer.write("sources.toml", &good);
        maintainer.write(name, bytes);
        let ran = maintainer.build(&AT).expect(*code);
        assert!(ran.err.contains(message), "{}", ran.err);
        assert_eq!(ran.out, "");
        assert!(maintainer.read("out.bundle") == old, "{message}");
    }

    maintainer.write("sources.toml", &good);
    fs::remove_file(maintainer.path().join("porn.txt")).unwrap();
    let ran = maintainer.build(&AT).expect(1);
    assert_eq!(
        ran.err,
        "error: source `my-porn`: porn.txt: No such file or directory (os error 2)\n"
    );
    let ran = maintainer.run(&["build", "--sources", "none.toml", "--out", "out.bundle"]).expect(3);
    assert!(ran.err.starts_with("error: cannot read none.toml: "), "{}", ran.err);
    assert!(maintainer.read("out.bundle") == old);
}

#[test]
fn where_the_bundle_cannot_be_written() {
    let maintainer = Maintainer::new();
    for out in ["no/such/folder/out.bundle", "."] {
        let ran = maintainer.run(&["build", "--sources", "sources.toml", "--out", out]).expect(1);
        assert!(ran.err.starts_with(&format!("error: cannot write {out}: ")), "{}", ran.err);
    }
    maintainer.run(&["build", "--sources", "sources.toml"]).expect(2);
    maintainer.run(&["nonsense"]).expect(2);
}

#[test]
fn check_tells_sound_bundles_from_others() {
    let maintainer = Maintainer::new();
    maintainer.build(&AT).expect(0);
    let ran = maintainer.run(&["check", "out.bundle"]).expect(0);
    assert_eq!(ran.out, "out.bundle: sound; serial 1795341600, 3 names of 2 sources\n");
    let json = maintainer.run(&["check", "out.bundle", "--json"]).expect(0).json();
    assert_eq!((json["names"].as_u64(), json["expired"].as_bool()), (Some(3), Some(false)));

    let sound = maintainer.read("out.bundle");
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases: [(&str, Vec<u8>); 6] = [
        ("not a Préau bundle", b"hello".to_vec()),
        ("not a Préau bundle", Vec::new()),
        ("cut short", sound[..sound.len() - 1].to_vec()),
        ("bundle format", flipped(8)),
        ("", flipped(20)),
        ("", flipped(sound.len() - 1)),
    ];
    for (message, bytes) in cases {
        maintainer.write("bad.bundle", bytes);
        for command in [
            &["check", "bad.bundle"][..],
            &["stats", "bad.bundle"],
            &["explain", "bad.bundle", "a.example"],
        ] {
            let ran = maintainer.run(command).expect(4);
            assert!(ran.err.starts_with("error: bad.bundle: "), "{}", ran.err);
            assert!(ran.err.contains(message), "{}", ran.err);
        }
    }
    let ran = maintainer.run(&["check", "none.bundle"]).expect(1);
    assert!(ran.err.starts_with("error: cannot read none.bundle: "), "{}", ran.err);

    maintainer
        .build(&["--created", "2020-01-01T00:00:00Z", "--expires", "2020-01-02T00:00:00Z"])
        .expect(0);
    let ran = maintainer.run(&["check", "out.bundle"]).expect(0);
    assert!(ran.out.contains("warning: it expired on 2020-01-02T00:00:00Z"), "{}", ran.out);
}

#[test]
fn explain_names_source_rule_and_line() {
    let maintainer = Maintainer::new();
    maintainer.build(&AT).expect(0);
    let explain = |name: &str, more: &[&str]| {
        maintainer.run(&[&["explain", "out.bundle", name], more].concat()).expect(0)
    };

    let ran = explain("www.example.com", &["--sources", "sources.toml"]);
    assert!(ran.out.starts_with("www.example.com is refused in profile child\n"), "{}", ran.out);
    assert!(ran.out.contains("block example.com · porn · my-porn · decides\n"), "{}", ran.out);
    assert!(ran.out.ends_with("porn.txt:2: example.com · my-porn\n"), "{}", ran.out);

    let ran = explain("learn.example.com", &["--sources", "sources.toml"]);
    assert!(ran.out.starts_with("learn.example.com is allowed in profile child\n"), "{}", ran.out);
    assert!(ran.out.contains("learn.txt:1: learn.example.com · my-learning\n"), "{}", ran.out);
    assert!(ran.out.contains("porn.txt:2: example.com · my-porn\n"), "{}", ran.out);

    let ran = explain("unlisted.example", &["--profile", "staff", "--sources", "sources.toml"]);
    assert!(ran.out.starts_with("unlisted.example is allowed in profile staff\n"), "{}", ran.out);
    assert!(ran.out.ends_with("no line of the lists, as they are now, matches\n"), "{}", ran.out);

    let json = explain("example.net", &["--json", "--sources", "sources.toml"]).json();
    assert_eq!(json["blocked"], true);
    assert_eq!(json["lines"][0]["line"], 3);
    assert_eq!(json["lines"][0]["file"], "porn.txt");
    assert!(explain("example.net", &["--json"]).json().get("lines").is_none());

    maintainer.run(&["explain", "out.bundle", "not a name"]).expect(2);
    maintainer.run(&["explain", "out.bundle", "example.com", "--profile", "grown-up"]).expect(2);
    let arguments = ["explain", "out.bundle", "example.com", "--sources", "porn.txt"];
    maintainer.run(&arguments).expect(3);
}

#[test]
fn stats_show_what_a_bundle_holds() {
    let maintainer = Maintainer::new();
    maintainer.build(&AT).expect(0);
    let out = maintainer.run(&["stats", "out.bundle"]).expect(0).out;
    for line in [
        "serial   1795341600",
        "expires  never",
        "           3  names (0 covered by an ancestor's rule)",
        "           2           2 100.0 %  porn",
        "           2           2           2 100.0 %  my-porn · blocks porn · CC0-1.0",
        "           1           1           1 100.0 %  my-learning · allows education · no licence stated",
    ] {
        assert!(out.lines().any(|found| found == line), "{line:?} in\n{out}");
    }
    let json = maintainer.run(&["stats", "out.bundle", "--json"]).expect(0).json();
    assert_eq!(json["manifest"]["counts"]["names"], 3);
    let digest = json["manifest"]["sources"][1]["sha256"].as_str().unwrap();
    // printf 'learn.example.com\n' | sha256sum
    assert_eq!(digest, "3d91c493b728721db4b3aa39ac836b30e3c325c6f16bcafdc89f115ebcfef4b5");
    assert!(json["sections"].as_array().unwrap().len() >= 5);
}

#[test]
fn guard_tells_whether_a_bundle_may_replace_another() {
    let maintainer = Maintainer::new();
    let famous = "brazzers.com\npornhub.com\nredtube.com\nxhamster.com\nxnxx.com\nxvideos.com\nyouporn.com\n";
    let many: String = (0..20).map(|n| format!("n{n}.example\n")).collect();
    maintainer.write("porn.txt", format!("{famous}{many}"));
    maintainer.build(&AT).expect(0);
    fs::rename(maintainer.path().join("out.bundle"), maintainer.path().join("old.bundle")).unwrap();
    maintainer.write("porn.txt", famous);
    maintainer.build(&AT).expect(0);

    let guard = |more: &[&str]| maintainer.run(&[&["guard", "out.bundle"], more].concat());
    guard(&[]).expect(0);
    let old = ["--previous", "old.bundle"];
    let ran = guard(&old).expect(5);
    let expected = "\
refused: source my-porn lost 74 % of its rules, 27 → 7; 20 % is the most
    The list may have been cut short, or emptied. If somebody looked and found it right, pass --accept-shrink=my-porn
";
    assert!(ran.out.starts_with(expected), "{}", ran.out);
    assert_eq!(ran.err, "error: the guards refuse the bundle (2)\n");
    let report = guard(&[&old[..], &["--json"]].concat()).expect(5).json();
    assert_eq!(report["findings"][1]["what"]["category"], "porn");

    guard(&[&old[..], &["--accept-shrink"]].concat()).expect(0);
    guard(&[&old[..], &["--accept-shrink=porn"]].concat()).expect(5);
    // And what its category lost by it.
    guard(&[&old[..], &["--accept-shrink=my-porn"]].concat()).expect(0);
    guard(&[&old[..], &["--accept-growth"]].concat()).expect(5);

    let sources = String::from_utf8(maintainer.read("sources.toml")).unwrap();
    maintainer.write("sources.toml", sources + "\n[guard]\nmax_loss = 80\n");
    guard(&[&old[..], &["--sources", "sources.toml"]].concat()).expect(0);
}

/// Lists from which something can be learned: what they have in common is plain, and no name is in two.
impl Maintainer {
    fn learning() -> Self {
        let this = Self::new();
        let names = |count: usize, name: &dyn Fn(usize) -> String| {
            (0..count).map(|n| name(n) + "\n").collect::<String>()
        };
        let stems = ["rio", "lola", "max", "tina", "zoe", "bob", "kim"];
        let stem = |n: usize| stems[n % stems.len()];
        this.write("porn.txt", names(400, &|n| format!("{}porn{n}.com", stem(n))));
        this.write("newer.txt", names(300, &|n| format!("porn{}{n}.net", stem(n))));
        this.write(
            "good.txt",
            names(11_000, &|n| format!("{}{n}.{}", stem(n), ["fr", "com"][n % 2])),
        );
        this.write("wrong.txt", "rioporn-of-the-town.fr\n");
        let mut sources = String::from_utf8(this.read("sources.toml")).unwrap();
        sources += "[[source]]\nname = \"newer\"\npath = \"newer.txt\"\ncategories = [\"porn\"]\n";
        this.write("sources.toml", &sources);
        this
    }

    fn learn(&self, more: &[&str]) -> Ran {
        let arguments = ["learn", "--sources", "sources.toml", "--benign", "schools=good.txt"];
        self.run(&[&arguments[..], more].concat())
    }
}

#[test]
fn what_is_learned_refuses_names_that_no_list_has() {
    let maintainer = Maintainer::learning();
    maintainer.learn(&["--out", "learned.txt"]).expect(0);
    let table = String::from_utf8(maintainer.read("learned.txt")).unwrap();
    for line in ["from my-porn CC0-1.0", "from newer unknown licence", "category porn"] {
        assert!(table.lines().any(|found| found == line), "{line}:\n{table}");
    }
    assert!(table.contains("\nmistakes 1 ") && table.contains(" porn\n"), "{table}");
    // The same again, on one thread.
    let mut again = maintainer.command(&["learn", "--sources", "sources.toml"]);
    again.args(["--benign", "schools=good.txt", "--out", "again.txt"]);
    Ran::from(again.env("RAYON_NUM_THREADS", "1").output().unwrap()).expect(0);
    assert_eq!(maintainer.read("again.txt"), maintainer.read("learned.txt"));

    let sources = String::from_utf8(maintainer.read("sources.toml")).unwrap();
    maintainer.write("sources.toml", format!("{sources}\n[learned]\npath = \"learned.txt\"\n"));
    maintainer.build(&AT).expect(0);
    let explained = |more: &[&str]| {
        maintainer
            .run(&[&["explain", "out.bundle", "www.lilyporn.org"], more].concat())
            .expect(0)
            .out
    };
    assert!(explained(&[]).contains("is allowed"));
    let refused = explained(&["--unlisted", "10"]);
    assert!(
        refused.contains("is refused") && refused.contains("9 names like it: block porn"),
        "{refused}"
    );
    assert!(refused.contains("porn\" "), "{refused}");
}

#[test]
fn a_table_that_makes_no_sense_stops_the_build() {
    let maintainer = Maintainer::new();
    let sources = String::from_utf8(maintainer.read("sources.toml")).unwrap();
    maintainer.write("sources.toml", format!("{sources}\n[learned]\npath = \"learned.txt\"\n"));
    assert!(maintainer.build(&AT).expect(1).err.contains("learned.txt: No such file"));
    for (table, told) in [
        ("category porn\nhello\n", "learned.txt:2: expected `from`, `category`"),
        ("category pron\n", "learned.txt:0: the bundle has no such category"),
    ] {
        maintainer.write("learned.txt", table);
        let err = maintainer.build(&AT).expect(1).err;
        assert!(err.contains(told), "{err}");
    }
}

#[test]
fn what_is_learned_is_measured_list_by_list() {
    let maintainer = Maintainer::learning();
    let measured =
        maintainer.learn(&["--evaluate", "--json", "--not-benign", "wrong.txt"]).expect(0);
    let measured = measured.json();
    let splits = measured["splits"].as_array().unwrap();
    assert_eq!(splits.len(), 2, "one for each list of porn");
    for (split, [source, mined, unseen]) in
        splits.iter().zip([["my-porn", "300", "400"], ["newer", "400", "300"]])
    {
        let told = [&split["source"], &split["mined"], &split["unseen"]];
        assert_eq!(told.map(|value| value.to_string().replace('"', "")), [source, mined, unseen]);
        let found = &split["found"][1];
        assert_eq!((&found["group"], &found["one_in"]), (&"all".into(), &10_000.into()));
        let at = &found["at"];
        assert!(at["mistaken"].as_u64().unwrap() <= 1, "{found}");
        assert!(at["recall"]["share"].as_f64().unwrap() > 0.9, "{found}");
        assert!(at["recall"]["low"].as_f64() < at["recall"]["share"].as_f64(), "{found}");
    }
    let usage = maintainer.learn(&["--evaluate", "--out", "learned.txt"]).expect(2);
    assert!(usage.err.contains("cannot be used with"), "{}", usage.err);
    let nothing = maintainer.learn(&["--out", "learned.txt", "--category", "gambling"]).expect(1);
    assert!(nothing.err.contains("no source names a site of category `gambling`"));
}
