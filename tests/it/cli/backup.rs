//! `orders backup`

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cli::{assert_fails, run};
use crate::harness::{Acknowledged, Backend, Process, TestDatabase, on_postgres, on_sqlite, order};

async fn backup(database: &TestDatabase, file: &Path) {
    let mut command = command(database, file);
    let ran = tokio::task::spawn_blocking(move || run(&mut command));
    let (code, stdout, stderr) = ran.await.unwrap();
    assert_eq!((code, &*stderr), (0, ""), "{stdout}");
    assert!(stdout.starts_with(&file.display().to_string()), "{stdout}");
}

fn command(database: &TestDatabase, file: &Path) -> std::process::Command {
    Process::on(database, &["backup", file.to_str().unwrap()])
}

/// Places orders one after the other until it is told to stop.
async fn load(server: &Process, stop: &AtomicBool) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("key-{n}");
        let placed = server.client.place(&key, order(&key, 1)).await;
        acknowledged.insert(key, placed);
    }
    acknowledged
}

on_sqlite! {
    async fn a_backup_under_load_is_a_moment_of_the_database(database: &TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let server = Process::serve(database);
        let mut before = Acknowledged::default();
        for n in 0..50 {
            let key = format!("before-{n}");
            let placed = server.client.place(&key, order(&key, 1)).await;
            before.insert(key, placed);
        }
        let stop = AtomicBool::new(false);
        let files: Vec<PathBuf> = (0..3).map(|n| folder.path().join(format!("{n}.db"))).collect();
        let backups = async {
            for file in &files {
                tokio::time::sleep(Duration::from_millis(200)).await;
                backup(database, file).await;
            }
            stop.store(true, Ordering::Relaxed);
        };
        let (acknowledged, ()) = tokio::join!(load(&server, &stop), backups);
        assert!(acknowledged.len() > 10, "{} orders during the backups", acknowledged.len());
        server.stop();

        let names = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(names, files.len(), "a partial file was left");
        for file in files {
            let restored = TestDatabase::of_file(&file);
            // Everything from before the backup, and whole orders only.
            before.assert_stored(&restored).await;
            restored.assert_promise().await;
            let server = Process::serve(&restored);
            before.assert_replayed(&server.client).await;
            server.client.place("new", order("new", 1)).await.expect(201);
            server.stop();
        }
    }
}

on_sqlite! {
    async fn a_backup_never_overwrites(database: &TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup.db");
        std::fs::write(&file, "precious").unwrap();
        let words = ["backup.db", "does not overwrite"];
        assert_fails(&mut command(database, &file), &words);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        // The database itself is a file that exists.
        let own = database.url.trim_start_matches("sqlite://").to_owned();
        assert_fails(&mut command(database, Path::new(&own)), &["does not overwrite"]);
        // A dangling link leads to a file that somebody else names.
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        assert_fails(&mut command(database, &link), &["does not overwrite"]);
        let absent = folder.path().join("no/such/folder.db");
        assert_fails(&mut command(database, &absent), &["cannot copy the database", "folder.db"]);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "a partial file was left");
    }
}

#[tokio::test]
async fn a_backup_of_nothing_creates_nothing() {
    let database = TestDatabase::create(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    assert_fails(&mut command(&database, &file), &["does not exist"]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    database.drop().await;
}

on_postgres! {
    async fn postgresql_has_its_own_tools(database: &TestDatabase) {
        let file = Path::new("backup.db");
        assert_fails(&mut command(database, file), &["SQLite", "pg_dump", "pg_basebackup"]);
    }
}
