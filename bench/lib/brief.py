"""The table of the project's README: the main figures of a whole run."""

from __future__ import annotations

from .report import Report, table

HEAD = [
    "requests a second, p50 / p99 in ms", "connections", "orders", "Express + pg",
    "one transaction per request", "`pgbench`, no server",
]
PEERS = ("orders", "express", "per request", "pgbench")
ROWS = (
    ("new orders, client on a core of its own", "postgres", "apart", 1),
    ("new orders, client on any core", "postgres", "new", 1),
    ("new orders", "postgres", "new", 64),
    ("new orders", "postgres", "new", 256),
    ("new orders", "postgres", "new", 1000),
    ("new orders, 5 % duplicates", "postgres", "mixed", 64),
    ("replays of one key", "postgres", "hot", 64),
    ("replays of cold keys", "postgres", "cold", 64),
    ("SQLite: new orders", "sqlite", "new", 64),
)


def brief(report: Report) -> str:
    return table(HEAD, [
        [title, str(connections), *(
            report.speed(database, workload, connections, peer) for peer in PEERS
        )]
        for title, database, workload, connections in ROWS
    ])
