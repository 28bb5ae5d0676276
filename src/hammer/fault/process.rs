//! Instances that the hammer starts, kills, stops and starts again.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::hammer::wire::{Pool, Target};

/// A fresh instance may take this long to answer.
const START_BOUND: Duration = Duration::from_secs(20);

/// How to start an instance of the service.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables in its environment.
    pub variables: Vec<(String, String)>,
    /// The variable that tells it its port.
    pub port_variable: String,
    /// Where its output goes, one file for each instance, or nowhere.
    pub logs: Option<PathBuf>,
}

/// Why an instance is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program cannot be started.
    #[error("could not start `{program}`")]
    Start {
        /// Which one.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended by itself.
    #[error("instance {instance} ended by itself: {status}")]
    Ended {
        /// Which one.
        instance: usize,
        /// How.
        status: String,
    },
    /// It runs, but does not answer.
    #[error("instance {0} did not become healthy in time")]
    Silent(usize),
    /// A signal could not be delivered.
    #[error("could not send {signal} to instance {instance}")]
    Signal {
        /// Which signal.
        signal: Signal,
        /// To which instance.
        instance: usize,
        /// What the system said.
        source: nix::Error,
    },
    /// There is no free port.
    #[error("no free port")]
    NoPort(#[source] io::Error),
}

/// Running instances of one service, on loopback. They end with this value.
#[derive(Debug)]
pub(crate) struct Instances {
    launch: Launch,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    number: usize,
    address: SocketAddr,
    _port: Option<TcpSocket>,
    child: Mutex<Child>,
}

impl Instances {
    /// Starts `count` instances, the first one alone, so that it can bring up the schema.
    pub(crate) async fn start(launch: Launch, count: usize) -> Result<Self, ProcessError> {
        let mut instances = Self {
            launch,
            members: Vec::new(),
        };
        for number in 0..count {
            let (address, port) = reserve().map_err(ProcessError::NoPort)?;
            let child = instances.spawn(number, address)?;
            instances.members.push(Member {
                number,
                address,
                _port: port,
                child: Mutex::new(child),
            });
            instances.until_healthy(number).await?;
        }
        Ok(instances)
    }

    /// Where they listen.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let members = self.members.iter();
        members
            .map(|member| Target::loopback(member.address))
            .collect()
    }

    /// `SIGKILL`, and it is certain that the process is gone.
    pub(crate) async fn kill(&self, number: usize) -> Result<(), ProcessError> {
        let mut child = self.members[number].child.lock().await;
        child.kill().await.map_err(|source| self.failed(source))
    }

    /// `SIGSTOP`.
    pub(crate) async fn pause(&self, number: usize) -> Result<(), ProcessError> {
        self.signal(number, Signal::SIGSTOP).await
    }

    /// `SIGCONT`.
    pub(crate) async fn resume(&self, number: usize) -> Result<(), ProcessError> {
        self.signal(number, Signal::SIGCONT).await
    }

    /// Starts a killed instance again, on the port it had.
    pub(crate) async fn restart(&self, number: usize) -> Result<(), ProcessError> {
        let member = &self.members[number];
        *member.child.lock().await = self.spawn(number, member.address)?;
        self.until_healthy(number).await
    }

    /// Everything runs again, whatever was done to it.
    pub(crate) async fn heal(&self) -> Result<(), ProcessError> {
        for member in &self.members {
            let ended = member.child.lock().await.try_wait();
            if ended.map_err(|source| self.failed(source))?.is_some() {
                self.restart(member.number).await?;
            } else {
                self.resume(member.number).await?;
            }
        }
        Ok(())
    }

    fn spawn(&self, number: usize, address: SocketAddr) -> Result<Child, ProcessError> {
        let launch = &self.launch;
        let output = |suffix: &str| match &launch.logs {
            None => Ok(Stdio::null()),
            Some(folder) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(format!("instance-{number}.{suffix}")))
                .map(Stdio::from),
        };
        let started = output("out").and_then(|out| {
            Command::new(&launch.program)
                .args(&launch.arguments)
                .envs(launch.variables.iter().map(|(name, value)| (name, value)))
                .env(&launch.port_variable, address.port().to_string())
                .stdin(Stdio::null())
                .stdout(out)
                .stderr(output("log")?)
                .kill_on_drop(true)
                // A Ctrl-C is for the hammer, who still has to read what they stored.
                .process_group(0)
                .spawn()
        });
        started.map_err(|source| self.failed(source))
    }

    async fn until_healthy(&self, number: usize) -> Result<(), ProcessError> {
        let target = self.targets().swap_remove(number);
        let pool = Pool::new(target, Vec::new(), Duration::from_secs(1));
        let deadline = Instant::now() + START_BOUND;
        while Instant::now() < deadline {
            if pool
                .get("/health")
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            let ended = self.members[number].child.lock().await.try_wait();
            if let Some(status) = ended.map_err(|source| self.failed(source))? {
                return Err(ProcessError::Ended {
                    instance: number,
                    status: status.to_string(),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(ProcessError::Silent(number))
    }

    async fn signal(&self, number: usize, signal: Signal) -> Result<(), ProcessError> {
        // Without a pid it has been waited for: there is nobody left to signal.
        let Some(pid) = self.members[number].child.lock().await.id() else {
            return Ok(());
        };
        let pid = Pid::from_raw(pid.try_into().expect("a process id fits its own type"));
        kill(pid, signal).map_err(|source| ProcessError::Signal {
            signal,
            instance: number,
            source,
        })
    }

    fn failed(&self, source: io::Error) -> ProcessError {
        ProcessError::Start {
            program: self.launch.program.display().to_string(),
            source,
        }
    }
}

/// A free loopback port, kept from whoever takes any port while the instance is dead.
///
/// On Linux `SO_REUSEADDR` lets the instance listen where this socket is only bound (`socket(7)`);
/// elsewhere that is refused, and the port is free in between.
fn reserve() -> io::Result<(SocketAddr, Option<TcpSocket>)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok((
        socket.local_addr()?,
        cfg!(target_os = "linux").then_some(socket),
    ))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reserved_port_is_the_instance_s_alone() {
        let (address, _port) = reserve().unwrap();
        let listens = async || tokio::net::TcpListener::bind(address).await.is_ok();
        let taken = || TcpSocket::new_v4().unwrap().bind(address).is_ok();
        assert!(!taken());
        assert!(listens().await);
        assert!(!taken(), "when the instance is dead");
        assert!(listens().await, "again");
    }
}
