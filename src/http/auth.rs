//! Authentication: the tenant of a request, and what its client may do.

use std::str::FromStr;

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Endpoint, FromRequest, IntoResponse, Request, RequestBody, Response};

use super::observed::note;
use super::problem::{Kind, Problem};
use super::rate::RateLimitKey;
use crate::auth::{AuthError, Authenticator};
use crate::db::Connection;
use crate::idempotency::Tenant;

/// How clients are authenticated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Not at all: all clients are one tenant.
    #[default]
    Off,
    /// By `Authorization: Bearer` and a token that `orders token create` made. It names the tenant.
    Tokens,
    /// By a gateway in front of the service, which is trusted: this header names the tenant.
    Header(HeaderName),
}

/// Why a text is not an [`Auth`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuth {
    /// None of the three.
    #[error("expected off, tokens, or header=NAME")]
    Mode,
    /// A name that no header has, or one whose header has another meaning.
    #[error("expected header=NAME with the name of a header of its own, such as X-Tenant")]
    Header,
}

/// Reads `off`, `tokens` or `header=NAME`.
impl FromStr for Auth {
    type Err = InvalidAuth;

    fn from_str(text: &str) -> Result<Self, InvalidAuth> {
        match (text, text.strip_prefix("header=")) {
            ("off", _) => Ok(Self::Off),
            ("tokens", _) => Ok(Self::Tokens),
            (_, Some(name)) => {
                let name: HeaderName = name.parse().map_err(|_| InvalidAuth::Header)?;
                if TAKEN.contains(&name.as_str()) {
                    return Err(InvalidAuth::Header);
                }
                Ok(Self::Header(name))
            }
            _ => Err(InvalidAuth::Mode),
        }
    }
}

/// Headers that clients set, or that hold secrets: a tenant's name is logged.
const TAKEN: [&str; 12] = [
    "accept",
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "idempotency-key",
    "proxy-authorization",
    "traceparent",
    "x-idempotency-key",
    "x-request-id",
];

/// The client of a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) tenant: Tenant,
    admin: Admin,
}

/// Whether a client may maintain the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admin {
    Yes,
    /// It has a token, but of a tenant only.
    No,
    /// If the connection comes from this machine.
    IfLocal,
    /// Behind a gateway, all connections come from the same machine.
    Never,
}

impl Caller {
    /// Fails unless the client may maintain the service.
    pub(super) fn check_admin(&self, request: &Request) -> Result<(), Problem> {
        match self.admin {
            Admin::Yes => Ok(()),
            Admin::IfLocal if is_local(request) => Ok(()),
            Admin::IfLocal => Err(Kind::Forbidden.into()),
            Admin::No => Err(Problem::new(Kind::Forbidden, "an admin token is required")),
            Admin::Never => Err(Problem::new(
                Kind::Forbidden,
                "not available behind a gateway, use orders sweep",
            )),
        }
    }
}

/// Whether the connection comes from this machine.
fn is_local(request: &Request) -> bool {
    let peer = request.remote_addr().as_socket_addr();
    peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// Set by [`WithAuth`]. A route without it fails every request.
impl<'a> FromRequest<'a> for Caller {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let caller = request.extensions().get::<Self>().cloned();
        Ok(caller.ok_or(Problem::from(Kind::Internal))?)
    }
}

/// [`Auth`] with what it takes to check tokens. Clones share what they remember.
#[derive(Clone)]
pub(super) enum Authentication {
    Off,
    Tokens(Authenticator),
    Header(HeaderName),
}

impl Authentication {
    pub(super) fn new(auth: &Auth, reads: &Connection) -> Self {
        match auth {
            Auth::Off => Self::Off,
            Auth::Tokens => Self::Tokens(Authenticator::new(reads.clone())),
            Auth::Header(name) => Self::Header(name.clone()),
        }
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        match self {
            Self::Off => Ok(Caller {
                tenant: Tenant::shared(),
                admin: Admin::IfLocal,
            }),
            Self::Tokens(authenticator) => {
                let identity = authenticator.identify(bearer(headers)?).await?;
                Ok(Caller {
                    tenant: identity.tenant,
                    admin: if identity.admin {
                        Admin::Yes
                    } else {
                        Admin::No
                    },
                })
            }
            Self::Header(name) => Ok(Caller {
                tenant: named_tenant(headers, name)?,
                admin: Admin::Never,
            }),
        }
    }
}

/// The token in the header `Authorization`.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = single(headers, &header::AUTHORIZATION)?;
    let (scheme, token) = value.split_once(' ').unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim_matches(' '))
    } else {
        Err(Kind::Unauthenticated.into())
    }
}

/// The tenant that the gateway has named.
fn named_tenant(headers: &HeaderMap, name: &HeaderName) -> Result<Tenant, Problem> {
    let tenant = single(headers, name)?.parse();
    tenant.map_err(|error| {
        let detail = format!("the header {name} does not name a tenant: {error}");
        Problem::new(Kind::Unauthenticated, detail)
    })
}

/// The value of a header that must be sent once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = match (values.next(), values.next()) {
        (None, _) if *name == header::AUTHORIZATION => return Err(Kind::Unauthenticated.into()),
        (None, _) => Err(format!("the header {name} is missing")),
        (Some(_), Some(_)) => Err(format!("the header {name} was sent more than once")),
        (Some(value), None) => value
            .to_str()
            .map_err(|_| format!("the header {name} contains characters other than visible ASCII")),
    };
    value.map_err(|detail| Problem::new(Kind::Unauthenticated, detail))
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid => Self::new(Kind::Unauthenticated, error.to_string()),
            AuthError::TooManyUnknown => Kind::UnknownTokens.into(),
            AuthError::TooSlow => {
                note(|facts| facts.cause = Some(error.to_string()));
                Kind::Unavailable.into()
            }
            AuthError::Database(error) => Self::from_read_error(&error),
        }
    }
}

/// Authenticates requests, or refuses them with 401. Adds the [`Caller`] and the [`RateLimitKey`] to
/// their extensions.
pub(super) struct WithAuth<E> {
    pub(super) authentication: Authentication,
    pub(super) inner: E,
}

impl<E: Endpoint> Endpoint for WithAuth<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<E::Output> {
        // Debug output of the headers leaves it out.
        if let Some(value) = request.headers_mut().get_mut(header::AUTHORIZATION) {
            HeaderValue::set_sensitive(value, true);
        }
        let caller = self.authentication.caller(request.headers()).await?;
        if !caller.tenant.is_shared() {
            let name = caller.tenant.as_str();
            note(|facts| facts.tenant = Some(name.to_owned()));
            request.set_data(RateLimitKey(name.to_owned()));
        }
        request.set_data(caller);
        self.inner.call(request).await
    }
}

/// Refuses requests of clients that may not maintain the service.
pub(super) struct ForAdmins<E>(pub(super) E);

impl<E: Endpoint> Endpoint for ForAdmins<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let caller = Caller::from_request_without_body(&request).await?;
        caller.check_admin(&request)?;
        Ok(self.0.call(request).await?.into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_off_tokens_or_a_header_of_its_own() {
        let tenant = HeaderName::from_static("x-tenant");
        assert_eq!("off".parse(), Ok(Auth::Off));
        assert_eq!("tokens".parse(), Ok(Auth::Tokens));
        assert_eq!("header=X-Tenant".parse(), Ok(Auth::Header(tenant)));
        for wrong in ["", "on", "Tokens", "header", "x-tenant"] {
            assert_eq!(wrong.parse::<Auth>(), Err(InvalidAuth::Mode), "{wrong}");
        }
        for wrong in ["header=", "header=a b", "header=Authorization"] {
            assert_eq!(wrong.parse::<Auth>(), Err(InvalidAuth::Header), "{wrong}");
        }
    }
}
