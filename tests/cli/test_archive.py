from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

MEMBERS = {"images/1.jpg": b"one", "images/2.jpg": b"two", "labels/1.txt": b"cat"}


def tar(members: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in members.items():
            row = tarfile.TarInfo(name)
            row.size = len(content)
            archive.addfile(row, io.BytesIO(content))
    return made.getvalue()


def untar(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {row.name: archive.extractfile(row).read() for row in archive}  # type: ignore[union-attr]


@pytest.fixture
def shard(cli: CommandLine, bucket: str) -> str:
    name = f"ais://{bucket}/s/1.tar"
    cli.good("object", "put", "-", name, stdin=tar(MEMBERS))
    return name


def names(cli: CommandLine, archive: str) -> list[str]:
    return [each["name"] for each in cli.json("archive", "ls", archive)]


def test_members_are_listed(cli: CommandLine, shard: str) -> None:
    assert names(cli, shard) == [*MEMBERS]
    head, first, *_ = cli.good("archive", "ls", shard).out.splitlines()
    assert (head.split(), first.split()) == (["MEMBER", "SIZE"], ["images/1.jpg", "3", "B"])
    assert cli.good("archive", "ls", shard, "--names").out.split() == [*MEMBERS]


def test_what_is_no_archive_has_no_members(cli: CommandLine, bucket: str) -> None:
    assert "does not exist" in cli.refused("archive", "ls", f"{bucket}/none.tar")
    cli.good("object", "put", "-", f"{bucket}/plain", stdin=b"x")
    assert "is empty" in cli.good("archive", "ls", f"{bucket}/plain").out


def test_a_member_is_printed_and_got(cli: CommandLine, shard: str) -> None:
    assert cli.good("archive", "cat", shard, "images/1.jpg", "labels/1.txt").raw == b"onecat"
    cli.good("archive", "get", shard, "images/2.jpg")
    assert Path("2.jpg").read_bytes() == b"two"
    cli.good("archive", "get", shard, "images/2.jpg", "other")
    assert Path("other").read_bytes() == b"two"
    cli.good("object", "get", shard, "--archpath", "labels/1.txt")
    assert Path("1.txt").read_bytes() == b"cat"
    assert cli.json("object", "head", shard, "--archpath", "labels/1.txt")["size"] == 3
    assert "does not exist" in cli.refused("archive", "get", shard, "none")


@pytest.mark.parametrize(
    ("flag", "text", "expected"),
    [
        ("--regex", r"\.jpg$", ["images/1.jpg", "images/2.jpg"]),
        ("--prefix", "labels", ["labels/1.txt"]),
        ("--suffix", "1.jpg", ["images/1.jpg"]),
        ("--substr", "/1.", ["images/1.jpg", "labels/1.txt"]),
        ("--wdskey", "images/2", ["images/2.jpg"]),
    ],
)
def test_members_are_selected_into_a_tar(
    flag: str, text: str, expected: list[str], cli: CommandLine, shard: str
) -> None:
    found = untar(cli.good("archive", "get", shard, flag, text, "-").raw)
    assert found == {name: MEMBERS[name] for name in expected}
    cli.good("archive", "get", shard, "some.tar", flag, text)
    assert untar(Path("some.tar").read_bytes()) == found


def test_files_are_added(cli: CommandLine, bucket: str, shard: str) -> None:
    for name in ("3.jpg", "4.jpg"):
        Path(name).write_bytes(name.encode())
    cli.good("archive", "put", "3.jpg", "4.jpg", shard, "--folder", "images/")
    assert names(cli, shard) == ["images/1.jpg", "images/2.jpg", "images/3.jpg", "images/4.jpg",
                                 "labels/1.txt"]  # fmt: skip
    assert cli.good("archive", "cat", shard, "images/4.jpg").raw == b"4.jpg"
    new = f"{bucket}/new.tar"
    assert "does not exist" in cli.refused("archive", "put", "3.jpg", new)
    made = cli.json("archive", "put", "3.jpg", new, "--create", "--archpath", "x/y")
    assert made == {"archive": f"ais://{new}", "members": ["x/y"]}
    assert names(cli, new) == ["x/y"]


def test_objects_become_an_archive(
    cli: CommandLine, bucket: str, new_bucket: Callable[[], str]
) -> None:
    for name in ("a/1", "a/2", "b"):
        cli.good("object", "put", "-", f"{bucket}/{name}", stdin=name.encode())
    to = f"{new_bucket()}/made.tar"
    result = cli.good("archive", "create", bucket, to, "--template", "a/{1..2}")
    assert result.out == f"Archived from ais://{bucket} in ais://{to}: 2 objects, 6 B.\n"
    assert untar(cli.good("object", "cat", to).raw) == {"a/1": b"a/1", "a/2": b"a/2"}
    cli.good("archive", "create", bucket, to, "--prefix", "b", "--append")
    bare = f"{to}.2.tar"
    cli.good("archive", "create", bucket, bare, "--prefix", "a/", "--bare")
    assert names(cli, bare) == ["1", "2"]
    assert names(cli, to) == ["a/1", "a/2", "b"]
    assert "Select objects with" in cli.refused("archive", "create", bucket, to, code=2)
