//! The files of a configuration, read as one text: `preau.toml`, then `conf.d/*.toml` beside it.
//!
//! One text, because then the rules for several files are TOML's own for one: a table stands in one
//! of them, an array of tables (`[[group]]`) grows from each.

use std::{
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use lists::diagnostic::{Diagnostic, TextFile};

use super::ConfigError;

/// The folder beside the file.
const FOLDER: &str = "conf.d";
/// What its files end in.
const EXTENSION: &str = "toml";

/// The files of a configuration; never empty.
#[derive(Debug)]
pub(crate) struct Files {
    /// All of them, one behind the other.
    text: String,
    /// Each, with the octet of `text` at which it begins, in order.
    parts: Vec<(usize, Arc<TextFile>)>,
}

impl Files {
    /// One text; messages call it `path`.
    pub(super) fn one(path: &str, text: String) -> Self {
        let mut files = Self { text: String::new(), parts: Vec::new() };
        files.add(TextFile { path: path.into(), text });
        files
    }

    /// A file, and those of the folder beside it, in order of their names.
    ///
    /// # Errors
    /// [`ConfigError`]: one of them cannot be read, or begins within somebody else's table.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut files = Self::one(&path.to_string_lossy(), read(path)?);
        for path in others(path)? {
            let file = TextFile { path: path.to_string_lossy().into(), text: read(&path)? };
            if let Some(span) = key_outside(&file.text) {
                let fault = Diagnostic::new(Arc::new(file), span, "a key outside of every table")
                    .help("begin with the table that it belongs to, such as [profile.child]");
                return Err(ConfigError::Invalid(vec![fault]));
            }
            files.add(file);
        }
        Ok(files)
    }

    /// All of them, one behind the other.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The first file: relative paths start from its folder.
    pub(super) fn path(&self) -> &Path {
        Path::new(&self.parts[0].1.path)
    }

    /// A fault at octets of the whole text, where they are in their own file.
    pub(super) fn fault(&self, at: Range<usize>, title: impl Into<String>) -> Diagnostic {
        let (start, file) = self.part(at.start);
        Diagnostic::new(file.clone(), at.start - start..at.end.saturating_sub(*start), title)
    }

    /// A fault that repeats what stands at `first`, in the same file or another.
    pub(super) fn repeated(
        &self,
        first: Range<usize>,
        again: Range<usize>,
        title: impl Into<String>,
    ) -> Diagnostic {
        let (start, file) = self.part(first.start);
        let fault = self.fault(again.clone(), title).label("again here");
        if Arc::ptr_eq(file, &self.part(again.start).1) {
            return fault.related(first.start - start..first.end - start, "first here");
        }
        let (line, column) = self.fault(first, "").location();
        fault.help(format!("it stands at {}:{line}:{column} first", file.path))
    }

    fn part(&self, octet: usize) -> &(usize, Arc<TextFile>) {
        let after = self.parts.partition_point(|(start, _)| *start <= octet);
        &self.parts[after.saturating_sub(1)]
    }

    fn add(&mut self, file: TextFile) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.parts.push((self.text.len(), Arc::new(file.clone())));
        self.text.push_str(&file.text);
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })
}

/// The files of the folder beside a file, in order of their names. A folder that is not there has
/// none.
fn others(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("")).join(FOLDER);
    let failed = |error| ConfigError::Read { path: folder.clone(), error };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The line that would end up in the last table of the file before: what comes first, but for
/// comments, is no header of a table.
fn key_outside(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let written = line.trim();
        if !written.is_empty() && !written.starts_with('#') {
            return (!written.starts_with('[')).then(|| start..start + line.trim_end().len());
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use crate::config::Config;

    const MAIN: &str = "[upstream]\nservers = [\"192.0.2.1\"]\n[[group]]\nname = \"a\"\n\
                        networks = [\"10.0.0.0/8\"]\nprofile = \"child\""; // no line end

    fn site(files: &[(&str, &str)]) -> TempDir {
        let site = tempfile::tempdir().unwrap();
        std::fs::write(site.path().join("preau.toml"), MAIN).unwrap();
        std::fs::create_dir(site.path().join("conf.d")).unwrap();
        for (name, text) in files {
            std::fs::write(site.path().join("conf.d").join(name), text).unwrap();
        }
        site
    }

    #[test]
    fn tables_of_several_files() {
        let site = site(&[
            (
                "20-schools.toml",
                "[[group]]\nname = \"b\"\nnetworks = [\"10.1.0.0/16\"]\nprofile = \"x\"\n",
            ),
            (
                "10-academie.toml",
                "# the académie's\n\n[floor]\nprofile = \"x\"\n[profile.x]\nblock = [\"porn\"]\n",
            ),
            ("notes.txt", "not read"),
        ]);
        let config = Config::load(&site.path().join("preau.toml")).unwrap();
        let groups: Vec<_> = config.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(groups, ["a", "b"]);
        assert_eq!(config.groups[0].floor.as_deref(), Some("x"));
        // Another file is another configuration.
        let before = config.digest();
        std::fs::write(site.path().join("conf.d/30.toml"), "[page]\naddresses = [\"10.0.0.1\"]\n")
            .unwrap();
        assert_ne!(config.reload().unwrap().digest(), before);
    }

    /// Each fault is told in its own file and line.
    #[test]
    fn faults_of_several_files() {
        let cases = [
            (
                "[[group]]\nname = \"b\"\nnetworks = [\"10.1.0.0/8\"]\nprofile = \"child\"\n",
                "conf.d/10.toml:3:13",
                "within a network",
            ),
            (
                "[[group]]\nname = \"a\"\nnetworks = [\"10.1.0.0/16\"]\nprofile = \"child\"\n",
                "conf.d/10.toml:2:8",
                "it stands at PATH/preau.toml:4:8 first",
            ),
            ("[upstream]\nservers = [\"192.0.2.2\"]\n", "conf.d/10.toml:1:", "duplicate key"),
            ("[lisen]\n", "conf.d/10.toml:1:2", "unknown field `lisen`"),
            ("[profile.y]\nblock = [\"pron\"", "conf.d/10.toml:2:", "expected"),
            ("zone = \"A\"\n", "conf.d/10.toml:1:1", "a key outside of every table"),
            (
                " # comment\n\n  listen.dns = []\n",
                "conf.d/10.toml:3:",
                "a key outside of every table",
            ),
        ];
        for (text, place, told) in cases {
            let site = site(&[("10.toml", text)]);
            let message = Config::load(&site.path().join("preau.toml")).unwrap_err().to_string();
            let told = told.replace("PATH", &site.path().to_string_lossy());
            assert!(message.contains(place), "{place}\n{message}");
            assert!(message.contains(&told), "{told}\n{message}");
        }
        let site = site(&[("10.toml", "[profile.y]\nblock = [\"pron\"]\n")]);
        let config = Config::load(&site.path().join("preau.toml")).unwrap();
        let known = filter_core::Categories::builtin();
        let message = config.check_categories(&known).unwrap_err().to_string();
        assert!(message.contains("conf.d/10.toml:2:10"), "{message}");
    }
}
