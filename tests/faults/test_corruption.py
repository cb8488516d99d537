"""Bytes that changed on the disk are never handed out, are found by a scrub, and a lost index
comes back from the blobs."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.data_folder import blob_files, s3gw
from tests.faults.objects import (
    BUCKET,
    Facts,
    begin_upload,
    content,
    joined,
    put,
    put_in_parts,
    read_back,
    whole,
)
from tests.faults.wire import ask
from tests.server_process import ServerProcess, eventually

BLOCK = 512 * 1024
LARGE = whole("large", content(31, 6 * BLOCK))
ONE_BLOCK = whole("one", content(32, 100_000))
PARTS = (content(33, 5 << 20), content(34, 700_000))
IN_PARTS = joined("parts", *PARTS)
SMALL = whole("small", content(35, 500))
SLOW_HOUSEKEEPING = {"S3GW_STORAGE_HOUSEKEEPING_INTERVAL_S": "3600"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path) as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server


def test_damage_is_never_handed_out(server: ServerProcess) -> None:
    """The first block, a later one, the hashes of all of them; and in a part."""
    (data,) = server.data
    large = _stored(server, "large", LARGE)
    first = _stored(server, "first", LARGE)
    hashes = _stored(server, "hashes", LARGE)
    single = _stored(server, "single", ONE_BLOCK)
    second = _stored_parts(server, "parts", 700_000)
    _flip(large, 3 * BLOCK + 17)
    _flip(first, 5)
    _flip(hashes, len(LARGE.content) + 3)
    _flip(single, 99_999)
    _flip(second, 600_000)
    for key in ("first", "hashes", "single"):
        _assert_damaged(server, key)
    _assert_cut(server, "large", LARGE.content, intact=2 * BLOCK)
    _assert_cut(server, "parts", IN_PARTS.content, intact=5 << 20)
    _assert_intact_ranges(server)
    assert server.health() == 200
    scrubbed = s3gw("scrub", [data])
    assert scrubbed.returncode == 1, scrubbed.stderr
    for key in ("large", "first", "hashes", "single", "parts"):
        assert f"{BUCKET}/{key}: " in scrubbed.stdout
    assert f"{BUCKET}/small" not in scrubbed.stdout


def test_a_scrub_of_sound_objects_finds_nothing(server: ServerProcess) -> None:
    put(server.client(), "large", LARGE)
    put(server.client(), "small", SMALL)
    put_in_parts(server.client(), "parts", "parts", *PARTS)
    scrubbed = s3gw("scrub", server.data)
    assert scrubbed.returncode == 0, scrubbed.stdout
    assert "3 objects in 4 blobs" in scrubbed.stdout


def test_damage_is_mended_by_writing_the_object_again(server: ServerProcess) -> None:
    _flip(_stored(server, "large", LARGE), 100)
    _assert_damaged(server, "large")
    put(server.client(), "large", LARGE)
    assert read_back(server.client(), "large") == LARGE


def test_a_lost_blob_is_damage_too(server: ServerProcess) -> None:
    _stored(server, "large", LARGE).unlink()
    _assert_damaged(server, "large")
    assert s3gw("scrub", server.data).returncode == 1
    server.stop()
    assert s3gw("fsck", server.data).returncode == 1


def test_a_lost_index_is_rebuilt_from_the_blobs(server: ServerProcess) -> None:
    (data,) = server.data
    kept = {"large": LARGE, "one": ONE_BLOCK, "parts": IN_PARTS}
    for key in ("large", "one"):
        put(server.client(), key, SMALL)
        put(server.client(), key, kept[key])
    put_in_parts(server.client(), "parts", "parts", *PARTS)
    put(server.client(), "small", SMALL)
    begin_upload(server.client(), "unfinished", "")
    server.stop()
    for file in data.glob("index.db*"):
        file.unlink()
    server.launch()
    assert server.running.wait(30) != 0
    assert "index.db" in server.errors
    rebuilt = s3gw("fsck", [data], "--rebuild")
    assert "The index was rebuilt." in rebuilt.stdout, rebuilt.stderr
    assert s3gw("fsck", [data]).returncode == 0
    server.start()
    assert {key: read_back(server.client(), key) for key in kept} == kept
    # Documented: objects up to the inline limit live in the index alone.
    assert read_back(server.client(), "small") is None
    put(server.client(), "large", SMALL)
    assert read_back(server.client(), "large") == SMALL


def test_a_damaged_index_is_an_error_and_a_rebuild_keeps_what_is_readable(
    server: ServerProcess,
) -> None:
    (data,) = server.data
    kept = {f"large-{number}": whole("", content(number, 40_000)) for number in range(20)}
    for key, facts in kept.items():
        put(server.client(), key, facts)
    server.stop()
    for page in range(1, (data / "index.db").stat().st_size // 4096):
        _flip(data / "index.db", page * 4096 + 2000)
    assert s3gw("fsck", [data]).returncode == 1
    rebuilt = s3gw("fsck", [data], "--rebuild")
    assert "The index was rebuilt." in rebuilt.stdout, rebuilt.stderr
    server.start()
    assert {key: read_back(server.client(), key) for key in kept} == kept


def test_a_flip_costs_a_killed_server_nothing(tmp_path: Path) -> None:
    """In the log, and in the first pages: it does not start, and says what brings all back."""
    kept = {f"small-{number}": whole("", content(number, 300)) for number in range(12)}
    with ServerProcess(tmp_path, environment=SLOW_HOUSEKEEPING) as server:
        (data,) = server.data
        server.client().create_bucket(Bucket=BUCKET)
        for key, facts in kept.items():
            put(server.client(), key, facts)
        server.kill9()
        _flip(data / "index.db-wal", (data / "index.db-wal").stat().st_size // 2)
        _assert_rebuilt(server, "index.db-wal is damaged at its frame")
        _flip(data / "index.db", 21)
        _assert_rebuilt(server, "index.db is damaged")
        _flip(data / "coordination.db", 103)
        _assert_rebuilt(server, "coordination.db is damaged")
        server.start()
        assert {key: read_back(server.client(), key) for key in kept} == kept


def _assert_rebuilt(server: ServerProcess, problem: str) -> None:
    server.launch()
    assert server.running.wait(60) != 0
    assert problem in server.errors
    assert "`s3gw fsck --rebuild`" in server.errors
    found = s3gw("fsck", server.data)
    assert found.returncode == 1
    assert problem in found.stdout
    rebuilt = s3gw("fsck", server.data, "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert s3gw("fsck", server.data).returncode == 0


def test_a_stopped_server_leaves_no_log(server: ServerProcess) -> None:
    (data,) = server.data
    put(server.client(), "small", SMALL)
    assert server.stop() == 0
    assert [each.name for each in data.glob("*-wal") if each.stat().st_size] == []


def test_an_idle_server_keeps_its_logs_short(server: ServerProcess) -> None:
    (data,) = server.data
    put(server.client(), "small", SMALL)
    logs = [data / name for name in ("index.db-wal", "coordination.db-wal")]
    eventually(lambda: not any(log.stat().st_size for log in logs), "logs written into their files")


def _stored(server: ServerProcess, key: str, facts: Facts) -> Path:
    """The blob that the object became."""
    before = set(blob_files(server.data[0]))
    put(server.client(), key, facts)
    (blob,) = set(blob_files(server.data[0])) - before
    return blob


def _stored_parts(server: ServerProcess, key: str, size: int) -> Path:
    """The blob of the part of that size; the footer of a blob is small."""
    before = set(blob_files(server.data[0]))
    put_in_parts(server.client(), key, "parts", *PARTS)
    made = set(blob_files(server.data[0])) - before
    (blob,) = (each for each in made if size <= each.stat().st_size < size + 2000)
    return blob


def _flip(file: Path, place: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ 0x40]))


def _assert_damaged(server: ServerProcess, key: str) -> None:
    answer = ask(server, "GET", f"/{BUCKET}/{key}")
    assert (answer.status, answer.code) == (500, "InternalError")
    assert key in answer.body.decode()


def _assert_cut(server: ServerProcess, key: str, true: bytes, *, intact: int) -> None:
    """The head promised all of it; the connection is closed before the step with the first wrong
    byte: two blocks are read in one."""
    with pytest.raises(http.client.IncompleteRead) as cut:
        ask(server, "GET", f"/{BUCKET}/{key}")
    assert cut.value.partial == true[:intact]


def _assert_intact_ranges(server: ServerProcess) -> None:
    for start, stop in ((0, 3 * BLOCK), (4 * BLOCK, 6 * BLOCK), (4 * BLOCK + 7, 4 * BLOCK + 9)):
        span = {"Range": f"bytes={start}-{stop - 1}"}
        answer = ask(server, "GET", f"/{BUCKET}/large", headers=span)
        assert (answer.status, answer.body) == (206, LARGE.content[start:stop])
    answer = ask(server, "GET", f"/{BUCKET}/parts?partNumber=1")
    assert (answer.status, answer.body) == (206, PARTS[0])
    bad = {"Range": f"bytes={3 * BLOCK + 5}-{3 * BLOCK + 6}"}
    assert ask(server, "GET", f"/{BUCKET}/large", headers=bad).status == 500
