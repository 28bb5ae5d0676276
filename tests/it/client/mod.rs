//! The client library, `orders place` and `orders key`.

mod caller;
mod command;
mod documented;
mod lossy;
mod outcomes;
mod retries;
mod scripted;

use std::time::Duration;

use orders::client::{Client, NewOrder, Settings};

pub(crate) use lossy::Lossy;
use scripted::{Scripted, Step};

fn beans() -> NewOrder {
    NewOrder {
        item: "beans".to_owned(),
        quantity: 2,
    }
}

/// A client that waits little by itself.
fn client(server: &Scripted, change: impl FnOnce(&mut Settings)) -> Client {
    let mut settings = Settings {
        deadline: Duration::from_secs(10),
        attempt_timeout: Duration::from_secs(5),
        pause_first: Duration::from_millis(2),
        pause_max: Duration::from_millis(10),
    };
    change(&mut settings);
    Client::with(&server.url(), settings).unwrap()
}
