//! Database URLs: which database, and how to show one without its secrets.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sea_orm::DbBackend;
use url::Url;

/// Parameters of a PostgreSQL URL that are secrets.
const SECRETS: [&str; 2] = ["password", "sslpassword"];

/// The address of a database, chosen by its scheme. `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    backend: DbBackend,
    scope: SettingsScope,
    url: String,
}

/// For how long the settings of a PostgreSQL session last: the parameters `pooler` and `settings`
/// of its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsScope {
    /// For the session. The default.
    Session,
    /// For one transaction, as `SET LOCAL` (`settings=transaction`): for engines that do not pass
    /// the settings of a session on to their nodes.
    Transaction,
    /// The same, and the session belongs to a pooler, which lends it for one transaction at a time
    /// (`pooler=transaction`).
    PooledTransaction,
}

/// Why a text is no database URL. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// The scheme is missing or of a database that is not supported.
    #[error(
        "the database URL must start with postgres://, postgresql:// or sqlite:, for example \
         postgres://user:password@localhost/orders or sqlite://orders.db"
    )]
    Scheme,
    /// The rest does not parse.
    #[error("the database URL is malformed: {0}")]
    Malformed(url::ParseError),
    /// Every connection would open an empty database of its own.
    #[error("an SQLite database in memory cannot be shared by connections: name a file")]
    InMemory,
    /// Another value of `pooler`.
    #[error("the parameter pooler of the database URL must be transaction or none")]
    Pooler,
    /// Another value of `settings`.
    #[error("the parameter settings of the database URL must be session or transaction")]
    Settings,
}

impl DatabaseUrl {
    /// The SQLite database in a file.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self {
            backend: DbBackend::Sqlite,
            scope: SettingsScope::Session,
            url: format!("sqlite://{}", path.display()),
        }
    }

    /// Whether it is a file of this machine.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.backend == DbBackend::Sqlite
    }

    /// Which database it is.
    pub(super) fn backend(&self) -> DbBackend {
        self.backend
    }

    /// For how long the settings of a session last.
    #[must_use]
    pub fn settings_scope(&self) -> SettingsScope {
        self.scope
    }

    /// The whole URL, password included: for connecting only.
    pub(super) fn reveal(&self) -> &str {
        &self.url
    }
}

impl FromStr for DatabaseUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or(InvalidUrl::Scheme)?;
        match scheme {
            "postgres" | "postgresql" => {
                let url = format!("postgres:{rest}");
                let mut url = Url::parse(&url).map_err(InvalidUrl::Malformed)?;
                let scope = take_scope(&mut url)?;
                Ok(Self {
                    backend: DbBackend::Postgres,
                    scope,
                    url: url.into(),
                })
            }
            "sqlite" if rest.contains(":memory:") || rest.contains("mode=memory") => {
                Err(InvalidUrl::InMemory)
            }
            "sqlite" if rest.trim_start_matches('/').is_empty() => Err(InvalidUrl::Scheme),
            "sqlite" => Ok(Self {
                backend: DbBackend::Sqlite,
                scope: SettingsScope::Session,
                url: text.to_owned(),
            }),
            _ => Err(InvalidUrl::Scheme),
        }
    }
}

/// Removes our parameters, of which the driver would warn.
fn take_scope(url: &mut Url) -> Result<SettingsScope, InvalidUrl> {
    let is_ours = |(name, _): &(String, String)| name == "pooler" || name == "settings";
    let parameters = url.query_pairs().into_owned();
    let (ours, rest): (Vec<_>, Vec<_>) = parameters.partition(is_ours);
    if !ours.is_empty() {
        url.set_query(None);
    }
    if !ours.is_empty() && !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    let mut scope = SettingsScope::Session;
    for (name, value) in &ours {
        match (name.as_str(), value.as_str()) {
            ("pooler", "transaction") => return Ok(SettingsScope::PooledTransaction),
            ("settings", "transaction") => scope = SettingsScope::Transaction,
            ("pooler", "none") | ("settings", "session") => {}
            ("pooler", _) => return Err(InvalidUrl::Pooler),
            _ => return Err(InvalidUrl::Settings),
        }
    }
    Ok(scope)
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(mut url) = (self.backend == DbBackend::Postgres)
            .then(|| Url::parse(&self.url).ok())
            .flatten()
        else {
            return f.write_str(&self.url);
        };
        if url.password().is_some() {
            // Fails only for a URL without a host, which has no password either.
            let _ = url.set_password(Some("***"));
        }
        if url.query_pairs().any(|(name, _)| SECRETS.contains(&&*name)) {
            let shown: Vec<(String, String)> = url
                .query_pairs()
                .map(|(name, value)| {
                    let secret = SECRETS.contains(&&*name);
                    (
                        name.into_owned(),
                        if secret {
                            "***".to_owned()
                        } else {
                            value.into_owned()
                        },
                    )
                })
                .collect();
            url.query_pairs_mut().clear().extend_pairs(shown);
        }
        write!(f, "{url}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
