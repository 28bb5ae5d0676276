"""A private PostgreSQL cluster with default durability."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from .process import Process, free_port

# Differences from the defaults: connections for 1000 pgbench clients (100); a quarter of the memory for
# shared buffers, as the manual recommends (128 MB); and with them a longer log between checkpoints
# (1 GB), because otherwise the fastest peer has the most checkpoints.
SETTINGS = {
    "max_connections": "1200",
    "max_wal_size": "8GB",
    "shared_buffers": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 2**22}MB",
}
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


def binaries() -> Path:
    """The directory of `initdb` and `postgres`: Debian's newest version, or that on the path."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0),
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise RuntimeError("no PostgreSQL server binaries")
    return Path(on_path).resolve().parent


def _unprivileged() -> dict[str, Any]:
    """Options that run a process as an unprivileged user: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("no unprivileged user to run PostgreSQL as")


def filesystem(path: Path) -> str:
    """The type of the file system of a path."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    above = [mount for mount in mounts if path.resolve().is_relative_to(mount[0])]
    return max(above, key=lambda mount: len(mount[0]))[1]


class Cluster:
    """Starts on entry, stops and removes its files on exit."""

    def __init__(self) -> None:
        self.bin = binaries()
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="orders-bench-pg-"))
        self.process: Process | None = None
        self.options: dict[str, Any] = {"cwd": self.directory, **_unprivileged()}

    def __enter__(self) -> Cluster:
        kind = filesystem(self.directory)
        if kind in ("tmpfs", "ramfs"):
            raise RuntimeError(f"{kind} is not durable: set TMPDIR to a directory on a disk")
        if "user" in self.options:
            os.chown(self.directory, self.options["user"], self.options["group"])
        subprocess.run(
            [str(self.bin / "initdb"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "-D", str(self.directory / "data")],
            check=True, stdout=subprocess.DEVNULL, **self.options,
        )
        self.start()
        for name in DURABLE:
            if self.sql(f"SHOW {name}") != "on":
                raise RuntimeError(f"{name} is not on")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGINT)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        self.process = Process(
            "postgres",
            [str(self.bin / "postgres"), "-D", str(self.directory / "data"),
             "-k", str(self.directory), "-clisten_addresses=127.0.0.1", "-p", str(self.port),
             *settings],
            self.directory / "log",
            **self.options,
        )
        self._wait(self.process)

    def stop(self, number: signal.Signals) -> None:
        """Stops the server: SIGINT for a fast shutdown, SIGQUIT for an immediate one."""
        if self.process is not None:
            self.process.stop(number)

    def _wait(self, process: Process) -> None:
        deadline = time.monotonic() + 30
        ready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            process.check()
            if time.monotonic() > deadline:
                raise RuntimeError("PostgreSQL does not answer")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self.process is not None, "a cluster is used while it runs"
        self.process.check()
        return self.process.pid

    def url(self, database: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"

    def sql(self, text: str, database: str = "postgres") -> str:
        """Runs statements, each in its own transaction, and returns the output of the last."""
        psql = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database)]
        ran = subprocess.run(psql, input=text, text=True, capture_output=True, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"{ran.stderr}\n{text}")
        return ran.stdout.strip()

    def create(self, database: str) -> None:
        self.sql(f'CREATE DATABASE "{database}"')

    def wal_position(self) -> int:
        return int(self.sql("SELECT pg_current_wal_lsn() - '0/0'"))

    def version(self) -> str:
        return self.sql("SHOW server_version").split()[0]
