//! Exports: what they say to the programs that load them, to our own readers, and word for word.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

mod command;
mod golden;
mod model;
mod own_readers;
mod properties;
mod real;

use std::{collections::BTreeMap, io};

use filter_core::{
    Batch, DomainName, Filter, FilterBuilder, Options, Profile, Scope, Source, Stamp,
};
use lists::{
    export::{Exported, Folder, to_file, to_folder},
    source::Format,
};

/// The files of an export; a single one has no name.
type Files = BTreeMap<String, String>;

/// A folder in memory.
#[derive(Default)]
struct Memory(Files);

impl Folder for Memory {
    type File = NamedFile;

    fn create(&mut self, path: &str) -> io::Result<NamedFile> {
        Ok(NamedFile { path: path.into(), text: Vec::new() })
    }

    fn keep(&mut self, file: NamedFile) -> io::Result<()> {
        let replaced = self.0.insert(file.path.clone(), String::from_utf8(file.text).unwrap());
        assert_eq!(replaced, None, "{} is written twice", file.path);
        Ok(())
    }
}

struct NamedFile {
    path: String,
    text: Vec<u8>,
}

impl io::Write for NamedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn export(filter: &Filter, profile: &Profile, format: Format) -> (Files, Exported) {
    if matches!(format, Format::Ut1 | Format::Squidguard) {
        let mut folder = Memory::default();
        let exported = to_folder(filter, profile, format, &mut folder).unwrap();
        return (folder.0, exported);
    }
    let mut text = Vec::new();
    let zone = "rpz.preau".parse().unwrap();
    let exported = to_file(filter, profile, format, &zone, &mut text).unwrap();
    (BTreeMap::from([(String::new(), String::from_utf8(text).unwrap())]), exported)
}

fn child() -> Profile {
    Profile::named("child").unwrap()
}

/// A rule on a name of the source of that number.
type Rule = (usize, String, Scope, Options);

/// Two lists that the profile `child` blocks, two allow lists, and one that it does not block.
fn filter(rules: &[Rule]) -> Filter {
    let mut builder = FilterBuilder::new();
    let sources = [
        Source::block("porn-list", &["porn"]),
        Source::block("gambling-list", &["gambling"]),
        Source::allow("lifts-porn", &["education"], &["porn"]),
        Source::allow("lifts-both", &["education"], &["porn", "gambling"]),
        Source::block("games-list", &["games"]),
    ];
    let mut batches: Vec<Batch> = Vec::new();
    for source in sources {
        let id = builder.source(source).unwrap();
        batches.push(builder.batch(id));
    }
    for (source, name, scope, options) in rules {
        let name: DomainName = name.parse().unwrap();
        batches[*source].domain(&name, *scope, *options).unwrap();
    }
    finish(builder, batches)
}

fn finish(mut builder: FilterBuilder, batches: Vec<Batch>) -> Filter {
    for batch in batches {
        builder.add(batch.finish());
    }
    let created = "2026-11-22T00:00:00Z".to_owned();
    let stamp = Stamp { serial: (7 << 32) + 42, created, expires: None };
    Filter::open(builder.build(stamp).bytes).unwrap()
}
