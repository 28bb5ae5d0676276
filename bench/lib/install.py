"""Installs and builds what the benchmark needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .cluster import binaries
from .peers import PEERS, Programs

BENCH = Path(__file__).resolve().parent.parent
PROJECT = BENCH.parent
WORK = BENCH / ".work"


def _run(*command: str, cwd: Path = PROJECT) -> None:
    print("  " + " ".join(command), flush=True)
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def _packages() -> None:
    """The load generators and the database server."""
    missing = [name for name in ("wrk", "node", "npm") if shutil.which(name) is None]
    missing = [{"node": "nodejs"}.get(name, name) for name in missing]
    try:
        binaries()
    except RuntimeError:
        missing.append("postgresql")
    if missing:
        if os.geteuid() != 0:
            raise RuntimeError(f"missing packages: {' '.join(missing)}. Install them, or run as root")
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing)


def _node() -> None:
    express = PEERS / "express"
    lock, installed = express / "package-lock.json", express / "node_modules/.package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--no-audit", "--no-fund", "--silent", cwd=express)


def _given(variable: str, default: Path) -> tuple[Path, bool]:
    given = os.environ.get(variable)
    return (Path(given).resolve(), True) if given else (default, False)


def install() -> Programs:
    """Installs and builds everything with the profile `dist`. `ORDERS_BIN` and `PEERS_BIN` (a
    directory) name existing binaries."""
    print("Preparing", flush=True)
    WORK.mkdir(exist_ok=True)
    _packages()
    _node()
    target = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    orders, is_given = _given("ORDERS_BIN", target / "dist" / "orders")
    if not is_given:
        _run("cargo", "build", "--locked", "--profile", "dist", "--bin", "orders")
    peers, is_given = _given("PEERS_BIN", WORK / "cargo" / "dist")
    if not is_given:
        _run("cargo", "build", "--locked", "--profile", "dist",
             "--target-dir", str(WORK / "cargo"), cwd=PEERS)
    return Programs(orders, peers / "per-request", peers / "ceiling")
