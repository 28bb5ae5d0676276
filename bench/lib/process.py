"""Processes of the benchmark, and their CPU time and memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    found, children = [root], Path(f"/proc/{root}/task")
    try:
        for task in children.iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def _confine(root: int, cores: set[int]) -> None:
    """Pins a process tree, and the processes that it starts later, to some cores."""
    for pid in tree(root):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), cores)


@contextlib.contextmanager
def apart(others: list[int]) -> Iterator[None]:
    """Pins this process and what it starts to one core, and other process trees to the rest."""
    every = os.sched_getaffinity(0)
    own = {min(every)}
    if own == every:
        raise RuntimeError("the generator needs a core of its own: at least two cores are required")
    try:
        for root in others:
            _confine(root, every - own)
        os.sched_setaffinity(0, own)
        yield
    finally:
        os.sched_setaffinity(0, every)
        for root in others:
            _confine(root, every)


def cpu_seconds(root: int) -> float:
    """User and system time of a process tree, including ended children."""
    ticks = 0
    for pid in tree(root):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        # The name, in parentheses, may contain anything; utime is the 14th field.
        fields = stat.rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def rss_bytes(root: int) -> int:
    """Resident memory of a process tree. Shared pages count once for each process."""
    total = 0
    for pid in tree(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def machine_busy_seconds() -> float:
    """CPU time used on this machine, without interrupts."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()
    user, nice, system = (int(field) for field in first[1:4])
    return (user + nice + system) / TICKS


class Process:
    """A server in its own process group, with its output in a file."""

    def __init__(self, name: str, argv: list[str], log: Path, **options: Any) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self.child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **options,
            )
        self.pid = self.child.pid

    def check(self) -> None:
        """Raises if the process has ended."""
        if self.child.poll() is not None:
            tail = self.log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{self.name} ended with {self.child.returncode}:\n{tail}")

    def wait_for_http(self, url: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{self.name} does not answer {url}") from None
                time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.child.poll() is None:
            os.killpg(self.pid, number)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
                self.child.wait()
