from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xxhash

from tests.cli.conftest import CommandLine
from tests.server_process import ServerProcess


def put(cli: CommandLine, bucket: str, *names: str) -> None:
    for name in names:
        cli.good("object", "put", "-", f"{bucket}/{name}", stdin=name.encode())


def names(cli: CommandLine, bucket: str) -> list[str]:
    return [each["name"] for each in cli.json("object", "ls", bucket)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with files in it, a large one and an empty one among them."""
    for name, content in {
        "a.txt": b"a",
        "empty": b"",
        "deep/er/b c%.bin": os.urandom(1 << 20),
        "deep/é.txt": b"e",
    }.items():
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "tree"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("target", "name"), [("", "a.txt"), ("/x/", "x/a.txt"), ("/x", "x"), ("/x/y", "x/y")]
)
def test_a_file_is_put_where_the_place_says(
    target: str, name: str, cli: CommandLine, bucket: str, tree: Path
) -> None:
    result = cli.good("object", "put", tree / "a.txt", f"ais://{bucket}{target}")
    assert result.out.endswith(f"to ais://{bucket}/{name} (1 B).\n")
    assert names(cli, bucket) == [name]


def test_a_folder_goes_there_and_back(cli: CommandLine, bucket: str, tree: Path) -> None:
    assert cli.good("object", "put", "-r", tree, f"{bucket}/t").out == "Put 4 objects, 1.0 MiB.\n"
    assert names(cli, bucket) == ["t/a.txt", "t/deep/er/b c%.bin", "t/deep/é.txt", "t/empty"]
    cli.good("object", "get", "-r", f"{bucket}/t/", "back", "--jobs", "2")
    assert contents(Path("back")) == contents(tree)
    cli.good("object", "get", "-r", f"{bucket}/t/de", "some")
    assert contents(Path("some/deep")) == contents(tree / "deep")


def test_a_transfer_is_told_to_programs(cli: CommandLine, bucket: str, tree: Path) -> None:
    told = cli.json("object", "put", "-r", tree / "deep", f"{bucket}/")
    assert {(each["target"], each["size"]) for each in told["done"]} == {
        (f"ais://{bucket}/er/b c%.bin", 1 << 20),
        (f"ais://{bucket}/é.txt", 1),
    }
    assert (told["failed"], told["bytes"]) == ([], (1 << 20) + 1)


def test_a_dry_run_puts_nothing(cli: CommandLine, bucket: str, tree: Path) -> None:
    said = cli.good("object", "put", "-r", tree, bucket, "--dry-run").out
    assert f"{tree}/a.txt to ais://{bucket}/a.txt\n" in said
    assert names(cli, bucket) == []


def test_a_folder_is_not_put_by_accident(cli: CommandLine, bucket: str, tree: Path) -> None:
    assert "-r puts all files in it" in cli.refused("object", "put", tree, bucket, code=2)
    assert "does not exist" in cli.refused("object", "put", tree / "x", bucket, code=2)
    files = (tree / "a.txt", tree / "empty")
    assert "into a folder" in cli.refused("object", "put", *files, f"{bucket}/x", code=2)


def test_one_that_fails_does_not_keep_the_others(cli: CommandLine, bucket: str, tree: Path) -> None:
    (tree / "gone").symlink_to("nowhere")
    result = cli("object", "put", "-r", tree, bucket)
    assert result.code == 1
    assert f"{tree}/gone: {tree}/gone cannot be read: No such file" in result.err
    assert len(names(cli, bucket)) == 4


@pytest.mark.parametrize("size", [0, 5, (8 << 20) + 1])
def test_the_standard_input_is_an_object_of_any_size(
    size: int, cli: CommandLine, bucket: str
) -> None:
    body = os.urandom(size)
    cli.good("object", "put", "-", f"{bucket}/in", stdin=body)
    assert cli.good("object", "cat", f"{bucket}/in").raw == body
    assert cli.good("object", "get", f"{bucket}/in", "-").raw == body


def test_uploads_carry_their_checksum(cli: CommandLine, bucket: str, server: ServerProcess) -> None:
    put(cli, bucket, "sum")
    told = cli.json("object", "head", f"{bucket}/sum")
    assert told["checksum_type"] == "xxhash2"
    # The native API computes no MD5.
    assert told["etag"] == f"{xxhash.xxh3_128_hexdigest(b'sum')}-1"
    found = server.client().head_object(Bucket=bucket, Key="sum")
    assert found["ETag"] == f'"{told["etag"]}"'


def test_nothing_is_overwritten_that_shall_not_be(
    cli: CommandLine, bucket: str, tree: Path
) -> None:
    once = ("object", "put", tree / "a.txt", bucket, "--no-overwrite")
    cli.good(*once)
    assert cli(*once).code == 1


def test_custom_properties_are_set_added_and_replaced(
    cli: CommandLine, bucket: str, tree: Path
) -> None:
    name = f"{bucket}/a.txt"
    cli.good("object", "put", tree / "a.txt", name, "--custom", "run=17", "--custom", "by=é")
    assert cli.json("object", "head", name)["custom"] == {"run": "17", "by": "é"}
    cli.good("object", "set-custom", name, "run=18", "note=a, b")
    assert cli.json("object", "head", name)["custom"] == {"run": "18", "by": "é", "note": "a, b"}
    cli.good("object", "set-custom", name, "--replace", "only=1")
    assert cli.json("object", "head", name)["custom"] == {"only": "1"}
    assert "Name a property" in cli.refused("object", "set-custom", name, code=2)


@pytest.mark.parametrize(
    ("range_", "expected"), [("0-2", b"012"), ("7-", b"789"), ("-3", b"789"), ("5-5", b"5")]
)
def test_a_range_is_read(range_: str, expected: bytes, cli: CommandLine, bucket: str) -> None:
    cli.good("object", "put", "-", f"{bucket}/r", stdin=b"0123456789")
    assert cli.good("object", "cat", f"{bucket}/r", f"--range={range_}").raw == expected
    cli.good("object", "get", f"--range={range_}", f"{bucket}/r", "part")
    assert Path("part").read_bytes() == expected


def test_what_is_missing_leaves_no_file(cli: CommandLine, bucket: str) -> None:
    said = cli.refused("object", "get", f"{bucket}/none")
    assert said == f"s3gw: ais://{bucket}/none does not exist."
    assert list(Path().iterdir()) == []
    assert "No object's name begins with" in cli.refused("object", "get", "-r", f"{bucket}/none/")
    assert "does not exist" in cli.refused("object", "head", f"{bucket}/none")


def test_no_object_is_written_outside_the_folder(
    cli: CommandLine, bucket: str, server: ServerProcess
) -> None:
    for key in ("d/../../evil", "d//double", "d/fine", "d/folder/"):
        server.client().put_object(Bucket=bucket, Key=key, Body=b"")
    result = cli("object", "get", "-r", f"{bucket}/d/", "out/in")
    assert result.code == 1
    assert result.err.count("cannot be a file below out/in") == 1
    # The native API shows such a key escaped.
    evil = ["out/in/%2E%2E", "out/in/%2E%2E/%2E%2E", "out/in/%2E%2E/%2E%2E/evil"]
    assert sorted(str(path) for path in Path().rglob("*")) == [
        "out", "out/in", *evil, "out/in/fine", "out/in/folder",
    ]  # fmt: skip


def test_listings_have_columns_prefixes_and_limits(cli: CommandLine, bucket: str) -> None:
    put(cli, bucket, "a/1", "a/2", "b")
    head, *rows = cli.good("object", "ls", f"{bucket}/a/").out.splitlines()
    assert (head.split(), [row.split() for row in rows]) == (
        ["NAME", "SIZE"],
        [["a/1", "3", "B"], ["a/2", "3", "B"]],
    )
    assert cli.good("object", "ls", bucket, "--names").out == "a/1\na/2\nb\n"
    assert cli.good("object", "ls", bucket, "--names", "--limit", 2).out == "a/1\na/2\n"
    assert cli.good("object", "ls", bucket, "--names", "--start-after", "a/1").out == "a/2\nb\n"
    assert cli.good("object", "ls", bucket, "--names", "--regex", "[12]$").out == "a/1\na/2\n"
    assert cli.good("object", "ls", bucket, "--flat", "--names").out == "a/\nb\n"
    assert "3 objects, 7 B" in cli.good("object", "ls", bucket, "--summary").out
    assert "There are no such objects." in cli.good("object", "ls", f"{bucket}/none").out


def test_pages_make_one_listing(cli: CommandLine, bucket: str) -> None:
    put(cli, bucket, *"abcde")
    assert cli.good("object", "ls", bucket, "--names", "--page-size", 2).out.split() == [*"abcde"]
    table = cli.good("object", "ls", bucket, "--page-size", 2).out.splitlines()
    assert [row.split()[0] for row in table] == ["NAME", *"abcde"]
    assert [each["name"] for each in cli.json("object", "ls", bucket, "--page-size", 2)] == [
        *"abcde"
    ]


def test_chosen_properties_are_columns(cli: CommandLine, bucket: str) -> None:
    put(cli, bucket, "a")
    (row,) = cli.json("object", "ls", bucket, "--props", "checksum,copies,cached")
    assert row["name"] == "a"
    assert (len(row["checksum"]), row["copies"], row["cached"]) == (16, 1, True)
    head = cli.good("object", "ls", bucket, "--long").out.split()[:5]
    assert head == ["NAME", "SIZE", "ATIME", "VERSION", "CHECKSUM"]
    assert "is unknown" in cli.refused("object", "ls", bucket, "--props", "x", code=2)


def test_a_name_cannot_move_the_cursor(
    cli: CommandLine, bucket: str, server: ServerProcess
) -> None:
    server.client().put_object(Bucket=bucket, Key="a\x1b[2Jb", Body=b"")
    assert "a\\x1b[2Jb" in cli.good("object", "ls", bucket).out


def test_objects_are_removed_by_name(cli: CommandLine, bucket: str) -> None:
    put(cli, bucket, "a", "b", "c")
    removed = cli.json("object", "rm", f"{bucket}/a", f"{bucket}/b")
    assert removed == {"removed": [f"ais://{bucket}/a", f"ais://{bucket}/b"]}
    assert names(cli, bucket) == ["c"]
    assert "does not exist" in cli.refused("object", "rm", f"{bucket}/a")


@pytest.mark.parametrize(
    ("flags", "left"),
    [
        (["--prefix", "a/"], ["b1", "b2", "b3"]),
        (["--template", "b{1..2}"], ["a/1", "b3"]),
        (["--list", "names.txt"], ["b2", "b3"]),
        (["--all"], []),
    ],
)
def test_many_are_removed_by_a_job(
    flags: list[str], left: list[str], cli: CommandLine, bucket: str
) -> None:
    put(cli, bucket, "a/1", "b1", "b2", "b3")
    Path("names.txt").write_text("a/1\nb1\n")
    assert "add --yes" in cli.refused("object", "rm", bucket, *flags, code=2)
    result = cli.good("object", "rm", bucket, *flags, "--yes")
    assert result.out.startswith(f"Removed from ais://{bucket}: ")
    assert names(cli, bucket) == left


@pytest.mark.parametrize(
    "flags", [["--prefix", ""], ["--template", ""], ["--list", "empty"], ["--prefix", "a{1..3}"]]
)
def test_the_whole_bucket_is_never_meant_by_accident(
    flags: list[str], cli: CommandLine, bucket: str
) -> None:
    Path("empty").write_text("\n")
    cli.refused("object", "rm", bucket, *flags, "--yes", code=2)


def test_flags_for_many_go_with_a_bucket_alone(cli: CommandLine, bucket: str) -> None:
    said = cli.refused("object", "rm", f"{bucket}/a", "--prefix", "b", "--yes", code=2)
    assert "need the name of the bucket only" in said


def test_many_are_copied_by_a_job(
    cli: CommandLine, bucket: str, new_bucket: Callable[[], str]
) -> None:
    put(cli, bucket, "a", "b1", "b2", "c")
    to = new_bucket()
    cli.good("object", "cp", bucket, to, "--template", "b{1..2}", "--prepend", "x/")
    assert "Copied from" in cli.good("object", "cp", bucket, to, "--prefix", "c").out
    Path("names").write_text("a\nmissing\n")
    result = cli("object", "cp", bucket, to, "--list", "names", "--continue-on-error")
    assert result.code == 1
    assert "missing" in result.err
    assert names(cli, to) == ["a", "c", "x/b1", "x/b2"]


@pytest.mark.parametrize("command", ["evict", "prefetch"])
def test_a_bucket_without_a_cloud_has_nothing_to_fetch_or_forget(
    command: str, cli: CommandLine, bucket: str
) -> None:
    assert "has no remote backend" in cli.refused("object", command, bucket, "--all")
    assert "has no remote backend" in cli.refused("object", command, f"{bucket}/a")


def test_an_object_is_copied_and_renamed(
    cli: CommandLine, bucket: str, new_bucket: Callable[[], str]
) -> None:
    put(cli, bucket, "a/1")
    to = new_bucket()
    assert cli.good("object", "cp", f"{bucket}/a/1", to).out == (
        f"Copied ais://{bucket}/a/1 to ais://{to}/a/1.\n"
    )
    cli.good("object", "cp", f"{bucket}/a/1", f"{to}/b/")
    cli.good("object", "mv", f"{to}/b/1", f"{to}/c %é")
    told = cli.json("object", "mv", f"{to}/c %é", f"{bucket}/d")
    assert told == {"source": f"ais://{to}/c %é", "target": f"ais://{bucket}/d"}
    assert (names(cli, bucket), names(cli, to)) == (["a/1", "d"], ["a/1"])
    assert cli.good("object", "cat", f"{bucket}/d").raw == b"a/1"
    assert "name an object" in cli.refused("object", "cp", bucket, to, code=2)


def test_files_of_the_server_are_promoted(
    cli: CommandLine, bucket: str, promoted_folder: Path
) -> None:
    (promoted_folder / "in").mkdir()
    for name in ("a", "in/b"):
        (promoted_folder / name).write_text(name)
    one = promoted_folder / "a"
    assert cli.good("object", "promote", one, f"{bucket}/x").out == (
        f"Promoted {one} to ais://{bucket}/x.\n"
    )
    (job,) = cli.json("object", "promote", promoted_folder, f"{bucket}/all/", "--recursive")
    assert (job["kind"], job["objects"]) == ("promote", 2)
    assert names(cli, bucket) == ["all/a", "all/in/b", "x"]
    assert "annot promote" in cli.refused("object", "promote", "/etc/hostname", bucket)
