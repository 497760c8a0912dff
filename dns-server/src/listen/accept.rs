//! What may go wrong when a connection is accepted.

use std::{io, time::Duration};

use tokio::time::sleep;

/// Pause after an error of the socket itself, such as too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// Returns when accepting for `what` is worth another attempt.
pub(crate) async fn recover(error: io::Error, what: &str) {
    if !is_passing(&error) {
        tracing::error!(%error, "cannot accept connections for {what}");
        sleep(PAUSE).await;
    }
}

/// True for errors of a connection that was gone before it was accepted (accept(2)).
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
