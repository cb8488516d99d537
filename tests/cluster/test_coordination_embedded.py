"""The engine on SQLite: the contract, a model, several processes, kills and damage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.coordination import Delete, Put, Unchanged
from cluster.coordination.embedded import EmbeddedCoordination, prepare
from storage.errors import Corrupt
from tests.cluster.coordination_child import COUNTER
from tests.cluster.coordination_contract import KEPT, CoordinationContract, entries, put
from tests.storage.event_loop import run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    prepare(tmp_path / "coordination.db")
    return tmp_path / "coordination.db"


@pytest.fixture
def engine(path: Path) -> Iterator[EmbeddedCoordination]:
    with closing(EmbeddedCoordination(path, kept_revisions=KEPT)) as engine:
        yield engine


@pytest.fixture
def another(path: Path) -> Iterator[EmbeddedCoordination]:
    with closing(EmbeddedCoordination(path, kept_revisions=KEPT)) as engine:
        yield engine


class TestEmbedded(CoordinationContract):
    pass


def child(path: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.cluster.coordination_child", str(path), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_only_the_owner_can_read_the_file(path: Path, engine: EmbeddedCoordination) -> None:
    put(engine, "/a", b"")
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {
        path.name,
        *(f"{path.name}{each}" for each in ("-wal", "-shm", "-shape", "-noted")),
    }
    assert set(modes.values()) == {0o600}


def test_it_is_all_there_after_a_restart(path: Path) -> None:
    with closing(EmbeddedCoordination(path)) as engine:
        revision = put(engine, "/a", b"1")
    prepare(path)
    with closing(EmbeddedCoordination(path)) as again:
        assert again.revision() == revision
        assert [(entry.key, entry.value) for entry in entries(again)] == [("/a", b"1")]


def test_the_log_is_bounded(path: Path) -> None:
    value = bytes(100_000)
    with closing(EmbeddedCoordination(path, kept_revisions=KEPT)) as engine:
        for _ in range(10 * KEPT):
            put(engine, "/a", value)
    assert path.stat().st_size < 2 * KEPT * len(value)


def test_processes_that_compare_and_set_lose_nothing(path: Path) -> None:
    children = [child(path, "count", "50") for _ in range(4)]
    assert [each.wait(60) for each in children] == [0] * 4
    for each in children:
        each.communicate()
    with closing(EmbeddedCoordination(path)) as engine:
        assert [entry.value for entry in entries(engine, COUNTER)] == [b"200"]
        assert engine.revision() == 200


def test_what_was_committed_outlives_a_kill(path: Path) -> None:
    with child(path, "write") as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(30)]
        writer.kill()
        said += [int(line) for line in writer.stdout if line.endswith("\n")]
    prepare(path)
    with closing(EmbeddedCoordination(path)) as engine:
        found = {entry.key: entry.mod_revision for entry in entries(engine)}
    assert {f"/{number:06}" for number in said} <= found.keys()
    assert all(found[key[:7]] == revision for key, revision in found.items())
    assert len(found) % 2 == 0


@pytest.mark.parametrize("at", [30, 4200, -200])
def test_a_damaged_file_is_found_when_it_is_prepared(path: Path, at: int) -> None:
    with closing(EmbeddedCoordination(path)) as engine:
        for number in range(20):
            put(engine, f"/{number}", b"x" * 3000)
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    with pytest.raises(Corrupt):
        prepare(path)


def test_something_else_than_a_database_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"something else" * 1000)
    with pytest.raises(Corrupt):
        prepare(tmp_path / "file")


KEYS = st.sampled_from(["/a", "/a/1", "/b"])
WRITES = st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(WRITES, st.dictionaries(KEYS, st.integers(-1, 1))), max_size=15))
def test_it_does_what_a_dictionary_does(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[dict[str, bytes | None], dict[str, int]]],
) -> None:
    """Comparisons are with the true revision of a key, or with one beside it."""
    path = tmp_path_factory.mktemp("coordination") / "coordination.db"
    prepare(path)
    model: dict[str, tuple[bytes, int]] = {}
    revision = 0
    with closing(EmbeddedCoordination(path)) as engine:
        copy: dict[str, bytes] = {}
        copied = 0
        for writes, beside in steps:
            expected = [Unchanged(key, _mod(model, key) + off) for key, off in beside.items()]
            holds = not any(beside.values())
            done = run(engine.transact(expected, [_write(*each) for each in writes.items()]))
            effective = {k: v for k, v in writes.items() if v is not None or k in model}
            if not holds:
                assert done is None
                effective = {}
            revision += bool(effective)
            assert done in (None, revision)
            for key, value in effective.items():
                model.pop(key, None)
                if value is not None:
                    model[key] = (value, revision)
            for change in run(engine.changes("/", copied)) or ():
                copy.pop(change.key, None)
                if change.value is not None:
                    copy[change.key] = change.value
            copied = engine.revision()
            found = {e.key: (e.value, e.mod_revision) for e in entries(engine)}
            assert found == model
            assert copy == {key: value for key, (value, _) in model.items()}
            assert copied == revision


def _mod(model: dict[str, tuple[bytes, int]], key: str) -> int:
    return model[key][1] if key in model else 0


def _write(key: str, value: bytes | None) -> Put | Delete:
    return Delete(key) if value is None else Put(key, value)
