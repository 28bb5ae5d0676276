//! `orders place`

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;

use super::log::LogArgs;
use super::{CliError, Status, duration, print, secret};
use crate::client::{Client, Key, NewOrder, PlaceError, Settings};

/// Arguments of `orders place`.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// What to order
    #[arg(long)]
    item: String,
    /// How many
    #[arg(long, value_name = "NUMBER", value_parser = quantity)]
    quantity: u32,
    /// Idempotency key; without it, a new random key is printed on stderr
    #[arg(long)]
    key: Option<Key>,
    /// Base URL of the service
    #[arg(long, env = "ORDERS_URL", default_value = "http://localhost:3000")]
    url: String,
    /// Time limit for all attempts together
    #[arg(long, env = "ORDERS_DEADLINE", default_value = "1m", value_parser = duration::parse, value_name = "DURATION")]
    deadline: Duration,
    /// Bearer token; prefer the variable, which leaves no trace in the shell's history
    #[arg(long, env = "ORDERS_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

fn quantity(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "expected a whole number")
}

impl PlaceArgs {
    pub(super) async fn run(self, log: &LogArgs) -> Result<Status, CliError> {
        secret::hide("--token", "ORDERS_TOKEN")?;
        let settings = Settings {
            deadline: self.deadline,
            ..Settings::default()
        };
        let mut client = Client::with(&self.url, settings)?;
        if let Some(token) = &self.token {
            client = client.authorized(token)?;
        }
        let key = self.key.unwrap_or_else(Key::random);
        // Before the first attempt: whatever happens now, the same order can be asked for again.
        writeln!(io::stderr(), "idempotency key: {key}")?;
        let order = NewOrder {
            item: self.item,
            quantity: self.quantity,
        };
        match client.place(&key, &order).await {
            Ok(placed) => {
                print(&format!("{}\n", serde_json::to_string(&placed.order)?))?;
                Ok(Status::Done)
            }
            Err(error @ PlaceError::Refused(_)) => {
                log.report(&error);
                Ok(Status::No)
            }
            Err(error @ (PlaceError::Unknown(_) | PlaceError::Unavailable(_))) => {
                let key = quoted(key.as_str());
                Err(format!("{error}: run the same command again with --key {key}").into())
            }
        }
    }
}

/// The text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%=+/@,".contains(&byte);
    if text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn keys_are_quoted_for_the_shell_where_needed() {
        assert_eq!(quoted("create-order:a%20b"), "create-order:a%20b");
        assert_eq!(quoted("a$b"), "'a$b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
