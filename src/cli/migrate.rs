//! `orders migrate`

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::num::NonZeroU32;

use clap::{Args, Subcommand};

use super::database::{DatabaseArgs, Missing};
use super::{CliError, Status, parse, print, progress};
use crate::db::Database;

/// Arguments of `orders migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply all pending migrations
    Up {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Roll back the latest migrations, destroying their data
    Down {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Number of migrations to roll back
        #[arg(long, default_value = "1", value_parser = parse::at_least_one::<NonZeroU32>, value_name = "NUMBER")]
        steps: NonZeroU32,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
    /// Roll back all migrations and apply them again, destroying all data
    Fresh {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Skip the confirmation prompt
        #[arg(long)]
        yes: bool,
    },
    /// List all migrations; exit with 1 if one is pending
    Status {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Data would be deleted, and there is no terminal to confirm it on.
#[derive(Debug, thiserror::Error)]
#[error("refusing to delete data without confirmation: pass --yes or run interactively")]
struct Unconfirmed;

impl MigrateArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        match self.action {
            Action::Up { database } => up(&database.connect(Missing::Create).await?).await,
            Action::Down {
                database,
                steps,
                yes,
            } => {
                let database = database.connect(Missing::Refuse).await?;
                down(&database, steps, yes).await
            }
            Action::Fresh { database, yes } => {
                let database = database.connect(Missing::Create).await?;
                let question = format!(
                    "This drops every table of orders in {} and creates them again. All orders \
                     and idempotency keys are lost.",
                    database.url()
                );
                if !yes && !confirm(&question)? {
                    return Ok(Status::No);
                }
                let schema = database.schema();
                progress::shown("recreating the schema", String::new, schema.fresh()).await?;
                print("schema recreated\n")?;
                Ok(Status::Done)
            }
            Action::Status { database } => status(&database.connect(Missing::Refuse).await?).await,
        }
    }
}

async fn up(database: &Database) -> Result<Status, CliError> {
    let schema = database.schema();
    let names = progress::shown("migrating", String::new, schema.up()).await?;
    print(&lines("applied", &names, "nothing pending"))?;
    Ok(Status::Done)
}

async fn down(database: &Database, steps: NonZeroU32, yes: bool) -> Result<Status, CliError> {
    let schema = database.schema();
    let mut question = format!("In {}, this rolls back\n", database.url());
    let migrations = schema.migrations().await?;
    let latest = migrations.iter().rev().filter(|found| found.applied);
    let mut some = false;
    for migration in latest.take(usize::try_from(steps.get())?) {
        some = true;
        writeln!(question, "  {}", migration.name)?;
    }
    question.push_str("The tables and columns that they created are dropped with their data.");
    if some && !yes && !confirm(&question)? {
        return Ok(Status::No);
    }
    let rolling_back = schema.down(steps.get());
    let names = progress::shown("rolling back", String::new, rolling_back).await?;
    print(&lines("rolled back", &names, "nothing to roll back"))?;
    Ok(Status::Done)
}

async fn status(database: &Database) -> Result<Status, CliError> {
    let migrations = database.schema().migrations().await?;
    let mut text = String::new();
    for migration in &migrations {
        let state = if migration.applied {
            "applied"
        } else {
            "pending"
        };
        writeln!(text, "{state} {}", migration.name)?;
    }
    print(&text)?;
    let current = migrations.iter().all(|migration| migration.applied);
    Ok(if current { Status::Done } else { Status::No })
}

/// One line for each migration, or else the line `none`.
fn lines(action: &str, migrations: &[String], none: &str) -> String {
    let mut text = String::new();
    for migration in migrations {
        text.extend([action, " ", migration, "\n"]);
    }
    if text.is_empty() {
        text.extend([none, "\n"]);
    }
    text
}

/// Asks for confirmation on the terminal, after saying what would be lost.
fn confirm(question: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(Unconfirmed.into());
    }
    write!(io::stderr(), "{question}\nType 'yes' to continue: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let confirmed = answer.trim() == "yes";
    if !confirmed {
        writeln!(io::stderr(), "aborted, nothing was changed")?;
    }
    Ok(confirmed)
}
