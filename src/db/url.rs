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
    pooler: Pooler,
    url: String,
}

/// What stands between us and PostgreSQL: the parameter `pooler` of its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing: a connection is a session.
    None,
    /// A pooler that lends sessions for one transaction at a time.
    Transaction,
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
    /// A pooler that is not known.
    #[error("the parameter pooler of a database URL is transaction or none")]
    Pooler,
}

impl DatabaseUrl {
    /// The SQLite database in a file.
    #[must_use]
    pub fn sqlite(path: &Path) -> Self {
        Self {
            backend: DbBackend::Sqlite,
            pooler: Pooler::None,
            url: format!("sqlite://{}", path.display()),
        }
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// What stands in between.
    #[must_use]
    pub fn pooler(&self) -> Pooler {
        self.pooler
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
                let pooler = take_pooler(&mut url)?;
                Ok(Self {
                    backend: DbBackend::Postgres,
                    pooler,
                    url: url.into(),
                })
            }
            "sqlite" if rest.contains(":memory:") || rest.contains("mode=memory") => {
                Err(InvalidUrl::InMemory)
            }
            "sqlite" if rest.trim_start_matches('/').is_empty() => Err(InvalidUrl::Scheme),
            "sqlite" => Ok(Self {
                backend: DbBackend::Sqlite,
                pooler: Pooler::None,
                url: text.to_owned(),
            }),
            _ => Err(InvalidUrl::Scheme),
        }
    }
}

/// The parameter is ours: the driver would warn of it.
fn take_pooler(url: &mut Url) -> Result<Pooler, InvalidUrl> {
    let is_ours = |(name, _): &(String, String)| name == "pooler";
    let parameters = url.query_pairs().into_owned();
    let (ours, rest): (Vec<_>, Vec<_>) = parameters.partition(is_ours);
    if !ours.is_empty() {
        url.set_query(None);
    }
    if !ours.is_empty() && !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    match ours.last().map(|(_, value)| value.as_str()) {
        None | Some("none") => Ok(Pooler::None),
        Some("transaction") => Ok(Pooler::Transaction),
        Some(_) => Err(InvalidUrl::Pooler),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://me:s3cret@db.example:5432/orders",
            "postgresql://me:s3cret@db.example/orders?sslmode=require",
            "postgres://db.example/orders?user=me&password=s3cret",
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.backend(), DbBackend::Postgres);
            assert!(!format!("{url} {url:?}").contains("s3cret"), "{url}");
            assert!(format!("{url}").contains("db.example"), "{url}");
            assert!(url.reveal().contains("s3cret"));
        }
    }

    #[test]
    fn the_pooler_is_told_from_the_url_and_not_passed_on() {
        let parse = |text: &str| text.parse::<DatabaseUrl>();
        let pooled = parse("postgres://db/orders?sslmode=require&pooler=transaction").unwrap();
        assert_eq!(pooled.pooler(), Pooler::Transaction);
        assert_eq!(pooled.reveal(), "postgres://db/orders?sslmode=require");
        for (text, passed_on) in [
            ("postgres://db/orders?pooler=none", "postgres://db/orders"),
            ("postgres://db/orders", "postgres://db/orders"),
            (
                "postgres:///orders?host=/run/pg",
                "postgres:///orders?host=/run/pg",
            ),
        ] {
            let url = parse(text).unwrap();
            assert_eq!((url.pooler(), url.reveal()), (Pooler::None, passed_on));
        }
        assert_eq!(
            parse("postgres://db/orders?pooler=statement"),
            Err(InvalidUrl::Pooler)
        );
    }

    #[test]
    fn what_is_not_a_database_url_is_refused_without_repeating_it() {
        for text in [
            "",
            "orders.db",
            "mysql://me:s3cret@h/db",
            "sqlite:",
            "sqlite://",
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error, InvalidUrl::Scheme, "{text}");
            assert!(!error.to_string().contains("s3cret"));
        }
        assert!(matches!(
            "postgres://me:s3cret@[::1/x".parse::<DatabaseUrl>(),
            Err(InvalidUrl::Malformed(_))
        ));
        assert_eq!(
            "sqlite::memory:".parse::<DatabaseUrl>(),
            Err(InvalidUrl::InMemory)
        );
    }
}
