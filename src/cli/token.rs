//! `orders token`

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};

use super::database::{DatabaseArgs, Missing};
use super::{CliError, Status, print};
use crate::auth::{self, NewToken, Revocation, StoredToken, TokenId};
use crate::db::Database;
use crate::idempotency::Tenant;

/// Tokens that are read at once.
const PAGE: u64 = 1000;

/// Arguments of `orders token`.
#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a token and print it, once
    ///
    /// Only its SHA-256 is stored. A tenant may have several tokens; orders and keys belong to the
    /// tenant, so they outlive each of them.
    Create(CreateArgs),
    /// List the tokens, without their secrets
    List(ListArgs),
    /// Revoke a token, on every instance within 5 seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// The tenant that the token names: 1 to 64 visible ASCII characters
    #[arg(long, value_name = "NAME")]
    tenant: Tenant,
    /// Allow POST /admin/cleanup and GET /metrics as well
    #[arg(long)]
    admin: bool,
    /// When it expires: after a duration such as 90d, or at an RFC 3339 time [default: never]
    #[arg(long, value_name = "DURATION|TIME", value_parser = expiry)]
    expires: Option<SystemTime>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// The id of the token: the digits between the underscores, as in the list
    id: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Why a token is not created or revoked.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the schema is outdated: run orders migrate up")]
    Outdated,
    // Not what was given: it could be a whole token.
    #[error(
        "expected the id of a token, 12 hexadecimal digits: the part between the underscores, see \
         orders token list"
    )]
    Id,
}

/// A moment in the future.
fn expiry(text: &str) -> Result<SystemTime, &'static str> {
    let now = SystemTime::now();
    let moment = match humantime::parse_duration(text) {
        Ok(duration) => now.checked_add(duration),
        Err(_) => humantime::parse_rfc3339_weak(text).ok(),
    };
    // PostgreSQL and RFC 3339 agree on years of four digits.
    let latest = now + Duration::from_hours(24 * 365 * 1000);
    match moment {
        Some(moment) if moment <= now => Err("the time is not in the future"),
        Some(moment) if moment <= latest => Ok(moment),
        Some(_) => Err("the time is more than 1000 years away"),
        None => Err("expected a duration such as 90d, or a time such as 2027-01-31T00:00:00Z"),
    }
}

impl TokenArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        match self.command {
            Command::Create(args) => args.run().await,
            Command::List(args) => args.run().await,
            Command::Revoke(args) => args.run().await,
        }
    }
}

impl CreateArgs {
    async fn run(self) -> Result<Status, CliError> {
        let database = connect(&self.database).await?;
        let new = NewToken {
            tenant: self.tenant,
            admin: self.admin,
            expires: self.expires,
        };
        let token = auth::create(database.reads(), &new).await?;
        print(&format!("{}\n", token.secret_text()))?;
        tracing::info!(
            id = token.id().as_str(),
            tenant = new.tenant.as_str(),
            "token created, it is not shown again"
        );
        Ok(Status::Done)
    }
}

impl ListArgs {
    async fn run(self) -> Result<Status, CliError> {
        let database = connect(&self.database).await?;
        if !self.json {
            print(&line(&[
                "ID", "ADMIN", "CREATED", "EXPIRES", "REVOKED", "TENANT",
            ]))?;
        }
        let mut after: Option<String> = None;
        loop {
            let page = auth::list(database.reads(), after.as_deref(), PAGE).await?;
            let show = if self.json { json } else { text };
            print(&page.iter().map(show).collect::<String>())?;
            after = page.into_iter().next_back().map(|token| token.id);
            if after.is_none() {
                return Ok(Status::Done);
            }
        }
    }
}

impl RevokeArgs {
    async fn run(self) -> Result<Status, CliError> {
        let id = TokenId::parse(&self.id).ok_or(Error::Id)?;
        let database = connect(&self.database).await?;
        let (text, status) = match auth::revoke(database.reads(), &id).await? {
            Revocation::Revoked => ("revoked", Status::Done),
            Revocation::AlreadyRevoked => ("was revoked before", Status::Done),
            Revocation::Unknown => ("not found", Status::No),
        };
        print(&format!("token {id} {text}\n"))?;
        Ok(status)
    }
}

async fn connect(database: &DatabaseArgs) -> Result<Database, CliError> {
    let database = database.connect(Missing::Refuse).await?;
    if database.schema().pending().await?.is_empty() {
        Ok(database)
    } else {
        Err(Error::Outdated.into())
    }
}

fn text(token: &StoredToken) -> String {
    let time = |time: Option<SystemTime>| time.map_or_else(|| "-".to_owned(), seconds);
    line(&[
        &token.id,
        if token.admin { "yes" } else { "no" },
        &seconds(token.created),
        &time(token.expires),
        &time(token.revoked),
        &token.tenant,
    ])
}

/// The tenant is last: its name is as long as it likes.
fn line([id, admin, created, expires, revoked, tenant]: &[&str; 6]) -> String {
    format!("{id:12}  {admin:5}  {created:20}  {expires:20}  {revoked:20}  {tenant}\n")
}

fn json(token: &StoredToken) -> String {
    let line = serde_json::json!({
        "id": token.id,
        "tenant": token.tenant,
        "admin": token.admin,
        "created": seconds(token.created),
        "expires": token.expires.map(seconds),
        "revoked": token.revoked.map(seconds),
    });
    format!("{line}\n")
}

fn seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_a_moment_in_the_future() {
        let in_an_hour = expiry("1h").unwrap();
        let left = in_an_hour.duration_since(SystemTime::now()).unwrap();
        assert!(left > Duration::from_secs(3500), "{left:?}");
        for moment in ["90d", "2999-01-31T00:00:00Z", "2999-01-31 00:00:00"] {
            expiry(moment).unwrap_or_else(|error| panic!("{moment}: {error}"));
        }
        for wrong in ["", "0s", "soon", "90", "2001-01-31T00:00:00Z", "99999y"] {
            expiry(wrong).unwrap_err();
        }
    }
}
