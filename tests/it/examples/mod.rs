//! The programs in `examples/`, as processes, and what they rest on: an operation that refuses.

mod carts;
mod carts_crash;
mod projects;
mod refusal;
mod stock;
mod stock_crash;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use reqwest::Method;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::{Client, Process, Reply, TestDatabase};

/// Writes a test once and runs it on both databases: `name::sqlite` and `name::postgres`. The body
/// gets an empty database.
macro_rules! on_each {
    (async fn $name:ident($database:ident: &TestDatabase) $body:block) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn check(backend: crate::harness::Backend) {
                let database = crate::harness::TestDatabase::create(backend).await;
                let $database = &database;
                $body
                database.drop().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(crate::harness::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(crate::harness::Backend::Postgres).await;
            }
        }
    };
}
use on_each;

/// The folder of the examples, next to the binary under test. `cargo test --test it` builds no
/// examples, so this does; it takes no time where they are up to date.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let profile = Path::new(env!("CARGO_BIN_EXE_orders")).parent().unwrap();
        let name = match profile.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            name => name,
        };
        let mut build = Command::new(env!("CARGO"));
        build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--locked", "--quiet", "--examples", "--profile"])
            .arg(name)
            .arg("--target-dir")
            .arg(profile.parent().unwrap());
        // What cargo tells a test about its package would make build scripts run again.
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
                build.env_remove(name);
            }
        }
        assert!(build.status().unwrap().success(), "{build:?}");
        profile.join("examples")
    })
}

/// The binary of an example.
pub(crate) fn program(name: &str) -> PathBuf {
    built().join(name)
}

/// An example, with no setting from the environment of the test.
pub(crate) fn example(name: &str) -> Command {
    let mut command = Command::new(program(name));
    for name in ["DATABASE_URL", "HOST", "STOCK", "ORDERS_CRASH_AT"] {
        command.env_remove(name);
    }
    command
        .env("PORT", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// An example on a database, on a port of its own.
fn serving(name: &str, database: &TestDatabase) -> Command {
    let mut command = example(name);
    command.env("DATABASE_URL", &database.url);
    command
}

/// Starts an example on a database and waits until it listens.
pub(crate) fn serve(name: &str, database: &TestDatabase) -> Process {
    Process::start(&mut serving(name, database))
}

/// A `POST` with a key and a JSON body.
#[derive(Clone)]
pub(crate) struct Post {
    path: &'static str,
    key: String,
    body: String,
}

impl Post {
    pub(crate) fn new(
        path: &'static str,
        key: impl Into<String>,
        body: &serde_json::Value,
    ) -> Self {
        Self {
            path,
            key: key.into(),
            body: body.to_string(),
        }
    }

    /// Sends it. `None` if the server dies before it has answered.
    async fn try_to(&self, client: &Client) -> Option<Reply> {
        let request = client.request(Method::POST, self.path);
        let request = request
            .header("content-type", "application/json")
            .header("idempotency-key", &self.key)
            .body(self.body.clone());
        Reply::try_to(request).await.ok()
    }

    pub(crate) async fn to(&self, client: &Client) -> Reply {
        self.try_to(client).await.expect("an answer")
    }
}

/// Sends all requests at one instant, to the clients in turn. Returns the replies by key, those to
/// requests with the same key in no order.
async fn race(posts: &[Post], clients: &[&Client]) -> BTreeMap<String, Vec<Reply>> {
    let start = Arc::new(Barrier::new(posts.len()));
    let mut requests = JoinSet::new();
    for (post, client) in posts.iter().zip(clients.iter().cycle()) {
        let (post, client, start) = (post.clone(), (*client).clone(), start.clone());
        requests.spawn(async move {
            start.wait().await;
            (post.key.clone(), post.to(&client).await)
        });
    }
    let mut replies: BTreeMap<String, Vec<Reply>> = BTreeMap::new();
    while let Some(replied) = requests.join_next().await {
        let (key, reply) = replied.unwrap();
        replies.entry(key).or_default().push(reply);
    }
    replies
}

/// Asserts that a later answer is the first one, and says so.
#[track_caller]
fn assert_replay(first: &Reply, later: &Reply) {
    let status = if first.status == 201 {
        200
    } else {
        first.status
    };
    assert_eq!(later.status, status, "{}", later.text());
    assert_eq!(later.body, first.body);
    assert_eq!(later.header("location"), first.header("location"));
    assert!(later.is_replay());
}

#[test]
fn the_documentation_shows_the_real_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| std::fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/operations.md");
    let programs = [
        "examples/carts/main.rs",
        "examples/carts/money.rs",
        "examples/carts/place.rs",
        "examples/projects/main.rs",
        "examples/stock/main.rs",
    ];
    let programs = programs.map(read);
    let blocks = page.split("```rust\n").skip(1);
    let snippets: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    assert!(!snippets.is_empty());
    for snippet in snippets {
        let is_real = programs.iter().any(|program| program.contains(snippet));
        assert!(is_real, "in no example: {snippet}");
    }
}
