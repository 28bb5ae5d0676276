//! `orders migrate`

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::num::NonZeroU32;

use clap::{Args, Subcommand};

use super::database::{DatabaseArgs, Missing};
use super::{CliError, Status, print};
use crate::db::Database;

/// Arguments of `orders migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run what is pending
    Up {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Take the last migrations back. Their data is lost
    Down {
        #[command(flatten)]
        database: DatabaseArgs,
        /// How many
        #[arg(long, default_value = "1", value_name = "NUMBER")]
        steps: NonZeroU32,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take everything back and bring it up again. All data is lost
    Fresh {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Show what has run. Exit status 1 if something is pending
    Status {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Nobody to ask.
#[derive(Debug, thiserror::Error)]
#[error("this deletes data: give --yes, or run it on a terminal to be asked")]
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
                if !yes && !confirmed(&database, "takes back migrations of")? {
                    return Ok(Status::No);
                }
                let names = database.schema().down(steps.get()).await?;
                print(&lines("taken back", &names))?;
                Ok(Status::Done)
            }
            Action::Fresh { database, yes } => {
                let database = database.connect(Missing::Create).await?;
                if !yes && !confirmed(&database, "deletes all orders in")? {
                    return Ok(Status::No);
                }
                database.schema().fresh().await?;
                print("fresh\n")?;
                Ok(Status::Done)
            }
            Action::Status { database } => status(&database.connect(Missing::Refuse).await?).await,
        }
    }
}

async fn up(database: &Database) -> Result<Status, CliError> {
    let names = database.schema().up().await?;
    let text = if names.is_empty() {
        "nothing pending\n".into()
    } else {
        lines("applied", &names)
    };
    print(&text)?;
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

fn lines(word: &str, names: &[String]) -> String {
    let mut text = String::new();
    for name in names {
        text.extend([word, " ", name, "\n"]);
    }
    text
}

/// Asks on the terminal.
fn confirmed(database: &Database, what: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(Unconfirmed.into());
    }
    write!(
        io::stderr(),
        "This {what} {}. Type yes to go on: ",
        database.url()
    )?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
