//! What systemd is told of a service (sd_notify(3)); without `$NOTIFY_SOCKET`, nothing.

use std::{net::SocketAddr, time::Duration};

use sd_notify::NotifyState;
use tokio::{task::spawn_blocking, time::sleep};

use crate::query;

/// How often a server that has just been started is asked whether it answers.
const SOON: Duration = Duration::from_millis(100);

/// Asks the server at an address, as a client would, until it answers: then it is ready. Where a
/// watchdog waits for it, goes on asking: a server that does not answer is restarted.
pub(crate) async fn attend(address: SocketAddr) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    while !answers(address).await {
        sleep(SOON).await;
    }
    ready();
    let Some(patience) = sd_notify::watchdog_enabled() else { return };
    loop {
        sleep(patience / 3).await;
        match answers(address).await {
            true => tell(&[NotifyState::Watchdog]),
            false => tracing::error!("{address} does not answer its own server"),
        }
    }
}

async fn answers(address: SocketAddr) -> bool {
    spawn_blocking(move || query::is_alive(address)).await.is_ok_and(|alive| alive.is_ok())
}

/// The server is ready, or is so again.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Configuration and lists are being read again.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// No more questions are taken.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
    }
}
