//! A private PostgreSQL cluster for the run, started from the installed server binaries, or the
//! server that `TEST_DATABASE_URL` names.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The URL of the server, without a database.
pub(crate) fn url() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    &SERVER.get_or_init(Server::find).url
}

struct Server {
    url: String,
    /// Holds the pipe whose end stops the cluster.
    _guard: Option<Child>,
}

/// Runs the server until its standard input ends, which it does however this process ends.
const SUPERVISE: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses=127.0.0.1 -p "$3" \
    -c fsync=off -c max_connections=300 -c logging_collector=off >"$2/log" 2>&1 &
until "$1/pg_isready" -q -h 127.0.0.1 -p "$3"; do
    kill -0 $! 2>/dev/null || { cat "$2/log"; exit 1; }
    sleep 0.05
done
echo ready
cat >/dev/null
kill -INT $! ; wait $! ; rm -rf "$2"
"#;

impl Server {
    fn find() -> Self {
        match std::env::var("TEST_DATABASE_URL") {
            Ok(url) => Self {
                url: url.trim_end_matches('/').to_owned(),
                _guard: None,
            },
            Err(_) => Self::start(),
        }
    }

    fn start() -> Self {
        let bin = binaries();
        let user = Unprivileged::needed();
        let directory = tempfile::Builder::new()
            .prefix("orders-pg-")
            .tempdir()
            .unwrap()
            .keep();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
        if let Some(user) = &user {
            chown(&directory, Some(user.uid), Some(user.gid)).unwrap();
        }
        let as_user = |program: &Path| {
            let mut command = Command::new(program);
            command.current_dir(&directory);
            if let Some(user) = &user {
                command.uid(user.uid).gid(user.gid);
            }
            command
        };

        let initdb = as_user(&bin.join("initdb"))
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-sync",
                "-D",
            ])
            .arg(directory.join("data"))
            .output()
            .unwrap();
        assert!(
            initdb.status.success(),
            "{}",
            String::from_utf8_lossy(&initdb.stderr)
        );

        // Free now, and nobody else on this machine is likely to take it within the second.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut guard = as_user(Path::new("/bin/sh"))
            .args(["-c", SUPERVISE, "supervise"])
            .args([&bin, &directory])
            .arg(port.to_string())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(guard.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(
            line,
            "ready\n",
            "PostgreSQL did not start: {}",
            directory.display()
        );
        Self {
            url: format!("postgres://postgres@127.0.0.1:{port}"),
            _guard: Some(guard),
        }
    }
}

/// Where `initdb` and `postgres` are: the newest version in Debian's place, or on the path.
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
        .expect("PostgreSQL's server binaries, or TEST_DATABASE_URL (scripts/test installs them)")
}

/// PostgreSQL refuses to run as root.
struct Unprivileged {
    uid: u32,
    gid: u32,
}

impl Unprivileged {
    fn needed() -> Option<Self> {
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
        Some(user.expect("a user postgres or nobody to run PostgreSQL as"))
    }
}
