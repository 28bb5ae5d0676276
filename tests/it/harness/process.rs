//! The real binary, as a process of its own: to be killed, or to be asked as a user would.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{Client, TestDatabase};

/// Longer than any bound of the program under test.
const PATIENCE: Duration = Duration::from_secs(20);

/// `orders serve`, killed with SIGKILL when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) client: Client,
}

impl Process {
    /// The binary, with no setting from the environment of the test.
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

    /// Runs the binary to its end.
    pub(crate) fn run(arguments: &[&str]) -> Output {
        Self::output(&mut Self::command(arguments))
    }

    /// Runs a command to its end, which must come: one that serves instead is killed.
    pub(crate) fn output(command: &mut Command) -> Output {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let child = child.unwrap();
        let id = child.id().to_string();
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || ended.send(child.wait_with_output()));
        end.recv_timeout(PATIENCE).map_or_else(
            |_| {
                let _ = Command::new("kill").args(["-s", "KILL", &id]).status();
                panic!("the command does not end: {command:?}")
            },
            Result::unwrap,
        )
    }

    /// Starts `orders serve` on a port of its own and waits until it listens.
    pub(crate) fn serve(database: &TestDatabase) -> Self {
        Self::start(&mut Self::serving(database))
    }

    /// `orders serve` on a database, on a port of its own.
    pub(crate) fn serving(database: &TestDatabase) -> Command {
        Self::on(database, &["serve"])
    }

    /// The binary on a database, with nothing but errors in the log.
    pub(crate) fn on(database: &TestDatabase, arguments: &[&str]) -> Command {
        let mut command = Self::command(arguments);
        command
            .env("DATABASE_URL", &database.url)
            .env("ORDERS_LOG", "error")
            .env("HOST", "127.0.0.1")
            .env("PORT", "0");
        command
    }

    /// Its number in the system.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts a command that serves and waits until it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(address) = line.trim().strip_prefix("http://") else {
            // It may serve all the same, and never end by itself.
            let _ = child.kill();
            panic!("{line:?} is no address: {:?}", child.wait_with_output());
        };
        Self {
            client: Client::new(address.parse().unwrap()),
            child,
        }
    }

    /// `kill -9`, and gone when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end and returns the exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.ended()
    }

    /// Waits for the end and returns the exit code and what was logged, if stderr is a pipe.
    pub(crate) fn log(mut self) -> (Option<i32>, String) {
        let code = self.ended();
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().expect("stderr is a pipe");
        stderr.read_to_string(&mut log).unwrap();
        (code, log)
    }

    fn ended(&mut self) -> Option<i32> {
        let patience = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < patience, "the process does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already after `kill` and `wait`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
