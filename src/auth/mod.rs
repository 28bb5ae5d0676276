//! Authentication: tokens that name a tenant.
//!
//! A [`Token`] is shown once, when it is created. The database has its SHA-256: 244 random bits need
//! no slow hash. The public part of the token, its [`TokenId`], finds the row.
//!
//! [`Authenticator`] remembers rows for a few seconds, so that there is no query for every request,
//! and a revocation takes effect soon on every instance.
//!
//! This module knows nothing of HTTP.

mod authenticator;
mod memory;
mod store;
mod token;

pub use self::authenticator::{AuthError, Authenticator, Identity};
pub use self::store::{NewToken, Revocation, StoredToken, create, list, revoke};
pub use self::token::{Token, TokenId};
