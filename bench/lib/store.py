"""The tables of a peer: empties, fills and counts them. Rows are copies of one order that was placed
over HTTP, so nothing here depends on a whole schema."""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Protocol

from .cluster import Cluster

TABLES = ("orders", "idempotency_keys")
CHUNK = 1_000_000

# A UUID version 7 of now. Columns of a copy that are not listed in `_columns` are as in the original.
ID_NOW = """(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || right(replace(gen_random_uuid()::text, '-', ''), 19))::uuid"""


# The primary key of the key rows of `orders`.
DIGEST = """encode(substring(sha256(
    convert_to(t.scope, 'UTF8') || '\\x00'::bytea || convert_to(g.key, 'UTF8')
) FROM 1 FOR 16), 'hex')::uuid"""


class Store(Protocol):
    """The database of a peer."""

    url: str

    def orders(self) -> int: ...
    def empty(self) -> None: ...
    def fill(self, count: int, order: str, key: str, age: str = "0") -> None: ...
    def export_keys(self, file: Path, count: int) -> None: ...


class Postgres:
    """A database of the cluster."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self.cluster, self.database = cluster, database
        self.url = cluster.url(database)
        cluster.create(database)

    def sql(self, text: str) -> str:
        return self.cluster.sql(text, self.database)

    def orders(self) -> int:
        return int(self.sql("SELECT count(*) FROM orders"))

    def empty(self) -> None:
        """Keeps what migrations and `orders token` have stored."""
        tables = self.sql(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename NOT LIKE '%migrations' "
            "AND tablename <> 'tokens'"
        )
        self.sql(f"TRUNCATE {tables}")

    def _columns(self, table: str, order: str, age: str) -> tuple[str, str]:
        listed = self.sql(
            "SELECT column_name, data_type FROM information_schema.columns "
            f"WHERE table_name = '{table}' ORDER BY ordinal_position"
        )
        columns = dict(line.split("|") for line in listed.splitlines())

        def value(name: str, kind: str) -> str:
            if name == "response" and kind == "bytea":
                text = "convert_from(t.response, 'UTF8')"
                return f"convert_to(replace({text}, '{order}', g.id::text), 'UTF8')"
            if name == "response":
                return "jsonb_set(t.response, '{id}', to_jsonb(g.id::text))"
            if name == "created_at":
                return f"t.created_at - interval '{age}'"
            return {
                "digest": DIGEST, "key": "g.key", "resource": "g.id", "id": "g.id",
            }.get(name, f"t.{name}")

        return ", ".join(columns), ", ".join(value(*column) for column in columns.items())

    def fill(self, count: int, order: str, key: str, age: str = "0") -> None:
        """Adds copies of an order and its key, with random keys and current ids. Within a chunk they
        are in the order of the index, which is faster."""
        into_orders, orders = self._columns("orders", order, age)
        into_keys, keys = self._columns("idempotency_keys", order, age)
        names = into_keys.split(", ")
        by = 1 + names.index("digest" if "digest" in names else "key")
        self.sql("SET synchronous_commit = off;" + "".join(f"""
            WITH g AS MATERIALIZED (
                SELECT gen_random_uuid()::text AS key, {ID_NOW} AS id
                FROM generate_series(1, {min(CHUNK, count - done)})
            ), placed AS (
                INSERT INTO orders ({into_orders})
                SELECT {orders} FROM g, (SELECT * FROM orders WHERE id = '{order}') AS t
            )
            INSERT INTO idempotency_keys ({into_keys})
            SELECT {keys} FROM g, (SELECT * FROM idempotency_keys WHERE key = '{key}') AS t
            ORDER BY {by};
        """ for done in range(0, count, CHUNK)))
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")

    def export_keys(self, file: Path, count: int) -> None:
        file.write_text(self.sql(f"SELECT key FROM idempotency_keys LIMIT {count}") + "\n")


class Sqlite:
    """A file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite://{file}"

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.file, timeout=60))

    def orders(self) -> int:
        with self._open() as db:
            return db.execute("SELECT count(*) FROM orders").fetchone()[0]

    def empty(self) -> None:
        with self._open() as db, db:
            named = "SELECT name FROM sqlite_master WHERE type = 'table'"
            for (table,) in db.execute(named).fetchall():
                if not table.endswith("migrations") and not table.startswith("sqlite"):
                    db.execute(f'DELETE FROM "{table}"')
        # Otherwise new rows would be scattered over the pages of the deleted ones, and the log
        # would begin with the deletion.
        with self._open() as db:
            db.execute("VACUUM")
            busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise RuntimeError(f"{self.file} is in use")

    def fill(self, count: int, order: str, key: str, age: str = "0") -> None:
        original = uuid.UUID(order)

        def copy(row: sqlite3.Row, fresh: uuid.UUID, name: str) -> list[object]:
            def value(column: str) -> object:
                old = row[column]
                if column == "key":
                    return name
                if column == "digest":
                    return hashlib.sha256(f"{row['scope']}\0{name}".encode()).digest()[:16]
                if old == original.bytes or old == order:
                    return fresh.bytes if isinstance(old, bytes) else str(fresh)
                if isinstance(old, bytes):
                    return old.replace(order.encode(), str(fresh).encode())
                return old
            return [value(column) for column in row.keys()]  # noqa: SIM118 (a Row is not a dict)

        with self._open() as db, db:
            db.row_factory = sqlite3.Row
            fresh = [(uuid.uuid4(), str(uuid.uuid4())) for _ in range(count)]
            for table in TABLES:
                is_keys = table == "idempotency_keys"
                column, is_it = ("key", key) if is_keys else ("id", original.bytes)
                row = db.execute(f"SELECT * FROM {table} WHERE {column} = ?", [is_it]).fetchone()
                marks = ", ".join("?" * len(row))
                copies = (copy(row, *names) for names in fresh)
                db.executemany(f"INSERT INTO {table} VALUES ({marks})", copies)

    def export_keys(self, file: Path, count: int) -> None:
        with self._open() as db:
            keys = db.execute("SELECT key FROM idempotency_keys LIMIT ?", [count])
            file.write_text("".join(f"{key}\n" for (key,) in keys))
