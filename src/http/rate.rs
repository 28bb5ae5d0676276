//! Requests per second of each tenant.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use poem::http::{HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use super::problem::{Kind, Problem};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Requests between two removals of tenants that have their full quota.
const CLEANUP_INTERVAL: u32 = 4096;

/// A limit of requests for each tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

/// The tenant that a request counts for: an extension of the request, from what authenticates it.
/// Without one, all requests count for the same tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RateLimitKey(pub String);

/// The requests of each tenant so far.
pub(super) struct RateLimits {
    limit: RateLimit,
    limiter: DefaultKeyedRateLimiter<RateLimitKey, StateInformationMiddleware>,
    requests: AtomicU32,
}

impl RateLimits {
    pub(super) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self {
            limit,
            limiter: RateLimiter::keyed(quota).with_middleware(),
            requests: AtomicU32::new(0),
        }
    }

    /// Counts a request. `Ok` has the requests that are left at once, `Err` the time to wait.
    fn count(&self, tenant: &RateLimitKey) -> Result<u32, Duration> {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(CLEANUP_INTERVAL) {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(tenant) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(DefaultClock::default().now())),
        }
    }

    /// The headers of draft-ietf-httpapi-ratelimit-headers.
    fn headers(&self, remaining: u32, reset: u64) -> [(HeaderName, HeaderValue); 2] {
        let (quota, window) = (self.limit.burst, self.window(self.limit.burst.get()));
        let value = |text: String| {
            HeaderValue::try_from(text).expect("names and numbers are visible ASCII")
        };
        [
            (
                RATE_LIMIT_POLICY,
                value(format!("\"tenant\";q={quota};w={window}")),
            ),
            (
                RATE_LIMIT,
                value(format!("\"tenant\";r={remaining};t={reset}")),
            ),
        ]
    }

    /// The seconds in which this many requests are allowed again.
    fn window(&self, requests: u32) -> u64 {
        u64::from(requests.div_ceil(self.limit.per_second.get()))
    }
}

/// Refuses requests beyond the limit with 429, and tells every client how many it has left.
pub(super) struct WithRateLimit<E> {
    pub(super) limits: Option<RateLimits>,
    pub(super) inner: E,
}

impl<E: Endpoint> Endpoint for WithRateLimit<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let Some(limits) = &self.limits else {
            return Ok(self.inner.call(request).await?.into_response());
        };
        let shared = RateLimitKey::default();
        let tenant = request.extensions().get().unwrap_or(&shared);
        let remaining = match limits.count(tenant) {
            Ok(remaining) => remaining,
            Err(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let seconds = seconds.max(1);
                let problem = Problem::from(Kind::RateLimited)
                    .with_header(header::RETRY_AFTER, seconds.into())
                    .with_headers(limits.headers(0, seconds));
                return Err(problem.into());
            }
        };
        let used = limits.limit.burst.get().saturating_sub(remaining);
        let headers = limits.headers(remaining, limits.window(used));
        match self.inner.call(request).await {
            Ok(output) => {
                let mut response = output.into_response();
                response.headers_mut().extend(headers);
                Ok(response)
            }
            Err(error) => Err(Problem::from(error).with_headers(headers).into()),
        }
    }
}
