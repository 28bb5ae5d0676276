"""The load generators: wrk for servers, pgbench for the bare transaction."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster

BENCH = Path(__file__).resolve().parent.parent
SCRIPTS = BENCH / "wrk"
TRANSACTION = BENCH / "peers" / "pgbench.sql"

# The share of latencies that pgbench logs: logging all of them would cost it CPU time.
SAMPLED = 0.2


class LoadError(RuntimeError):
    """The figures of a run are invalid."""


@dataclass(frozen=True)
class Figures:
    """The result of a load generator. Latencies in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    max: float
    generator_cpu: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


@dataclass(frozen=True)
class Load:
    """One run of wrk."""

    script: str
    connections: int
    seconds: int
    variables: tuple[tuple[str, str], ...] = ()

    def start(self, url: str) -> subprocess.Popen[str]:
        threads = 1 if self.connections == 1 else 2
        environment = {
            **os.environ, **dict(self.variables), "WRK_LIB": str(SCRIPTS / "common.lua"),
            "CONNECTIONS": str(self.connections),
        }
        return subprocess.Popen(
            ["wrk", f"-t{threads}", f"-c{self.connections}", f"-d{self.seconds}s",
             "--timeout", "30s", "-s", str(SCRIPTS / f"{self.script}.lua"), f"{url}/orders"],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def finish(self, wrk: subprocess.Popen[str]) -> Figures:
        assert wrk.stdout is not None, "started with a pipe"
        output = wrk.stdout.read()
        _, status, usage = os.wait4(wrk.pid, 0)
        wrk.returncode = os.waitstatus_to_exitcode(status)
        found = re.search(r"^RESULT (.*)$", output, re.MULTILINE)
        if wrk.returncode != 0 or found is None:
            raise LoadError(f"wrk failed:\n{output}")
        result = json.loads(found[1])
        for failure in ("refused", "broken", "timeouts"):
            if result[failure]:
                raise LoadError(f"{result[failure]} of {result['requests']} requests {failure}")
        if result["requests"] == 0:
            raise LoadError("no request was answered")
        return Figures(
            requests=result["requests"],
            seconds=result["seconds"],
            p50=result["p50_us"] / 1000,
            p99=result["p99_us"] / 1000,
            max=result["max_us"] / 1000,
            generator_cpu=usage.ru_utime + usage.ru_stime,
        )

    def run(self, url: str) -> Figures:
        return self.finish(self.start(url))


def percentile(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def pgbench(cluster: Cluster, database: str, clients: int, seconds: int) -> Figures:
    """Runs the transaction with a number of clients, each on its own connection."""
    # The duration includes the time to connect (the rate does not): one more second for each 100
    # clients is more than they need.
    whole = seconds + clients // 100
    with tempfile.TemporaryDirectory(prefix="orders-bench-") as directory:
        before = os.times()
        ran = subprocess.run(
            [cluster.bin / "pgbench", "-n", "-M", "prepared", "-f", TRANSACTION,
             "-c", str(clients), "-j", str(min(2, clients)), "-T", str(whole),
             "-l", f"--sampling-rate={SAMPLED}", "--log-prefix=latency",
             "-h", "127.0.0.1", "-p", str(cluster.port), "-U", "postgres", database],
            cwd=directory, text=True, capture_output=True, check=False,
        )
        after = os.times()
        rate = re.search(r"^tps = ([\d.]+)", ran.stdout, re.MULTILINE)
        count = re.search(r"actually processed: (\d+)", ran.stdout)
        failed = re.search(r"failed transactions: (\d+)", ran.stdout)
        if ran.returncode != 0 or not rate or not count or (failed and int(failed[1])):
            raise LoadError(f"pgbench failed:\n{ran.stdout}{ran.stderr}")
        latencies = [
            int(line.split()[2]) / 1000
            for file in Path(directory).glob("latency*")
            for line in file.read_text().splitlines()
        ]
    spent = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return Figures(
        requests=int(count[1]),
        # Without the time to connect.
        seconds=int(count[1]) / float(rate[1]),
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        max=max(latencies),
        generator_cpu=spent,
    )
