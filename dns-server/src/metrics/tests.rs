//! What a scrape says, and what it never does.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    resolve::upstream::{Failover, Order, Zones},
    stats::{Carrier, Limit},
    testing,
    web::server::WebListener,
};

const CONFIG: &str = "[upstream]\nservers = [\"192.0.2.53\"]\n[[group]]\n\
                      name = \"a \\\"school\\\"\\\\\"\nnetworks = [\"10.0.0.0/8\"]\nprofile = \"child\"\n";

fn asked(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn a_scrape() {
    let runtime = Runtime::new().unwrap();
    let listener = {
        let _runtime = runtime.enter();
        WebListener::tcp("127.0.0.1:0".parse().unwrap()).unwrap()
    };
    let address = listener.address().unwrap().unwrap();
    let mut snapshot = testing::snapshot(CONFIG);
    let failover =
        |server: &str| Failover::new(&[server.parse().unwrap()], Order::Given, false, &[]).unwrap();
    let zones = vec![("town.example".parse().unwrap(), failover("tls://10.0.0.2#ns.town.example"))];
    snapshot.resolver = testing::resolver(Arc::new(Zones::new(zones, failover("192.0.2.53"))));
    let open = snapshot.stats.open(Carrier::Https);
    snapshot.stats.count_limited(Limit::WaitingPerClient);
    let service = Arc::new(Service::of_snapshot(snapshot));
    runtime.spawn(server(service).serve(listener, CancellationToken::new()));
    let response = asked(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    assert!(response.contains("content-type: text/plain; version=0.0.4"), "{response}");
    for line in [
        "# TYPE preau_questions_total counter",
        r#"preau_questions_total{group="a \"school\"\\",outcome="allowed",category=""} 0"#,
        r#"preau_cache_lookups_total{result="stale"} 0"#,
        r#"preau_questions_total{group="a \"school\"\\",outcome="failed",category=""} 0"#,
        r#"preau_stranger_questions_total{outcome="refused"} 0"#,
        r#"preau_stranger_questions_total{outcome="dropped"} 0"#,
        r#"preau_limited_total{limit="queries_per_second"} 0"#,
        r#"preau_limited_total{limit="waiting_per_client"} 1"#,
        r#"preau_codes_total{outcome="limited"} 0"#,
        r#"preau_connections{transport="tcp"} 0"#,
        r#"preau_connections{transport="https"} 1"#,
        r#"preau_upstream_up{server="192.0.2.53:53",zone=""} 1"#,
        r#"preau_upstream_up{server="tls://10.0.0.2:853#ns.town.example",zone="town.example"} 1"#,
        r#"preau_upstream_questions_total{server="192.0.2.53:53",zone=""} 0"#,
        r#"preau_upstream_silences_total{server="192.0.2.53:53",zone=""} 0"#,
        r#"preau_answer_seconds_bucket{le="0.000001"} 0"#,
        r#"preau_answer_seconds_bucket{le="+Inf"} 0"#,
        r#"preau_resolve_seconds_bucket{le="+Inf"} 0"#,
        "preau_config_last_reload_successful 1",
        "preau_lists_expired 0",
        "preau_allowed_names 0",
    ] {
        assert!(response.lines().any(|found| found == line), "{line}:\n{response}");
    }
    drop(open);
    // Each family is introduced once, and every line is one of the format.
    let (_, page) = response.split_once("\r\n\r\n").unwrap();
    let mut families: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let before = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), before);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("preau_") && value.parse::<f64>().is_ok(), "{line}");
    }
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "404"),
        (
            "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "405",
        ),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let response = asked(address, request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status}")), "{response}");
    }
}
