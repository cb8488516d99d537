"""Shards, by the aistore SDK: reading members, listing, making and extending them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import (
    done,
    errors,
    fill,
    get,
    names,
    new_name,
    put,
    refused,
    tar,
    untar,
)

_archives: Any = import_module("aistore.sdk.archive_config")
ArchiveConfig, Mode = _archives.ArchiveConfig, _archives.ArchiveMode

MEMBERS = [
    (f"set/{number:03}.{kind}", f"{kind} of {number}".encode())
    for number in range(4)
    for kind in ("jpg", "cls", "seg.png")
]


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in MEMBERS:
            archive.writestr(name, content)
    return packed.getvalue()


SHARDS = {"shard.tar": tar(MEMBERS), "shard.tgz": tar(MEMBERS, "w:gz"), "shard.zip": zipped()}
SHARDS["other.tar.gz"] = SHARDS["shard.tgz"]


@pytest.fixture(name="shards", scope="module")
def _shards(client: Any) -> Any:
    """A bucket with one shard in each format, for reading only."""
    made = fill(client.bucket(new_name()).create(), SHARDS)
    yield made
    made.delete()


@pytest.fixture(name="samples")
def _samples(bucket: Any) -> Any:
    return fill(bucket, {f"s{number}": bytes([48 + number]) * 100 for number in range(6)})


def member(bucket: Any, shard: str, name: str) -> bytes:
    return get(bucket, shard, archive_config=ArchiveConfig(archpath=name))


def selected(bucket: Any, shard: str, mode: Any, what: str) -> list[str]:
    config = ArchiveConfig(mode=mode, regex=what)
    return [name for name, _ in untar(get(bucket, shard, archive_config=config))]


@pytest.mark.parametrize("shard", list(SHARDS))
def test_a_member_is_read(shards: Any, shard: str) -> None:
    assert member(shards, shard, "set/002.cls") == b"cls of 2"


def test_a_member_comes_in_pieces(shards: Any) -> None:
    config = ArchiveConfig(archpath="set/002.cls")
    reader = shards.object("shard.tar").get_reader(archive_config=config, chunk_size=3)
    assert list(reader) == [b"cls", b" of", b" 2"]


def test_a_member_is_a_file(shards: Any) -> None:
    config = ArchiveConfig(archpath="set/002.cls")
    reader = shards.object("shard.tar").get_reader(archive_config=config)
    with reader.as_file() as file:
        assert (file.read(4), file.read()) == (b"cls ", b"of 2")


def test_a_member_is_found_by_its_url(shards: Any) -> None:
    url = shards.object("shard.tar").get_url(archpath="set/002.cls")
    assert url.endswith("shard.tar?provider=ais&archpath=set%2F002.cls")


@pytest.mark.parametrize(
    ("mode", "what", "found"),
    [
        (Mode.REGEXP, r"00[12]\.cls$", ["set/001.cls", "set/002.cls"]),
        (Mode.PREFIX, "set/003.", ["set/003.jpg", "set/003.cls", "set/003.seg.png"]),
        (Mode.SUFFIX, ".jpg", [f"set/{number:03}.jpg" for number in range(4)]),
        (Mode.SUBSTR, "1.se", ["set/001.seg.png"]),
        (Mode.WDSKEY, "set/000", ["set/000.jpg", "set/000.cls", "set/000.seg.png"]),
    ],
    ids=["regexp", "prefix", "suffix", "substr", "wdskey"],
)
@pytest.mark.parametrize("shard", ["shard.tar", "shard.tgz", "shard.zip"])
def test_members_are_selected(
    shards: Any, shard: str, mode: Any, what: str, found: list[str]
) -> None:
    assert selected(shards, shard, mode, what) == found


def test_what_is_selected_can_be_unpacked_as_it_streams(shards: Any) -> None:
    config = ArchiveConfig(mode=Mode.SUFFIX, regex=".cls")
    reader = shards.object("shard.tar").get_reader(archive_config=config)
    with reader.as_file() as file, tarfile.open(fileobj=file, mode="r|*") as archive:
        assert [one.name for one in archive] == [f"set/{number:03}.cls" for number in range(4)]


def test_a_member_that_is_missing(shards: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        member(shards, "shard.tar", "none")


def test_a_selection_of_nothing(shards: Any) -> None:
    with refused(404):
        selected(shards, "shard.tar", Mode.SUFFIX, ".none")


def test_a_member_of_a_missing_shard(shards: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        member(shards, "none.tar", "a")


def test_what_is_no_archive_has_no_members(bucket: Any) -> None:
    put(bucket, "k.tar", b"no tar at all" * 100)
    with refused(400):
        member(bucket, "k.tar", "a")


@pytest.mark.parametrize("shard", list(SHARDS))
def test_a_range_of_a_member_is_read(shards: Any, shard: str) -> None:
    """Which AIStore itself refuses."""
    how = {"archive_config": ArchiveConfig(archpath="set/002.cls"), "byte_range": "bytes=4-5"}
    assert get(shards, shard, **how) == b"of"


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": Mode.PREFIX},
        {"regex": "x"},
        {"regex": "x", "mode": Mode.PREFIX, "archpath": "y"},
    ],
)
def test_a_selection_that_is_none_is_told_by_the_sdk(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(?i)archive"):
        ArchiveConfig(**wrong)


@pytest.mark.parametrize("shard", ["shard.tar", "shard.tgz", "shard.zip"])
def test_an_archive_is_listed(shards: Any, shard: str) -> None:
    found = shards.list_archive(shard, props="name,size")
    expected = sorted((f"{shard}/{name}", len(content)) for name, content in MEMBERS)
    assert sorted((each.name, each.size) for each in found) == expected


def test_an_archive_is_listed_with_itself(shards: Any) -> None:
    found = shards.list_archive("shard.zip", include_archive_obj=True)
    assert found[0].name == "shard.zip"
    assert len(found) == 1 + len(MEMBERS)


def test_an_archive_is_listed_by_pages(shards: Any) -> None:
    found = shards.list_archive("shard.zip", page_size=5)
    assert len({each.name for each in found}) == len(MEMBERS)


@pytest.mark.parametrize("kind", ["tar", "tgz", "zip"])
def test_a_list_of_objects_becomes_an_archive(client: Any, samples: Any, kind: str) -> None:
    chosen = ["s3", "s1", "s5"]
    (result,) = done(client, *samples.objects(obj_names=chosen).archive(f"made.{kind}"))
    assert result.success
    assert sorted(each.name for each in samples.list_archive(f"made.{kind}")) == [
        f"made.{kind}/{name}" for name in sorted(chosen)
    ]
    assert [member(samples, f"made.{kind}", name) for name in chosen] == [
        get(samples, name) for name in chosen
    ]


def test_an_archive_that_was_made_is_a_plain_tar(client: Any, samples: Any) -> None:
    done(client, *samples.objects(obj_template="s{0..2}").archive("made.tar"))
    assert dict(untar(get(samples, "made.tar"))) == {
        name: get(samples, name) for name in ("s0", "s1", "s2")
    }


def test_an_archive_is_made_in_another_bucket(client: Any, samples: Any, target: Any) -> None:
    target.create()
    done(client, *samples.objects(obj_names=["s1"]).archive("made.tar", to_bck=target))
    assert names(target) == ["made.tar"]
    assert member(target, "made.tar", "s1") == get(samples, "s1")


def test_an_archive_s_format_can_be_said(client: Any, samples: Any) -> None:
    done(client, *samples.objects(obj_names=["s1"]).archive("made", mime=".tar"))
    assert untar(get(samples, "made")) == [("s1", get(samples, "s1"))]


def test_an_archive_s_members_can_have_the_bucket_s_name(client: Any, samples: Any) -> None:
    group = samples.objects(obj_names=["s1"])
    done(client, *group.archive("made.tar", include_source_name=True))
    assert [name for name, _ in untar(get(samples, "made.tar"))] == [f"{samples.name}/s1"]


def test_an_archive_is_extended(client: Any, samples: Any) -> None:
    done(client, *samples.objects(obj_names=["s1"]).archive("made.tar"))
    done(client, *samples.objects(obj_names=["s2"]).archive("made.tar", allow_append=True))
    assert [name for name, _ in untar(get(samples, "made.tar"))] == ["s1", "s2"]


def test_an_archive_of_what_is_missing_goes_on_if_asked(client: Any, samples: Any) -> None:
    group = samples.objects(obj_names=["s1", "none"])
    done(client, *group.archive("made.tar", continue_on_err=True))
    assert [name for name, _ in untar(get(samples, "made.tar"))] == ["s1"]


def test_an_archive_of_what_is_missing_is_not_made(client: Any, samples: Any) -> None:
    group = samples.objects(obj_names=["s1", "none"])
    done(client, *group.archive("made.tar"))
    assert "made.tar" not in names(samples)


def test_an_archive_s_format_must_be_known(samples: Any) -> None:
    with refused(400):
        samples.objects(obj_names=["s1"]).archive("made.rar")
