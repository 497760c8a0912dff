//! `[metrics]`: what a server counts, for Prometheus (text format, version 0.0.4).

use std::{
    fmt::{self, Display, Write as _},
    iter,
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{
        StatusCode,
        header::{CONNECTION, CONTENT_TYPE},
    },
    response::IntoResponse,
    routing::get,
};
use filter_core::DomainName;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::{
    control::status::Status,
    resolve::upstream::ServerStatus,
    service::Service,
    stats::{Stats, Times, Whose},
    web::server::{Bounds, WebServer},
};

/// `GET /metrics`, for a few who ask now and then.
pub(crate) fn server(service: Arc<Service>) -> WebServer {
    let bounds = Bounds { connections: 8, body: 0, ..Bounds::default() };
    let router = Router::new().route("/metrics", get(scrape)).with_state(service);
    WebServer { router, bounds, ..WebServer::new("metrics") }
}

async fn scrape(State(service): State<Arc<Service>>) -> impl IntoResponse {
    // Waits for a reload under way, which takes a while.
    let page = spawn_blocking(move || text(&service)).await;
    let headers =
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CONNECTION, "close")];
    page.map(|page| (headers, page)).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Everything, as it is now.
fn text(service: &Service) -> String {
    let status = service.status();
    let stats = Arc::clone(&service.snapshot().stats);
    let mut page = Page::default();
    page.of_status(&status);
    page.of_servers(&service.snapshot().resolver.servers());
    page.of_stats(&stats);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn of_status(&mut self, status: &Status) {
        self.gauge("start_time_seconds", "When the server started.", status.started.as_second());
        self.family("build_info", "gauge", "The version that runs.");
        self.sample("build_info", &[("version", &status.version)], 1);

        let lists = &status.lists;
        self.gauge("lists_serial", "Serial of the lists in force.", lists.serial);
        self.gauge("lists_names", "Names in the lists in force.", lists.names);
        if let Ok(created) = lists.created.parse::<Timestamp>() {
            let help = "When the lists in force were made.";
            self.gauge("lists_created_seconds", help, created.as_second());
        }
        let expires = lists.expires.as_ref().and_then(|expires| expires.parse::<Timestamp>().ok());
        if let Some(expires) = expires {
            let help = "When the lists in force expire.";
            self.gauge("lists_expire_seconds", help, expires.as_second());
        }
        let expired = u8::from(lists.expired);
        self.gauge("lists_expired", "1: the lists in force have expired.", expired);

        let reload = status.last_reload.as_ref();
        let is_good = u8::from(reload.is_none_or(|reload| reload.error.is_none()));
        let help = "1: the last reload succeeded, or there was none.";
        self.gauge("config_last_reload_successful", help, is_good);
        if let Some(reload) = reload {
            let help = "When the last reload was asked for.";
            self.gauge("config_last_reload_seconds", help, reload.at.as_second());
        }
        let help = "Names that are let through for a while.";
        self.gauge("allowed_names", help, status.allowed.len());
        let help = "Names that visitors of the block page reported, not settled.";
        self.gauge("reports", help, status.reports);

        let resolver = &status.resolver;
        self.gauge("cache_entries", "Answers in the cache.", resolver.entries);
        self.gauge("cache_bytes", "Memory that they take.", resolver.octets);
        self.family("cache_lookups_total", "counter", "What the cache had, by result.");
        for (result, count) in
            [("hit", resolver.hits), ("miss", resolver.misses), ("stale", resolver.stale)]
        {
            self.sample("cache_lookups_total", &[("result", result)], count);
        }
        let help = "Answers asked for ahead of their end.";
        self.counter("cache_prefetches_total", help, resolver.refreshed);
        let help = "Questions that joined the same one in flight.";
        self.counter("upstream_joined_total", help, resolver.joined);
        let help = "Questions that no upstream server answered.";
        self.counter("upstream_failures_total", help, resolver.failed);
    }

    fn of_stats(&mut self, stats: &Stats) {
        let counts = stats.counts();
        let group = |whose: &Whose| match whose {
            Whose::Group(name) => name.clone(),
            Whose::SmallGroups => "(small groups)".to_owned(),
        };
        self.family("questions_total", "counter", "Questions, by group, outcome and category.");
        for counts in &counts {
            let group = group(counts.whose);
            for (outcome, count) in counts.outcomes {
                let labels = [("group", &*group), ("outcome", outcome.label()), ("category", "")];
                self.sample("questions_total", &labels, count);
            }
            for (category, refused, _) in &counts.categories {
                if *refused > 0 {
                    let labels =
                        [("group", &*group), ("outcome", "refused"), ("category", *category)];
                    self.sample("questions_total", &labels, refused);
                }
            }
        }
        let help = "Allowed questions that a category would have refused, were it not observed.";
        self.family("observed_total", "counter", help);
        for counts in &counts {
            let group = group(counts.whose);
            for (category, _, observed) in &counts.categories {
                if *observed > 0 {
                    let labels = [("group", &*group), ("category", *category)];
                    self.sample("observed_total", &labels, observed);
                }
            }
        }
        let help = "Questions of clients in no group, and whether they got so much as a refusal.";
        self.family("stranger_questions_total", "counter", help);
        for (outcome, count) in iter::zip(["refused", "dropped"], stats.strangers()) {
            self.sample("stranger_questions_total", &[("outcome", outcome)], count);
        }
        let help = "Questions over UDP, and connections, left unanswered for a key of [limits].";
        self.family("limited_total", "counter", help);
        for (limit, count) in stats.limited() {
            self.sample("limited_total", &[("limit", limit.label())], count);
        }
        self.family("connections", "gauge", "Connections of clients that are open, by transport.");
        for (carrier, count) in stats.connections() {
            self.sample("connections", &[("transport", carrier.label())], count);
        }
        let help = "Requests to the check API, by what was asked for and what became of them.";
        self.family("check_requests_total", "counter", help);
        for ([endpoint, outcome], count) in stats.checks().requests() {
            let labels = [("endpoint", endpoint), ("outcome", outcome)];
            self.sample("check_requests_total", &labels, count);
        }
        let help = "What was checked in them, by kind and verdict.";
        self.family("check_items_total", "counter", help);
        for ([kind, verdict], count) in stats.checks().items() {
            self.sample("check_items_total", &[("kind", kind), ("verdict", verdict)], count);
        }
        let help = "Teachers' codes that were typed, by what became of them.";
        self.family("codes_total", "counter", help);
        for (outcome, count) in stats.codes().outcomes() {
            self.sample("codes_total", &[("outcome", outcome)], count);
        }
        let help = "How long answers took that were given at once, of a sixteenth of them.";
        self.histogram("answer_seconds", help, stats.at_once());
        let help = "How long questions took that upstream was asked about.";
        self.histogram("resolve_seconds", help, stats.waits());
    }

    fn of_servers(&mut self, servers: &[ServerStatus]) {
        let texts = servers.iter().map(|status| {
            (status.server.to_string(), status.zone.as_ref().map(DomainName::to_string))
        });
        let texts: Vec<_> = texts.collect();
        let servers: Vec<_> = iter::zip(servers, &texts)
            .map(|(status, (server, zone))| {
                (status, [("server", &**server), ("zone", zone.as_deref().unwrap_or_default())])
            })
            .collect();
        let help =
            "0: the server is left alone, because it did not answer or is this server itself.";
        self.family("upstream_up", "gauge", help);
        for (status, labels) in &servers {
            self.sample("upstream_up", labels, u8::from(!status.resting));
        }
        self.family("upstream_latency_seconds", "gauge", "Mean time to an answer, lately.");
        for (status, labels) in &servers {
            if let Some(latency) = status.latency {
                self.sample("upstream_latency_seconds", labels, latency.as_secs_f64());
            }
        }
        self.family("upstream_questions_total", "counter", "Questions put to the server.");
        for (status, labels) in &servers {
            self.sample("upstream_questions_total", labels, status.questions);
        }
        let help = "Those of them that it did not answer, or that did not reach it.";
        self.family("upstream_silences_total", "counter", help);
        for (status, labels) in &servers {
            self.sample("upstream_silences_total", labels, status.silences);
        }
    }

    fn histogram(&mut self, name: &str, help: &str, times: Times) {
        self.family(name, "histogram", help);
        let [bucket, sum, count] = ["bucket", "sum", "count"].map(|part| format!("{name}_{part}"));
        for (bound, count) in times.classes {
            self.sample(&bucket, &[("le", &*bound.to_string())], count);
        }
        self.sample(&bucket, &[("le", "+Inf")], times.total);
        self.sample(&sum, &[], times.sum);
        self.sample(&count, &[], times.total);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP preau_{name} {help}"));
        self.line(format_args!("# TYPE preau_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        match labels.is_empty() {
            true => self.line(format_args!("preau_{name} {value}")),
            false => self.line(format_args!("preau_{name}{{{}}} {value}", labels.join(","))),
        }
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes whatever is written to it");
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests;
