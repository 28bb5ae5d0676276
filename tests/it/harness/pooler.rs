//! PgBouncer between a service and PostgreSQL, as docs/databases.md sets it.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::TestDatabase;
use super::port::Port;
use super::unprivileged::Unprivileged;

const PATIENCE: Duration = Duration::from_secs(20);

/// PgBouncer, running.
pub(crate) struct Pooler {
    port: Port,
    folder: TempDir,
    /// Holds the pipe whose end stops PgBouncer.
    guard: Child,
}

/// Runs PgBouncer until the standard input ends, which it does however this process ends.
const SUPERVISE: &str = r#"
PATH="$PATH:/usr/sbin"
pgbouncer -q "$1/pgbouncer.ini" >"$1/log" 2>&1 &
cat >/dev/null
kill -KILL $! ; wait $!
"#;

impl Pooler {
    /// Starts in front of a database in a cluster of the test's own, with `settings` besides those that any needs.
    pub(crate) fn start(database: &TestDatabase, settings: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("orders-pgbouncer-")
            .tempdir()
            .unwrap();
        let port = Port::free();
        let server = database.address();
        let file = folder.path().join("pgbouncer.ini");
        let lines = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {}\n\
             unix_socket_dir =\n\
             auth_type = any\n\
             max_client_conn = 200\n\
             server_login_retry = 1\n\
             {settings}\n",
            server.port(),
            port.number,
        );
        std::fs::write(&file, lines).unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        if let Some(user) = Unprivileged::needed() {
            for path in [folder.path(), &file] {
                chown(path, Some(user.uid), Some(user.gid)).unwrap();
            }
        }
        let guard = Self::spawn(folder.path());
        let pooler = Self {
            port,
            folder,
            guard,
        };
        pooler.answers();
        pooler
    }

    /// Ends it with all its connections, and starts it again.
    pub(crate) fn restart(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().unwrap();
        self.guard = Self::spawn(self.folder.path());
        self.answers();
    }

    /// The database's URL, through this pooler.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        let mut url = url::Url::parse(&database.url).unwrap();
        url.set_port(Some(self.port.number)).unwrap();
        url.into()
    }

    fn spawn(folder: &Path) -> Child {
        Unprivileged::command(Path::new("/bin/sh"))
            .args(["-c", SUPERVISE, "supervise"])
            .arg(folder)
            .stdin(Stdio::piped())
            // It would say that PgBouncer was killed.
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn answers(&self) {
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port.number)).is_err() {
            assert!(
                Instant::now() < deadline,
                "PgBouncer does not start (scripts/test installs it): {}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
