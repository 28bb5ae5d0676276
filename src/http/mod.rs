//! The service over HTTP: the only module that knows poem, statuses and headers.
//!
//! - `orders`, `keys`, `admin` and `health`: the handlers. `request` reads what they take, `schema` describes the
//!   JSON bodies, `problem` is everything that is answered instead.
//! - `middleware`: what surrounds the handlers; `observed`, `trace` and `span`: what it logs and
//!   exports. `metrics`: the page for Prometheus. `routes` puts it all together.
//! - `document`: the OpenAPI document, derived from the handlers, their types and the table of
//!   problems. `docs`: the page that shows it.
//! - `server` and `listener`: sockets, connections and the orderly shutdown.
//! - `auth`: whose request it is.
//! - `limits`, `rate`, `cors` and `gzip`: what surrounds the routes besides. `tls` and `head` belong
//!   to the listener.
//! - `service`: the start of another service than that of orders.
//!
//! [`Service`], [`Key`], [`JsonBody`], [`Answered`] and [`Problem`] serve any idempotent endpoint:
//! see `examples/projects` and `docs/operations.md`.

mod admin;
mod answered;
mod auth;
mod cors;
mod docs;
mod document;
mod gzip;
mod head;
mod health;
mod keys;
mod limits;
mod listener;
mod metrics;
mod middleware;
mod observed;
mod orders;
mod problem;
mod rate;
mod request;
mod routes;
mod schema;
mod server;
mod service;
mod span;
mod tls;
mod trace;

pub use self::answered::Answered;
pub use self::auth::{Auth, InvalidAuth};
pub use self::cors::{CorsOrigin, InvalidOrigin};
pub use self::document::{json_text as openapi_json, yaml as openapi_yaml};
pub use self::middleware::{WithProblems, WithRequestId};
pub use self::problem::{Kind, Problem};
pub use self::rate::{RateLimit, RateLimitKey};
pub use self::request::{BodyLimits, JsonBody, Key};
pub use self::schema::RawJson;
pub use self::server::{Listener, Server, Settings, resolve, shutdown_signal};
pub use self::service::{Service, ServiceError};
pub use self::tls::{Tls, TlsError};
