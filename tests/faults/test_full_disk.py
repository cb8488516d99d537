"""A disk that fills up: writers are told so, readers notice nothing, and room is used again as
soon as there is some, without a restart."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.faults.data_folder import QUICK_HOUSEKEEPING, assert_whole, await_tidy, work_files
from tests.faults.objects import (
    BUCKET,
    Facts,
    begin_upload,
    code_of,
    complete,
    content,
    joined,
    put,
    put_part,
    read_back,
    whole,
)
from tests.faults.wire import ask
from tests.server_process import ServerProcess, eventually

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DISK = 32 << 20
FULL = (507, "InsufficientStorage")
FIRST = whole("first", content(41, 300_000))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"mounting needs root: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _server(tmp_path: Path, disk: Path, reserve: str) -> ServerProcess:
    variables = {"S3GW_STORAGE_RESERVE_BYTES": reserve, **QUICK_HOUSEKEEPING}
    return ServerProcess(tmp_path, data=[disk / "data"], environment=variables, workers=1)


@pytest.mark.parametrize("reserve", ["0", "2MiB"])
def test_blobs_fill_the_disk_and_deleting_makes_room_again(
    tmp_path: Path, disk: Path, reserve: str
) -> None:
    with _server(tmp_path, disk, reserve) as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        stored = _fill(client, 1_500_000)
        answer = ask(server, "PUT", f"/{BUCKET}/raw", content(42, 1_500_000))
        assert (answer.status, answer.code) == FULL
        assert server.health() == 200
        _assert_stored(client, stored)
        assert work_files(server.data[0]) == []
        for key in list(stored)[:3]:
            client.delete_object(Bucket=BUCKET, Key=key)
            del stored[key]
        await_tidy(server.data[0])
        stored["again"] = whole("again", content(43, 1_500_000))
        put(client, "again", stored["again"])
        _assert_stored(client, stored)
        assert_whole(server)
        server.start()
        _assert_stored(server.client(), stored)


def test_above_the_watermark_writes_are_refused_until_there_is_room_again(
    tmp_path: Path, disk: Path
) -> None:
    variables = {
        "S3GW_SPACE_LOWWM": "40",
        "S3GW_SPACE_HIGHWM": "60",
        "S3GW_SPACE_OUT_OF_SPACE": "80",
        "S3GW_STORAGE_RESERVE_BYTES": "1MiB",
        **QUICK_HOUSEKEEPING,
    }
    with ServerProcess(tmp_path, data=[disk / "data"], environment=variables, workers=1) as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        stored = _fill(client, 1_500_000)
        used = os.statvfs(disk)
        assert 0.75 < 1 - used.f_bavail / used.f_blocks < 0.9
        _assert_stored(client, stored)
        names = list(stored)
        _delete(client, server, names[:1])
        # Below the upper mark, and not yet below the lower one.
        answer = ask(server, "PUT", f"/{BUCKET}/raw", content(42, 1_500_000))
        assert (answer.status, answer.code) == FULL
        _delete(client, server, names[1:8])
        put(client, "again", whole("again", content(43, 1_500_000)))


def _delete(client: S3Client, server: ServerProcess, names: list[str]) -> None:
    """Delete, and wait until the room is free."""
    for name in names:
        client.delete_object(Bucket=BUCKET, Key=name)
    await_tidy(server.data[0])


def test_parts_fill_the_disk_and_the_upload_is_finished_later(tmp_path: Path, disk: Path) -> None:
    with _server(tmp_path, disk, "2MiB") as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        upload = begin_upload(client, "parts", "parts")
        parts = _fill_with_parts(client, upload)
        ballast = begin_upload(client, "ballast", "")
        with pytest.raises(ClientError) as refused:
            put_part(client, "ballast", ballast, 1, content(44, 5 << 20))
        assert code_of(refused.value) == FULL
        # Completing copies no byte, so there is room for it in the reserve.
        complete(client, "parts", upload, *parts)
        assert read_back(client, "parts") == joined("parts", *parts)
        client.delete_object(Bucket=BUCKET, Key="parts")
        await_tidy(server.data[0])
        put_part(client, "ballast", ballast, 1, parts[0])
        complete(client, "ballast", ballast, parts[0])
        assert read_back(client, "first") == FIRST
        assert_whole(server)


@pytest.mark.parametrize("reserve", ["0", "2MiB"])
def test_the_index_itself_fills_the_disk_and_recovers(
    tmp_path: Path, disk: Path, reserve: str
) -> None:
    """Somebody else's file takes the rest of the disk and goes away again."""
    with _server(tmp_path, disk, reserve) as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        foreign = disk / "foreign"
        _take_all_but(foreign, 2_500_000 + _bytes(reserve))
        stored = _fill(client, 30_000)
        # Housekeeping may give room back until then: that of the index' log.
        eventually(lambda: _is_refused_without_room(client, foreign), "the disk full")
        _assert_stored(client, stored)
        foreign.unlink()
        stored["one more"] = whole("one more", content(45, 30_000))
        put(client, "one more", stored["one more"])
        client.delete_object(Bucket=BUCKET, Key="0")
        del stored["0"]
        _assert_stored(client, stored)
        assert_whole(server)
        server.start()
        _assert_stored(server.client(), stored)


def test_deleting_small_objects_makes_room_for_others(tmp_path: Path, disk: Path) -> None:
    """They live in the index alone, so it is the index that must give room back."""
    with _server(tmp_path, disk, "8MiB") as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        stored: dict[str, Facts] = {}
        while more := _fill(client, 30_000, first=len(stored)):
            stored |= more
            # The log of the index takes room of its own until it is checkpointed.
            eventually(lambda: _is_checkpointed(server.data[0]), "index checkpointed")
        for key in list(stored)[: len(stored) * 3 // 4]:
            client.delete_object(Bucket=BUCKET, Key=key)
            del stored[key]
        again = whole("again", content(46, 30_000))
        eventually(lambda: _is_stored(client, "again", again), "room again", 3.0)
        stored["again"] = again
        _assert_stored(client, stored)
        assert_whole(server)


@pytest.mark.parametrize("killed", [False, True])
def test_others_fill_the_disk_to_the_last_byte(tmp_path: Path, disk: Path, killed: bool) -> None:
    """Reads and deletions go on, also after a restart; with room, all is as before."""
    with _server(tmp_path, disk, "2MiB") as server:
        client = server.client()
        client.create_bucket(Bucket=BUCKET)
        put(client, "first", FIRST)
        keys = _some_objects(client)
        eventually((disk / "data" / "ballast").exists, "ballast")
        _take_all_but(disk / "foreign", 0)
        assert _statuses(server, keys[:30]) == [204] * 30
        _take_all_but(disk / "foreign", 0)
        if killed:
            server.kill9()
        else:
            server.stop()
        _take_all_but(disk / "foreign", 0)
        server.start()
        # Housekeeping may give room back, that of the index' log.
        eventually(lambda: _says_no_room(server, disk / "foreign"), "no room, everywhere", 60)
        assert read_back(server.client(), "first") == FIRST
        refused = ask(server, "PUT", f"/{BUCKET}/raw", content(47, 500_000))
        assert (refused.status, refused.code) == FULL
        for key in keys[30:]:
            # When the ballast is used up, one may wait until housekeeping has shortened the log.
            eventually(partial(_is_deleted, server, key), f"{key} deleted")
        (disk / "foreign").unlink()
        put(server.client(), "again", FIRST)
        eventually(lambda: _ballast(disk) == DISK // 32, "ballast allocated again")
        assert b"no room" not in ask(server, "GET", "/v1/health").body
        assert_whole(server)


def test_a_server_starts_for_reading_without_any_room(tmp_path: Path, disk: Path) -> None:
    with _server(tmp_path, disk, "2MiB") as server:
        server.client().create_bucket(Bucket=BUCKET)
        put(server.client(), "first", FIRST)
        for stop in (server.stop, server.kill9):
            stop()
            (disk / "data" / "ballast").write_bytes(b"")
            _take_all_but(disk / "foreign", 0)
            server.start()
            assert b"no room" in ask(server, "GET", "/v1/health").body
            assert read_back(server.client(), "first") == FIRST
            assert ask(server, "GET", f"/{BUCKET}").status == 200
            assert ask(server, "PUT", f"/{BUCKET}/raw", b"small").status == 507


def _is_refused_without_room(client: S3Client, foreign: Path) -> bool:
    _take_all_but(foreign, 0)
    return not _is_stored(client, "one more", FIRST)


def _some_objects(client: S3Client) -> list[str]:
    keys = [f"other-{number}" for number in range(60)]
    for number, key in enumerate(keys):
        put(client, key, whole(key, content(number, 1000 if number % 2 else 150_000)))
    return keys


def _statuses(server: ServerProcess, keys: list[str]) -> list[int]:
    return [ask(server, "DELETE", f"/{BUCKET}/{key}").status for key in keys]


def _is_deleted(server: ServerProcess, key: str) -> bool:
    return _statuses(server, [key]) == [204]


def _ballast(disk: Path) -> int:
    return (disk / "data" / "ballast").stat().st_size


def _fill(client: S3Client, size: int, first: int = 0) -> dict[str, Facts]:
    """Objects until the disk is full."""
    stored: dict[str, Facts] = {}
    for number in count(first):
        facts = whole(str(number), content(number, size))
        if not _is_stored(client, str(number), facts):
            return stored
        stored[str(number)] = facts
    raise AssertionError("unreachable")


def _is_checkpointed(data: Path) -> bool:
    return (data / "index.db-wal").stat().st_size == 0


def _is_stored(client: S3Client, key: str, facts: Facts) -> bool:
    """False when the disk is full; every other error is one."""
    try:
        put(client, key, facts)
    except ClientError as error:
        if code_of(error) == FULL:
            return False
        raise
    return True


def _fill_with_parts(client: S3Client, upload: str) -> list[bytes]:
    parts: list[bytes] = []
    for number in count(1):
        part = content(50 + number, 5 << 20)
        try:
            put_part(client, "parts", upload, number, part)
        except ClientError as error:
            if code_of(error) == FULL:
                return parts
            raise
        parts.append(part)
    raise AssertionError("unreachable")


def _says_no_room(server: ServerProcess, foreign: Path) -> bool:
    """In health, metrics and log."""
    _take_all_but(foreign, 0)
    said = ask(server, "GET", "/v1/health").body, ask(server, "GET", "/metrics").body
    is_told = b"no room" in said[0] and b"\ns3gw_has_room 0.0\n" in said[1]
    return is_told and "no room on the disk" in server.errors


def _take_all_but(file: Path, left: int) -> None:
    """Grow the file until no more than so many bytes of its disk are free."""
    with file.open("ab") as opened:
        while True:
            stat = os.statvfs(file.parent)
            free = stat.f_bavail * stat.f_frsize
            size = os.fstat(opened.fileno()).st_size + free - left
            try:
                os.posix_fallocate(opened.fileno(), 0, max(size, 1))
            except OSError as error:
                # The server took some of it meanwhile.
                if error.errno != errno.ENOSPC:
                    raise
            else:
                return


def _bytes(reserve: str) -> int:
    return int(reserve.removesuffix("MiB")) << 20 if reserve.endswith("MiB") else int(reserve)


def _assert_stored(client: S3Client, stored: dict[str, Facts]) -> None:
    assert read_back(client, "first") == FIRST
    assert {key: read_back(client, key) for key in stored} == stored
