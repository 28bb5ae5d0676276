//! Identifies the client behind a token.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sea_orm::DbErr;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::memory::{Known, Memory};
use super::{Token, TokenId, store};
use crate::chain::Chain;
use crate::db::Connection;
use crate::db::entity::token;
use crate::idempotency::Tenant;

/// Reads of tokens at the same time. The other connections are for the reads of clients.
const READS_MAX: usize = 2;

/// How long a request waits until its token can be read.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The client behind a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose request it is.
    pub tenant: Tenant,
    /// Whether the client may also maintain the service.
    pub admin: bool,
}

/// Why a token does not identify a client.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Malformed, unknown, revoked or expired. Clients are not told which.
    #[error("the token is not valid")]
    Invalid,
    /// Too many unknown tokens were looked up within this second.
    #[error("too many unknown tokens")]
    TooManyUnknown,
    /// The database is too slow for the tokens that are to be read.
    #[error("the token was not read within {WAIT_MAX:?}")]
    TooSlow,
    /// The token cannot be read, and what is remembered of it is too old.
    #[error("cannot read the token")]
    Database(#[source] DbErr),
}

/// Identifies clients by their tokens. Clones share what they remember.
///
/// A token that is in use is read every two seconds, and counts at most four seconds after it was
/// read: revocation takes effect within that time. Expiry takes effect at once, by the clock of this
/// machine. At most a hundred unknown tokens a second are looked up.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reads: Connection,
    memory: Memory,
    permits: Semaphore,
}

impl Authenticator {
    /// Reads tokens through these connections.
    #[must_use]
    pub fn new(reads: Connection) -> Self {
        Self(Arc::new(Inner {
            reads,
            memory: Memory::new(),
            permits: Semaphore::new(READS_MAX),
        }))
    }

    /// The client that sent this token.
    pub async fn identify(&self, text: &str) -> Result<Identity, AuthError> {
        let token = Token::parse(text).ok_or(AuthError::Invalid)?;
        match self.0.memory.get(token.id()) {
            Known::Fresh(known) => check(&token, &known.row),
            Known::Aging(known) => {
                let (inner, id) = (Arc::clone(&self.0), token.id().clone());
                let read_again = Arc::clone(&known);
                tokio::spawn(async move {
                    if let Err(error) = inner.read_again(&id).await {
                        tracing::debug!(error = %Chain(&error), "cannot read a token again");
                        read_again.refresh_failed();
                    }
                });
                check(&token, &known.row)
            }
            Known::NoToken => Err(AuthError::Invalid),
            Known::Stale | Known::Nothing => self.0.look_up(&token).await,
        }
    }
}

impl Inner {
    async fn look_up(&self, token: &Token) -> Result<Identity, AuthError> {
        let _permit = self.permit().await?;
        // Another request may have read it meanwhile.
        match self.memory.get(token.id()) {
            Known::Fresh(known) | Known::Aging(known) => return check(token, &known.row),
            Known::NoToken => return Err(AuthError::Invalid),
            Known::Nothing if !self.memory.may_look_up() => return Err(AuthError::TooManyUnknown),
            Known::Stale | Known::Nothing => {}
        }
        let row = self.read(token.id()).await;
        let row = row.map_err(AuthError::Database)?;
        row.map_or(Err(AuthError::Invalid), |row| check(token, &row))
    }

    async fn read_again(&self, id: &TokenId) -> Result<(), AuthError> {
        let _permit = self.permit().await?;
        self.read(id).await.map_err(AuthError::Database)?;
        Ok(())
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, AuthError> {
        match timeout(WAIT_MAX, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(AuthError::TooSlow),
        }
    }

    /// Reads the row of a token and remembers it.
    async fn read(&self, id: &TokenId) -> Result<Option<token::Model>, DbErr> {
        // What is revoked from now on may be missing in the answer.
        let began = Instant::now();
        let row = store::find(&self.reads, id).await?;
        self.memory.keep(id, row.clone(), began);
        Ok(row)
    }
}

/// The identity of a token, given the row with its id.
fn check(token: &Token, row: &token::Model) -> Result<Identity, AuthError> {
    let is_genuine = token.has_digest(&row.digest);
    let is_expired = row
        .expires_at
        .is_some_and(|expires| SystemTime::from(expires) <= SystemTime::now());
    if !is_genuine || is_expired || row.revoked_at.is_some() {
        return Err(AuthError::Invalid);
    }
    Ok(Identity {
        // The names of stored tokens are valid.
        tenant: row.tenant.parse().map_err(|_| AuthError::Invalid)?,
        admin: row.admin,
    })
}
