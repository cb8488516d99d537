"""A damaged coordination store is refused, and rebuilt from what can be read."""

from __future__ import annotations

import asyncio
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from cluster.coordination import Delete, Put
from cluster.coordination.embedded import EmbeddedCoordination, prepare
from cluster.coordination.rebuilding import rebuild
from storage.errors import Corrupt
from storage.sqlite.rebuilding import problem_of
from tests.storage.damage import flip, flipped, zero

KEPT = {f"users/{number:03}": bytes([number]) * 700 for number in range(40)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "coordination.db"


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    (tmp_path / "quarantine").mkdir()
    return tmp_path / "quarantine"


def fill(file: Path, *, killed: bool = False) -> None:
    prepare(file)
    with closing(EmbeddedCoordination(file)) as store:
        asyncio.run(_write(store))
        if killed:
            for name in (file.name, f"{file.name}-wal"):
                shutil.copy(file.with_name(name), file.with_name(f"copy-{name}"))
    if killed:
        for name in (file.name, f"{file.name}-wal"):
            file.with_name(f"copy-{name}").rename(file.with_name(name))


async def _write(store: EmbeddedCoordination) -> None:
    for key, value in KEPT.items():
        await store.transact([], [Put(key, b"first"), Put("users/gone", b"?")])
        await store.transact([], [Put(key, value)])
    await store.transact([], [Delete("users/gone")])


def entries(file: Path) -> dict[str, bytes]:
    with closing(EmbeddedCoordination(file)) as store:
        found, _ = asyncio.run(store.range(""))
    return {entry.key: entry.value for entry in found}


def test_any_flipped_bit_of_the_log_is_refused(file: Path) -> None:
    fill(file, killed=True)
    log = file.with_name("coordination.db-wal")
    chosen = random.Random(4)
    for _ in range(25):
        with flipped(log, chosen.randrange(log.stat().st_size), chosen.randrange(8)):
            with pytest.raises(Corrupt):
                prepare(file)
            assert problem_of(file)
    prepare(file)
    assert entries(file) == KEPT


def test_a_rebuild_loses_nothing_to_a_flip_in_the_log(file: Path, quarantine: Path) -> None:
    fill(file, killed=True)
    flip(file.with_name("coordination.db-wal"), 32 + 4120 * 40 + 99, 1)
    assert rebuild(file, quarantine).lost == ()
    prepare(file)
    assert entries(file) == KEPT


@pytest.mark.parametrize("place", [0, 21, 56, 104, 120, 4095])
def test_page_1_may_be_lost(file: Path, quarantine: Path, place: int) -> None:
    fill(file)
    flip(file, place)
    with pytest.raises(Corrupt):
        prepare(file)
    assert rebuild(file, quarantine).lost == ()
    prepare(file)
    assert entries(file) == KEPT


def test_each_lost_page_is_made_up_for_by_the_log_of_changes(file: Path, quarantine: Path) -> None:
    fill(file)
    whole = file.read_bytes()
    for page in range(len(whole) // 4096):
        file.write_bytes(whole)
        zero(file, page * 4096)
        rebuild(file, quarantine)
        prepare(file)
        assert entries(file) == KEPT


def test_revisions_go_on_above_all_that_were(file: Path, quarantine: Path) -> None:
    fill(file)
    with closing(EmbeddedCoordination(file)) as store:
        before = store.revision()
    flip(file, 30)
    rebuild(file, quarantine)
    with closing(EmbeddedCoordination(file)) as store:
        assert store.revision() > before
        assert asyncio.run(store.changes("", before)) is None


def test_a_store_that_was_there_before_is_missed(file: Path, quarantine: Path) -> None:
    fill(file)
    file.unlink()
    with pytest.raises(Corrupt, match="is missing"):
        prepare(file)
    assert any("is missing" in line for line in rebuild(file, quarantine).lost)
    prepare(file)
    assert entries(file) == {}
