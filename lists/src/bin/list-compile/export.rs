//! `list-compile export`: a bundle for other filters.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use filter_core::{DomainName, Profile};
use lists::{
    export::{ExportError, Exported, Folder, to_file, to_folder},
    source::Format,
};

use crate::{bundle, failure::Failure, output, replace::Replacement};

/// Write what a bundle refuses in the format of another filter
///
/// What the format cannot say, or not exactly, is counted on standard error.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Format to write
    #[arg(long, value_name = "NAME", value_parser = format)]
    format: Format,
    /// Profile whose refusals to write
    #[arg(long, value_name = "NAME", value_parser = Profile::BUILTIN)]
    profile: String,
    /// File to write or to replace, `-` for standard output; a folder for ut1 and squidguard
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Name under which an rpz zone is going to be loaded: longer names leave less room
    #[arg(long, value_name = "NAME", default_value = "rpz.preau")]
    zone: String,
    /// Print the counts as JSON on standard output
    #[arg(long)]
    json: bool,
}

/// The word of `sources.toml`.
fn format(text: &str) -> Result<Format, String> {
    let known = || Format::ALL.map(|format| format.to_string()).join(", ");
    let found = Format::ALL.into_iter().find(|format| format.to_string() == text);
    found.ok_or_else(|| format!("formats are: {}", known()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let profile = Profile::named(&arguments.profile).map_err(Failure::failed)?;
    let zone: DomainName = arguments
        .zone
        .parse()
        .map_err(|error| Failure::Usage(format!("--zone {}: {error}", arguments.zone)))?;
    let to_standard_output = arguments.out == Path::new("-");
    let is_folder = matches!(arguments.format, Format::Ut1 | Format::Squidguard);
    if to_standard_output && (is_folder || arguments.json) {
        let what = if arguments.json { "--json" } else { "a folder" };
        return Err(Failure::Usage(format!("{what} and --out - do not go together")));
    }
    let filter = bundle::open(&arguments.file)?;
    let format = arguments.format;
    let exported = if is_folder {
        let mut folder = Replaced { folder: &arguments.out, files: Vec::new() };
        let exported = to_folder(&filter, &profile, format, &mut folder);
        exported.and_then(|exported| folder.commit().map(|()| exported).map_err(ExportError::Io))
    } else if to_standard_output {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let exported = to_file(&filter, &profile, format, &zone, &mut out);
        exported.and_then(|exported| out.flush().map(|()| exported).map_err(ExportError::Io))
    } else {
        Replacement::create(&arguments.out).map_err(ExportError::Io).and_then(|mut file| {
            let exported = to_file(&filter, &profile, format, &zone, &mut file)?;
            file.commit()?;
            Ok(exported)
        })
    };
    tell(arguments, &exported.map_err(|error| failure(arguments, &error))?)
}

fn failure(arguments: &Arguments, error: &ExportError) -> Failure {
    match error {
        ExportError::Io(error) => {
            Failure::Failed(format!("cannot write {}: {error}", arguments.out.display()))
        }
        ExportError::Bind(error) => {
            Failure::Bundle(format!("{}: {error}", arguments.file.display()))
        }
        error => Failure::failed(error),
    }
}

fn tell(arguments: &Arguments, exported: &Exported) -> Result<(), Failure> {
    if arguments.json {
        return output::print(true, exported);
    }
    // Where standard error is closed, nobody wants to know.
    let _ = write!(io::stderr(), "{exported}");
    Ok(())
}

/// A folder whose files are replaced once all of them are written; other files in it stay.
struct Replaced<'a> {
    folder: &'a Path,
    files: Vec<Replacement>,
}

impl Folder for Replaced<'_> {
    type File = Replacement;

    fn create(&mut self, path: &str) -> io::Result<Replacement> {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(self.folder))?;
        Replacement::create(&path)
    }

    fn keep(&mut self, file: Replacement) -> io::Result<()> {
        self.files.push(file);
        Ok(())
    }
}

impl Replaced<'_> {
    fn commit(self) -> io::Result<()> {
        self.files.into_iter().try_for_each(Replacement::commit)
    }
}
