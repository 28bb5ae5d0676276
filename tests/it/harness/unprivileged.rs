//! Servers that refuse to run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The user that servers run as if the tests run as root.
pub(crate) struct Unprivileged {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Unprivileged {
    /// A program run by that user, in a folder that it may read, out of reach of Ctrl-C: whoever
    /// starts it ends it.
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
        Some(user.expect("a user postgres or nobody to run servers as"))
    }
}
