//! Limits of the headers of a request.

use poem::http::HeaderMap;
use poem::{Endpoint, Request};

use super::problem::{Kind, Problem};

/// How many headers a request may have, and their size.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderLimits {
    pub(super) count_max: usize,
    pub(super) bytes_max: usize,
}

impl HeaderLimits {
    fn check(self, headers: &HeaderMap) -> Result<(), Problem> {
        let too_large = |detail| Err(Problem::new(Kind::HeadersTooLarge, detail));
        if headers.len() > self.count_max {
            return too_large(format!(
                "the request has more than {} headers",
                self.count_max
            ));
        }
        let sizes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len());
        if sizes.sum::<usize>() > self.bytes_max {
            return too_large(format!(
                "the headers are larger than {} bytes",
                self.bytes_max
            ));
        }
        Ok(())
    }
}

/// Refuses requests beyond the limits with 431.
#[derive(Debug)]
pub(super) struct WithHeaderLimits<E> {
    pub(super) limits: HeaderLimits,
    pub(super) inner: E,
}

impl<E: Endpoint> Endpoint for WithHeaderLimits<E> {
    type Output = E::Output;

    async fn call(&self, request: Request) -> poem::Result<E::Output> {
        self.limits.check(request.headers())?;
        self.inner.call(request).await
    }
}
