"""The peers."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from .cluster import Cluster
from .process import Process, free_port
from .store import Postgres, Store

PEERS = Path(__file__).resolve().parent.parent / "peers"
Stored = TypeVar("Stored", bound=Store)
ORDER = {"item": "espresso beans", "quantity": 2}


@dataclass(frozen=True)
class Programs:
    """The binaries of a run."""

    orders: Path
    per_request: Path
    ceiling: Path


@dataclass
class Server:
    """A server under test and its store (the ceiling has none)."""

    name: str
    argv: list[str]
    store: Store | None
    logs: Path
    environment: dict[str, str] = field(default_factory=dict)
    note: str = ""
    is_ours: bool = False
    process: Process | None = None
    url: str = ""

    def __enter__(self) -> Server:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ, "HOST": "127.0.0.1", "PORT": str(port), **self.environment,
        }
        if self.store is not None:
            environment["DATABASE_URL"] = self.store.url
        log = self.logs / f"{self.name.replace(' ', '-')}.log"
        self.process = Process(self.name, self.argv, log, env=environment)
        self.process.wait_for_http(f"{self.url}/health")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()

    def restart(self) -> None:
        self.stop()
        self.__enter__()

    @property
    def pid(self) -> int:
        assert self.process is not None, "a server is measured while it runs"
        self.process.check()
        return self.process.pid

    def place(self, key: str | None = None) -> tuple[str, str]:
        """Places one order; returns its id and its key."""
        key = key or str(uuid.uuid4())
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        # The same bytes as those of the load generator.
        body = json.dumps(ORDER, separators=(",", ":")).encode()
        request = urllib.request.Request(f"{self.url}/orders", body, headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)["id"], key

    def fill(self, count: int, age: str = "0") -> str:
        """Empties the tables and stores so many orders; returns the key of the first."""
        self.store.empty()
        order, key = self.place()
        self.store.fill(count, order, key, age)
        return key


def migrated(programs: Programs, store: Stored) -> Stored:
    """Creates the schema of the product with `orders migrate`."""
    environment = {**os.environ, "DATABASE_URL": store.url}
    command = [str(programs.orders), "migrate", "up"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return store


def ours(programs: Programs, store: Store, logs: Path) -> Server:
    argv = [str(programs.orders), "serve"]
    return Server("orders", argv, migrated(programs, store), logs, is_ours=True)


def before(against: list[str], store: Store, logs: Path) -> Server:
    """Another build of this project, or the same with other settings (`NAME=VALUE`), to measure a
    change. It migrates its own schema."""
    binary, *settings = against
    environment = dict(setting.split("=", 1) for setting in settings)
    argv = [str(Path(binary).resolve()), "serve"]
    return Server("before", argv, store, logs, environment, " ".join(settings), is_ours=True)


def per_request(programs: Programs, store: Store, logs: Path, pool: int) -> Server:
    return Server(
        "per request",
        [str(programs.per_request)],
        migrated(programs, store),
        logs,
        {"POOL": str(pool)},
        f"{pool} connection{'s' if pool > 1 else ''}",
    )


def express(store: Postgres, logs: Path, workers: int, pool: int) -> Server:
    store.sql((PEERS / "express" / "schema.sql").read_text())
    return Server(
        "express",
        ["node", str(PEERS / "express" / "server.js")],
        store,
        logs,
        {"NODE_ENV": "production", "WORKERS": str(workers), "POOL": str(pool)},
        f"{workers} process{'es' if workers > 1 else ''} with {pool} connections",
    )


def ceiling(programs: Programs, logs: Path) -> Server:
    return Server("ceiling", [str(programs.ceiling)], None, logs)


@dataclass
class Bare:
    """pgbench, in place of both client and server."""

    name: str
    cluster: Cluster
    store: Postgres
    note: str = "-M prepared"


def bare(programs: Programs, cluster: Cluster, store: Postgres) -> Bare:
    return Bare("pgbench", cluster, migrated(programs, store))


Peer = Server | Bare
