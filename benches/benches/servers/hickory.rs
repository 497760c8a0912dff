//! hickory-dns as its own program puts it together: its blocklist, and behind that its forwarder with a
//! cache.

use std::{fs::File, net::SocketAddr, path::Path, sync::Arc};

use benches::contender::blocklist;
use hickory_server::{
    Server,
    net::runtime::TokioRuntimeProvider,
    proto::rr::Name,
    resolver::config::{ConnectionConfig, NameServerConfig},
    store::forwarder::{ForwardConfig, ForwardZoneHandler},
    zone_handler::{Catalog, ZoneHandler},
};
use tokio::{net::UdpSocket, runtime::Builder};

/// Serves over UDP, refusing the names of a file and all below them with its stand-in for refused
/// names, 0.0.0.0. Never ends.
pub(crate) fn serve(address: SocketAddr, upstream: SocketAddr, names: &Path) {
    let blocklist = blocklist(File::open(names).unwrap()).unwrap();
    let handlers: Vec<Arc<dyn ZoneHandler>> =
        vec![Arc::new(blocklist), Arc::new(forwarder(upstream))];
    let mut catalog = Catalog::new();
    catalog.upsert(Name::root().into(), handlers);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(catalog);
        server.register_socket(UdpSocket::bind(address).await.unwrap());
        server.block_until_done().await.unwrap();
    });
}

fn forwarder(upstream: SocketAddr) -> ForwardZoneHandler<TokioRuntimeProvider> {
    let mut udp = ConnectionConfig::udp();
    udp.port = upstream.port();
    let server = NameServerConfig::new(upstream.ip(), true, vec![udp]);
    let config = ForwardConfig { name_servers: vec![server], options: None };
    let mut builder = ForwardZoneHandler::builder_tokio(config);
    // As much as the others may keep; by default it keeps few.
    builder.options_mut().cache_size = 10_000;
    builder.build().unwrap()
}
