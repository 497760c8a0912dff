//! Compiles the starter list, so that the server filters before any list has been fetched.

use std::{env, error::Error, fs, path::Path};

use filter_core::Stamp;
use lists::{compile, source::Sources};

/// Lists of this project, written by hand.
const FOLDER: &str = "../lists/data/starter";
/// The phrase lists that it names.
const PHRASES: &str = "../lists/data/phrases";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed={PHRASES}");
    let folder = Path::new(FOLDER);
    let sources = Sources::load(&folder.join("sources.toml"))?;
    let compiled = compile::build(&sources, stamp(folder)?, &())?;
    let target = Path::new(&env::var("OUT_DIR")?).join("starter.bundle");
    fs::write(target, compiled.bytes)?;
    Ok(())
}

/// The newest `# Date:` of the lists: the same lists give the same bundle, whenever it is built.
fn stamp(folder: &Path) -> Result<Stamp, Box<dyn Error>> {
    let mut newest = String::new();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let date = text.lines().find_map(|line| line.strip_prefix("# Date: "));
        newest = newest.max(date.unwrap_or_default().trim().to_owned());
    }
    let serial =
        newest.replace('-', "").parse().map_err(|_| "no `# Date: YYYY-MM-DD` in the lists")?;
    Ok(Stamp { serial, created: format!("{newest}T00:00:00Z"), expires: None })
}
