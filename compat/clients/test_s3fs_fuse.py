"""s3fs-fuse: a bucket mounted as a folder, where the system lets us."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compat.clients import raw
from compat.clients.target import MIB, endpoint, keys, noise

READY_TIMEOUT_S = 20.0


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("fuse") as name:
        yield name


@pytest.fixture(name="folder")
def _folder(bucket: str, tmp_path: Path) -> Iterator[Path]:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse is not usable here")
    passwords, folder = tmp_path / "passwords", tmp_path / "mounted"
    passwords.write_text(":".join(keys()))
    passwords.chmod(0o600)
    folder.mkdir()
    options = ("use_path_request_style", "multipart_size=10", "retries=1")
    where = (f"url={endpoint()}", f"passwd_file={passwords}")
    words = [word for option in (*where, *options) for word in ("-o", option)]
    command = ["s3fs", bucket, str(folder), "-f", *words]
    mounting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait_until_mounted(folder, mounting)
        yield folder
    finally:
        _unmount(folder)
        mounting.terminate()
        mounting.communicate(timeout=30)


def _wait_until_mounted(folder: Path, mounting: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not os.path.ismount(folder):
        if mounting.poll() is not None:
            told = mounting.communicate()[0].decode()
            if "fusermount" in told or "fuse: mount failed" in told:
                pytest.skip("this user may not mount here")
            raise AssertionError(told)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _unmount(folder: Path) -> None:
    """A folder that is not mounted any more is no error."""
    command = (
        ["umount"] if os.geteuid() == 0 else [shutil.which("fusermount") or "fusermount3", "-u"]
    )
    subprocess.run([*command, str(folder)], capture_output=True)


@pytest.mark.parametrize("size", [0, 1, 100_000, 30 * MIB])
def test_a_file_is_written_and_read(folder: Path, bucket: str, size: int) -> None:
    (folder / "sp ace ü+%20").write_bytes(noise(size))
    assert raw.get(bucket, "sp ace ü+%20") == noise(size)
    raw.put(bucket, "other", noise(size))
    assert (folder / "other").read_bytes() == noise(size)


def test_a_tree_is_made_listed_moved_and_removed(folder: Path, bucket: str) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    for number in range(5):
        (folder / "a" / "b" / str(number)).write_bytes(b"x")
    assert sorted(os.listdir(folder / "a" / "b")) == [str(number) for number in range(5)]
    (folder / "a" / "b").rename(folder / "c")
    assert {"c/0", "c/4"} <= set(raw.listed(bucket))
    shutil.rmtree(folder / "c")
    assert [key for key in raw.listed(bucket) if key.startswith("c")] == []


def test_a_listing_of_many_pages_is_followed(folder: Path, bucket: str) -> None:
    raw.put_many(bucket, [f"many/{number:04d}" for number in range(1_005)])
    assert len(os.listdir(folder / "many")) == 1_005


def test_a_file_is_read_and_changed_at_random(folder: Path, bucket: str) -> None:
    body = bytearray(noise(20 * MIB))
    (folder / "k").write_bytes(body)
    with (folder / "k").open("r+b") as file:
        file.seek(15 * MIB)
        file.write(b"changed")
    body[15 * MIB : 15 * MIB + 7] = b"changed"
    assert raw.get(bucket, "k") == body
    with (folder / "k").open("rb") as file:
        file.seek(15 * MIB)
        assert file.read(7) == b"changed"


def test_modes_and_times_are_kept(folder: Path) -> None:
    (folder / "k").write_bytes(b"x")
    (folder / "k").chmod(0o600)
    os.utime(folder / "k", (1_700_000_000, 1_700_000_000))
    found = (folder / "k").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o600, 1_700_000_000)


def test_a_missing_file_is_told(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        (folder / "none").read_bytes()
