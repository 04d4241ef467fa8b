//! When a call is made again: pauses that double and vary, and what the server asks for.
//!
//! Many lines that failed at one moment must not come back at one moment: each pause is drawn between
//! half and the whole of its length, from the line's seed, so that nothing depends on a clock. A server that asks for
//! a longer pause than a call may take is not waited for: whoever searches would hear nothing for hours.
//!
//! Source: RFC 9110, section 10.2.3 (`Retry-After`).

use std::time::{Duration, SystemTime};

use tts_core::seed;

use super::{RemoteConfig, RemoteError};

/// The longest pause of our own, in seconds.
const LONGEST: f64 = 30.0;

/// The pause before a call that failed is made again.
///
/// # Errors
/// The call's own error, where it fails for good: it would fail again, was made often enough, or the server asks
/// for a pause that is too long, which the error then says.
pub(super) fn again(
    config: &RemoteConfig,
    error: RemoteError,
    repetition: u32,
    line: u64,
) -> Result<Duration, RemoteError> {
    if !error.is_passing() || repetition + 1 >= config.attempts {
        return Err(error);
    }
    let longest = Duration::from_secs_f64(config.call_seconds);
    let asked = match error {
        RemoteError::Refused { url, status, message, retry_after: Some(asked) }
            if asked > longest =>
        {
            let message = format!(
                "{message} (to be asked again in {} seconds, more than call_seconds, {})",
                asked.as_secs(),
                config.call_seconds
            );
            return Err(RemoteError::Refused { url, status, message, retry_after: Some(asked) });
        }
        RemoteError::Refused { retry_after, .. } => retry_after,
        _ => None,
    };
    Ok(pause(config.pause_seconds, repetition, line, asked))
}

/// How long to wait before the repetition number `repetition`, from 0.
fn pause(first: f64, repetition: u32, line: u64, asked: Option<Duration>) -> Duration {
    let whole = (first * f64::from(repetition.min(30)).exp2()).min(LONGEST);
    let part = seed::rng(seed::mix(line, u64::from(repetition))).uniform();
    let own = Duration::from_secs_f64(whole * 0.5f64.mul_add(part, 0.5));
    own.max(asked.unwrap_or_default())
}

/// What a `Retry-After` header says: seconds, or a date.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_vary_and_end() {
        let lines = || 0..200_u64;
        for repetition in 0..12 {
            let whole = (0.25 * f64::from(repetition).exp2()).min(30.0);
            let pauses: Vec<f64> =
                lines().map(|line| pause(0.25, repetition, line, None).as_secs_f64()).collect();
            assert!(pauses.iter().all(|p| (whole / 2.0..=whole).contains(p)), "{repetition}");
            let (least, most) =
                pauses.iter().fold((f64::MAX, 0.0_f64), |(l, m), &p| (l.min(p), m.max(p)));
            assert!(most - least > 0.4 * whole, "they vary");
        }
        assert_eq!(pause(0.25, 3, 7, None), pause(0.25, 3, 7, None));
        assert_eq!(pause(0.0, 3, 7, None), Duration::ZERO);
    }

    #[test]
    fn what_would_fail_again_or_wait_too_long_fails_now() {
        let config = RemoteConfig { attempts: 3, call_seconds: 60.0, ..RemoteConfig::server("x") };
        let busy = |status, seconds: Option<u64>| RemoteError::Refused {
            url: "u".into(),
            status,
            message: "quota".into(),
            retry_after: seconds.map(Duration::from_secs),
        };
        let tried = |error, repetition| again(&config, error, repetition, 7);
        assert!(tried(busy(503, None), 1).is_ok());
        assert_eq!(tried(busy(429, Some(60)), 0).ok(), Some(Duration::from_mins(1)));
        assert!(tried(busy(429, None), 2).is_err() && tried(busy(400, None), 0).is_err());
        for seconds in [61, 41_000, u64::MAX] {
            let error = tried(busy(429, Some(seconds)), 0).expect_err("too long").to_string();
            assert!(
                error.contains("429: quota") && error.contains(&seconds.to_string()),
                "{error}"
            );
        }
    }

    #[test]
    fn what_the_server_asks_for_counts() {
        let asked = Duration::from_secs(7);
        assert_eq!(pause(0.25, 0, 1, Some(asked)), asked);
        assert!(pause(20.0, 0, 1, Some(asked)) >= Duration::from_secs(10));
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        for (header, seconds) in [
            ("120", Some(120)),
            (" 3 ", Some(3)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header:?}");
        }
    }
}
