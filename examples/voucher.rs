//! A second idempotent operation: issuing vouchers, at most one per key.
//!
//! Everything that is special about it is [`IssueVoucher`]. Queue, lanes, group commit, retries
//! and replays are the executor's. Run it with `cargo run --example voucher`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bytes::Bytes;
use orders::db::{Cells, Database, Rows};
use orders::idempotency::json::Json;
use orders::idempotency::{
    Effect, Executor, Fingerprint, IdempotencyKey, Operation, Outcome, Scope, ScopedKey, Settings,
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// Issues a voucher worth some cents.
struct IssueVoucher {
    id: Uuid,
    cents: i64,
}

impl Operation for IssueVoucher {
    const NAME: &'static str = "issue_voucher";

    fn resource(&self) -> Uuid {
        self.id
    }

    fn response(&self) -> Bytes {
        format!(r#"{{"voucher":"{}","cents":{}}}"#, self.id, self.cents).into()
    }

    fn effects<'a>(operations: &[&'a Self]) -> Vec<Effect<'a>> {
        let vouchers = || operations.iter();
        vec![Effect {
            table: "vouchers",
            resource: "id",
            rows: Rows::new([
                ("id", Cells::Uuid(vouchers().map(|v| v.id).collect())),
                (
                    "cents",
                    Cells::Integer(vouchers().map(|v| v.cents).collect()),
                ),
            ]),
        }]
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let database = open(&folder.path().join("vouchers.db")).await?;
    let (executor, lanes) = Executor::start(
        &database,
        &Settings {
            lanes: NonZeroUsize::MIN,
            batch_max: NonZeroUsize::new(64).ok_or("not zero")?,
            queue_max: NonZeroUsize::new(1024).ok_or("not zero")?,
            replay_bytes_max: 1 << 20,
            request_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(5),
        },
    );

    let payload = Json::parse(br#"{"cents": 2500}"#)?;
    for _ in 0..2 {
        let voucher = IssueVoucher {
            id: Uuid::now_v7(),
            cents: 2500,
        };
        let key = IdempotencyKey::parse(b"birthday-2026")?;
        let fingerprint = Fingerprint::of(IssueVoucher::NAME, &payload);
        let scoped = ScopedKey {
            scope: Scope::shared(IssueVoucher::NAME),
            key,
        };
        let outcome = executor.execute(scoped, fingerprint, voucher).await?;
        let (word, stored) = match outcome {
            Outcome::Created(stored) => ("created ", stored),
            Outcome::Replayed(stored) => ("replayed", stored),
        };
        println!("{word} {}", String::from_utf8_lossy(&stored.body));
    }

    drop(executor);
    lanes.drained().await;
    Ok(())
}

/// A database with the schema of the service and a table of our own.
async fn open(path: &std::path::Path) -> Result<Database, Box<dyn Error>> {
    let database = Database::connect(orders::db::Settings {
        url: orders::db::DatabaseUrl::sqlite(path),
        create_missing: true,
        read_connections: NonZeroU32::MIN,
        connect_timeout: Duration::from_secs(5),
        lock_wait: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(5),
    })
    .await?;
    database.schema().up().await?;
    let table = "CREATE TABLE vouchers (id uuid PRIMARY KEY, cents bigint NOT NULL)";
    database
        .connection()
        .await?
        .execute_unprepared(table)
        .await?;
    Ok(database)
}
