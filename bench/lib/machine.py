"""The machine and the versions of a run."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .cluster import SETTINGS, Cluster, filesystem
from .install import PROJECT
from .peers import PEERS


def _output(*command: str) -> str:
    ran = subprocess.run(command, cwd=PROJECT, text=True, capture_output=True, check=False)
    return (ran.stdout or ran.stderr).strip()


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _locked(package: str) -> str:
    lock = json.loads((PEERS / "express" / "package-lock.json").read_text())
    return lock["packages"][f"node_modules/{package}"]["version"]


def _crate(name: str) -> str:
    lock = (PEERS / "Cargo.lock").read_text()
    found = re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock)
    return found[1] if found else "?"


def describe(cluster: Cluster) -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    changed = _output("git", "status", "--porcelain", "--", "src", "migration", "Cargo.lock")
    commit = _output("git", "rev-parse", "--short", "HEAD") + (" and changes" if changed else "")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "kernel": platform.release().split("-")[0],
        "filesystem": filesystem(cluster.directory),
        "orders": commit,
        "orders_settings": {
            name: value for name, value in os.environ.items()
            if name.startswith("ORDERS_") and name != "ORDERS_BIN"
        },
        "postgresql": cluster.version(),
        "postgresql_settings": SETTINGS,
        "node": _output("node", "--version").lstrip("v"),
        "express": _locked("express"),
        "pg": _locked("pg"),
        "poem": _crate("poem"),
        "sea-orm": _crate("sea-orm"),
        "load_at_start": os.getloadavg()[0],
    }


def sentence(machine: dict[str, Any]) -> str:
    return (
        "{date}; {cores} cores ({processor}), {memory_gib} GiB, Linux {kernel}, {filesystem}; "
        "generator, servers and databases on the same machine. orders {orders}, "
        "PostgreSQL {postgresql}, Node {node}, Express {express}, pg {pg}, Poem {poem}, "
        "SeaORM {sea-orm}."
    ).format_map(machine)
