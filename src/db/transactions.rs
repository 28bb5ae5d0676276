//! Transactions of one owner, one after the other.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};

use tokio::time::Instant;

use super::{Connection, LockWait};

/// How long transactions are chained. PostgreSQL counts rows for autovacuum and autoanalyze only
/// between transactions, so a chain without end would hide all writes from them.
const CHAIN_MAX: Duration = Duration::from_secs(1);

/// Begins and commits transactions on a connection that nothing else uses.
///
/// On PostgreSQL each commit begins the next transaction in the same round trip
/// (`COMMIT AND CHAIN`): BEGIN, and the ping of the pool for a returned connection, would be two
/// more. A begun transaction that nothing was sent in has no snapshot and holds no lock;
/// [`Transactions::rest`] ends it.
#[derive(Debug)]
pub struct Transactions {
    connection: Connection,
    begun: Option<DatabaseTransaction>,
    chain_until: Instant,
}

impl Transactions {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            begun: None,
            chain_until: Instant::now() + CHAIN_MAX,
        }
    }

    /// The connection, for statements outside of these transactions.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Begins a transaction, or returns the one that the last commit began.
    pub async fn begin(&mut self, lock_wait: LockWait) -> Result<DatabaseTransaction, DbErr> {
        match self.begun.take() {
            Some(txn) => {
                self.connection.open(&txn, lock_wait).await?;
                Ok(txn)
            }
            None => self.connection.begin(lock_wait).await,
        }
    }

    /// Commits a transaction.
    pub async fn commit(&mut self, txn: DatabaseTransaction) -> Result<(), DbErr> {
        let now = Instant::now();
        if !self.connection.can_chain() || now >= self.chain_until {
            self.chain_until = now + CHAIN_MAX;
            return txn.commit().await;
        }
        txn.execute_unprepared("COMMIT AND CHAIN").await?;
        self.begun = Some(txn);
        Ok(())
    }

    /// Whether a transaction is begun that nothing was sent in.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Ends the begun transaction.
    pub async fn rest(&mut self) -> Result<(), DbErr> {
        match self.begun.take() {
            Some(txn) => txn.rollback().await,
            None => Ok(()),
        }
    }

    /// Closes the connection.
    pub async fn close(mut self) -> Result<(), DbErr> {
        self.rest().await?;
        self.connection.close().await
    }
}
