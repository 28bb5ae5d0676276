//! `orders migrate`

use crate::cli::{assert_fails, run, within};
use crate::harness::{Process, TestDatabase, on_both, order};

/// All migrations, the oldest first.
const MIGRATIONS: [&str; 6] = [
    "m20261122_000001_orders",
    "m20261122_000002_idempotency_keys",
    "m20261124_000003_retention",
    "m20261130_000004_tenants",
    "m20261130_000005_request_id",
    "m20261130_000006_outbox",
];

/// A line for each migration.
fn lines<'a>(state: &str, migrations: impl IntoIterator<Item = &'a &'a str>) -> String {
    let lines = migrations
        .into_iter()
        .map(|name| format!("{state} {name}\n"));
    lines.collect()
}

/// Runs `orders migrate` and returns its exit code and its data.
fn migrate(database: &TestDatabase, arguments: &[&str]) -> (i32, String) {
    let (code, stdout, stderr) = run(&mut Process::on(
        database,
        &[&["migrate"], arguments].concat(),
    ));
    assert_eq!(stderr, "");
    (code, stdout)
}

on_both! {
    async fn the_schema_goes_up_and_down_and_reports_its_status(app: &App) {
        let database = TestDatabase::create(app.database.backend).await;
        let up = migrate(&database, &["up"]);
        assert_eq!(up, (0, lines("applied", &MIGRATIONS)));
        assert_eq!(migrate(&database, &["up"]), (0, "nothing pending\n".to_owned()));
        let current = (0, lines("applied", &MIGRATIONS));
        assert_eq!(migrate(&database, &["status"]), current);

        let (last, before) = MIGRATIONS.split_last().unwrap();
        let down = migrate(&database, &["down", "--yes"]);
        assert_eq!(down, (0, lines("rolled back", [last])));
        let without_last = (1, lines("applied", before) + &lines("pending", [last]));
        assert_eq!(migrate(&database, &["status"]), without_last);
        assert_eq!(migrate(&database, &["up"]), (0, lines("applied", [last])));

        let all = lines("rolled back", MIGRATIONS.iter().rev());
        assert_eq!(migrate(&database, &["down", "--steps", "9", "--yes"]), (0, all));
        let nothing = (1, lines("pending", &MIGRATIONS));
        assert_eq!(migrate(&database, &["status"]), nothing);
        let none = (0, "nothing to roll back\n".to_owned());
        assert_eq!(migrate(&database, &["down", "--yes"]), none);
        assert_eq!(migrate(&database, &["fresh", "--yes"]), (0, "schema recreated\n".to_owned()));
        assert_eq!(migrate(&database, &["status"]), current);
        database.drop().await;
    }
}

on_both! {
    async fn fresh_recreates_an_empty_database(app: &App) {
        app.client.place("key", order("tea", 2)).await.expect(201);
        assert_eq!(migrate(&app.database, &["fresh", "--yes"]).0, 0);
        assert_eq!(app.database.orders().await, 0);
        app.client.place("key", order("tea", 2)).await.expect(201);
    }
}

on_both! {
    async fn deleting_data_without_a_terminal_needs_a_flag(app: &App) {
        app.client.place("key", order("tea", 2)).await.expect(201);
        for action in [&["down"][..], &["fresh"], &["down", "--steps", "2"]] {
            let mut command = Process::on(&app.database, &[&["migrate"], action].concat());
            assert_fails(&mut command, &["refusing to delete data", "--yes"]);
        }
        assert_eq!(app.database.orders().await, 1);
        app.client.place("key", order("tea", 2)).await.expect(200);
    }
}

on_both! {
    async fn the_status_changes_nothing(app: &App) {
        let database = TestDatabase::create(app.database.backend).await;
        let (code, _, stderr) = run(&mut Process::on(&database, &["migrate", "status"]));
        // The PostgreSQL database exists and is empty. The SQLite file does not exist.
        let (tables, file) = match database.backend {
            crate::harness::Backend::Postgres => {
                assert_eq!((code, &*stderr), (1, ""));
                let tables = "SELECT count(*) FROM information_schema.tables \
                              WHERE table_schema = 'public'";
                (database.count(tables).await, false)
            }
            crate::harness::Backend::Sqlite => {
                assert_eq!(code, 2, "{stderr}");
                let path = database.url.trim_start_matches("sqlite://");
                (0, std::path::Path::new(path).exists())
            }
        };
        assert_eq!((tables, file), (0, false));
        database.drop().await;
    }
}

#[test]
fn an_sqlite_file_that_cannot_be_opened_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("directory")).unwrap();
    for (command, url, words) in [
        (
            "status",
            "sqlite://absent.db",
            &["absent.db", "does not exist", "orders migrate up"],
        ),
        (
            "down",
            "sqlite://absent.db",
            &["absent.db", "does not exist", "orders migrate up"],
        ),
        (
            "status",
            "sqlite://directory",
            &["sqlite://directory", "is a directory", "name a file"],
        ),
        (
            "up",
            "sqlite://directory",
            &["sqlite://directory", "is a directory", "name a file"],
        ),
        (
            "up",
            "sqlite://no/such/x.db",
            &["no/such/x.db", "directory no/such", "does not exist"],
        ),
    ] {
        assert_fails(
            within(&folder, &["migrate", command]).env("DATABASE_URL", url),
            words,
        );
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        1,
        "a file was left"
    );
}

#[test]
fn schema_commands_have_no_flags_of_serving() {
    for action in ["up", "down", "fresh", "status"] {
        let (_, help, _) = run(&mut Process::command(&["migrate", action, "--help"]));
        assert!(help.contains("--database-url"), "{help}");
        for flag in ["--lock-wait", "--transaction-timeout", "--read-connections"] {
            assert!(!help.contains(flag), "{help}");
        }
    }
}

on_both! {
    async fn an_outdated_schema_is_refused_without_migrating(app: &App) {
        let database = TestDatabase::create(app.database.backend).await;
        let serve = ["serve", "--no-migrate"];
        assert_fails(&mut Process::on(&database, &serve), &["pending", "orders migrate up"]);
        let mut by_variable = Process::on(&database, &["serve"]);
        assert_fails(by_variable.env("ORDERS_NO_MIGRATE", "true"), &["pending"]);
        assert_eq!(migrate(&database, &["up"]).0, 0);
        let process = Process::start(&mut Process::on(&database, &serve));
        process.client.place("key", order("tea", 2)).await.expect(201);
        process.kill();
        database.drop().await;
    }
}

on_both! {
    async fn serving_applies_pending_migrations(app: &App) {
        let database = TestDatabase::create(app.database.backend).await;
        let process = Process::serve(&database);
        process.client.get("/health").await.expect(200);
        process.client.place("key", order("tea", 2)).await.expect(201);
        assert_eq!(migrate(&database, &["status"]).0, 0);
        process.kill();
        database.drop().await;
    }
}
