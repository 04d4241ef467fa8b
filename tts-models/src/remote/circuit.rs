//! A server that keeps failing is left alone for a while, then tried with a single call.
//!
//! Source: the circuit breaker of Nygard 2007, "Release It!".

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::RemoteError;

/// Failures in a row after which a server is left alone.
const FAILURES: u32 = 5;
/// The first pause, and the longest: they double.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The state of one server.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    last: String,
    /// Until when it is left alone.
    rests: Option<Instant>,
    pause: Duration,
}

impl Circuit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until a call may be made: `None` for at once. Who is let through after a pause is alone:
    /// the pause begins again until that call has succeeded.
    pub(super) fn admit(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        let rests = state.rests?;
        if now < rests {
            return Some(rests - now);
        }
        state.rests = Some(now + state.pause);
        None
    }

    /// The server answered.
    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// The server failed.
    pub(super) fn failed(&self, error: &RemoteError, now: Instant) {
        let mut state = self.state();
        state.failures += 1;
        state.last = error.to_string();
        if state.failures >= FAILURES {
            let doubled = state.pause * 2;
            state.pause = doubled.clamp(FIRST, LONGEST);
            state.rests = Some(now + state.pause);
        }
    }

    /// Why it rests.
    pub(super) fn error(&self, url: &str) -> RemoteError {
        let state = self.state();
        RemoteError::Down {
            url: url.to_owned(),
            failures: state.failures,
            last: state.last.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_rests_and_is_tried_by_one() {
        let (circuit, start) = (Circuit::default(), Instant::now());
        let error = RemoteError::Unreachable { url: "u".into(), problem: "refused".into() };
        for _ in 1..FAILURES {
            circuit.failed(&error, start);
            assert_eq!(circuit.admit(start), None);
        }
        circuit.failed(&error, start);
        assert_eq!(circuit.admit(start), Some(FIRST));
        let later = start + FIRST;
        assert_eq!(circuit.admit(later), None, "one is let through");
        assert_eq!(circuit.admit(later), Some(FIRST), "and only one");
        circuit.failed(&error, later);
        assert_eq!(circuit.admit(later), Some(FIRST * 2), "the pause doubles");
        assert_eq!(
            circuit.error("u").to_string(),
            "u: down after 6 failures in a row, the last one: u: refused"
        );
        for _ in 0..20 {
            circuit.failed(&error, later);
        }
        assert_eq!(circuit.admit(later), Some(LONGEST), "up to a bound");
        circuit.succeeded();
        assert_eq!(circuit.admit(later), None);
        circuit.failed(&error, later);
        assert_eq!(circuit.admit(later), None, "it counts anew");
    }
}
