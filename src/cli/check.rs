//! `orders serve --check`: what would keep the server from starting, without a change.

use std::fmt::Write as _;

use super::{CliError, Status, print};
use crate::db::Database;

/// Checks that the database can be read and written, and whether its schema is current. Pending
/// migrations are a "no" only for a server that would not apply them.
pub(super) async fn database(database: &Database, no_migrate: bool) -> Result<Status, CliError> {
    database.check_writable().await?;
    let pending = database.schema().pending().await?;
    let mut text = String::new();
    for name in &pending {
        writeln!(text, "pending {name}")?;
    }
    let status = match (pending.is_empty(), no_migrate) {
        (false, true) => {
            text.push_str("outdated: run orders migrate up\n");
            Status::No
        }
        (false, false) => {
            text.push_str("ok: orders serve applies the pending migrations\n");
            Status::Done
        }
        (true, _) => {
            text.push_str("ok\n");
            Status::Done
        }
    };
    print(&text)?;
    Ok(status)
}
