//! Settings of a PostgreSQL session.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::{self, ConnectOptions, Connection as _, Row};

use super::connection::Preamble;
use super::{Settings, SettingsScope};

/// The lock wait of [`LockWait::Brief`](super::LockWait::Brief).
const BRIEF: Duration = Duration::from_millis(50);

/// The time limits that PostgreSQL enforces for us, in milliseconds.
pub(super) struct SessionSettings([(&'static str, u128); 3]);

impl SessionSettings {
    pub(super) fn new(settings: &Settings) -> Self {
        let statement_timeout = settings.statement_timeout.as_millis();
        Self([
            ("lock_timeout", settings.lock_wait.as_millis()),
            ("statement_timeout", statement_timeout),
            // A stalled instance must not hold its keys for longer than its batch may take.
            ("idle_in_transaction_session_timeout", statement_timeout),
        ])
    }

    /// The limits as startup options.
    pub(super) fn limits(&self) -> [(&'static str, String); 3] {
        self.0.map(|(name, value)| (name, format!("{value}ms")))
    }

    /// The first setting that the session lacks. Without it a locked key would be waited for
    /// without a bound.
    pub(super) fn dropped(&self, server: &Server) -> Option<&'static str> {
        let dropped =
            |(name, value): &&(&str, u128)| server.setting(name) != Some(value.to_string());
        self.0.iter().find(dropped).map(|(name, _)| *name)
    }

    pub(super) fn preamble(&self, scope: SettingsScope, plans_off: &[&str]) -> Preamble {
        let brief = set_local("lock_timeout", BRIEF.as_millis());
        if scope == SettingsScope::Session {
            return Preamble {
                full: None,
                brief: Some(brief),
            };
        }
        let mut full = vec!["SET TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned()];
        full.extend(self.0.iter().map(|(name, value)| set_local(name, *value)));
        full.extend(
            plans_off
                .iter()
                .map(|name| format!("SET LOCAL {name} = off")),
        );
        if scope == SettingsScope::PooledTransaction {
            // The session may have statements that another client of the pooler prepared.
            full.push("DEALLOCATE ALL".to_owned());
        }
        let full = full.join("; ");
        Preamble {
            brief: Some(format!("{full}; {brief}")),
            full: Some(full),
        }
    }
}

fn set_local(name: &str, milliseconds: u128) -> String {
    format!("SET LOCAL {name} = '{milliseconds}ms'")
}

/// Settings that a session reports about itself and its server.
pub(super) struct Server(Vec<(String, String)>);

/// Opens a session and asks for its settings, unprepared: a pooler may lend the session on.
pub(super) async fn inspect(options: &PgConnectOptions) -> Result<Server, sqlx::Error> {
    let mut session = options.connect().await?;
    let rows = sqlx::raw_sql(
        "SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', \
         'statement_timeout', 'idle_in_transaction_session_timeout', \
         'synchronous_standby_names', 'enable_bitmapscan', 'enable_sort')",
    )
    .fetch_all(&mut session)
    .await?;
    session.close().await?;
    let pairs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    Ok(Server(pairs.collect::<Result<_, sqlx::Error>>()?))
}

impl Server {
    fn setting(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    }

    /// Plans that read all rows before they return the first. PostgreSQL prefers them where it
    /// expects few rows, and a table that fills and empties within seconds has no statistics that
    /// are right. Other engines do not have these settings.
    pub(super) fn plans_that_read_all(&self) -> Vec<&'static str> {
        let mut names = vec!["enable_bitmapscan", "enable_sort"];
        names.retain(|name| self.setting(name).is_some());
        names
    }

    /// Whether commits wait for a standby.
    pub(super) fn is_replicated(&self) -> bool {
        self.setting("synchronous_standby_names")
            .is_some_and(|names| !names.is_empty())
    }
}
