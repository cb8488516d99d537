"""Archives by the native API: members read, written and listed."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from storage.archives import ArchiveFormat
from tests.archives.made import made, read_back, tar
from tests.asgi import Answer
from tests.native.scene import Scene, told

FILES = [("a/1.jpg", b"0123456789"), ("a/1.cls", b"7"), ("ü b+c.jpg", b"x" * 70_000)]
SHARDS = [f"shard{kind.value}" for kind in ArchiveFormat]
ARCH_DIR, NO_RECURSION, NO_DIRS = 8, 2048, 8192
CACHED, IN_ARCHIVE, IS_DIR, IS_ARCHIVE = 1 << 6, 1 << 7, 1 << 8, 1 << 9


@pytest.fixture(scope="module")
def shards(scene: Scene) -> str:
    """A bucket with one archive of each format; only read."""
    bucket = scene.new_bucket()
    for kind, key in zip(ArchiveFormat, SHARDS, strict=True):
        scene.put(bucket, key, made(kind, FILES))
    scene.put(bucket, "text", b"no archive" * 100)
    return bucket


def get(scene: Scene, target: str, method: str = "GET", **headers: str) -> Answer:
    return scene.send(method, f"objects/{target}", headers=headers)


# Reading


@pytest.mark.parametrize("key", SHARDS)
def test_one_member_comes_with_its_length(scene: Scene, shards: str, key: str) -> None:
    for name, content in FILES:
        # As the Python client writes it.
        target = f"{shards}/{key}?archpath={quote(name, safe='')}&archregx=&provider=ais"
        got = get(scene, target)
        assert (got.status, got.body) == (200, content)
        assert got.headers["content-length"] == str(len(content))
        assert "ais-checksum-value" not in got.headers
        head = get(scene, target, "HEAD")
        assert (head.status, head.headers["content-length"]) == (200, str(len(content)))


def test_a_range_of_a_member(scene: Scene, shards: str) -> None:
    target = f"{shards}/shard.tar?archpath=a/1.jpg"
    got = get(scene, target, range="bytes=2-4")
    assert (got.status, got.body) == (206, b"234")
    assert got.headers["content-range"] == "bytes 2-4/10"
    assert get(scene, target, range="bytes=10-12").status == 416


@pytest.mark.parametrize("key", SHARDS)
def test_several_members_come_as_a_tar(scene: Scene, shards: str, key: str) -> None:
    for query, chosen in (
        ("archpath=&archregx=jpg%24&archmode=regexp", [0, 2]),
        ("archregx=a/1&archmode=wdskey", [0, 1]),
        ("archregx=cls&archmode=substr", [1]),
    ):
        got = get(scene, f"{shards}/{key}?{query}")
        assert (got.status, got.headers["content-type"]) == (200, "application/x-tar")
        assert read_back(ArchiveFormat.TAR, got.body) == [FILES[number] for number in chosen]


def test_empty_parameters_are_as_good_as_none(scene: Scene, shards: str) -> None:
    assert get(scene, f"{shards}/text?archpath=&archregx=").body == b"no archive" * 100


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("shard.tar?archpath=none", 404, "{bucket}/shard.tar/none does not exist"),
        ("shard.tar?archregx=none", 404, "{bucket}/shard.tar does not exist"),
        ("none.tar?archpath=a", 404, "{bucket}/none.tar does not exist"),
        ("text?archpath=a", 400, ""),
        ("shard.tar?archpath=a&archmime=.rar", 400, "none of .tar"),
        ("shard.tar?archregx=a&archmode=guess", 400, "not a way to select"),
        ("shard.tar?archregx=(", 400, "no regular expression"),
        ("shard.tar?archmime=.tar", 400, "archpath"),
    ],
)
def test_what_cannot_be_is_refused(
    scene: Scene, shards: str, query: str, status: int, text: str
) -> None:
    refused = told(get(scene, f"{shards}/{query}"))
    assert refused.status == status
    assert text.format(bucket=f"ais://{shards}") in refused.message


def test_members_need_the_right_to_read(scene: Scene, shards: str) -> None:
    target = f"objects/{shards}/shard.tar?archpath=a/1.cls"
    assert scene.send("GET", target, token="reader").status == 200
    assert scene.send("GET", target, token="nobody").status == 403


# Writing


def put(
    scene: Scene, bucket: str, key: str, path: str, body: bytes = b"x", pine: str = "", **more: Any
) -> Answer:
    mime = more.pop("mime", "")
    target = f"objects/{bucket}/{key}?archpath={quote(path, safe='')}&archmime={mime}"
    headers = {"ais-pine": pine, **more.pop("headers", {})}
    return scene.send("PUT", target, body=body, headers=headers, **more)


def stored(scene: Scene, bucket: str, key: str, kind: ArchiveFormat) -> list[tuple[str, bytes]]:
    return read_back(kind, get(scene, f"{bucket}/{key}").body)


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_members_are_appended_one_after_the_other(
    scene: Scene, bucket: str, kind: ArchiveFormat
) -> None:
    key, big = f"s{kind.value}", os.urandom(6 << 20)
    assert put(scene, bucket, key, "first", b"1").status == 200
    assert stored(scene, bucket, key, kind) == [("first", b"1")]
    for number, body in enumerate((b"", b"22", big)):
        answer = put(scene, bucket, key, f"d/{number}", body, "1")
        assert answer.status == 200, answer.body
    expected = [("first", b"1"), ("d/0", b""), ("d/1", b"22"), ("d/2", big)]
    assert stored(scene, bucket, key, kind) == expected
    assert get(scene, f"{bucket}/{key}?archpath=d/1").body == b"22"
    # Without the header, a new archive takes its place.
    put(scene, bucket, key, "./only", b"1")
    assert stored(scene, bucket, key, kind) == [("only", b"1")]


def test_many_may_append_at_once(scene: Scene, bucket: str) -> None:
    names = [f"{number:02}" for number in range(24)]
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(
            lambda name: put(scene, bucket, "s.tar", name, name.encode(), "2"), names
        )
        assert {answer.status for answer in answers} == {200}
    appended = stored(scene, bucket, "s.tar", ArchiveFormat.TAR)
    assert sorted(appended) == [(name, name.encode()) for name in names]


def test_append_wants_an_archive_and_append_or_create_makes_one(scene: Scene, bucket: str) -> None:
    missing = told(put(scene, bucket, "s.tar", "a", pine="1"))
    assert missing.status == 404
    assert f"ais://{bucket}/s.tar" in missing.message
    assert put(scene, bucket, "s.tar", "a", b"1", "2").status == 200
    assert put(scene, bucket, "s.tar", "b", b"2", "2").status == 200
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("a", b"1"), ("b", b"2")]


def test_the_format_is_told_by_name_bytes_or_parameter(scene: Scene, bucket: str) -> None:
    assert told(put(scene, bucket, "plain", "a")).status == 400
    assert put(scene, bucket, "plain", "a", mime=".tar.lz4").status == 200
    assert put(scene, bucket, "plain", "b", b"2", "1").status == 200
    expected = [("a", b"x"), ("b", b"2")]
    assert stored(scene, bucket, "plain", ArchiveFormat.TAR_LZ4) == expected


@pytest.mark.parametrize(
    ("key", "path", "pine", "mime", "status"),
    [
        ("text", "a", "1", "", 400),
        ("text", "a", "1", ".tar", 400),
        ("s.tar", "a", "3", "", 400),
        ("s.tar", "", "1", "", 400),
        ("s.tar", "", "", ".tar", 400),
        ("s.tar", "a/", "", "", 400),
        ("s.tar", "./", "", "", 400),
        ("s.tar", "x" * 1025, "", "", 400),
        ("s.tar", "a", "", ".rar", 400),
    ],
)
def test_what_cannot_be_written_is_refused(
    scene: Scene, bucket: str, key: str, path: str, pine: str, mime: str, status: int
) -> None:
    scene.put(bucket, "text", b"no archive" * 100)
    scene.put(bucket, "s.tar", tar([("old", b"1")]))
    assert told(put(scene, bucket, key, path, b"new", pine, mime=mime)).status == status
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("old", b"1")]
    assert get(scene, f"{bucket}/text").body == b"no archive" * 100


def test_a_body_that_is_not_what_was_promised_changes_nothing(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "s.tar", tar([("old", b"1")]))
    for body in (b"new", b"n" * (5 << 20)):
        headers = {"ais-checksum-type": "md5", "ais-checksum-value": "0" * 32}
        assert told(put(scene, bucket, "s.tar", "a", body, "1", headers=headers)).status == 400
        short = {"content-length": str(len(body) + 1)}
        assert put(scene, bucket, "s.tar", "a", body, "1", headers=short).status == 400
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("old", b"1")]


def test_a_body_of_unknown_length_cannot_be_a_member(scene: Scene, bucket: str) -> None:
    headers = {"content-length": "", "transfer-encoding": "chunked"}
    assert put(scene, bucket, "s.tar", "a", b"1", headers=headers).status == 411


def test_conditions_are_of_the_archive(scene: Scene, bucket: str) -> None:
    etag = put(scene, bucket, "s.tar", "a", b"1").headers["etag"]
    for mode in ("", "1", "2"):
        for headers in ({"if-match": '"0"'}, {"if-none-match": "*"}):
            assert put(scene, bucket, "s.tar", "b", pine=mode, headers=headers).status == 412
    assert put(scene, bucket, "s.tar", "b", b"2", "1", headers={"if-match": etag}).status == 200
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("a", b"1"), ("b", b"2")]


def test_what_was_said_of_an_archive_stays(scene: Scene, bucket: str) -> None:
    said = {"ContentType": "text/x-shard", "Metadata": {"color": "red"}, "Tagging": "k=v"}
    encrypted = {"ServerSideEncryption": "AES256"}
    body = tar([("a", b"1")])
    scene.s3.put_object(Bucket=bucket, Key="s.tar", Body=body, **said, **encrypted)
    put(scene, bucket, "s.tar", "b", b"2", "1")
    head = scene.s3.head_object(Bucket=bucket, Key="s.tar")
    assert (head["ContentType"], head["Metadata"]) == ("text/x-shard", {"color": "red"})
    assert head["ServerSideEncryption"] == "AES256"
    tags = scene.s3.get_object_tagging(Bucket=bucket, Key="s.tar")["TagSet"]
    assert tags == [{"Key": "k", "Value": "v"}]
    put(scene, bucket, "s.tar", "b", b"2")
    head = scene.s3.head_object(Bucket=bucket, Key="s.tar")
    assert (head["ContentType"], head["Metadata"]) == ("application/x-tar", {})


def test_appending_needs_the_right_to_write(scene: Scene, bucket: str) -> None:
    assert put(scene, bucket, "s.tar", "a", token="reader").status == 403
    assert put(scene, bucket, "s.tar", "a", token="writer").status == 200


def test_the_first_leg_over_https_is_sent_on_to_itself(scene: Scene, bucket: str) -> None:
    put(scene, bucket, "s.tar", "a", b"1")
    headers = {"x-forwarded-proto": "https", "connection": "close"}
    answer = put(scene, bucket, "s.tar", "b", b"2", "1", headers=headers)
    assert answer.status == 307
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("a", b"1")]
    target = answer.headers["location"].partition("/v1/")[2]
    second = scene.send("PUT", target, body=b"2", headers={"ais-pine": "1", **headers})
    assert second.status == 200
    assert stored(scene, bucket, "s.tar", ArchiveFormat.TAR) == [("a", b"1"), ("b", b"2")]


# Listing


def listed(scene: Scene, bucket: str, **asked: Any) -> list[tuple[str, int]]:
    """Names and flags of all pages, which hold as many as they can."""
    found: list[tuple[str, int]] = []
    flags, token = str(ARCH_DIR | asked.pop("flags", 0)), ""
    while True:
        page = scene.listing(bucket, flags=flags, continuation_token=token, **asked)
        found += [(entry["n"], entry["f"]) for entry in page["Entries"]]
        token = page["ContinuationToken"]
        if not token:
            return found
        assert len(page["Entries"]) == asked["pagesize"]


def with_members(archive: str, names: Sequence[str]) -> list[tuple[str, int]]:
    inside = [(f"{archive}/{name}", CACHED | IN_ARCHIVE) for name in sorted(names)]
    return [(archive, CACHED | IS_ARCHIVE), *inside]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_members_follow_their_archives(scene: Scene, shards: str, size: int) -> None:
    expected = sorted(
        row for key in SHARDS for row in with_members(key, [name for name, _ in FILES])
    )
    assert listed(scene, shards, pagesize=size) == [*expected, ("text", CACHED)]


def test_one_archive_is_listed_by_its_name(scene: Scene, shards: str) -> None:
    """As `list_archive` of the Python client asks."""
    expected = with_members("shard.zip", [name for name, _ in FILES])
    assert listed(scene, shards, prefix="shard.zip", props="") == expected
    assert listed(scene, shards, prefix="shard.zip/a/1.c") == expected[1:2]
    sizes = scene.listing(shards, prefix="shard.zip/", flags="8", props="name,size")["Entries"]
    assert [entry["s"] for entry in sizes] == [1, 10, 70_000]


def test_without_recursion_archives_are_still_looked_into(scene: Scene, bucket: str) -> None:
    """As AIStore lists them: what is folded are objects, not the members of those listed."""
    for key in ("s.tar", "in/s.tar"):
        scene.put(bucket, key, made(ArchiveFormat.TAR, [("a", b"1"), ("d/e/b", b"2")]))
    inside = [("s.tar", CACHED | IS_ARCHIVE)]
    inside += [(f"s.tar/{name}", CACHED | IN_ARCHIVE) for name in ("a", "d/e/b")]
    rows = listed(scene, bucket, flags=NO_RECURSION)
    assert rows == [("in/", IS_DIR), *inside]
    assert listed(scene, bucket, flags=NO_RECURSION, pagesize=1) == rows
    assert listed(scene, bucket, flags=NO_RECURSION | NO_DIRS) == rows
    below = [(f"in/{name}", flags) for name, flags in inside]
    assert listed(scene, bucket, prefix="in", flags=NO_RECURSION) == below
    assert listed(scene, bucket, prefix="s.tar/d/", flags=NO_RECURSION) == inside[2:]


def test_an_object_that_is_no_archive_is_just_an_object(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "a.tar", b"no tar at all" * 99)
    scene.put(bucket, "b.zip", b"")
    assert listed(scene, bucket) == [("a.tar", CACHED), ("b.zip", CACHED)]


def test_who_may_list_but_not_read_sees_archives_from_outside(scene: Scene, bucket: str) -> None:
    for key in ("open.tar", "shut.tar"):
        scene.put(bucket, key, tar([("a", b"1")]))
    shut = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/shut.tar",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [shut]})
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    asked = {"flags": str(ARCH_DIR)}
    answer = scene.act("GET", f"buckets/{bucket}", "list", asked, token="reader")
    names = [entry["name"] for entry in json.loads(answer.body)["entries"]]
    assert names == ["open.tar", "open.tar/a", "shut.tar"]


def test_archives_are_listed_in_json_too(scene: Scene, shards: str) -> None:
    asked = {"flags": "8", "prefix": "shard.tar/a/1.c", "props": "name,size"}
    answer = scene.act("GET", f"buckets/{shards}", "list", asked)
    entries = json.loads(answer.body)["entries"]
    assert entries == [{"name": "shard.tar/a/1.cls", "size": "1", "flags": CACHED | IN_ARCHIVE}]


def test_a_tar_of_selected_members_is_one_for_everybody(scene: Scene, shards: str) -> None:
    got = get(scene, f"{shards}/shard.tar?archregx=.")
    with tarfile.open(fileobj=io.BytesIO(got.body)) as opened:
        assert opened.getnames() == [name for name, _ in FILES]


def test_a_property_makes_archives_folders_for_s3_clients(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "s.tar", tar([("a", b"1")]))
    key = f"{bucket}/s.tar/a"
    for wanted in (True, False):
        value = {"archives": {"as_folders": wanted}}
        assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200
        listed = scene.s3.list_objects_v2(Bucket=bucket, Prefix="s.tar/").get("Contents", [])
        assert [each["Key"] for each in listed] == (["s.tar/a"] if wanted else [])
        if wanted:
            got = scene.s3.get_object(Bucket=bucket, Key="s.tar/a")
            assert got["Body"].read() == b"1"
        # By this API a member is named with `archpath`.
        assert get(scene, key).status == 404


def test_a_range_is_of_the_archive_that_the_reader_knows(scene: Scene, shards: str) -> None:
    target, whole = f"objects/{shards}/shard.tar?archpath=a/1.jpg", FILES[0][1]
    etag = scene.send("HEAD", f"objects/{shards}/shard.tar").headers["etag"]
    got = scene.send("GET", target, headers={"range": "bytes=2-", "if-range": etag})
    assert (got.status, got.body) == (206, whole[2:])
    got = scene.send("GET", target, headers={"range": "bytes=99-", "if-range": '"other"'})
    assert (got.status, got.body) == (200, whole)
    refused = scene.send("HEAD", target, headers={"if-match": '"other"'})
    assert refused.status == 412
