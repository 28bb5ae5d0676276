//! An unprivileged user for servers that refuse to run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The user that runs servers when the tests run as root.
pub(crate) struct Unprivileged {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Unprivileged {
    /// A program run as that user, in a directory that it may read, and in a process group of its
    /// own: Ctrl-C does not reach it.
    pub(crate) fn command(program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").process_group(0);
        if let Some(user) = Self::needed() {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    pub(crate) fn needed() -> Option<Self> {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout != b"0\n" {
            return None;
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        let user = ["postgres", "nobody"].iter().find_map(|name| {
            let fields: Vec<&str> = passwd
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>())
                .find(|fields| fields[0] == *name)?;
            Some(Self {
                uid: fields[2].parse().ok()?,
                gid: fields[3].parse().ok()?,
            })
        });
        Some(
            user.expect(
                "servers need the user postgres or nobody: PostgreSQL refuses to run as root",
            ),
        )
    }
}
