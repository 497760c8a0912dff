//! Archives and compressed files from strangers: unpacked within limits, inside one folder, or not
//! at all.
//!
//! [`unpack`] reads `tar`, `tar.gz` and `tar.zst`; [`decompress`] streams one `.gz` or `.zst` file.
//! What a file is shows in its first octets ([`content`]), whatever its name. Nothing outside the
//! given folder is ever written or followed, and an archive that tries is refused whole: a list
//! whose archive cannot be trusted is no list.

mod bounded;
mod tree;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tar::{Archive, Entry, EntryType, PaxExtensions};
use thiserror::Error;

pub use self::bounded::Decoder;
use self::{
    bounded::{Exceeded, open},
    tree::{Node, Tree},
};

/// Octets of one block of a tar archive.
const BLOCK: u64 = 512;
/// Most octets of the extension of one header (a long name, PAX records).
const MAX_EXTENSION: u64 = 64 * 1024;

/// How much an archive or a compressed file may hold. The defaults are far above the largest real
/// ones (UT1 in 2026: 250 entries, 150 MB, five octets for one) and safe on a small machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of an archive, folders that their paths imply included.
    pub entries: u64,
    /// Octets after decompression, headers of an archive included.
    pub octets: u64,
    /// Octets after decompression for one octet before it, once there are more than 16 MiB.
    pub ratio: u64,
    /// Octets of a path.
    pub path: usize,
    /// Components of a path.
    pub depth: usize,
}

impl Limits {
    /// The defaults, for constants.
    pub(crate) const DEFAULT: Self =
        Self { entries: 20_000, octets: 2 << 30, ratio: 100, path: 512, depth: 16 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What was unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files written.
    pub files: u64,
    /// Octets of those files.
    pub octets: u64,
    /// Symbolic links made, with the file or folder that each of them leads to in the end; both
    /// relative to the folder unpacked into.
    pub aliases: BTreeMap<PathBuf, PathBuf>,
    /// Symbolic links to nothing, or to each other: not made.
    pub dangling: Vec<PathBuf>,
}

/// Why a file cannot be unpacked. Nothing of it is left on disk.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The compressed data or the headers of the archive are damaged.
    #[error("{0}: the file is damaged, fetch it again")]
    Damaged(io::Error),
    /// The folder to unpack into is there already, or its parent is not.
    #[error("cannot make the folder {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Not a tar archive, even once decompressed.
    #[error("this is no tar archive: give a .tar, .tar.gz or .tar.zst file")]
    NotAnArchive,
    /// A format that is recognised only to say so.
    #[error("this is a {0} file, which is not readable: repack it with gzip or zstd")]
    Unreadable(&'static str),
    /// The archive stops before its end mark.
    #[error("the archive is cut off: fetch it again")]
    Truncated,
    /// More octets than [`Limits::octets`].
    #[error(
        "it holds more than {limit} octets once decompressed: \
         if that is meant, raise the source's `max_octets`"
    )]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// More octets for one than [`Limits::ratio`].
    #[error(
        "it grows more than {limit} times as it is decompressed, as no list does: \
         this looks like a decompression bomb"
    )]
    Bomb {
        /// The limit.
        limit: u64,
    },
    /// More entries than [`Limits::entries`].
    #[error("it has more than {limit} entries, as no tree of lists does")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// A path longer or deeper than the limits.
    #[error("the path {path:?} has more than {limit}")]
    PathTooLong {
        /// The beginning of the path.
        path: String,
        /// The limit, in words.
        limit: String,
    },
    /// An absolute path, one with `..` or NUL, or none at all.
    #[error("the path {path:?} leads out of the archive: do not trust where it came from")]
    PathLeaves {
        /// The path.
        path: String,
    },
    /// A symbolic link to the outside.
    #[error(
        "the link {link:?} leads to {target:?}, out of the archive: \
         do not trust where it came from"
    )]
    LinkLeaves {
        /// The link.
        link: String,
        /// Where it leads.
        target: String,
    },
    /// Something else than a file, a folder or a symbolic link.
    #[error("{path:?} is {kind}: an archive of lists holds files, folders and symbolic links")]
    Special {
        /// Its path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two entries of one path, or one below a file or a link.
    #[error("two entries claim {path:?}: which one is meant cannot be known")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// A header that contradicts itself.
    #[error("a header is wrong ({0}): fetch the archive again")]
    Header(&'static str),
}

impl ArchiveError {
    /// Takes back out what [`Decoder`] had to wrap to pass it through `Read`.
    pub fn from_read(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>()) {
            Some(&Exceeded::Octets { limit }) => Self::TooLarge { limit },
            Some(&Exceeded::Ratio { limit }) => Self::Bomb { limit },
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Truncated,
            None if error.raw_os_error().is_none() => Self::Damaged(error),
            None => Self::Io(error),
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Neither of the others.
    Plain,
    /// One file, compressed with gzip or zstd.
    Compressed,
    /// A tar archive, compressed or not.
    Archive,
}

/// What a file holds, from its first octets; its name says nothing.
///
/// # Errors
/// [`ArchiveError`], when it cannot be read or is compressed in another way.
pub fn content(path: &Path) -> Result<Content, ArchiveError> {
    let mut decoder = decompress(path, &Limits::default())?;
    let mut head = Vec::new();
    decoder.by_ref().take(BLOCK).read_to_end(&mut head).map_err(ArchiveError::from_read)?;
    Ok(match (is_tar(&head), decoder.is_compressed()) {
        (true, _) => Content::Archive,
        (false, true) => Content::Compressed,
        (false, false) => Content::Plain,
    })
}

/// True for the first block of an archive: its checksum fits. Not every tar writes a magic number.
fn is_tar(block: &[u8]) -> bool {
    let Ok(octets) = <[u8; BLOCK as usize]>::try_from(block) else { return false };
    let header = tar::Header::from_byte_slice(&octets);
    let checksum = octets.iter().enumerate();
    let sum: u32 = checksum
        .map(|(at, &octet)| if (148..156).contains(&at) { 32 } else { u32::from(octet) })
        .sum();
    // A block of spaces or zeros is not a header that says so.
    octets[0] != 0 && header.cksum().is_ok_and(|stated| stated == sum)
}

/// Opens a file, decompressing it as it is read if it is a gzip or zstd file. Reading fails beyond
/// the limits; [`ArchiveError::from_read`] says why.
///
/// # Errors
/// [`ArchiveError`], when it cannot be read or is compressed in another way.
pub fn decompress(path: &Path, limits: &Limits) -> Result<Decoder, ArchiveError> {
    open(File::open(path)?, limits)
}

/// Unpacks the archive `path` into the folder `into`, which must not be there yet and is removed
/// again if anything is wrong. Owners, modes and times are not taken over.
///
/// # Errors
/// [`ArchiveError`], for the first thing that is wrong.
pub fn unpack(path: &Path, into: &Path, limits: &Limits) -> Result<Unpacked, ArchiveError> {
    if content(path)? != Content::Archive {
        return Err(ArchiveError::NotAnArchive);
    }
    let decoder = decompress(path, limits)?;
    fs::create_dir(into).map_err(|error| ArchiveError::Folder { path: into.into(), error })?;
    let unpacked = Unpacker::new(into, limits).unpack(decoder);
    if unpacked.is_err() {
        // What is wrong with the archive matters more than a folder that cannot be removed.
        let _ = fs::remove_dir_all(into);
    }
    unpacked
}

/// One archive being unpacked.
struct Unpacker<'a> {
    folder: &'a Path,
    limits: &'a Limits,
    tree: Tree,
    unpacked: Unpacked,
}

/// What extension headers say of the entry that follows them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<'a> Unpacker<'a> {
    fn new(folder: &'a Path, limits: &'a Limits) -> Self {
        Self { folder, limits, tree: Tree::default(), unpacked: Unpacked::default() }
    }

    fn unpack(mut self, decoder: Decoder) -> Result<Unpacked, ArchiveError> {
        let mut archive = Archive::new(decoder);
        let mut extension = Extension::default();
        let mut headers = 0;
        let mut end = 0;
        // Raw: the crate itself would read names of any length into memory.
        for entry in archive.entries()?.raw(true) {
            let mut entry = entry.map_err(ArchiveError::from_read)?;
            headers += 1;
            if headers > self.limits.entries {
                return Err(ArchiveError::TooManyEntries { limit: self.limits.entries });
            }
            if entry.size() > self.limits.octets {
                return Err(ArchiveError::TooLarge { limit: self.limits.octets });
            }
            end = entry.raw_file_position() + entry.size().next_multiple_of(BLOCK);
            match entry.header().entry_type() {
                EntryType::XGlobalHeader => {}
                EntryType::GNULongName => extension.path = Some(long_name(&mut entry)?),
                EntryType::GNULongLink => extension.link = Some(long_name(&mut entry)?),
                EntryType::XHeader => extension.records(&extension_data(&mut entry)?)?,
                kind => {
                    let extension = std::mem::take(&mut extension);
                    self.entry(entry, kind, extension)?;
                }
            }
        }
        let mut decoder = archive.into_inner();
        // Without the end mark the archive may have been cut between two entries.
        if decoder.octets() < end + BLOCK {
            return Err(ArchiveError::Truncated);
        }
        // The checksum of compressed data comes last.
        io::copy(&mut decoder, &mut io::sink()).map_err(ArchiveError::from_read)?;
        self.links()?;
        Ok(self.unpacked)
    }

    fn entry(
        &mut self,
        mut entry: Entry<'_, Decoder>,
        kind: EntryType,
        extension: Extension,
    ) -> Result<(), ArchiveError> {
        if extension.size.is_some_and(|size| size != entry.size()) {
            return Err(ArchiveError::Header("two sizes for one entry"));
        }
        let path = extension.path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let path = String::from_utf8_lossy(&path).into_owned();
        let place = tree::place(&path, self.limits)?;
        let special = |kind| Err(ArchiveError::Special { path: path.clone(), kind });
        match kind {
            EntryType::Directory => self.folder(&place),
            // How tar wrote folders before it had a type for them.
            EntryType::Regular | EntryType::Continuous if path.ends_with('/') => {
                self.folder(&place)
            }
            EntryType::Regular | EntryType::Continuous => self.file(&place, &mut entry),
            EntryType::Symlink => {
                let target = extension
                    .link
                    .or_else(|| entry.link_name_bytes().map(Into::into))
                    .unwrap_or_default();
                if target.len() > self.limits.path {
                    return Err(tree::too_long(&path, self.limits));
                }
                self.add(&place, Node::Link(String::from_utf8_lossy(&target).into_owned()))
            }
            EntryType::Link => special("a hard link"),
            EntryType::Char | EntryType::Block => special("a device"),
            EntryType::Fifo => special("a named pipe"),
            EntryType::GNUSparse => special("a sparse file"),
            _ => special("of an unknown type"),
        }
    }

    fn folder(&mut self, place: &Path) -> Result<(), ArchiveError> {
        // `./` is the folder itself.
        if place.as_os_str().is_empty() { Ok(()) } else { self.add(place, Node::Folder) }
    }

    fn file(&mut self, place: &Path, data: &mut impl Read) -> Result<(), ArchiveError> {
        self.add(place, Node::File)?;
        // The folder is new and holds no link yet: nothing here can be led elsewhere.
        let mut file = File::create_new(self.folder.join(place))?;
        self.unpacked.octets += copy(data, &mut file)?;
        self.unpacked.files += 1;
        Ok(())
    }

    /// Notes an entry, and makes the folders that are new with it.
    fn add(&mut self, place: &Path, node: Node) -> Result<(), ArchiveError> {
        for folder in self.tree.add(place, node)? {
            fs::create_dir(self.folder.join(folder))?;
        }
        if self.tree.len() > self.limits.entries {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.entries });
        }
        Ok(())
    }

    /// Makes the symbolic links, last, each straight to the file or folder that it leads to.
    fn links(&mut self) -> Result<(), ArchiveError> {
        let resolved = self.tree.links()?;
        for (link, target) in resolved {
            let Some(target) = target else {
                self.unpacked.dangling.push(link);
                continue;
            };
            let mut relative: PathBuf = link.components().skip(1).map(|_| "..").collect();
            relative.push(&target);
            if relative.as_os_str().is_empty() {
                relative.push(".");
            }
            symlink(&relative, &self.folder.join(&link))?;
            self.unpacked.aliases.insert(link, target);
        }
        Ok(())
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "archives with symbolic links need Unix"))
}

/// Copies the data of an entry; tells what was exceeded from what the disk refuses.
fn copy(data: &mut impl Read, file: &mut File) -> Result<u64, ArchiveError> {
    let mut buffer = [0; 64 * 1024];
    let mut copied = 0;
    loop {
        let length = data.read(&mut buffer).map_err(ArchiveError::from_read)?;
        if length == 0 {
            return Ok(copied);
        }
        file.write_all(&buffer[..length])?;
        copied += length as u64;
    }
}

/// The data of an extension header, which are names and numbers.
fn extension_data(entry: &mut Entry<'_, Decoder>) -> Result<Vec<u8>, ArchiveError> {
    if entry.size() > MAX_EXTENSION {
        return Err(ArchiveError::Header("an extension of more than 64 KiB"));
    }
    let mut data = Vec::new();
    entry.read_to_end(&mut data).map_err(ArchiveError::from_read)?;
    Ok(data)
}

/// A GNU long name, which ends in NUL.
fn long_name(entry: &mut Entry<'_, Decoder>) -> Result<Vec<u8>, ArchiveError> {
    let mut name = extension_data(entry)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

impl Extension {
    /// Reads PAX records (POSIX.1-2001, pax, "Extended Header").
    fn records(&mut self, data: &[u8]) -> Result<(), ArchiveError> {
        for record in PaxExtensions::new(data) {
            let record = record.map_err(|_| ArchiveError::Header("a malformed PAX record"))?;
            let value = record.value_bytes();
            match record.key_bytes() {
                b"path" => self.path = Some(value.into()),
                b"linkpath" => self.link = Some(value.into()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    self.size = Some(size.ok_or(ArchiveError::Header("a malformed PAX size"))?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(ArchiveError::Header("a sparse file"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
