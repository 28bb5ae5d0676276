//! When the next attempt is due.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

/// Exponential backoff with full jitter: clients that failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    /// Ceiling of the first pause.
    pub(super) first: Duration,
    /// Ceiling of every pause.
    pub(super) max: Duration,
}

impl Backoff {
    /// The pause after so many failed attempts, at least as long as the service asks for.
    pub(super) fn pause(self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let ceiling = self.first.saturating_mul(1 << doublings).min(self.max);
        retry_after
            .unwrap_or_default()
            .saturating_add(ceiling.mul_f64(fastrand::f64()))
    }
}

/// The wait that `Retry-After` asks for: seconds, or a date (RFC 9110 §10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers.get(RETRY_AFTER))?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // By the clock of the service, if it tells it: ours may differ.
    let now = text(headers.get(DATE)).and_then(|date| httpdate::parse_http_date(date).ok());
    let wait = date.duration_since(now.unwrap_or_else(SystemTime::now));
    // A date that has passed: at once.
    Some(wait.unwrap_or_default())
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[(&'static str, &str)]) -> Option<Duration> {
        let line = |(name, value): &(&'static str, &str)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        };
        retry_after(&lines.iter().map(line).collect())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
        ] {
            let wait = seconds.map(Duration::from_secs);
            assert_eq!(asked(&[("retry-after", value), date]), wait, "{value}");
        }
        assert_eq!(asked(&[date]), None);
    }

    #[test]
    fn a_date_is_read_by_the_own_clock_if_the_service_has_none() {
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_mins(1));
        let wait = asked(&[("retry-after", &soon)]).unwrap();
        assert!((58..=60).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn pauses_are_jittered_bounded_and_never_shorter_than_asked() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            max: Duration::from_secs(1),
        };
        let asked = Duration::from_secs(3);
        let mut distinct = std::collections::BTreeSet::new();
        for failures in [1, 2, 3, 4, 5, 100, u32::MAX] {
            let ceiling = Duration::from_secs(1).min(Duration::from_millis(
                100 << failures.saturating_sub(1).min(10),
            ));
            for _ in 0..100 {
                let pause = backoff.pause(failures, None);
                assert!(pause <= ceiling, "{failures}: {pause:?}");
                distinct.insert(pause);
                let pause = backoff.pause(failures, Some(asked));
                assert!(asked <= pause && pause <= asked + ceiling, "{pause:?}");
            }
        }
        assert!(distinct.len() > 600);
        assert_eq!(backoff.pause(1, Some(Duration::MAX)), Duration::MAX);
    }
}
