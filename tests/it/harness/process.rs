//! The real binary as a child process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{Client, TestDatabase};

/// How long a process may take to end. Longer than every timeout of the program.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A running `orders serve`. It is killed with SIGKILL when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) client: Client,
}

impl Process {
    /// The binary, without settings from the environment of the test.
    pub(crate) fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ORDERS_")) {
            command.env_remove(name);
        }
        command
            .env_remove("DATABASE_URL")
            .env_remove("PORT")
            .env_remove("HOST");
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the binary until it ends.
    pub(crate) fn run(arguments: &[&str]) -> Output {
        Self::output(&mut Self::command(arguments))
    }

    /// Runs a command until it ends. A command that does not end is killed and fails the test.
    pub(crate) fn output(command: &mut Command) -> Output {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.unwrap();
        let id = child.id().to_string();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || ended.send(child.wait_with_output()));
        end.recv_timeout(END_TIMEOUT).map_or_else(
            |_| {
                let _ = Command::new("kill").args(["-s", "KILL", &id]).status();
                panic!("the command does not end: {command:?}")
            },
            Result::unwrap,
        )
    }

    /// Starts `orders serve` on a free port and waits until it listens.
    pub(crate) fn serve(database: &TestDatabase) -> Self {
        Self::serve_with(database, &[])
    }

    /// [`Process::serve`] with these flags.
    pub(crate) fn serve_with(database: &TestDatabase, flags: &[&str]) -> Self {
        Self::start(Self::serving(database).args(flags))
    }

    /// `orders serve` on a database and a free port.
    pub(crate) fn serving(database: &TestDatabase) -> Command {
        Self::on(database, &["serve"])
    }

    /// The binary on a database, with only errors in the log.
    pub(crate) fn on(database: &TestDatabase, arguments: &[&str]) -> Command {
        let mut command = Self::command(arguments);
        command
            .env("DATABASE_URL", &database.url)
            .env("ORDERS_LOG", "error")
            .env("HOST", "127.0.0.1")
            .env("PORT", "0");
        command
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts a server command and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(address) = line
            .trim()
            .strip_prefix("http")
            .and_then(|rest| rest.strip_prefix("s").unwrap_or(rest).strip_prefix("://"))
        else {
            // It may be serving, and would never end by itself.
            let _ = child.kill();
            panic!("{line:?} is not an address: {:?}", child.wait_with_output());
        };
        Self {
            client: Client::new(address.parse().unwrap()),
            child,
        }
    }

    /// Kills the process with SIGKILL and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Shuts down with SIGTERM and expects exit code 0.
    pub(crate) fn stop(self) {
        self.signal("TERM");
        assert_eq!(self.wait(), Some(0));
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.ended()
    }

    /// Waits for the end and returns the exit code and the log. Stderr must be a pipe.
    pub(crate) fn log(mut self) -> (Option<i32>, String) {
        let code = self.ended();
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().expect("stderr is a pipe");
        stderr.read_to_string(&mut log).unwrap();
        (code, log)
    }

    fn ended(&mut self) -> Option<i32> {
        let deadline = Instant::now() + END_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the process does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `kill` and `wait` the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process by its name, such as `STOP`.
pub(super) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}
