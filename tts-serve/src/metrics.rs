//! What the server counts, in the text format of Prometheus.
//!
//! Source: the exposition format, version 0.0.4 (prometheus.io, "Text-based format").

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of the buckets of the histograms, in seconds.
const BUCKETS: [f64; 12] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It was answered.
    Answered,
    /// It was refused: its own fault.
    Refused,
    /// There was no room.
    Full,
    /// It took too long.
    Late,
    /// The server's fault.
    Failed,
    /// The client left before the end.
    Left,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] =
        [Self::Answered, Self::Refused, Self::Full, Self::Late, Self::Failed, Self::Left];

    fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Full => "full",
            Self::Late => "late",
            Self::Failed => "failed",
            Self::Left => "left",
        }
    }

    /// What an error's status says of it.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            429 => Self::Full,
            504 => Self::Late,
            500.. => Self::Failed,
            _ => Self::Refused,
        }
    }
}

/// Times, counted in buckets.
#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    fn add(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        for (bucket, _) in self.buckets.iter().zip(BUCKETS).filter(|(_, bound)| seconds <= *bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let get = |value: &AtomicU64| value.load(Ordering::Relaxed);
        // Writing into a string does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (bucket, bound) in self.buckets.iter().zip(BUCKETS) {
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {}", get(bucket));
        }
        let (count, sum) = (get(&self.count), get(&self.micros) as f64 / 1e6);
        let _ = writeln!(
            out,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        );
    }
}

/// All counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<Outcome, u64>>,
    /// Searches that run.
    pub(crate) running: AtomicI64,
    /// Searches that wait.
    pub(crate) waiting: AtomicI64,
    /// Tokens that searches generated.
    pub(crate) generated: AtomicU64,
    /// Tokens that scorers judged.
    pub(crate) scored: AtomicU64,
    /// Tokens of answers.
    pub(crate) answered: AtomicU64,
    latency: Histogram,
    first: Histogram,
}

impl Metrics {
    fn end(&self, outcome: Outcome, time: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry(outcome).or_default() += 1;
        drop(requests);
        self.latency.add(time);
    }

    /// The first line, or step, of a search came so late.
    pub(crate) fn first_progress(&self, time: Duration) {
        self.first.add(time);
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        out.push_str(
            "# HELP tts_requests_total Requests by outcome.\n# TYPE tts_requests_total counter\n",
        );
        for outcome in Outcome::ALL {
            let count = requests.get(&outcome).copied().unwrap_or(0);
            let name = outcome.name();
            let _ = writeln!(out, "tts_requests_total{{outcome=\"{name}\"}} {count}");
        }
        drop(requests);
        for (name, help, value) in [
            ("tts_searches_running", "Searches that run.", &self.running),
            ("tts_searches_waiting", "Searches that wait for a place.", &self.waiting),
        ] {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        }
        for (name, help, value) in [
            (
                "tts_generated_tokens_total",
                "Tokens of the lines that searches got; of lines called off in flight, none.",
                &self.generated,
            ),
            ("tts_scored_tokens_total", "Tokens of steps that were judged.", &self.scored),
            ("tts_answer_tokens_total", "Tokens of chosen answers.", &self.answered),
        ] {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}");
        }
        self.latency.write(&mut out, "tts_request_seconds", "Time of requests, from head to end.");
        self.first.write(
            &mut out,
            "tts_first_progress_seconds",
            "Time from a search's submission to its first line.",
        );
        out
    }
}

/// Counts one request when it is dropped: as one whose client left, unless it is told otherwise.
pub(crate) struct Meter {
    metrics: std::sync::Arc<Metrics>,
    started: Instant,
    outcome: Outcome,
}

impl Meter {
    pub(crate) fn start(metrics: std::sync::Arc<Metrics>) -> Self {
        Self { metrics, started: Instant::now(), outcome: Outcome::Left }
    }

    /// What became of the request.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.metrics.end(self.outcome, self.started.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_sums_add_up() {
        let metrics = Metrics::default();
        for millis in [20, 20, 700, 400_000] {
            metrics.end(Outcome::Answered, Duration::from_millis(millis));
        }
        let text = metrics.text();
        for line in [
            "tts_requests_total{outcome=\"answered\"} 4",
            "tts_requests_total{outcome=\"left\"} 0",
            "tts_request_seconds_bucket{le=\"0.01\"} 0",
            "tts_request_seconds_bucket{le=\"0.05\"} 2",
            "tts_request_seconds_bucket{le=\"1\"} 3",
            "tts_request_seconds_bucket{le=\"300\"} 3",
            "tts_request_seconds_bucket{le=\"+Inf\"} 4",
            "tts_request_seconds_sum 400.74",
            "tts_request_seconds_count 4",
            "tts_first_progress_seconds_count 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_status_says_whose_fault_it_was() {
        for (status, outcome) in [
            (400, Outcome::Refused),
            (413, Outcome::Refused),
            (429, Outcome::Full),
            (500, Outcome::Failed),
            (503, Outcome::Failed),
            (504, Outcome::Late),
        ] {
            assert_eq!(Outcome::of_status(status), outcome, "{status}");
        }
    }
}
