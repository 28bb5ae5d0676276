"""Runs the measurements: load, costs, and a check of what was stored."""

from __future__ import annotations

import math
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .cluster import Cluster
from .load import Figures, Load, LoadError, pgbench
from .peers import Bare, Peer, Server
from .plan import Workload, times
from .process import apart, cpu_seconds, machine_busy_seconds, rss_bytes

# Requests in flight when the generator stops are still executed.
SETTLE = 0.3

# Seconds of warm-up before a sample that writes: the kernel may have evicted the peer's files from
# memory while it waited for its turn.
WARM = 2
WRITE = frozenset({"new", "mixed"})


@dataclass(frozen=True)
class Sample:
    """One run of one peer. Times in seconds, latencies in milliseconds."""

    database: str
    workload: str
    connections: int
    peer: str
    round: int
    failure: str = ""
    requests: int = 0
    created: int = 0
    rate: float = 0
    p50: float = 0
    p99: float = 0
    server_cpu: float = 0
    database_cpu: float = 0
    generator_cpu: float = 0
    # CPU time of other processes, as a share of the machine.
    foreign: float = 0
    wal: int = 0
    rss: int = 0


Progress = Callable[[Sample], None]


class Bench:
    """The peers on one kind of database, and how to measure them."""

    def __init__(
        self, database: str, peers: list[Peer], cluster: Cluster | None, directory: Path,
        seconds: int, rounds: int, progress: Progress,
    ) -> None:
        self.database, self.peers, self.cluster = database, peers, cluster
        self.directory, self.seconds, self.rounds = directory, seconds, rounds
        self.progress = progress
        self.filled: dict[str, str] = {}

    def measure(self, workload: Workload) -> Iterator[Sample]:
        peers = [peer for peer in self.peers if peer.name in workload.peers]
        if workload.stored:
            for peer in self.peers:
                if peer.name not in self.filled:
                    self._fill(peer, workload.stored)
        for connections in workload.connections:
            for number in range(self.rounds * times(self.database, workload.name, connections)):
                turn = number % len(peers)
                # A different peer goes first in each round.
                for peer in peers[turn:] + peers[:turn]:
                    if not workload.stored:
                        self._empty(peer)
                    sample = self.sample(workload, connections, peer, number)
                    self.progress(sample)
                    yield sample

    def _empty(self, peer: Peer) -> None:
        """Empties the tables, so that a fast peer does not have fuller ones in the next round."""
        self.filled.pop(peer.name, None)
        if peer.store is not None:
            peer.store.empty()

    def _keys(self, peer: Peer) -> Path:
        return self.directory / f"{self.database}-{peer.name}.keys"

    def _fill(self, peer: Peer, count: int) -> None:
        if not isinstance(peer, Server):
            return
        if peer.store is None:
            self.filled[peer.name] = str(uuid.uuid4())
            return
        self.filled[peer.name] = peer.fill(count)
        peer.store.export_keys(self._keys(peer), count)

    def _generate(
        self, workload: Workload, connections: int, peer: Peer, seconds: int
    ) -> Figures:
        if isinstance(peer, Bare):
            return pgbench(peer.cluster, peer.store.database, connections, seconds)
        return self._load(workload, connections, peer, seconds).run(peer.url)

    def _load(self, workload: Workload, connections: int, peer: Peer, seconds: int) -> Load:
        variables: tuple[tuple[str, str], ...] = ()
        if workload.name == "hot":
            variables = (("KEY", self.filled[peer.name]),)
        elif workload.name == "storm":
            variables = (("KEY", str(uuid.uuid4())),)
        elif workload.name == "cold":
            variables = (("KEYS", str(self._keys(peer))),)
        return Load(workload.script, connections, seconds, variables)

    def sample(self, workload: Workload, connections: int, peer: Peer, number: int) -> Sample:
        about = Sample(self.database, workload.name, connections, peer.name, number)
        try:
            return self._sample(workload, peer, about)
        except LoadError as failure:
            return replace(about, failure=str(failure))

    def _sample(self, workload: Workload, peer: Peer, about: Sample) -> Sample:
        connections = about.connections
        if workload.name == "cold" and isinstance(peer, Server) and peer.is_ours:
            # Empties its replay cache. The peers have no cache, and a restart would only discard
            # the code that Node has compiled.
            peer.restart()
        if workload.script in WRITE:
            self._generate(workload, connections, peer, min(WARM, self.seconds))
            time.sleep(SETTLE)
        stored = peer.store.orders() if peer.store else 0
        server = peer.pid if isinstance(peer, Server) else None
        wal = self.cluster.wal_position() if self.cluster else 0
        before = self._spent(server)
        with apart(self._measured(server)) if workload.apart else nullcontext():
            figures = self._generate(workload, connections, peer, self.seconds)
        rss = rss_bytes(server) if server else 0
        time.sleep(SETTLE)
        after = self._spent(server)
        spent = [late - early for late, early in zip(after, before, strict=True)]
        wall, busy, server_cpu, database_cpu = spent
        wal = self.cluster.wal_position() - wal if self.cluster else 0
        created = peer.store.orders() - stored if peer.store else figures.requests
        if peer.store:
            check(workload, figures, created, connections)
        accounted = server_cpu + database_cpu + figures.generator_cpu
        return replace(
            about,
            requests=figures.requests,
            created=created,
            rate=figures.rate,
            p50=figures.p50,
            p99=figures.p99,
            server_cpu=server_cpu,
            database_cpu=database_cpu,
            generator_cpu=figures.generator_cpu,
            foreign=max(0.0, busy - accounted) / (wall * (os.cpu_count() or 1)),
            wal=wal if peer.store else 0,
            rss=rss,
        )

    def _measured(self, server: int | None) -> list[int]:
        cluster = self.cluster.pid if self.cluster else None
        return [pid for pid in (server, cluster) if pid is not None]

    def _spent(self, server: int | None) -> tuple[float, float, float, float]:
        return (
            time.monotonic(),
            machine_busy_seconds(),
            cpu_seconds(server) if server else 0.0,
            cpu_seconds(self.cluster.pid) if self.cluster else 0.0,
        )


def check(workload: Workload, figures: Figures, created: int, connections: int) -> None:
    """Fails if the number of stored orders is not the number that was answered."""
    answered = figures.requests
    # Duplicates are random: five standard deviations of leeway.
    leeway = connections + 5 * math.sqrt(answered * 0.05 * 0.95)
    least, most = {
        # Requests in flight at the end are stored but not counted.
        "new": (answered, answered + connections),
        "apart": (answered, answered + connections),
        "mixed": (answered * 0.95 - leeway, answered * 0.95 + leeway),
        "storm": (1, 1),
    }.get(workload.name, (0, 0))
    if not least <= created <= most:
        raise LoadError(f"{answered} requests were answered, and {created} orders stored")


FIGURES = (
    "requests", "rate", "p50", "p99", "server_cpu", "database_cpu", "generator_cpu", "foreign",
    "wal", "rss",
)


def medians(samples: list[Sample]) -> list[dict[str, Any]]:
    """One row for each peer, workload and number of connections."""
    cells: dict[tuple[str, str, int, str], list[Sample]] = {}
    for sample in samples:
        key = (sample.database, sample.workload, sample.connections, sample.peer)
        cells.setdefault(key, []).append(sample)
    rows = []
    for (database, workload, connections, peer), rounds in cells.items():
        row: dict[str, Any] = {
            "database": database, "workload": workload, "connections": connections, "peer": peer,
        }
        failures = [sample.failure for sample in rounds if sample.failure]
        if failures:
            row["failure"] = failures[0]
        else:
            for name in FIGURES:
                row[name] = statistics.median(asdict(sample)[name] for sample in rounds)
            per_thousand = 1000 / max(1.0, row["requests"])
            row["server_cpu_per_1000"] = row["server_cpu"] * per_thousand
            row["database_cpu_per_1000"] = row["database_cpu"] * per_thousand
            row["wal_per_request"] = row["wal"] / max(1.0, row["requests"])
        rows.append(row)
    return rows
