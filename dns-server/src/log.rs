//! The log: what this server itself has to say. Never a name that somebody asked about, never a
//! client's address.

use std::io::{self, IsTerminal as _};

use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::filter_fn,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry::Registry,
};

/// The crates that may speak, whatever `RUST_LOG` says. hickory notes the client and the name of
/// each query at INFO, and others may follow: everyone else is silent.
const SPEAKERS: [&str; 3] = ["dns_server", "lists", "filter_core"];

/// A subscriber for this process; `directives` are `RUST_LOG`'s.
pub fn subscriber<W>(directives: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // INFO, unless a later directive says otherwise.
    let levels = EnvFilter::builder().parse_lossy(format!("info,{directives}"));
    let ansi = io::stderr().is_terminal();
    let output = fmt::layer().with_writer(writer).with_target(false).with_ansi(ansi);
    Registry::default().with(output.with_filter(filter_fn(may_speak))).with(levels)
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    let speaker = metadata.target().split("::").next().unwrap_or_default();
    SPEAKERS.contains(&speaker)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(directives: &str, speak: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(directives, move || writer.clone());
        tracing::subscriber::with_default(subscriber, speak);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn hickory_is_silent_whatever_rust_log_says() {
        for directives in ["", "trace", "hickory_server=trace", "debug,hickory_net=trace"] {
            let text = log(directives, || {
                tracing::error!(target: "hickory_server::server", "query:secret.example");
                tracing::info!(target: "hickory_net::udp", "src:192.0.2.7");
                tracing::info!("we speak");
            });
            assert!(!text.contains("secret.example"), "{directives}: {text}");
            assert!(!text.contains("192.0.2.7"), "{directives}: {text}");
            assert_eq!(text.lines().count(), 1, "{directives}: {text}");
        }
    }

    #[test]
    fn rust_log_sets_our_level() {
        let speak = || {
            tracing::warn!("loud");
            tracing::debug!("quiet");
        };
        assert_eq!(log("", speak).lines().count(), 1);
        assert_eq!(log("debug", speak).lines().count(), 2);
        assert_eq!(log("error", speak).lines().count(), 0);
    }
}
