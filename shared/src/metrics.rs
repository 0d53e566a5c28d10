//! Every metric that Thumbmill has, in one list, and the text that Prometheus reads.

use std::sync::OnceLock;

use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels; their values are closed sets.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Defines each metric once: its constant and its row in the catalogue.
macro_rules! catalogue {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*
        /// All of them.
        pub const CATALOGUE: &[Metric] = &[
            $(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help },)*
        ];
    };
}

catalogue! {
    HTTP_REQUESTS = "thumbmill_http_requests_total", Counter, ["route", "method", "status"], "Requests answered by the api.";
    HTTP_SECONDS = "thumbmill_http_request_seconds", Histogram, ["route", "result"], "Time from a request's head to its answer's head, by hit, miss or other.";
    CONNECTIONS = "thumbmill_http_connections", Gauge, [], "HTTP connections that are open.";
    CONNECTIONS_REFUSED = "thumbmill_http_connections_refused_total", Counter, ["reason"], "HTTP connections that were refused, by why: all are taken, the client has all it may have, or the system gave none.";
    CONNECTIONS_CUT = "thumbmill_http_connections_cut_total", Counter, ["timeout"], "HTTP connections that were ended because the other end took too long, by which time limit: header, idle or write.";
    QUESTIONS = "thumbmill_authorize_questions", Gauge, [], "Questions to the application of `THUMBMILL_AUTHORIZE` that wait for their answers.";
    WAITING = "thumbmill_waiting_requests", Gauge, [], "Variants that were asked for and are not there yet, counted once for every client.";
    REFUSED = "thumbmill_requests_refused_total", Counter, ["reason"], "Requests for missing variants that were sent away, by why.";
    PUBLISHED = "thumbmill_jobs_published_total", Counter, ["lane", "result"], "Jobs given to the queue by this process.";
    JOBS = "thumbmill_jobs_total", Counter, ["lane", "settled"], "Jobs that a worker is done with: done, retry, postponed, deferred, dead or given back.";
    LOG_LINES_LOST = "thumbmill_log_lines_lost_total", Counter, [], "Log lines that were not written: whoever reads standard error is too slow, or gone, or its disk is full.";
    PANICS = "thumbmill_panics_total", Counter, [], "Panics in this process. Each is a bug: please report it with its log line.";
    JOBS_RUNNING = "thumbmill_jobs_running", Gauge, [], "Jobs that the worker holds.";
    VARIANTS = "thumbmill_variants_total", Counter, ["outcome"], "Variants by how they ended: rendered, found, held or a failure's reason.";
    RENDERS = "thumbmill_renders_total", Counter, ["format"], "Variants that were rendered, by output format.";
    QUEUED_SECONDS = "thumbmill_job_queued_seconds", Histogram, ["lane"], "How long jobs waited on the queue.";
    RENDER_SECONDS = "thumbmill_render_seconds", Histogram, [], "How long one original's decode and all its variants took.";
    STORED_VARIANTS = "thumbmill_stored_variants", Gauge, [], "Variants that the last sweep of the store has left, whichever worker swept.";
    STORED_BYTES = "thumbmill_stored_variants_bytes", Gauge, [], "Their bytes; what was written since comes on top.";
    SWEEPS = "thumbmill_sweeps_total", Counter, ["result"], "Sweeps of the store by this worker: done or failed.";
    EVICTED = "thumbmill_evicted_variants_total", Counter, ["reason"], "Variants that a sweep removed: bound (all together were too much) or age.";
    EVICTED_BYTES = "thumbmill_evicted_bytes_total", Counter, ["reason"], "Their bytes.";
    STORAGE_SECONDS = "thumbmill_storage_seconds", Histogram, ["operation"], "How long a worker's store operations took.";
    UNCONFIRMED = "thumbmill_jobs_unconfirmed", Gauge, [], "Jobs sent to RabbitMQ that it has not confirmed yet.";
    BLOCKED = "thumbmill_queue_blocked", Gauge, [], "1 while RabbitMQ takes no jobs (connection.blocked: its memory or disk is short).";
    CONNECTED = "thumbmill_connected", Gauge, ["to"], "1 while the connection to the queue or the readiness store stands.";
}

const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Starts to count; a second call gives the same counters. Errors: another recorder is
/// installed in this process.
pub fn install() -> Result<PrometheusHandle, metrics_exporter_prometheus::BuildError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    for metric in CATALOGUE {
        match metric.kind {
            Kind::Counter => {
                metrics::describe_counter!(metric.name, metric.help);
            }
            Kind::Gauge => {
                metrics::describe_gauge!(metric.name, metric.help);
            }
            Kind::Histogram => {
                metrics::describe_histogram!(metric.name, Unit::Seconds, metric.help);
            }
        }
    }
    Ok(HANDLE.get_or_init(|| handle).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus_conventions() {
        for metric in CATALOGUE {
            assert!(metric.name.starts_with("thumbmill_"), "{}", metric.name);
            assert_eq!(
                metric.kind == Kind::Counter,
                metric.name.ends_with("_total"),
                "{}",
                metric.name
            );
            assert_eq!(
                metric.kind == Kind::Histogram,
                metric.name.ends_with("_seconds"),
                "{}",
                metric.name
            );
        }
    }
}
