"""The new user's path: a folder of 10,000 files, a file of 2 GiB, and a server that is killed.

Read from the top to the bottom: each step goes on where the one before it left off. Run by pytest
in the AWS CLI's environment; it starts its own server, so that it can kill it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from compat.server import Keys, Server

FILES = 10_000
FOLDERS = 100
LARGE_BYTES = 2 << 30
LARGE_COPIED = "copy of large.bin"
KILLED_AFTER = FILES // 3
BLOCK = 8 << 20
BUCKET = "first-bucket"
AWS = str(Path(sys.executable).parent / "aws")


@dataclass(frozen=True)
class World:
    """The folders of the user, and the server."""

    folder: Path
    server: Server

    @property
    def small(self) -> Path:
        return self.folder / "small"

    @property
    def large(self) -> Path:
        return self.folder / "large.bin"

    def command(self, *words: str) -> list[str]:
        return [AWS, "--endpoint-url", self.server.endpoint, *words]

    def aws(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), env=environment(self.server.keys), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def api(self, *words: str) -> Any:
        out = self.aws("s3api", *words, "--output", "json")
        return json.loads(out) if out.strip() else {}


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("new-user")
    python = os.environ["COMPAT_SERVER_PYTHON"]
    with Server(folder / "server", options=("--workers", "2"), python=python) as server:
        world = World(folder, server)
        make_small_files(world.small)
        make_large_file(world.large)
        yield world


def environment(keys: Keys) -> dict[str, str]:
    """One try only: a retry would hide that the server is gone."""
    return {
        **os.environ,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_MAX_ATTEMPTS": "1",
    }


def make_small_files(folder: Path) -> None:
    """From nothing to 20 kB each: below, at and above what the store keeps in its index."""
    chance = random.Random(1)
    for number in range(FILES):
        file = folder / f"{number % FOLDERS:02d}" / f"file {number:05d}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(chance.choice((0, 10, 1000, 4096, 20_000))))


def make_large_file(file: Path) -> None:
    """Random blocks with holes between them."""
    chance = random.Random(2)
    with file.open("wb") as out:
        for start in range(0, LARGE_BYTES, 4 * BLOCK):
            out.seek(start)
            out.write(chance.randbytes(BLOCK))
        out.truncate(LARGE_BYTES)


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def tree(folder: Path) -> dict[str, str]:
    """MD5 by name: what S3 says of an object written whole."""
    return {
        str(file.relative_to(folder)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def listed(world: World, prefix: str) -> dict[str, str]:
    """ETag by name below `prefix`."""
    found = world.api("list-objects-v2", "--bucket", BUCKET, "--prefix", prefix)
    return {
        row["Key"].removeprefix(prefix): row["ETag"].strip('"') for row in found.get("Contents", ())
    }


def test_a_bucket_is_made(world: World) -> None:
    world.aws("s3", "mb", f"s3://{BUCKET}")


def test_ten_thousand_files_go_up(world: World) -> None:
    world.aws("s3", "sync", "--only-show-errors", str(world.small), f"s3://{BUCKET}/small")
    assert listed(world, "small/") == tree(world.small)


def test_ten_thousand_files_come_down(world: World) -> None:
    back = world.folder / "back"
    world.aws("s3", "sync", "--only-show-errors", f"s3://{BUCKET}/small", str(back))
    assert tree(back) == tree(world.small)


def test_a_listing_shows_all(world: World) -> None:
    told = world.aws("s3", "ls", "--recursive", "--summarize", f"s3://{BUCKET}")
    assert f"Total Objects: {FILES}" in told
    assert world.aws("s3", "ls", f"s3://{BUCKET}/small/").count("PRE ") == FOLDERS


def test_two_gibibytes_go_up(world: World) -> None:
    world.aws("s3", "cp", "--only-show-errors", str(world.large), f"s3://{BUCKET}/large.bin")


def test_a_range_of_it_is_read(world: World) -> None:
    start, target = LARGE_BYTES // 2 - 100, world.folder / "range"
    where = ("--bucket", BUCKET, "--key", "large.bin")
    world.api("get-object", *where, "--range", f"bytes={start}-{start + 999}", str(target))
    with world.large.open("rb") as file:
        file.seek(start)
        assert target.read_bytes() == file.read(1000)


def test_it_is_copied_and_comes_down_as_it_was(world: World) -> None:
    back = world.folder / "large.back"
    world.aws("s3", "cp", "--only-show-errors", f"s3://{BUCKET}/large.bin",
              f"s3://{BUCKET}/{LARGE_COPIED}")  # fmt: skip
    world.aws("s3", "cp", "--only-show-errors", f"s3://{BUCKET}/{LARGE_COPIED}", str(back))
    assert sha256(back) == sha256(world.large)
    back.unlink()


def sync_until_killed(world: World) -> set[str]:
    """Kill the server in the middle of a sync; the names of which the CLI had said: done."""
    command = world.command(
        "s3", "sync", "--no-progress", str(world.small), f"s3://{BUCKET}/killed"
    )
    syncing = subprocess.Popen(
        command,
        env=environment(world.server.keys),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert syncing.stdout is not None
    marker = f"s3://{BUCKET}/killed/"
    done: set[str] = set()
    for line in syncing.stdout:
        if not line.startswith("upload: "):
            continue
        done.add(line.rstrip("\n").partition(marker)[2])
        if len(done) == KILLED_AFTER:
            world.server.kill()
            syncing.terminate()
    syncing.wait()
    return done


def test_a_killed_server_loses_nothing_that_it_acknowledged(world: World) -> None:
    done = sync_until_killed(world)
    assert KILLED_AFTER <= len(done) < FILES
    world.server.start()
    after, truth = listed(world, "killed/"), tree(world.small)
    assert not done - after.keys()
    assert {name: truth[name] for name in after} == after
    assert listed(world, "small/") == truth


def test_the_sync_is_finished_after_the_restart(world: World) -> None:
    world.aws("s3", "sync", "--only-show-errors", str(world.small), f"s3://{BUCKET}/killed")
    assert listed(world, "killed/") == tree(world.small)
    back = world.folder / "large.again"
    world.aws("s3", "cp", "--only-show-errors", f"s3://{BUCKET}/large.bin", str(back))
    assert sha256(back) == sha256(world.large)


def test_everything_is_deleted(world: World) -> None:
    world.aws("s3", "rb", "--force", f"s3://{BUCKET}")
    assert BUCKET not in world.aws("s3", "ls")
