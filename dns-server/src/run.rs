//! Puts the rooms together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task::JoinSet, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    failure::Failure,
    listen::{
        Listeners, quic,
        rates::Rates,
        streams::{Protocol, StreamServer},
        udp::UdpServer,
        waiting::Waiting,
    },
    poll::Poller,
    service::Service,
};

/// How often it is looked whether schedules have to be worked out anew. They reach days ahead.
const PLANNING: Duration = Duration::from_secs(60);
/// How long questions in hand may take once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

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
    let mut poller = Poller::new(service.clone());
    tokio::select! {
        () = poller.first() => {}
        () = shutdown.cancelled() => return Ok(()),
    }
    // Dropped, it stops.
    let mut polling = JoinSet::new();
    polling.spawn(poller.run());
    let planning = service.clone();
    polling.spawn(async move {
        loop {
            tokio::time::sleep(PLANNING).await;
            planning.keep_plans(Timestamp::now());
        }
    });
    let tasks = TaskTracker::new();
    let mut threads = UdpThreads::default();
    let stop_streams = CancellationToken::new();
    let _stop_streams_on_drop = stop_streams.clone().drop_guard();
    let limits = service.snapshot().terms.limits().clone();
    let rates = Arc::<Rates>::default();
    let waiting = Waiting::new(limits.waiting);
    let udp = UdpServer {
        service: service.clone(),
        runtime: Handle::current(),
        waiting: waiting.clone(),
        tasks: tasks.clone(),
        stop: threads.stop.clone(),
        rates: rates.clone(),
    };
    let mut datagrams = JoinSet::new();
    for (number, socket) in listeners.udp.into_iter().enumerate() {
        let udp = udp.clone();
        let (ends, ended) = oneshot::channel();
        let thread = thread::Builder::new().name(format!("udp-{number}"));
        threads.running.push(thread.spawn(move || drop(ends.send(udp.serve(socket))))?);
        datagrams.spawn(ended);
    }
    let protocols = [
        (listeners.tcp, Protocol::Dns),
        (listeners.tls, Protocol::dns_over_tls(&service)),
        (listeners.https, Protocol::https(&service)),
    ];
    let connections = StreamServer {
        service,
        waiting,
        tasks: tasks.clone(),
        stop: stop_streams.clone(),
        places: Arc::default(),
        rates,
    };
    let mut streams = JoinSet::new();
    for (sockets, protocol) in protocols {
        for socket in sockets {
            let socket = TcpListener::from_std(socket)?;
            let serving = connections.clone().serve(socket, protocol.clone());
            streams.spawn(async {
                serving.await;
                Ok(())
            });
        }
    }
    for socket in listeners.quic {
        streams.spawn(quic::serve(connections.clone(), socket));
    }

    let outcome = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        Some(ended) = datagrams.join_next() => Err(Failure::Stopped(match ended {
            Ok(Ok(Ok(()))) => "a UDP socket".to_owned(),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_)) => "the thread of a UDP socket panicked".to_owned(),
            Err(panic) => panic.to_string(),
        })),
        Some(ended) = streams.join_next() => Err(Failure::Stopped(match ended {
            Ok(Ok(())) => "a socket of connections".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        })),
    };
    threads.stop();
    stop_streams.cancel();
    while streams.join_next().await.is_some() {}
    while datagrams.join_next().await.is_some() {}
    drop(threads);
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("stopping with {} clients unanswered", tasks.len());
    }
    outcome
}

/// The UDP threads. They are none of tokio's, whose number is limited, and others need those. Dropped,
/// also when [`serve`] is dropped halfway, it waits for their end, which is soon.
#[derive(Default)]
struct UdpThreads {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl UdpThreads {
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Drop for UdpThreads {
    fn drop(&mut self) {
        self.stop();
        for thread in self.running.drain(..) {
            // Whether it panicked was told before.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpStream, UdpSocket},
    };

    use async_trait::async_trait;
    use tokio::{runtime::Runtime, sync::Semaphore};

    use super::*;
    use crate::{
        config::Listen,
        resolve::{
            Query,
            upstream::{Upstream, UpstreamError},
        },
        testing,
        wire::extract::Response,
    };

    /// Tells when it is asked, and answers when told to.
    struct Slow {
        asked: Semaphore,
        go_on: Semaphore,
    }

    #[async_trait]
    impl Upstream for Slow {
        async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
            self.asked.add_permits(1);
            self.go_on.acquire().await.unwrap().forget();
            testing::FewNames.lookup(query).await
        }
    }

    const CONFIG: &str = "[upstream]\nservers = [\"192.0.2.53\"]\n";
    const QUERY: &[u8] = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01";

    fn listeners() -> Listeners {
        let dns = vec!["127.0.0.1:0".parse().unwrap()];
        Listeners::bind(&Listen { dns, ..Listen::default() }).unwrap()
    }

    /// Octets of the reply's ID and of its only address.
    fn told(reply: &[u8]) -> (&[u8], &[u8]) {
        (&reply[..2], &reply[reply.len() - 4..])
    }

    #[test]
    fn questions_in_hand_are_answered_before_the_end() {
        let runtime = Runtime::new().unwrap();
        let slow = Arc::new(Slow { asked: Semaphore::new(0), go_on: Semaphore::new(0) });
        let mut snapshot = testing::snapshot(CONFIG);
        snapshot.resolver = testing::resolver(slow.clone());
        let service = Arc::new(Service::of_snapshot(snapshot));
        let listeners = listeners();
        let address = listeners.addresses().unwrap().dns[0];
        let shutdown = CancellationToken::new();
        let server = runtime.spawn(serve(listeners, service, shutdown.clone()));

        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        udp.send_to(QUERY, address).unwrap();
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // Another query, with CD: the same one would join that in flight.
        let checking_disabled = [&QUERY[..3], &[0x10], &QUERY[4..]].concat();
        tcp.write_all(&[&[0, QUERY.len() as u8], &checking_disabled[..]].concat()).unwrap();
        drop(runtime.block_on(slow.asked.acquire_many(2)).unwrap());

        shutdown.cancel();
        slow.go_on.add_permits(2);
        let mut buffer = [0; 512];
        let length = udp.recv(&mut buffer).unwrap();
        assert_eq!(told(&buffer[..length]), (&[0, 7][..], &[192, 0, 2, 1][..]));
        let mut length = [0; 2];
        tcp.read_exact(&mut length).unwrap();
        let length = usize::from(u16::from_be_bytes(length));
        tcp.read_exact(&mut buffer[..length]).unwrap();
        assert_eq!(told(&buffer[..length]), (&[0, 7][..], &[192, 0, 2, 1][..]));
        runtime.block_on(server).unwrap().unwrap();
        assert!(TcpStream::connect(address).is_err());
    }

    /// Dropping the future is enough to end its threads.
    #[test]
    fn a_server_that_is_dropped_lets_go_of_its_sockets() {
        let runtime = Runtime::new().unwrap();
        let listeners = listeners();
        let addresses = listeners.addresses().unwrap();
        let service = Arc::new(Service::of_snapshot(testing::snapshot(CONFIG)));
        runtime.spawn(serve(listeners, service, CancellationToken::new()));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        udp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        udp.send_to(QUERY, addresses.dns[0]).unwrap();
        udp.recv(&mut [0; 512]).unwrap();
        drop(runtime);
        Listeners::bind(&addresses).unwrap();
    }

    #[test]
    fn an_address_in_use_is_named() {
        let first = listeners();
        let failure = Listeners::bind(&first.addresses().unwrap()).unwrap_err().to_string();
        let address = first.addresses().unwrap().dns[0];
        assert!(failure.starts_with(&format!("cannot listen on {address}: ")), "{failure}");
        assert!(failure.contains("another program listens there"), "{failure}");
    }
}
