"""AIStore's command line: what it prints of buckets, objects and jobs, and what is stored then."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from compat.clients.ais_cli import Ais, column, new_bucket, rows
from compat.clients.client import Failed
from compat.clients.target import MIB, new_name, noise

ais = Ais()
TREE: Mapping[str, bytes] = {"a": b"1", "dir/f1": b"22", "dir/f2": b"333", "dir/sub/f3": b"4444"}


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with new_bucket(ais) as name:
        yield name


@pytest.fixture(name="other")
def _other() -> Iterator[str]:
    """A bucket that a test makes, or not."""
    name = f"ais://{new_name('other')}"
    yield name
    if name in ais("ls", "ais://"):
        ais("rmb", name, "-y")


@pytest.fixture(name="filled")
def _filled(bucket: str, tmp_path: Path) -> str:
    for name, body in TREE.items():
        put(tmp_path, bucket, name, body)
    return bucket


def put(folder: Path, bucket: str, name: str, body: bytes) -> None:
    file = folder / "body"
    file.write_bytes(body)
    ais("put", file, f"{bucket}/{name}")


def read(bucket: str, name: str) -> bytes:
    return ais.bytes("object", "cat", f"{bucket}/{name}")


def names(bucket: str, *flags: str) -> list[str]:
    return column(ais.table("ls", bucket, *flags), "NAME")


def props(bucket: str, section: str = "") -> dict[str, str]:
    shown = ais.table("bucket", "props", "show", bucket, *([section] if section else []))
    return {row[0]: row[-1] if len(row) > 1 else "" for row in shown[1:]}


def tar_of(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def untarred(file: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(file) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    return found


# Buckets


def test_buckets_are_made_listed_and_destroyed(other: str) -> None:
    assert other not in ais("ls")
    ais("create", other)
    with pytest.raises(Failed, match="already exists"):
        ais("create", other)
    for form in (("ls",), ("ls", "ais://"), ("ls", "ais:"), ("ls", "--all")):
        assert [other, "yes"] in ais.table(*form)
    assert names("--regex", other.removeprefix("ais://")) == [other, *total(1)]
    assert ais("rmb", other, "-y") == f'"{other}" destroyed\n'
    assert other not in ais("ls")
    with pytest.raises(Failed, match=f'bucket "{other}" does not exist'):
        ais("ls", other)


def total(count: int) -> list[str]:
    return [f"Total: [AIS bucket{'s' if count > 1 else ''}: {count}] ========"]


@pytest.mark.parametrize("where", ["@", "ais://@", "gs:", "s3:"])
def test_there_are_no_remote_buckets(bucket: str, where: str) -> None:
    assert bucket not in ais("ls", where)
    assert "buckets in the cluster" in ais("ls", where)


@pytest.mark.parametrize(
    "written",
    [
        "lru.enabled=false mirror.enabled=true mirror.copies=4 checksum.type=md5",
        '{"lru": {"enabled": false}, "mirror": {"enabled": true, "copies": 4},'
        ' "checksum": {"type": "md5"}}',
    ],
)
def test_a_bucket_is_made_with_properties(other: str, written: str) -> None:
    ais("create", other, f"--props={written}")
    found = props(other)
    assert (found["mirror.enabled"], found["mirror.copies"]) == ("true", "4")
    assert (found["lru.enabled"], found["checksum.type"]) == ("false", "md5")


def test_a_bucket_is_renamed_with_its_objects(filled: str, other: str) -> None:
    printed = ais("bucket", "mv", filled, other, "--wait")
    assert f"{filled} => {other}" in printed
    assert "Done." in printed
    assert names(other) == sorted(TREE)
    assert filled not in ais("ls")
    ais("bucket", "mv", other, filled, "--wait")
    assert read(filled, "dir/f1") == TREE["dir/f1"]


def test_properties_are_set_shown_and_reset(bucket: str) -> None:
    printed = ais("bucket", "props", "set", bucket, "checksum.type=md5", "versioning.enabled=false")
    assert '"checksum.type" set to: "md5" (was: "xxhash2")' in printed
    assert props(bucket, "checksum")["checksum.type"] == "md5"
    assert props(bucket)["versioning.enabled"] == "false"
    shown = json.loads(ais("show", "bucket", bucket, "--json"))
    assert shown["checksum"]["type"] == "md5"
    assert ["versioning", "Disabled"] in ais.table("bucket", "props", "show", bucket, "--compact")
    ais("bucket", "props", "reset", bucket)
    assert props(bucket)["checksum.type"] == "xxhash2"
    assert props(bucket)["versioning.enabled"] == "true"


def test_a_property_that_does_not_exist_or_cannot_be_is_refused_with_the_reason(
    bucket: str,
) -> None:
    with pytest.raises(Failed, match='unknown property "nosuch"'):
        ais("bucket", "props", "set", bucket, "nosuch=1")
    with pytest.raises(Failed, match="requires at least 5 targets"):
        ais("bucket", "props", "set", bucket, "ec.enabled=true")
    with pytest.raises(Failed, match=f"not enough mountpaths .1. to configure {bucket}"):
        ais("bucket", "props", "set", bucket, "mirror.enabled=true")


def test_access_keeps_out_and_is_given_back(filled: str, tmp_path: Path) -> None:
    """771 is to read and to look; 0 is everything, as it was by default."""
    ais("bucket", "props", "set", filled, "access=771")
    assert props(filled)["access"] == "GET,HEAD-OBJECT,HEAD-BUCKET,LIST-OBJECTS"
    assert read(filled, "a") == TREE["a"]
    with pytest.raises(Failed, match="access denied"):
        put(tmp_path, filled, "b", b"x")
    ais("bucket", "props", "set", filled, "access=0")
    put(tmp_path, filled, "b", b"x")


def test_a_summary_counts_one_bucket_or_all(filled: str) -> None:
    size = sum(map(len, TREE.values()))
    for command in (
        ("bucket", "summary", filled),
        ("bucket", "summary"),
        ("storage", "summary", filled),
    ):
        found = {row[0]: row for row in ais.table(*command)}
        assert found[filled][1].split() == [str(len(TREE)), "0"]
        assert found[filled][3].split() == [f"{size}B", "0B"]
    below = {row[0]: row for row in ais.table("bucket", "summary", f"{filled}/dir/")}
    assert below[filled][1].split() == ["3", "0"]
    assert f"{len(TREE)} 0" in ais("ls", filled, "--summary")


def test_a_bucket_without_a_backend_is_not_evicted(bucket: str) -> None:
    with pytest.raises(Failed, match="not allowed"):
        ais("bucket", "evict", bucket)


# Lists of objects


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], ["a", "dir/f1", "dir/f2", "dir/sub/f3"]),
        (["--nr"], ["dir/", "a"]),
        (["--prefix", "dir/", "--nr"], ["dir/sub/", "dir/f1", "dir/f2"]),
        (["--prefix", "dir", "--nr"], ["dir/sub/", "dir/f1", "dir/f2"]),
        (["--prefix", "dir/f"], ["dir/f1", "dir/f2"]),
        (["--prefix", "dir/f*"], ["dir/f1", "dir/f2"]),
        (["--template", "dir/f{1..9}"], ["dir/f1", "dir/f2"]),
        (["--regex", "f[13]$"], ["dir/f1", "dir/sub/f3"]),
        (["--limit", "2"], ["a", "dir/f1"]),
        (["--page-size", "1"], ["a", "dir/f1", "dir/f2", "dir/sub/f3"]),
        (["--start-after", "dir/f1"], ["dir/f2", "dir/sub/f3"]),
        (["--name-only"], ["a", "dir/f1", "dir/f2", "dir/sub/f3"]),
        (["--all"], ["a", "dir/f1", "dir/f2", "dir/sub/f3"]),
    ],
)
def test_objects_are_listed(filled: str, flags: list[str], expected: list[str]) -> None:
    assert names(filled, *flags) == expected


def test_a_path_and_a_star_are_a_prefix(filled: str) -> None:
    for written in ("dir/", "dir/*"):
        assert names(f"{filled}/{written}") == ["dir/f1", "dir/f2", "dir/sub/f3"]


def test_sizes_and_all_properties_are_listed(filled: str) -> None:
    assert column(ais.table("ls", filled), "SIZE") == ["1B", "2B", "3B", "4B"]
    found = ais.table("ls", filled, "--props", "all")
    assert found[0][:3] == ["NAME", "SIZE", "CHECKSUM"]
    assert [row[1] for row in found[1:]] == ["1B", "2B", "3B", "4B"]
    for row in found[1:]:
        assert re.fullmatch("[0-9a-f]{16}", row[2])
        assert "ok" in row
    assert "Listed 4 names" in ais("ls", filled, "--count-only")


def test_an_empty_list_says_so(bucket: str) -> None:
    assert ais("ls", bucket) == f"No objects in {bucket}\n"


# Objects


@pytest.mark.parametrize("size", [0, 5, 3 * MIB])
@pytest.mark.parametrize("flags", [(), ("--compute-checksum",)])
def test_what_is_put_comes_back(
    bucket: str, tmp_path: Path, size: int, flags: tuple[str, ...]
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(noise(size))
    assert ais("put", source, f"{bucket}/k", *flags).startswith(f'PUT "{source}" => {bucket}/k')
    ais("get", f"{bucket}/k", target, "-y")
    assert target.read_bytes() == read(bucket, "k") == noise(size)


def test_a_put_reads_the_standard_input(bucket: str) -> None:
    ais("put", "-", f"{bucket}/k", stdin=b"from a pipe")
    assert read(bucket, "k") == b"from a pipe"


@pytest.mark.parametrize(
    "name", ["sp ace", "plus+", "per%20cent", "ü/日本語", "question?", "hash#"]
)
def test_odd_names_are_kept(bucket: str, tmp_path: Path, name: str) -> None:
    """The program sends such names as they are, which are paths with queries, unless it is told to
    encode them."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"odd")
    ais("put", source, f"{bucket}/{name}", "--encode-objname")
    assert names(bucket) == [name]
    ais("get", f"{bucket}/{name}", target, "-y", "--encode-objname")
    assert target.read_bytes() == b"odd"
    # A name with `?` is a pattern to it, and so for a job.
    ais("rmo", f"{bucket}/{name}", "-y", "--encode-objname", "--wait")
    assert ais("ls", bucket).startswith("No objects")


def test_a_folder_and_a_template_of_files_are_put(bucket: str, tmp_path: Path) -> None:
    for name, body in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    ais("put", tmp_path / "dir", f"{bucket}/up/", "-r", "-y")
    assert names(bucket) == ["up/f1", "up/f2", "up/sub/f3"]
    ais("put", f"{tmp_path}/dir/f{{1..2}}", bucket, "-y")
    assert names(bucket, "--prefix", "f") == ["f1", "f2"]
    assert read(bucket, "f2") == TREE["dir/f2"]


def test_a_range_is_read(bucket: str, tmp_path: Path) -> None:
    put(tmp_path, bucket, "k", bytes(range(100)))
    target = tmp_path / "part"
    ais("get", f"{bucket}/k", "--offset", 10, "--length", 20, target, "-y")
    assert target.read_bytes() == bytes(range(10, 30))


def test_a_range_has_its_own_checksum_where_the_bucket_says_so(bucket: str, tmp_path: Path) -> None:
    ais("bucket", "props", "set", bucket, "checksum.enable_read_range=true")
    put(tmp_path, bucket, "k", noise(6 * MIB))
    target = tmp_path / "part"
    for length in (20, 5 * MIB):
        words = ("--offset", 10, "--length", length, "-y", "--checksum")
        ais("get", f"{bucket}/k", target, *words)
        assert target.read_bytes() == noise(6 * MIB)[10 : 10 + length]


def test_many_objects_are_read_at_once(filled: str, tmp_path: Path) -> None:
    target = tmp_path / "down"
    target.mkdir()
    printed = ais("get", filled, "--prefix", "dir/f", f"{target}/", "-y")
    assert "GET 2 objects" in printed
    assert sorted(file.name for file in target.rglob("f*") if file.is_file()) == ["f1", "f2"]


def test_an_object_is_described(filled: str) -> None:
    ais("object", "set-custom", f"{filled}/a", "color=red", "n=1")
    shown = dict(row[:2] for row in ais.table("object", "show", f"{filled}/a", "--props=all"))
    assert shown["name"] == f"{filled}/a"
    assert shown["size"] == "1B"
    assert shown["checksum"].startswith("xxhash2[")
    assert "color:red" in shown["custom"]
    assert shown["location"].startswith("t[")
    with pytest.raises(Failed, match=f'"none" not found in {filled}'):
        ais("object", "show", f"{filled}/none")


def test_an_object_is_moved_copied_and_joined(filled: str, tmp_path: Path) -> None:
    assert ais("object", "mv", f"{filled}/a", "b") == '"a" moved to "b"\n'
    ais("object", "cp", f"{filled}/b", f"{filled}/c")
    assert read(filled, "b") == read(filled, "c") == TREE["a"]
    assert "a" not in names(filled)
    for name in ("1", "2"):
        (tmp_path / name).write_bytes(name.encode())
    ais("object", "concat", tmp_path / "1", tmp_path / "2", f"{filled}/joined")
    assert read(filled, "joined") == b"12"


def test_files_of_the_server_are_promoted(bucket: str) -> None:
    folder = Path(os.environ["COMPAT_PROMOTE"]) / "cli"
    (folder / "sub").mkdir(parents=True)
    (folder / "1").write_bytes(b"one")
    (folder / "sub" / "2").write_bytes(b"two")
    ais("object", "promote", folder / "1", f"{bucket}/one")
    assert read(bucket, "one") == b"one"
    ais("object", "promote", folder, f"{bucket}/all/", "-r")
    ais("wait", "promote")
    assert names(bucket) == ["all/1", "all/sub/2", "one"]


def test_the_lock_of_an_object_is_looked_at(filled: str) -> None:
    assert "unlocked" in ais("advanced", "check-lock", f"{filled}/a").lower()


def test_objects_are_removed_by_name_list_template_and_prefix(filled: str) -> None:
    ais("rmo", f"{filled}/a", "-y")
    assert names(filled) == ["dir/f1", "dir/f2", "dir/sub/f3"]
    ais("rmo", filled, "--list", "dir/f1", "--wait", "-y")
    assert names(filled) == ["dir/f2", "dir/sub/f3"]
    ais("rmo", filled, "--template", "dir/f{1..2}", "--wait", "-y")
    assert names(filled) == ["dir/sub/f3"]
    ais("rmo", filled, "--prefix", "dir/*", "--wait", "-y")
    assert ais("ls", filled).startswith("No objects")


def test_missing_names_end_a_removal_by_list_with_errors(filled: str) -> None:
    with pytest.raises(Failed, match=f'"{filled}/none" does not exist'):
        ais("rmo", f"{filled}/none", "-y")
    with pytest.raises(Failed, match=f"finished with errors(?s:.)*{filled}/none does not exist"):
        ais("rmo", filled, "--list", "dir/f1,none", "--wait", "-y")
    assert "dir/f1" not in names(filled)
    # Of a template, what is missing is not missed.
    assert "Done." in ais("rmo", filled, "--template", "none{1..3}", "--wait", "-y")


def test_a_whole_bucket_is_emptied(filled: str) -> None:
    ais("rmo", filled, "--all", "-y")
    assert ais("ls", filled).startswith("No objects")


def test_an_upload_is_put_together_or_given_up(bucket: str, tmp_path: Path) -> None:
    parts = [noise(MIB, seed) for seed in (1, 2)]
    for number, part in enumerate(parts, 1):
        (tmp_path / str(number)).write_bytes(part)
    upload = ais("mpu", "create", f"{bucket}/k").removeprefix("Upload ID: ").strip()
    for number in (2, 1):
        ais("mpu", "put-part", f"{bucket}/k", upload, number, tmp_path / str(number))
    ais("mpu", "complete", f"{bucket}/k", upload, "1,2")
    assert read(bucket, "k") == b"".join(parts)
    given_up = ais("mpu", "create", f"{bucket}/other").removeprefix("Upload ID: ").strip()
    ais("mpu", "put-part", f"{bucket}/other", given_up, 1, tmp_path / "1")
    ais("mpu", "abort", f"{bucket}/other", given_up)
    with pytest.raises(Failed):
        ais("mpu", "complete", f"{bucket}/other", given_up, "1")
    assert names(bucket) == ["k"]


# Copies


def test_a_bucket_is_copied_into_one_like_it(filled: str, other: str) -> None:
    ais("bucket", "props", "set", filled, "checksum.type=md5")
    printed = ais("cp", filled, other)
    job = re.search(r"show job (\S+?)'", printed)
    assert job
    ais("wait", job[1])
    assert names(other) == sorted(TREE)
    assert read(other, "dir/f2") == TREE["dir/f2"]
    assert props(other)["checksum.type"] == "md5"
    assert column(rows(table_of(ais("show", "job", job[1]))), "STATE") == ["Finished"]


def table_of(printed: str) -> str:
    """Return what follows the title of a job."""
    return printed[printed.index("NODE") :]


def test_a_copy_may_be_synchronized(filled: str, other: str) -> None:
    ais("cp", filled, other, "--wait")
    ais("rmo", f"{filled}/a", "-y")
    ais("cp", filled, other, "--sync", "--wait")
    assert names(other) == names(filled) == ["dir/f1", "dir/f2", "dir/sub/f3"]


def test_a_copy_may_have_a_prefix_and_prepend_one(filled: str, other: str) -> None:
    ais("cp", filled, other, "--prepend", "pre/", "--wait")
    assert names(other) == [f"pre/{name}" for name in sorted(TREE)]
    ais("cp", filled, other, "--prefix", "dir/f*", "--wait")
    ais("cp", filled, other, "--list", "a", "--wait")
    ais("cp", f"{filled}/dir/sub/f{{1..5}}", other, "--wait")
    assert names(other)[:4] == sorted(TREE)


def test_a_dry_run_copies_nothing(filled: str, other: str) -> None:
    assert "[DRY RUN]" in ais("cp", filled, other, "--dry-run")
    assert other not in ais("ls")


# Archives, and many objects in one answer


def test_members_are_put_listed_and_read(bucket: str, tmp_path: Path) -> None:
    shard, more = f"{bucket}/s.tar", tmp_path / "more"
    put(tmp_path, bucket, "s.tar", tar_of({"m1": b"one", "d/m2": b"two"}))
    more.write_bytes(b"three")
    ais("archive", "put", more, shard, "--archpath", "m3", "--append")
    assert names(bucket, "--archive") == ["s.tar", "s.tar/d/m2", "s.tar/m1", "s.tar/m3"]
    assert names(shard, "--archive") == names(bucket, "--archive")
    target = tmp_path / "member"
    for name, body in (("m1", b"one"), ("d/m2", b"two"), ("m3", b"three")):
        ais("archive", "get", shard, "--archpath", name, target, "-y")
        assert target.read_bytes() == body
    with pytest.raises(Failed, match="none"):
        ais("archive", "get", shard, "--archpath", "none", target, "-y")


def test_archives_are_looked_into_without_recursion_too(bucket: str, tmp_path: Path) -> None:
    packed = tar_of({"m1": b"one", "d/m2": b"two"})
    for name in ("s.tar", "in/s.tar"):
        put(tmp_path, bucket, name, packed)
    inside = ["s.tar", "s.tar/d/m2", "s.tar/m1"]
    assert names(bucket, "--archive", "--nr") == ["in/", *inside]
    assert names(f"{bucket}/in", "--archive", "--nr") == [f"in/{name}" for name in inside]


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip", "tar.lz4"])
def test_objects_are_archived(filled: str, kind: str) -> None:
    ais("archive", "bucket", filled, f"{filled}/x.{kind}", "--template", "dir/f{1..2}", "--wait")
    listed = names(f"{filled}/x.{kind}", "--archive")
    assert listed == [f"x.{kind}", f"x.{kind}/dir/f1", f"x.{kind}/dir/f2"]


def test_files_become_a_shard(bucket: str, tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / "d").mkdir(exist_ok=True)
        (tmp_path / "d" / name).write_bytes(name.encode())
    ais("archive", "put", tmp_path / "d", f"{bucket}/d.tar", "-y")
    target = tmp_path / "back.tar"
    ais("get", f"{bucket}/d.tar", target, "-y")
    found = untarred(target)
    assert sorted(found.values()) == [b"1", b"2"]


def test_a_batch_is_read(filled: str, tmp_path: Path) -> None:
    put(tmp_path, filled, "s.tar", tar_of({"m": b"member"}))
    target, name = tmp_path / "batch.tar", filled.removeprefix("ais://")
    ais("ml", "get-batch", filled, "--list", "dir/f2,dir/f1", target)
    expected = {f"{name}/dir/f2": TREE["dir/f2"], f"{name}/dir/f1": TREE["dir/f1"]}
    assert untarred(target) == expected
    assert list(untarred(target)) == list(expected)
    ais("ml", "get-batch", filled, "--list", "dir/f1", target, "--omit-src-bck", "-y")
    assert untarred(target) == {"dir/f1": TREE["dir/f1"]}


def test_a_batch_names_members_and_goes_on(filled: str, tmp_path: Path) -> None:
    put(tmp_path, filled, "s.tar", tar_of({"m": b"member"}))
    name = filled.removeprefix("ais://")
    entries = [
        {"objname": "s.tar", "archpath": "m", "bucket": name, "provider": "ais"},
        {"objname": "none", "bucket": name, "provider": "ais"},
    ]
    spec, target = tmp_path / "spec.json", tmp_path / "batch.tar"
    for streaming in ((), ("--streaming",)):
        spec.write_text(json.dumps({"in": entries, "mime": ".tar", "coer": True}))
        ais("ml", "get-batch", target, "--spec", spec, "--cont-on-err", "-y", *streaming)
        found = untarred(target)
        assert found == {f"{name}/s.tar/m": b"member", f"__404__/{name}/none": b""}
    with pytest.raises(Failed, match=f"ais://{name}/none"):
        ais("ml", "get-batch", filled, "--list", "none", target, "-y")
