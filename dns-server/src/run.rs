//! Puts the rooms together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    failure::Failure,
    listen::{
        Listeners,
        streams::{self, StreamHandler},
        udp::UdpServer,
    },
    service::Service,
};

/// Questions that may wait for upstream at once, over UDP: with a dead uplink, each for seconds.
const WAITING: usize = 4096;
/// How long questions in hand may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// For hickory to write out the last replies, which it does after the handler is done.
const LAST_WRITES: Duration = Duration::from_millis(50);

/// Serves a configuration on sockets that are already bound, until `shutdown`; then answers the
/// questions in hand, and returns.
///
/// # Errors
/// [`Failure`]: the configuration cannot be served, or a socket failed.
pub async fn run(
    listeners: Listeners,
    config: Config,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    serve(listeners, Arc::new(Service::start(config)?), shutdown).await
}

/// Serves what `service` has, also after it is reloaded: see [`run`].
///
/// # Errors
/// [`Failure`]: a socket failed.
pub async fn serve(
    listeners: Listeners,
    service: Arc<Service>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let tasks = TaskTracker::new();
    let stop = StopOnDrop(Arc::default());
    let udp = UdpServer {
        service: service.clone(),
        runtime: Handle::current(),
        waiting: Arc::new(Semaphore::new(WAITING)),
        tasks: tasks.clone(),
        stop: stop.0.clone(),
    };
    let mut datagrams = JoinSet::new();
    for socket in listeners.udp {
        let udp = udp.clone();
        datagrams.spawn_blocking(move || udp.serve(socket));
    }
    let mut streams =
        streams::serve(listeners.tcp, StreamHandler { service, tasks: tasks.clone() })?;

    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = datagrams.join_next() => Err(Failure::Stopped(match ended {
            Ok(Ok(())) => "a UDP socket".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        })),
        ended = streams.block_until_done() => Err(Failure::Stopped(match ended {
            Ok(()) => "a TCP socket".to_owned(),
            Err(error) => error.to_string(),
        })),
    };
    drop(stop);
    while datagrams.join_next().await.is_some() {}
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("stopping with {} questions unanswered", tasks.len());
    }
    sleep(LAST_WRITES).await;
    let _ = streams.shutdown_gracefully().await;
    outcome
}

/// Stops the UDP threads, also when [`serve`] is dropped halfway.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
