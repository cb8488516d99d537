"""Engines of an index side by side: each runs a mutation, and says what it holds then.

Version ids are random, so each engine has its own for the same version. In what an engine says they
are replaced by numbers, in the order in which they appeared.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Protocol

from storage.backends.local import index
from storage.backends.local.garbage import blob_of_garbage, decode_blobs
from storage.backends.local.transaction import in_transaction
from storage.errors import StorageError
from storage.index.rows import Row, decode_bucket, decode_part, decode_row, decode_upload
from storage.index.transaction import Mutation
from storage.index.upload_mutations import PartsChanged
from storage.values import NULL_VERSION
from tests.storage.event_loop import run
from tests.storage.fake_clock import FakeClock
from tests.storage.index.suspending import SuspendingIndex, bytes_of

# Newest first, with their payloads.
Histories = dict[tuple[int, bytes], list[tuple[Row, bytes | None]]]


class Engine(Protocol):
    def commit(self, mutation: Mutation[Any]) -> object: ...

    def histories(self) -> Histories: ...

    def others(self) -> dict[str, object]:
        """Return all that is not a version, in an order that does not depend on the engine."""
        ...

    def close(self) -> None: ...


class Sqlite:
    """As on a mountpath."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        index.create(folder / "index.db")
        self._clock = clock
        self._connection = index.connect(folder / "index.db")
        # A test needs no flushes.
        self._connection.pragma("synchronous", "OFF")

    def commit(self, mutation: Mutation[Any]) -> object:
        return in_transaction(self._connection, mutation, self._clock)

    def histories(self) -> Histories:
        found: Histories = defaultdict(list)
        for bucket, name, row, payload in self._all(
            """SELECT o.bucket, o.name, o.row, p.data FROM objects o
            LEFT JOIN payloads p ON p.id = o.payload"""
        ):
            found[bucket, name].append((decode_row(row), payload))
        for bucket, name, row, payload in self._all(
            """SELECT v.bucket, v.name, v.row, p.data FROM versions v
            LEFT JOIN payloads p ON p.id = v.payload ORDER BY v.age"""
        ):
            before = found[bucket, name]
            assert before or decode_row(row).delete_marker, "no version is current"
            before.append((decode_row(row), payload))
        named = "SELECT payload FROM objects UNION ALL SELECT payload FROM versions"
        kept = sum(1 for (payload,) in self._all(named) if payload is not None)
        assert self._all("SELECT count(*) FROM payloads") == [(kept,)], "a payload is left behind"
        return found

    def others(self) -> dict[str, object]:
        return {
            "buckets": {
                key: decode_bucket(row) for key, row in self._all("SELECT id, row FROM buckets")
            },
            "trash": {
                key: decode_bucket(row) for key, row in self._all("SELECT id, row FROM trash")
            },
            "labels": sorted(self._all("SELECT label, bucket FROM labels")),
            "usage": {key: tuple(counts) for key, *counts in self._all("SELECT * FROM usage")},
            "garbage": sorted(
                _garbage(decode_blobs(blobs)) for (blobs,) in self._all("SELECT blobs FROM garbage")
            ),
            "renamed": sorted(self._all("SELECT bucket, label, blob, name FROM renamed")),
            "uploads": {
                tuple(key): decode_upload(row)
                for *key, row in self._all("SELECT bucket, name, id, row FROM uploads ORDER BY 3")
            },
            "parts": {
                tuple(key): decode_part(row)
                for *key, row in self._all("SELECT upload, number, row FROM parts ORDER BY 1, 2")
            },
            "completed": {
                upload: (bucket, name, time_ns, decode_row(row))
                for upload, bucket, name, time_ns, row in self._all(
                    "SELECT upload, bucket, name, time, row FROM completed ORDER BY 1"
                )
            },
            "bucket changes": sum(value for (value,) in self._all("SELECT value FROM counters")),
        }

    def _all(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()

    def close(self) -> None:
        self._connection.close()


def _garbage(names: list[str]) -> tuple[str, tuple[str, ...]]:
    parsed = [blob_of_garbage(name) for name in names]
    return parsed[0][1], tuple(blob for blob, _ in parsed)


class Suspending:
    """A strict one that suspends at each call."""

    def __init__(self, clock: FakeClock) -> None:
        self.index = SuspendingIndex(clock)

    def commit(self, mutation: Mutation[Any]) -> object:
        return run(self.index.run(mutation))

    def histories(self) -> Histories:
        return {
            key: [(each.row, bytes_of(each.payload)) for each in there]
            for key, there in self.index.tables.versions.items()
        }

    def others(self) -> dict[str, object]:
        tables = self.index.tables
        labels = [(info.label, key) for key, info in tables.buckets.items() if info.label]
        labels += [(info.lasting_name, key) for key, info in tables.trash.items()]
        return {
            "buckets": dict(sorted(tables.buckets.items())),
            "trash": dict(sorted(tables.trash.items())),
            "labels": sorted(labels),
            "usage": dict(sorted(tables.usage.items())),
            "garbage": sorted(tables.garbage),
            "renamed": sorted((*key, name) for key, name in tables.renamed.items()),
            "uploads": dict(sorted(tables.uploads.items(), key=lambda each: each[0][2])),
            "parts": dict(sorted(tables.parts.items())),
            "completed": dict(sorted(tables.completed.items())),
            "bucket changes": tables.bucket_changes,
        }

    def close(self) -> None:
        """Nothing is open."""


class Side:
    """One engine, and what is known of its version ids."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids = [NULL_VERSION]

    def commit(self, mutation: Mutation[Any]) -> tuple[str, str]:
        """Return what the mutation answered, and what the engine has after it."""
        try:
            answer = repr(self.engine.commit(mutation))
        except (StorageError, PartsChanged) as error:
            answer = f"{error!r} {vars(error)}"
        histories = self.engine.histories()
        ordered = sorted((key, there) for key, there in histories.items())
        for _, there in ordered:
            for row, _ in there:
                if row.version not in self.ids:
                    self.ids.append(row.version)
        said = repr((ordered, self.engine.others()))
        return self._numbered(answer), self._numbered(said)

    def _numbered(self, text: str) -> str:
        for number, version in enumerate(self.ids[1:], 1):
            text = text.replace(version, f"version {number}")
        return text
