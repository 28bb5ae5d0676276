//! Instances of the service that the hammer starts, kills, stops and restarts.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::hammer::wire::{Reader, Target};

/// How long a started instance may take to become healthy.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How to start an instance of the service.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables added to its environment.
    pub variables: Vec<(String, String)>,
    /// The variable that sets its port.
    pub port_variable: String,
    /// The folder for its output, with two files per instance. Without it, output is discarded.
    pub logs: Option<PathBuf>,
    /// Whether the stored orders are removed after the run.
    pub temporary: bool,
    /// When a started instance is ready.
    pub readiness: Readiness,
}

/// When a started instance is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// `GET /health` is answered 200.
    Healthy,
    /// `GET /` is answered by anything but a server error.
    Answers,
}

/// Why an instance is not in the expected state.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program cannot be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The process exited by itself.
    #[error("instance {instance} exited unexpectedly: {status}")]
    Exited {
        /// The index of the instance.
        instance: usize,
        /// Its exit status.
        status: String,
    },
    /// The process runs but is not healthy.
    #[error("instance {0} did not become healthy within {START_TIMEOUT:?}")]
    Unhealthy(usize),
    /// A signal cannot be sent.
    #[error("cannot send {signal} to instance {instance}")]
    Signal {
        /// The signal.
        signal: Signal,
        /// The index of the instance.
        instance: usize,
        /// The error of the operating system.
        source: nix::Error,
    },
    /// Its health cannot be asked for.
    #[error("cannot ask for the health of an instance")]
    Health(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No port can be reserved.
    #[error("cannot reserve a port")]
    NoPort(#[source] io::Error),
}

/// Running instances of one service, on loopback. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Instances {
    launch: Launch,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    index: usize,
    address: SocketAddr,
    /// Keeps the port reserved while the instance is down.
    _port: Option<TcpSocket>,
    child: Mutex<Child>,
}

impl Drop for Member {
    fn drop(&mut self) {
        // The process may have children, which `kill_on_drop` does not reach.
        if let Some(group) = group(self.child.get_mut()) {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Instances {
    /// Starts `count` instances one after another, so that the first one migrates the database
    /// alone.
    pub(crate) async fn start(launch: Launch, count: usize) -> Result<Self, ProcessError> {
        let mut instances = Self {
            launch,
            members: Vec::new(),
        };
        for index in 0..count {
            let (address, port) = reserve().map_err(ProcessError::NoPort)?;
            let child = instances.spawn(index, address)?;
            instances.members.push(Member {
                index,
                address,
                _port: port,
                child: Mutex::new(child),
            });
            instances.wait_until_healthy(index).await?;
        }
        Ok(instances)
    }

    /// The instances as targets.
    pub(crate) fn targets(&self) -> Vec<Target> {
        let members = self.members.iter();
        members
            .map(|member| Target::loopback(member.address))
            .collect()
    }

    /// Kills an instance and its children with `SIGKILL` and waits until they are gone.
    pub(crate) async fn kill(&self, index: usize) -> Result<(), ProcessError> {
        self.signal(index, Signal::SIGKILL).await?;
        let member = &self.members[index];
        let exited = member.child.lock().await.wait().await;
        exited.map_err(|source| self.failed(source))?;
        // A child of the process may take a moment longer, and still listens until then.
        let deadline = Instant::now() + Duration::from_secs(2);
        while TcpStream::connect(member.address).await.is_ok() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Stops an instance with `SIGSTOP`.
    pub(crate) async fn pause(&self, index: usize) -> Result<(), ProcessError> {
        self.signal(index, Signal::SIGSTOP).await
    }

    /// Continues an instance with `SIGCONT`.
    pub(crate) async fn resume(&self, index: usize) -> Result<(), ProcessError> {
        self.signal(index, Signal::SIGCONT).await
    }

    /// Restarts a killed instance on its port.
    pub(crate) async fn restart(&self, index: usize) -> Result<(), ProcessError> {
        let member = &self.members[index];
        *member.child.lock().await = self.spawn(index, member.address)?;
        self.wait_until_healthy(index).await
    }

    /// Restarts or continues every instance that is not running.
    pub(crate) async fn heal(&self) -> Result<(), ProcessError> {
        for member in &self.members {
            let exited = member.child.lock().await.try_wait();
            if exited.map_err(|source| self.failed(source))?.is_some() {
                self.restart(member.index).await?;
            } else {
                self.resume(member.index).await?;
            }
        }
        Ok(())
    }

    fn spawn(&self, index: usize, address: SocketAddr) -> Result<Child, ProcessError> {
        let launch = &self.launch;
        let output = |suffix: &str| match &launch.logs {
            None => Ok(Stdio::null()),
            Some(folder) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(folder.join(format!("instance-{index}.{suffix}")))
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
                // Ctrl-C must not reach the instances: the hammer still reads what they stored.
                .process_group(0)
                .spawn()
        });
        started.map_err(|source| self.failed(source))
    }

    async fn wait_until_healthy(&self, index: usize) -> Result<(), ProcessError> {
        let member = &self.members[index];
        let target = Target::loopback(member.address);
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let (path, ready) = match self.launch.readiness {
                Readiness::Healthy => ("/health", 200..201),
                Readiness::Answers => ("/", 100..500),
            };
            // A new one, because the last instance on this port may have left connections.
            let reader = Reader::new(&target, &[], Duration::from_secs(1))
                .map_err(|error| ProcessError::Health(error.into()))?;
            let answer = reader.get(path).await;
            if answer.is_ok_and(|(status, _)| ready.contains(&status)) {
                return Ok(());
            }
            let exited = member.child.lock().await.try_wait();
            if let Some(status) = exited.map_err(|source| self.failed(source))? {
                return Err(ProcessError::Exited {
                    instance: index,
                    status: status.to_string(),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(ProcessError::Unhealthy(index))
    }

    async fn signal(&self, index: usize, signal: Signal) -> Result<(), ProcessError> {
        // A process without an id has exited, so there is nothing to signal.
        let Some(group) = group(&*self.members[index].child.lock().await) else {
            return Ok(());
        };
        killpg(group, signal).map_err(|source| ProcessError::Signal {
            signal,
            instance: index,
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

/// The process group of a child that runs, of which it is the leader.
fn group(child: &Child) -> Option<Pid> {
    let id = child.id()?.try_into();
    Some(Pid::from_raw(id.expect("a process id fits its own type")))
}

/// Reserves a free loopback port, so that no other process takes it while the instance is down.
///
/// On Linux, `SO_REUSEADDR` lets the instance listen on a port that this socket is only bound to
/// (`socket(7)`). Other systems refuse that, so there the port is not reserved.
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
    async fn only_the_instance_can_take_a_reserved_port() {
        let (address, _port) = reserve().unwrap();
        let listens = async || tokio::net::TcpListener::bind(address).await.is_ok();
        let taken = || TcpSocket::new_v4().unwrap().bind(address).is_ok();
        assert!(!taken());
        assert!(listens().await);
        assert!(!taken(), "while the instance is down");
        assert!(listens().await, "after a restart");
    }
}
