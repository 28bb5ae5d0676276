"""The workloads, and for which peers and how many connections each is measured."""

from __future__ import annotations

from dataclasses import dataclass

CONNECTIONS = (1, 64, 256, 1000)

# Measurements that a floor depends on have this many times the rounds.
CLAIMED = 3


@dataclass(frozen=True)
class Workload:
    """One kind of traffic."""

    name: str
    title: str
    script: str
    connections: tuple[int, ...]
    # Peers that it applies to.
    peers: frozenset[str]
    # Orders that are stored beforehand.
    stored: int = 0
    # Whether the generator has a core of its own.
    apart: bool = False


SERVERS = frozenset({"orders", "before", "express", "per request"})


def workloads(database: str, quick: bool) -> list[Workload]:
    """The workloads. Reads come first, so that the tables are filled only once for all of them."""
    everywhere = (1, 64) if quick else CONNECTIONS
    some = (64,) if quick or database == "sqlite" else CONNECTIONS
    storm = (64,) if quick else (1000,)
    stored = 10_000 if quick else {"postgres": 500_000, "sqlite": 200_000}[database]
    return [
        Workload("hot", "Replays of one key", "hot", everywhere, SERVERS | {"ceiling"}, stored),
        Workload("cold", "Replays of cold keys", "cold", some, SERVERS, stored),
        Workload("storm", "Storm on one new key", "hot", storm, SERVERS),
        Workload("new", "New orders", "new", everywhere, SERVERS | {"pgbench", "ceiling"}),
        Workload("apart", "New orders, the client on a core of its own", "new", (1,),
                 SERVERS | {"pgbench"}, apart=True),
        Workload("mixed", "New orders, 5 % duplicates", "mixed", some, SERVERS),
    ]


@dataclass(frozen=True)
class Claim:
    """A ratio of two measurements of one run, with the minimum and the aim of the project."""

    text: str
    database: str
    figure: str
    ours: tuple[str, int]
    theirs: tuple[str, str, int]
    floor: str
    aim: str

    def rests_on(self, database: str, workload: str, connections: int) -> bool:
        cell = (workload, connections)
        return self.database == database and cell in (self.ours, self.theirs[1:])


CLAIMS = (
    Claim("new orders, 64 connections, to Express", "postgres", "rate",
          ("new", 64), ("express", "new", 64), "12", "15"),
    Claim("new orders, 64 connections, to pgbench", "postgres", "rate",
          ("new", 64), ("pgbench", "new", 64), "3", "4"),
    Claim("new orders, 256 connections, to 64", "postgres", "rate",
          ("new", 256), ("orders", "new", 64), "1", ""),
    Claim("replays of one key, 64 connections, to Express", "postgres", "rate",
          ("hot", 64), ("express", "hot", 64), "15", "20"),
    Claim("replays of one key, 64 connections, to the ceiling", "postgres", "rate",
          ("hot", 64), ("ceiling", "hot", 64), "", "0.8"),
    Claim("new orders, one client on a core of its own, to pgbench", "postgres", "rate",
          ("apart", 1), ("pgbench", "apart", 1), "1.1", "1.5"),
    Claim("new orders, one client on any core, to pgbench", "postgres", "rate",
          ("new", 1), ("pgbench", "new", 1), "1.1", "1.5"),
    Claim("new orders, 64 connections, to one transaction per request", "postgres", "rate",
          ("new", 64), ("per request", "new", 64), "", ""),
    Claim("SQLite: new orders, 64 connections, to one transaction per request", "sqlite", "rate",
          ("new", 64), ("per request", "new", 64), "8", ""),
    Claim("SQLite: p99 of theirs to ours, 64 connections", "sqlite", "p99",
          ("new", 64), ("per request", "new", 64), "10", ""),
)


def times(database: str, workload: str, connections: int) -> int:
    """The factor on the number of rounds."""
    claimed = any(
        claim.floor and claim.rests_on(database, workload, connections) for claim in CLAIMS
    )
    return CLAIMED if claimed else 1
