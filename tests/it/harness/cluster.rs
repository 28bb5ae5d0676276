//! PostgreSQL clusters, started from the installed server binaries.
//!
//! Most tests share one, or the server that `TEST_DATABASE_URL` names. A test that stops, kills or
//! promotes a server starts its own.

use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::port::Port;
use super::unprivileged::Unprivileged;

/// How long a server may take to start on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The URL of the shared server, without a database.
pub(crate) fn url() -> &'static str {
    static GIVEN: OnceLock<String> = OnceLock::new();
    static STARTED: OnceLock<Cluster> = OnceLock::new();
    let start = || Cluster::start_new(&[("fsync", "off"), ("max_connections", "300")]);
    GIVEN.get_or_init(|| {
        let given = std::env::var("TEST_DATABASE_URL").ok();
        let given = given.map(|url| url.trim_end_matches('/').to_owned());
        given.unwrap_or_else(|| STARTED.get_or_init(start).url())
    })
}

/// A running cluster. It ends with this process, however that ends.
pub(crate) struct Cluster {
    directory: PathBuf,
    port: Port,
    /// Stops the server and removes its files when the pipe to it is closed.
    _guard: Child,
}

/// How to stop a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Sessions are ended, and all data is written.
    Fast,
    /// As after a power failure: recovery at the next start.
    Immediate,
    /// `kill -9` of the postmaster. Its sessions notice by themselves.
    Kill,
}

/// Waits for the end of standard input, then stops the server and removes its files.
const GUARD: &str = r#"
cat >/dev/null
"$1" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

impl Cluster {
    /// Creates and starts a cluster with these settings.
    pub(crate) fn start_new(settings: &[(&str, &str)]) -> Self {
        Self::create(settings, |data| {
            let mut initdb = command("initdb");
            initdb
                .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
                .args(["--no-sync", "-D"])
                .arg(data);
            initdb
        })
    }

    /// Creates and starts a synchronous standby of this cluster.
    pub(crate) fn start_standby(&self) -> Self {
        let primary = format!(
            "host=127.0.0.1 port={} user=postgres application_name=standby",
            self.port.number
        );
        let standby = Self::create(&[], |data| {
            let mut backup = command("pg_basebackup");
            backup
                .args(["--wal-method=stream", "--checkpoint=fast", "--no-sync"])
                .args(["--write-recovery-conf", "-d", &primary, "-D"])
                .arg(data);
            backup
        });
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        self.sql("SELECT pg_reload_conf()");
        let deadline = Instant::now() + START_TIMEOUT;
        while self.sql("SELECT sync_state FROM pg_stat_replication") != "sync" {
            assert!(Instant::now() < deadline, "the standby does not replicate");
            std::thread::sleep(Duration::from_millis(20));
        }
        standby
    }

    fn create(settings: &[(&str, &str)], fill: impl FnOnce(&Path) -> Command) -> Self {
        let directory = tempfile::Builder::new().prefix("orders-pg-").tempdir();
        let directory = directory.unwrap().keep();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
        if let Some(user) = Unprivileged::needed() {
            chown(&directory, Some(user.uid), Some(user.gid)).unwrap();
        }
        let guard = Unprivileged::command(Path::new("/bin/sh"))
            .args(["-c", GUARD, "guard"])
            .args([&binaries().join("pg_ctl"), &directory])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();

        run(&mut fill(&directory.join("data")));
        let port = Port::free();
        let mut lines = format!(
            "\nlisten_addresses = '127.0.0.1'\nport = {}\n\
             unix_socket_directories = '{}'\nlogging_collector = off\n",
            port.number,
            directory.display()
        );
        for (name, value) in settings {
            writeln!(lines, "{name} = '{value}'").unwrap();
        }
        // Of several lines for a setting the last one counts. Writing keeps the owner of the file.
        let configuration = directory.join("data/postgresql.conf");
        let all = std::fs::read_to_string(&configuration).unwrap() + &lines;
        std::fs::write(&configuration, all).unwrap();
        let cluster = Self {
            directory,
            port,
            _guard: guard,
        };
        cluster.start();
        cluster
    }

    /// The URL of the server, without a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port.number)
    }

    /// Starts the server and waits until it answers. After a kill this takes several attempts:
    /// old sessions keep the shared memory for a moment.
    pub(crate) fn start(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let started = self.control(&["-w", "start"]).output();
            let started = started.unwrap();
            if started.status.success() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "PostgreSQL does not start: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server and, unless it is killed, waits until it has stopped.
    pub(crate) fn stop(&self, how: Stop) {
        let pid_file = self.directory.join("data/postmaster.pid");
        match how {
            Stop::Fast => run(&mut self.control(&["-m", "fast", "-w", "stop"])),
            Stop::Immediate => run(&mut self.control(&["-m", "immediate", "-w", "stop"])),
            Stop::Kill => {
                let lines = std::fs::read_to_string(pid_file).unwrap();
                run(Command::new("kill").args(["-s", "KILL", lines.lines().next().unwrap()]));
            }
        }
    }

    /// Promotes a standby to primary.
    pub(crate) fn promote(&self) {
        run(&mut self.control(&["-w", "promote"]));
    }

    /// Runs a statement in the database `postgres` and returns what `psql` prints.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let url = format!("{}/postgres", self.url());
        let output = command("psql")
            .args(["-X", "-q", "-t", "-A", "-d", &url, "-c", statement])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The log of the server.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap()
    }

    fn control(&self, arguments: &[&str]) -> Command {
        let mut control = command("pg_ctl");
        control.arg("-s").arg("-D").arg(self.directory.join("data"));
        control.arg("-l").arg(self.directory.join("log"));
        control.args(arguments);
        control
    }
}

/// A program of PostgreSQL, run as a user that it accepts.
fn command(program: &str) -> Command {
    Unprivileged::command(&binaries().join(program))
}

#[track_caller]
fn run(command: &mut Command) {
    // Not a pipe: a started server would keep it open.
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// The directory of `initdb` and `postgres`: Debian's newest version, else that on the `PATH`.
fn binaries() -> PathBuf {
    let version = |path: &PathBuf| {
        let number = path
            .parent()
            .and_then(Path::file_name)
            .and_then(|name| name.to_str());
        number.and_then(|number| number.parse::<u32>().ok())
    };
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let installed = installed.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    installed
        .filter(|bin| bin.join("initdb").is_file())
        .max_by_key(version)
        .or(on_path)
        .expect("no PostgreSQL server binaries found: run scripts/test, or set TEST_DATABASE_URL")
}
