//! What to do about an error whose text does not say it.

use std::error::Error;

use tracing_subscriber::filter::ParseError;

/// What may help, for the line after an error.
pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let found = of_one(error);
        if found.is_some() {
            return found;
        }
        cause = error.source();
    }
    None
}

fn of_one(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if error.is::<ParseError>() {
        return Some("pass levels, such as debug or warn,orders=debug, to --log (ORDERS_LOG)");
    }
    #[cfg(feature = "serve")]
    if let Some(hint) = service::hint(error) {
        return Some(hint);
    }
    #[cfg(feature = "hammer")]
    if let Some(hint) = hammer::hint(error) {
        return Some(hint);
    }
    None
}

/// Errors of the service and its database.
#[cfg(feature = "serve")]
mod service {
    use std::error::Error;
    use std::io;

    use crate::cli::serve;
    use crate::db::{BackupError, ConnectError, FileProblem, SchemaError};
    use crate::http::TlsError;
    use crate::idempotency::SweepError;
    use crate::outbox::OpenError;

    const WRITABLE: &str = "the directory must exist, be writable and have room for the database";

    pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
        if let Some(serve::Error::Listen { source, .. }) = error.downcast_ref() {
            return Some(listen(source));
        }
        if let Some(error) = error.downcast_ref() {
            return connect(error);
        }
        if let Some(error) = error.downcast_ref() {
            return match error {
                SchemaError::Connect(error) => connect(error),
                SchemaError::Database { .. } => Some(
                    "the user of the database URL must be allowed to create, alter and read tables",
                ),
                SchemaError::Pooled { .. } => None,
            };
        }
        if let Some(error) = error.downcast_ref() {
            return match error {
                SweepError::Connect(error) => connect(error),
                SweepError::Database(_) => {
                    Some("is the schema up to date? orders migrate status tells")
                }
            };
        }
        if let Some(error) = error.downcast_ref() {
            return match error {
                BackupError::Connect(error) => connect(error),
                BackupError::Exists(_) => Some("name another file, or remove this one first"),
                BackupError::NotAFile(_) => Some("name a file, such as backup.db"),
                BackupError::Copy { .. } | BackupError::Write { .. } => Some(WRITABLE),
                BackupError::NotSqlite => None,
            };
        }
        if error.is::<TlsError>() {
            return Some(
                "--tls-cert and --tls-key need PEM files that this user may read and that belong \
                 together",
            );
        }
        match error.downcast_ref() {
            Some(OpenError::NoTopic(_)) => Some("create the topic, or correct it in --events"),
            Some(OpenError::Connect { .. }) => Some("correct --events, or start what it names"),
            _ => None,
        }
    }

    fn listen(source: &io::Error) -> &'static str {
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has the port: pass --port 0 for a free one"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 need privileges: pass --port 3000, for example"
            }
            _ => "--host must be an address or a name of this machine, such as 127.0.0.1",
        }
    }

    fn connect(error: &ConnectError) -> Option<&'static str> {
        match error {
            ConnectError::Refused { .. } if error.may_pass() => Some(
                "start the database, or correct its address in DATABASE_URL; orders serve \
                 --wait-for-database 1m waits for it",
            ),
            ConnectError::Refused { url, .. } if url.is_file() => Some(
                "name an SQLite database that this user may write, in a directory that it may write",
            ),
            ConnectError::Refused { .. } => {
                Some("correct the user, the password or the database in DATABASE_URL")
            }
            ConnectError::NoAnswer { .. } => Some(
                "check the host and the port in DATABASE_URL, or pass a longer --connect-timeout",
            ),
            ConnectError::ReadOnly { .. } => {
                Some("use the primary, not a standby, and a user (or a file) that may be written")
            }
            ConnectError::File { problem, .. } => match problem {
                FileProblem::NoDirectory(_) => Some("create the directory, or name another file"),
                FileProblem::Forbidden => {
                    Some("this user must be allowed to read and write the file and its directory")
                }
                // Their texts say it.
                FileProblem::Missing | FileProblem::Directory => None,
            },
            ConnectError::Dropped { .. } => None,
        }
    }
}

/// Errors of the hammer.
#[cfg(feature = "hammer")]
mod hammer {
    use std::error::Error;

    use crate::hammer::{ContractError, HistoryError, ProcessError, RunError, TargetError};

    pub(super) fn hint(error: &(dyn Error + 'static)) -> Option<&'static str> {
        if let Some(error) = error.downcast_ref() {
            return match error {
                RunError::Process(error) => process(error),
                RunError::History(error) => history(error),
                RunError::Write { .. } => Some("pass a directory that may be written to --report"),
                RunError::Unreachable { .. } | RunError::Oracle { .. } => None,
            };
        }
        if let Some(ContractError::Read { .. }) = error.downcast_ref() {
            return Some("orders hammer contract > FILE writes a contract to start from");
        }
        match error.downcast_ref() {
            Some(TargetError::NotAUrl { .. }) => {
                Some("pass the URL of a service, such as http://localhost:3000")
            }
            Some(TargetError::NoAddress { .. }) => Some("correct the name of the host in --url"),
            _ => None,
        }
    }

    fn process(error: &ProcessError) -> Option<&'static str> {
        match error {
            ProcessError::Exited { .. } | ProcessError::Unhealthy(_) => {
                Some("its log says why: it is in the directory of --report, if there is one")
            }
            _ => None,
        }
    }

    fn history(error: &HistoryError) -> Option<&'static str> {
        match error {
            HistoryError::Open { .. } => {
                Some("name a history.ndjson, or the directory of orders hammer --report")
            }
            _ => None,
        }
    }
}
