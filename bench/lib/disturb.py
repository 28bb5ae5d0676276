"""Disturbances of unrelated requests, each as a context manager that runs it meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import signal
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from .load import Load, LoadError
from .peers import Server
from .report import number
from .store import Postgres

STORM = 1000
PAGES = 200
REFUSALS_PER_SECOND = 20


@dataclass
class Happened:
    """The summary of a disturbance, set when it is over."""

    text: str = ""


@contextlib.contextmanager
def nothing(*_: object) -> Iterator[Happened]:
    yield Happened("")


def _storm(server: Server, seconds: int, pause: int) -> Iterator[Happened]:
    _, key = server.place()
    load = Load("hot", STORM, seconds + 1, (("KEY", key), ("PAUSE", str(pause))))
    wrk = load.start(server.url)
    # Every client connects before the measurement begins.
    time.sleep(0.5)
    happened = Happened()
    try:
        yield happened
    finally:
        figures = load.finish(wrk)
    happened.text = f"{number(figures.rate)} duplicates a second"


@contextlib.contextmanager
def storm(server: Server, _: Postgres, seconds: int) -> Iterator[Happened]:
    """1000 clients repeat one request, each ten times a second."""
    yield from _storm(server, seconds, 100)


@contextlib.contextmanager
def flood(server: Server, _: Postgres, seconds: int) -> Iterator[Happened]:
    """1000 clients repeat one request without a pause."""
    yield from _storm(server, seconds, 0)


@contextlib.contextmanager
def _meanwhile(act: threading.Thread, ended: threading.Event) -> Iterator[None]:
    act.start()
    try:
        yield
    finally:
        ended.set()
        act.join()


@contextlib.contextmanager
def deletion(server: Server, store: Postgres, _: int) -> Iterator[Happened]:
    """A million old key rows are deleted, some thousands per transaction, without a pause."""
    order, key = server.place()
    store.fill(1_000_000, order, key, age="2 days")
    old = "created_at < now() - interval '1 day'"
    count = f"SELECT count(*) FROM idempotency_keys WHERE {old}"
    before = int(store.sql(count))
    pages = int(store.sql("SELECT pg_relation_size('idempotency_keys') / 8192"))
    ended, happened = threading.Event(), Happened()

    def act() -> None:
        for first in range(0, pages, 10 * PAGES):
            if ended.is_set():
                return
            store.sql("\n".join(
                f"DELETE FROM idempotency_keys WHERE {old} "
                f"AND ctid >= '({page},0)'::tid AND ctid < '({page + PAGES},0)'::tid;"
                for page in range(first, first + 10 * PAGES, PAGES)
            ))

    with _meanwhile(threading.Thread(target=act), ended):
        yield happened
    happened.text = f"{number(before - int(store.sql(count)))} rows deleted"


@contextlib.contextmanager
def bad_rows(server: Server, store: Postgres, _: int) -> Iterator[Happened]:
    """Some batches have a row that the database refuses."""
    store.sql("ALTER TABLE orders ADD CONSTRAINT refuses CHECK (item <> 'refused') NOT VALID")
    address = urllib.parse.urlsplit(server.url).netloc
    ended, happened, statuses = threading.Event(), Happened(), []

    def act() -> None:
        connection = http.client.HTTPConnection(address, timeout=30)
        while not ended.wait(1 / REFUSALS_PER_SECOND):
            headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            connection.request("POST", "/orders", '{"item":"refused","quantity":1}', headers)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    try:
        with _meanwhile(threading.Thread(target=act), ended):
            yield happened
    finally:
        store.sql("ALTER TABLE orders DROP CONSTRAINT refuses")
    if not statuses or set(statuses) != {500}:
        raise LoadError(f"bad rows were answered {sorted(set(statuses))}")
    happened.text = f"{len(statuses)} bad rows"


@contextlib.contextmanager
def blocked(_: Server, store: Postgres, __: int) -> Iterator[Happened]:
    """A lock on the table of orders blocks every write for a second."""

    def act() -> None:
        time.sleep(1)
        store.sql("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT")

    with _meanwhile(threading.Thread(target=act), threading.Event()):
        yield Happened("blocked once")


def _until_health(server: Server, wanted: int) -> float:
    """Waits until `/health` returns a status, and returns how long that took."""
    began = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(f"{server.url}/health", timeout=30) as response:
                status = response.status
        except urllib.error.HTTPError as error:
            status = error.code
        took = time.monotonic() - began
        if status == wanted:
            return took
        if took > 30:
            raise LoadError(f"/health answers {status}, not {wanted}")
        time.sleep(0.01)


@contextlib.contextmanager
def restart(server: Server, store: Postgres, _: int) -> Iterator[Happened]:
    """PostgreSQL is down for a second. `/health` follows."""
    happened = Happened()

    def act() -> None:
        time.sleep(1)
        store.cluster.stop(signal.SIGQUIT)
        unready = _until_health(server, 503)
        time.sleep(max(0.0, 1 - unready))
        store.cluster.start()
        ready = _until_health(server, 200)
        happened.text = f"not ready after {unready:.2f} s, ready after {ready:.2f} s"

    with _meanwhile(threading.Thread(target=act), threading.Event()):
        yield happened


DISTURBANCES = {
    "quiet": nothing,
    "one key, 1 000 clients, each 10 times a second": storm,
    "one key, 1 000 clients, without a pause": flood,
    "a million old keys are deleted": deletion,
    "a bad row, 20 times a second": bad_rows,
    "all writes are blocked for a second": blocked,
    "PostgreSQL is down for a second": restart,
}
