"""Tables for the terminal and the README, and the JSON file."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .install import BENCH, WORK
from .machine import sentence
from .measure import Sample, medians
from .plan import CLAIMED, CLAIMS, Claim, Workload

RESULTS = BENCH / "results"
README = BENCH / "README.md"
DATABASES = {"postgres": "PostgreSQL", "sqlite": "SQLite"}
# The share of other processes, including kernel threads, above which a run is called noisy.
NOISY = 0.10

Row = dict[str, Any]


def number(value: float) -> str:
    """Three significant digits, with thousands separated."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)
    ) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


@dataclass
class Report:
    """One whole run."""

    machine: Row
    options: Row
    samples: list[Sample]
    plan: list[tuple[str, Workload]]
    notes: dict[str, str]
    calibration: list[Row]

    def __post_init__(self) -> None:
        self.rows = medians(self.samples)
        self.index = {
            (row["database"], row["workload"], row["connections"], row["peer"]): row
            for row in self.rows
        }

    @property
    def failures(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.failure]

    def figure(
        self, database: str, workload: str, connections: int, peer: str, name: str = "rate"
    ) -> float | None:
        row = self.index.get((database, workload, connections, peer))
        return None if row is None or "failure" in row else float(row[name])

    def speed(
        self, database: str, workload: str, connections: int, peer: str, unit: str = ""
    ) -> str:
        """Requests per second and p50 / p99 in milliseconds, or nothing if not measured."""
        row = self.index.get((database, workload, connections, peer))
        if row is None:
            return ""
        if "failure" in row:
            return "failed"
        return f"{number(row['rate'])}/s, {number(row['p50'])} / {number(row['p99'])}{unit}"

    def peers(self, database: str, workload: str) -> list[str]:
        found: list[str] = []
        for row in self.rows:
            is_asked = (row["database"], row["workload"]) == (database, workload)
            if is_asked and row["peer"] not in found:
                found.append(str(row["peer"]))
        return found

    def ratio(self, claim: Claim) -> float | None:
        ours = self.figure(
            claim.database, claim.ours[0], claim.ours[1], "orders", name=claim.figure
        )
        peer, workload, connections = claim.theirs
        theirs = self.figure(claim.database, workload, connections, peer, name=claim.figure)
        if not ours or not theirs:
            return None
        return ours / theirs if claim.figure == "rate" else theirs / ours

    def _speeds(self, database: str, workload: Workload) -> str:
        rows = [
            [peer, *(
                self.speed(database, workload.name, connections, peer, unit=" ms")
                for connections in workload.connections
            )]
            for peer in self.peers(database, workload.name)
        ]
        title = f"{workload.title}, {DATABASES[database]}"
        return table([title, *(f"{c} conn." for c in workload.connections)], rows)

    def _costs(self, database: str) -> str:
        rows = []
        for workload in ("new", "hot"):
            for peer in self.peers(database, workload):
                row = self.index.get((database, workload, 64, peer))
                if row is None or "failure" in row:
                    continue
                stores = peer != "ceiling"
                bare, embedded = peer == "pgbench", database == "sqlite"
                rss = max(
                    float(other["rss"]) for other in self.rows
                    if (other["database"], other["peer"]) == (database, peer) and "rss" in other
                )
                rows.append([
                    f"{peer}, {'new orders' if workload == 'new' else 'replays of one key'}",
                    "" if bare else f"{row['server_cpu_per_1000']:.3f} s",
                    f"{row['database_cpu_per_1000']:.3f} s" if stores and not embedded else "",
                    number(row["wal_per_request"]) if stores and not embedded else "",
                    "" if bare else f"{rss / 2**20:.0f} MiB",
                ])
        head = [f"{DATABASES[database]}, 64 connections", "CPU of the server per 1000",
                "of the database", "WAL bytes each", "RSS, the highest"]
        return table(head, rows)

    def _ratios(self) -> str:
        rows = [
            [claim.text, f"{ratio:.2f}", claim.floor, claim.aim]
            for claim in CLAIMS if (ratio := self.ratio(claim)) is not None
        ]
        for (database, workload, connections, peer), row in self.index.items():
            before = self.figure(database, workload, connections, "before")
            if peer == "orders" and before and "failure" not in row:
                text = f"{DATABASES[database]}: {workload}, {connections} conn., to before"
                rows.append([text, f"{row['rate'] / before:.2f}", "", ""])
        return table(["ratio of the medians of this run", "measured", "floor", "aim"], rows)

    def text(self) -> str:
        parts = [
            sentence(self.machine),
            f"{self.options['rounds']} rounds of {self.options['seconds']} s "
            f"({CLAIMED * self.options['rounds']} where a floor depends on it), medians. "
            "Cells: requests a second, p50 / p99."
            + "".join(f" {peer}: {note}." for peer, note in self.notes.items() if note),
        ]
        foreign = sorted(sample.foreign for sample in self.samples if not sample.failure)
        if foreign and foreign[len(foreign) // 2] > NOISY:
            share = foreign[len(foreign) // 2]
            parts.append(f"**Noisy: other processes used {share:.0%} of the machine.**")
        if self.options.get("quick"):
            parts.append("**A smoke test: its figures mean nothing.**")
        parts.append(self._ratios())
        parts += [self._speeds(database, workload) for database, workload in self.plan]
        parts += [self._costs(name) for name in dict.fromkeys(name for name, _ in self.plan)]
        for sample in self.failures:
            parts.append(
                f"FAILED: {sample.peer}, {sample.workload} at {sample.connections} connections "
                f"on {sample.database}: {sample.failure}"
            )
        return "\n\n".join(parts)

    def json(self) -> Row:
        return {
            "machine": self.machine,
            "options": self.options,
            "notes": self.notes,
            "calibration": self.calibration,
            "ratios": {claim.text: self.ratio(claim) for claim in CLAIMS},
            "medians": self.rows,
            "samples": [asdict(sample) for sample in self.samples],
        }


def save(name: str, content: Row, publish: bool) -> Path:
    """Writes the JSON file: to the project if published, or else to the ignored directory."""
    directory = RESULTS if publish else WORK / "results"
    directory.mkdir(parents=True, exist_ok=True)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    file = directory / f"{today}{name}.json"
    file.write_text(json.dumps(content, indent=1) + "\n")
    return file


def into_readme(slot: str, text: str, file: Path = README) -> None:
    """Replaces the text between `<!-- slot -->` and `<!-- /slot -->`."""
    readme = file.read_text()
    filled, count = re.subn(
        rf"(<!-- {slot} -->\n).*?(<!-- /{slot} -->)",
        lambda found: f"{found[1]}{text}\n{found[2]}",
        readme,
        flags=re.DOTALL,
    )
    if count != 1:
        raise RuntimeError(f"no slot {slot} in {file}")
    file.write_text(filled)
