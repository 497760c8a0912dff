//! Decompression that stops at a limit.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use flate2::bufread::MultiGzDecoder;
use thiserror::Error;

use super::{ArchiveError, Limits};

/// Octets of a compressed file read at a time.
const BUFFER: usize = 64 * 1024;
/// Octets after decompression up to which the ratio says nothing: a few kilobytes of repetition are
/// no bomb.
const HARMLESS: u64 = 16 << 20;

/// A limit that was reached, on its way through `Read`.
#[derive(Debug, Error)]
pub(super) enum Exceeded {
    #[error("more than {limit} octets once decompressed")]
    Octets { limit: u64 },
    #[error("grows more than {limit} times as it is decompressed")]
    Ratio { limit: u64 },
}

/// A file, decompressed as it is read, within limits.
pub struct Decoder {
    input: Input,
    /// Octets given so far.
    octets: u64,
    limits: Limits,
}

enum Input {
    Plain(Counted),
    Gzip(MultiGzDecoder<Counted>),
    Zstd(zstd::Decoder<'static, Counted>),
}

type Counted = BufReader<Counting>;

/// Counts what is read of a file.
struct Counting {
    file: File,
    octets: u64,
}

/// Finds out how a file is compressed.
pub(super) fn open(file: File, limits: &Limits) -> Result<Decoder, ArchiveError> {
    let mut input = BufReader::with_capacity(BUFFER, Counting { file, octets: 0 });
    let head = input.fill_buf()?;
    let input = if head.starts_with(b"\x1f\x8b") {
        Input::Gzip(MultiGzDecoder::new(input))
    } else if head.starts_with(b"\x28\xb5\x2f\xfd") {
        // The library refuses windows above 128 MiB by itself.
        Input::Zstd(zstd::Decoder::with_buffer(input)?)
    } else if let Some(name) = unreadable(head) {
        return Err(ArchiveError::Unreadable(name));
    } else {
        Input::Plain(input)
    };
    Ok(Decoder { input, octets: 0, limits: *limits })
}

fn unreadable(head: &[u8]) -> Option<&'static str> {
    let magics: [(&[u8], _); 4] = [
        (b"PK\x03\x04", "zip"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
    ];
    magics.into_iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| name)
}

impl Decoder {
    /// True when the file is compressed.
    pub fn is_compressed(&self) -> bool {
        !matches!(self.input, Input::Plain(_))
    }

    /// Octets given so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets of the file read so far.
    pub fn compressed(&self) -> u64 {
        let counted = match &self.input {
            Input::Plain(input) => input,
            Input::Gzip(input) => input.get_ref(),
            Input::Zstd(input) => input.get_ref(),
        };
        counted.get_ref().octets
    }

    fn check(&self) -> Result<(), Exceeded> {
        let Limits { octets, ratio, .. } = self.limits;
        if self.octets > octets {
            return Err(Exceeded::Octets { limit: octets });
        }
        let grown = self.octets > self.compressed().saturating_mul(ratio);
        if self.is_compressed() && self.octets > HARMLESS && grown {
            return Err(Exceeded::Ratio { limit: ratio });
        }
        Ok(())
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match &mut self.input {
            Input::Plain(input) => input.read(buffer),
            Input::Gzip(input) => input.read(buffer),
            Input::Zstd(input) => input.read(buffer),
        }?;
        self.octets += length as u64;
        self.check().map_err(io::Error::other)?;
        Ok(length)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("compressed", &self.compressed())
            .field("octets", &self.octets)
            .finish_non_exhaustive()
    }
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.octets += length as u64;
        Ok(length)
    }
}
