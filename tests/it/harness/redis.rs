//! A Redis of its own for each test.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Client, Connection, ConnectionLike, FromRedisValue};
use tempfile::TempDir;

use super::port::Port;
use super::process::signal;

/// A running `redis-server` that keeps nothing on disk. It is killed when dropped.
pub(crate) struct RedisServer {
    port: Port,
    flags: Vec<String>,
    folder: TempDir,
    child: Child,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with these flags and a free port.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        let (port, folder) = (Port::free(), tempfile::tempdir().unwrap());
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let child = spawn(port.number, &flags, &folder);
        let server = Self {
            port,
            flags,
            folder,
            child,
        };
        server.until_ready();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port.number)
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port.number, &self.flags, &self.folder);
        self.until_ready();
    }

    /// Runs a command.
    pub(crate) fn command<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query(&mut self.connection().unwrap()).unwrap()
    }

    /// The number of entries.
    pub(crate) fn entries(&self) -> usize {
        self.command(&[b"DBSIZE"])
    }

    /// Waits for at least so many entries.
    pub(crate) async fn until_entries(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.entries() < count {
            assert!(Instant::now() < deadline, "{} entries", self.entries());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many keys were asked for and found.
    pub(crate) fn hits(&self) -> u64 {
        let info: String = self.command(&[b"INFO", b"stats"]);
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("keyspace_hits:"));
        line.unwrap().trim().parse().unwrap()
    }

    fn connection(&self) -> redis::RedisResult<Connection> {
        Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(5))
    }

    /// Waits until it answers, even if only that a password is missing.
    fn until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", self.port.number)).is_err() {
            assert!(Instant::now() < deadline, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        if let Ok(mut connection) = self.connection() {
            connection.check_connection();
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, flags: &[String], folder: &TempDir) -> Child {
    Command::new("redis-server")
        .current_dir(folder)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--port", &port.to_string()])
        .args(flags)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server: install the Debian package of this name, as scripts/test does")
}
