//! PgBouncer between a service and PostgreSQL, set up as in docs/databases.md.

use std::net::Ipv4Addr;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::TestDatabase;
use super::port::Port;
use super::unprivileged::Unprivileged;

/// How long PgBouncer may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running PgBouncer. It ends with this process, however that ends.
pub(crate) struct Pooler {
    port: Port,
    folder: TempDir,
    /// Stops PgBouncer when the pipe to it is closed.
    guard: Child,
}

/// Runs PgBouncer until the end of standard input.
const SUPERVISE: &str = r#"
PATH="$PATH:/usr/sbin"
pgbouncer -q "$1/pgbouncer.ini" >"$1/log" 2>&1 &
cat >/dev/null
kill -KILL $! ; wait $!
"#;

impl Pooler {
    /// Starts in front of a database of a private cluster, with these additional settings.
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
        pooler.wait_until_it_answers();
        pooler
    }

    /// Kills PgBouncer with all its connections, and starts it again.
    pub(crate) fn restart(&mut self) {
        drop(self.guard.stdin.take());
        self.guard.wait().unwrap();
        self.guard = Self::spawn(self.folder.path());
        self.wait_until_it_answers();
    }

    /// The database's URL through this pooler. It has a query: append parameters with `&`.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        database.url_through((Ipv4Addr::LOCALHOST, self.port.number).into())
    }

    fn spawn(folder: &Path) -> Child {
        Unprivileged::command(Path::new("/bin/sh"))
            .args(["-c", SUPERVISE, "supervise"])
            .arg(folder)
            .stdin(Stdio::piped())
            // The shell reports that PgBouncer was killed.
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn wait_until_it_answers(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        while std::net::TcpStream::connect(("127.0.0.1", self.port.number)).is_err() {
            assert!(
                Instant::now() < deadline,
                "PgBouncer does not start (is it installed? run scripts/test): {}",
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
