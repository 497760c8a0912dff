//! Work that gives way to answers.

use std::{
    io::{self, BufReader, Read, Write},
    panic, thread,
};

use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// Does heavy work on a thread that runs only where no other wants the core (`SCHED_IDLE`,
/// sched(7)), and waits for it.
///
/// At any other priority it may hold a core for a slice of some milliseconds while questions wait in
/// the socket of a thread that has just woken up. On a machine that is busy for long, the work takes
/// long.
pub(super) fn behind_answers<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let behind = || {
            if let Err(error) = give_way() {
                tracing::debug!(%error, "lists are taken in at the priority of answers");
            }
            work()
        };
        match scope.spawn(behind).join() {
            Ok(done) => done,
            Err(panic) => panic::resume_unwind(panic),
        }
    })
}

/// Lets this thread run behind all others, for good.
fn give_way() -> Result<(), io::Error> {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
        .map_err(|error| io::Error::other(error.to_string()))
}

/// Octets of a piece: a tenth of a millisecond's work.
const PIECE: usize = 256 * 1024;

/// Reads in pieces of at most [`PIECE`], and lets others run before each.
///
/// The scheduler would see to that by itself; but in a long call the kernel may not give way, and in
/// some virtual machines the interrupt by which another core wakes a thread waits for the next tick. At
/// the end of any call the kernel sees by itself that a thread was woken.
pub(crate) struct InPieces<R>(pub(crate) R);

impl<R: Read> Read for InPieces<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        thread::yield_now();
        let length = buffer.len().min(PIECE);
        self.0.read(&mut buffer[..length])
    }
}

/// Copies what is left to read, a piece at a time.
///
/// What is written at once lies together in the page cache, where the file system can do that (large
/// folios). To unmap it then takes the kernel a seventh of the time: `benches/results/2026-11-23-reloads.md`.
pub(crate) fn copy_in_pieces(from: impl Read, to: &mut impl Write) -> io::Result<()> {
    // `io::copy` alone has a buffer of two pages.
    io::copy(&mut BufReader::with_capacity(PIECE, InPieces(from)), to).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes how much is written at once.
    #[derive(Default)]
    struct Writes(Vec<usize>);

    impl Write for Writes {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.push(octets.len());
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Page by page, the copy of a bundle lay scattered in the page cache.
    #[test]
    fn a_copy_is_written_in_large_pieces() {
        let mut writes = Writes::default();
        copy_in_pieces(vec![7; 3 * PIECE + 5].as_slice(), &mut writes).unwrap();
        assert_eq!(writes.0, [PIECE, PIECE, PIECE, 5]);
    }

    #[test]
    fn everything_is_read_and_no_piece_is_long() {
        let octets: Vec<u8> = (0..3 * PIECE + 5).map(|at| at as u8).collect();
        let (mut reader, mut read) = (InPieces(octets.as_slice()), Vec::new());
        let mut buffer = vec![0; 10 * PIECE];
        loop {
            match reader.read(&mut buffer).unwrap() {
                0 => break,
                length => {
                    assert!(length <= PIECE, "{length} octets at once");
                    read.extend_from_slice(&buffer[..length]);
                }
            }
        }
        assert_eq!(read, octets);
    }
}
