//! What `orders migrate` asks on a terminal before it deletes data.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::harness::{Process, TestDatabase, on_both, order};

/// Runs `orders migrate` on a pseudo-terminal, types an answer, and returns the exit code and what
/// the terminal shows.
fn on_terminal(database: &TestDatabase, arguments: &str, answer: &str) -> (i32, String) {
    let orders = env!("CARGO_BIN_EXE_orders");
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--echo", "never", "--command"])
        .arg(format!("{orders} migrate {arguments}"))
        .arg("/dev/null")
        .env("DATABASE_URL", &database.url)
        .env("ORDERS_LOG", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The answer is sent before the question: the terminal keeps it.
    writeln!(child.stdin.take().unwrap(), "{answer}").unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), shown.replace("\r\n", "\n"))
}

on_both! {
    async fn rolling_back_names_the_migrations_and_the_loss(app: &App) {
        app.client.place("key", order("tea", 2)).await.expect(201);
        let names: Vec<String> = {
            let database = app.database.connect().await;
            let migrations = database.schema().migrations().await.unwrap();
            migrations.into_iter().map(|migration| migration.name).collect()
        };
        let (last, before) = (&names[names.len() - 1], &names[names.len() - 2]);
        let (code, shown) = on_terminal(&app.database, "down", "y");
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains(last) && !shown.contains(before), "{shown}");
        for word in ["dropped with their data", "Type 'yes'", "aborted, nothing was changed"] {
            assert!(shown.contains(word), "{word} is missing in: {shown}");
        }
        let (code, shown) = on_terminal(&app.database, "down --steps 2", "no");
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains(last) && shown.contains(before), "{shown}");
        app.client.place("key", order("tea", 2)).await.expect(200);

        let database = TestDatabase::create_migrated(app.database.backend).await;
        let (code, shown) = on_terminal(&database, "down", "yes");
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains(&format!("rolled back {last}")), "{shown}");
        database.drop().await;
    }
}

on_both! {
    async fn recreating_the_schema_needs_yes_in_full(app: &App) {
        app.client.place("key", order("tea", 2)).await.expect(201);
        for answer in ["y", "", "YES"] {
            let (code, shown) = on_terminal(&app.database, "fresh", answer);
            assert_eq!(code, 1, "{shown}");
            for word in ["All orders and idempotency keys are lost", "nothing was changed"] {
                assert!(shown.contains(word), "{word} is missing in: {shown}");
            }
        }
        assert_eq!(app.database.orders().await, 1);
        let (code, shown) = on_terminal(&app.database, "fresh", "yes");
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("schema recreated"), "{shown}");
        assert_eq!(app.database.orders().await, 0);
        app.client.place("new", order("tea", 2)).await.expect(201);
    }
}

on_both! {
    async fn nothing_to_roll_back_is_said_without_a_question(app: &App) {
        let database = TestDatabase::create_migrated(app.database.backend).await;
        let all = Process::run(&["migrate", "down", "--steps", "99", "--yes", "--database-url", &database.url]);
        assert!(all.status.success());
        let (code, shown) = on_terminal(&database, "down", "no");
        assert_eq!((code, &*shown), (0, "nothing to roll back\n"));
        database.drop().await;
    }
}
