//! The end of whoever asks.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::{Request, Response};
use crate::failure::Failure;

/// How long a server may take: a reload reads and verifies millions of names.
const PATIENCE: Duration = Duration::from_secs(300);

/// Asks the server behind a socket.
///
/// # Errors
/// [`Failure::Control`]: there is none; [`Failure::Told`]: it refuses.
pub(crate) fn ask(socket: &Path, request: &Request) -> Result<serde_json::Value, Failure> {
    match exchange(socket, request) {
        Ok(Response::Ok(value)) => Ok(value),
        Ok(Response::Error { message, code }) => Err(Failure::Told { message, code }),
        Err(error) => Err(Failure::Control { socket: socket.to_owned(), error }),
    }
}

fn exchange(socket: &Path, request: &Request) -> io::Result<Response> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut response = String::new();
    BufReader::new(stream).read_line(&mut response)?;
    match response.is_empty() {
        true => Err(io::Error::other("it hung up")),
        false => Ok(serde_json::from_str(&response)?),
    }
}
