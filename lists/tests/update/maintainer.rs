//! A folder with a sources file, and `list-compile update` run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use filter_core::{Filter, Profile};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Maintainer {
    folder: TempDir,
}

impl Maintainer {
    /// With these sources: name, URL, further keys.
    pub(crate) fn new(sources: &[(&str, String, &str)]) -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.sources(sources);
        this
    }

    pub(crate) fn sources(&self, sources: &[(&str, String, &str)]) {
        let text: String =
            sources.iter().map(|(name, url, keys)| source(name, url, keys)).collect();
        let guard = "[guard]\nwithout = [\"porn\"]\n";
        fs::write(self.path("sources.toml"), text + guard).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        command.args(arguments).current_dir(self.folder.path());
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        command
    }

    pub(crate) fn update_command(&self, more: &[&str]) -> Command {
        let mut arguments =
            vec!["update", "--sources", "sources.toml", "--out", "out.bundle", "--cache", "cache"];
        arguments.extend(more);
        self.command(&arguments)
    }

    /// Updates, with short waits and one attempt unless `more` says otherwise.
    pub(crate) fn update(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["--json"];
        for [name, value] in [["--idle-timeout", "1"], ["--timeout", "3"], ["--attempts", "1"]] {
            if !more.contains(&name) {
                arguments.extend([name, value]);
            }
        }
        self.update_command(&[&arguments, more].concat()).output().unwrap().into()
    }

    /// The bundle in place, which must be whole.
    pub(crate) fn bundle(&self) -> Filter {
        Filter::open(fs::read(self.path("out.bundle")).unwrap()).unwrap()
    }

    /// Whether the bundle in place refuses a name.
    pub(crate) fn refuses(&self, name: &str) -> bool {
        let child = Profile::named("child").unwrap();
        self.bundle().bind(&child).unwrap().host(name).is_blocked()
    }

    /// Makes all copies in the cache this many hours old.
    pub(crate) fn age_cache(&self, hours: i64) {
        let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        for path in [self.files("cache/pages"), self.files("cache/good")].concat() {
            let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            record["checked_at"] = then.to_string().into();
            fs::write(path, record.to_string()).unwrap();
        }
    }

    /// Files anywhere below a folder, if it is there.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.path(folder), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

/// A `[[source]]` that may be on this machine. No must-block name stands for its category.
fn source(name: &str, url: &str, keys: &str) -> String {
    let allow =
        if keys.contains("allow_") { "" } else { "allow_http = true\nallow_private = true" };
    format!(
        "[[source]]\nname = \"{name}\"\nurl = \"{url}\"\ncategories = [\"weapons\"]\n{allow}\n{keys}\n\n"
    )
}

#[derive(Debug)]
pub(crate) struct Ran {
    code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// What the report says of a source.
    pub(crate) fn source(&self, name: &str) -> Value {
        let json = self.json();
        let sources = json["fetch"]["sources"].as_array().unwrap();
        sources.iter().find(|source| source["name"] == name).unwrap().clone()
    }

    pub(crate) fn status(&self, name: &str) -> String {
        self.source(name)["status"].as_str().unwrap().to_owned()
    }

    pub(crate) fn error(&self, name: &str) -> String {
        self.source(name)["error"].as_str().unwrap_or_default().to_owned()
    }
}
