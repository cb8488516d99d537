"""Objects, by the aistore SDK: properties, names, copies, deletion."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import IS_1, done, errors, get, names, new_name, only_2, put, refused
from compat.clients.target import noise

ODD_NAMES = ("plain", "a/b/c", "o %?#é.txt", "sp ace+plus", "日本", "semi;colon:comma,", "x" * 500)
InvalidURL: Any = import_module("aistore.sdk.errors").InvalidURLException


def head(thing: Any, props: str) -> Any:
    """Selected properties: the one HEAD of version 2, the second one of version 1."""
    return thing.head_v2(props) if IS_1 else thing.head(props)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_are_kept(bucket: Any, name: str) -> None:
    put(bucket, name, name.encode())
    assert get(bucket, name) == name.encode()
    assert names(bucket) == [name]


def test_an_object_is_replaced(bucket: Any) -> None:
    for body in (b"x" * 3_000_000, b"short"):
        put(bucket, "k", body)
    assert get(bucket, "k") == b"short"


def test_properties(bucket: Any) -> None:
    props = put(bucket, "k", b"abc").props
    assert (props.size, props.checksum_type, props.present) == (3, "xxhash2", True)
    assert (props.name, props.bucket_name, props.bucket_provider) == ("k", bucket.name, "ais")
    assert len(props.checksum_value) == 16
    assert props.location.startswith("t[")
    assert props.access_time


def test_a_checksum_is_the_content_s(bucket: Any) -> None:
    one, two, other = (put(bucket, name, name[:1].encode()) for name in ("a1", "a2", "b"))
    assert one.props.checksum_value == two.props.checksum_value != other.props.checksum_value


def test_properties_are_kept_at_hand(bucket: Any) -> None:
    made = put(bucket, "k", b"abc")
    assert not made.props_cached
    assert made.props.size == 3
    put(bucket, "k", b"abcdef")
    assert made.props_cached.size == 3
    assert made.props.size == 6


@pytest.mark.skipif(not IS_1, reason="left with the SDK's version 1")
def test_the_old_head_tells_everything(bucket: Any) -> None:
    headers = put(bucket, "k", b"abc").head()
    assert headers["Content-Length"] == "3"
    assert headers["Ais-Checksum-Type"] == "xxhash2"
    assert (headers["Ais-Name"], headers["Ais-Bucket-Name"]) == ("k", bucket.name)


def test_a_head_tells_name_and_size(bucket: Any) -> None:
    told = head(put(bucket, "k", b"abc"), "")
    assert (told.size, told.checksum_value) == (3, "")


@pytest.mark.parametrize(
    ("asked", "attribute"),
    [
        ("checksum", "checksum_value"),
        ("atime", "access_time"),
        ("last-modified", "last_modified"),
        ("etag", "etag"),
    ],
)
def test_a_head_tells_what_is_asked_for(bucket: Any, asked: str, attribute: str) -> None:
    made = put(bucket, "k", b"abc")
    assert getattr(head(made, asked), attribute)
    assert not getattr(head(made, "name"), attribute)


def test_a_property_that_is_none_is_refused(bucket: Any) -> None:
    with refused(400):
        head(put(bucket, "k"), "colour")


def test_the_etag_is_of_the_form_of_an_upload_s(bucket: Any) -> None:
    """As AIStore's own: it computes no MD5."""
    assert re.fullmatch("[0-9a-f]{32}-1", head(put(bucket, "k", b"abc"), "etag").etag)


def test_versions_count_how_often_an_object_was_written(bucket: Any) -> None:
    assert [put(bucket, "k", body).props.obj_version for body in (b"1", b"2")] == ["1", "2"]


def test_custom_properties(bucket: Any) -> None:
    made = put(bucket, "k", b"abc")
    writer = made.get_writer()
    writer.set_custom_props({"a": "1", "b": "2"})
    writer.set_custom_props({"b": "3"})
    assert made.props.custom_metadata == {"a": "1", "b": "3"}
    writer.set_custom_props({"c": "4"}, replace_existing=True)
    assert made.props.custom_metadata == {"c": "4"}


def test_custom_properties_come_with_the_content(bucket: Any) -> None:
    made = put(bucket, "k", b"abc")
    made.get_writer().set_custom_props({"a": "1"})
    reader = made.get_reader()
    assert reader.attributes.custom_metadata == {"a": "1"}
    assert reader.read_all() == b"abc"


def test_custom_properties_go_with_a_new_content(bucket: Any) -> None:
    put(bucket, "k", b"abc").get_writer().set_custom_props({"a": "1"})
    assert put(bucket, "k", b"def").props.custom_metadata == {}


def test_custom_properties_of_nothing(bucket: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("none").get_writer().set_custom_props({"a": "1"})


def test_an_object_is_deleted(bucket: Any) -> None:
    put(bucket, "k").delete()
    with pytest.raises(errors.ErrObjNotFound):
        get(bucket, "k")
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("k").delete()


def test_of_a_missing_object_a_head_tells_the_status(bucket: Any) -> None:
    with refused(404):
        bucket.object("none").head()
    with refused(404):
        _ = bucket.object("none").props


def test_an_object_is_copied_within_its_bucket(bucket: Any) -> None:
    original = put(bucket, "k", b"abc")
    original.copy(bucket.object("deep/copy é"))
    assert get(bucket, "deep/copy é") == b"abc"
    assert get(bucket, "k") == b"abc"


def test_an_object_is_copied_to_another_bucket(bucket: Any, target: Any) -> None:
    put(bucket, "k", b"abc").copy(target.create().object("copy"))
    assert get(target, "copy") == b"abc"


def test_a_copy_has_the_same_properties(bucket: Any) -> None:
    original = put(bucket, "k", b"abc")
    original.get_writer().set_custom_props({"a": "1"})
    original.copy(bucket.object("copy"))
    copied, props = bucket.object("copy").props, original.props
    assert copied.custom_metadata == {"a": "1"}
    assert copied.checksum_value == props.checksum_value


def test_a_copy_replaces_what_is_there(bucket: Any) -> None:
    put(bucket, "copy", b"something older")
    put(bucket, "k", b"abc").copy(bucket.object("copy"))
    assert get(bucket, "copy") == b"abc"


def test_copies_are_copied(bucket: Any) -> None:
    made = put(bucket, "0", b"abc")
    for number in range(1, 4):
        following = bucket.object(str(number))
        made.copy(following)
        made = following
    assert get(bucket, "3") == b"abc"


def test_a_copy_of_nothing(bucket: Any) -> None:
    with pytest.raises(errors.ErrObjNotFound):
        bucket.object("none").copy(bucket.object("copy"))


def test_a_copy_to_nowhere(client: Any, bucket: Any) -> None:
    with refused(404, "does not exist"):
        put(bucket, "k").copy(client.bucket(new_name()).object("k"))


def test_the_latest_version_of_what_has_no_backend_is_copied(bucket: Any) -> None:
    put(bucket, "k", b"abc").copy(bucket.object("copy"), latest=True)
    assert get(bucket, "copy") == b"abc"


def test_a_synchronized_copy_of_what_has_no_backend_is_a_copy(bucket: Any) -> None:
    put(bucket, "k", b"abc").copy(bucket.object("copy"), sync=True)
    assert get(bucket, "copy") == b"abc"


def test_an_object_is_found_by_its_url(client: Any, bucket: Any) -> None:
    put(bucket, "deep/k", b"abc")
    found = client.get_object_from_url(f"ais://{bucket.name}/deep/k")
    assert (found.name, found.bucket_name) == ("deep/k", bucket.name)
    assert found.get_reader().read_all() == b"abc"


@pytest.mark.parametrize("url", ["ais://bucket", "bucket/k", "", "ais:///k"])
def test_a_url_that_is_none_is_told_by_the_sdk(client: Any, url: str) -> None:
    with pytest.raises(InvalidURL):
        client.get_object_from_url(url)


def test_an_object_says_which_it_is(client: Any, endpoint: str) -> None:
    one = client.bucket("one").object("deep/é k")
    assert (one.name, one.bucket_name, one.bucket_provider.value) == ("deep/é k", "one", "ais")
    assert one.uname == "ais/@#/one/deep/é k"
    assert one.query_params == {"provider": "ais"}
    assert one.get_semantic_url() == "ais://one/deep/é k"
    assert one.get_url() == f"{endpoint}/v1/objects/one/deep/%C3%A9%20k?provider=ais"


def test_a_file_of_the_server_is_not_promoted_from_anywhere(bucket: Any, tmp_path: Path) -> None:
    """Only from the folders that its administrator named."""
    (tmp_path / "file").write_bytes(b"abc")
    with refused(400):
        bucket.object("k").promote(str(tmp_path / "file"))
    assert names(bucket) == []


@pytest.fixture(name="open_folder")
def _open_folder() -> Path:
    """What the server may make objects of."""
    folder = Path(os.environ["COMPAT_PROMOTE"]) / new_name()
    (folder / "deep").mkdir(parents=True)
    for name in ("one", "two", "deep/three"):
        (folder / name).write_text(name)
    return folder


def test_a_file_of_the_server_is_promoted(client: Any, bucket: Any, open_folder: Path) -> None:
    bucket.object("k").promote(str(open_folder / "one"))
    assert get(bucket, "k") == b"one"
    assert (open_folder / "one").exists()


def test_a_file_is_promoted_and_goes(client: Any, bucket: Any, open_folder: Path) -> None:
    put(bucket, "k", b"old")
    bucket.object("k").promote(str(open_folder / "one"), overwrite_dest=True, delete_source=True)
    assert get(bucket, "k") == b"one"
    assert not (open_folder / "one").exists()


@pytest.mark.parametrize("recursive", [True, False])
def test_a_folder_of_the_server_is_promoted(
    client: Any, bucket: Any, open_folder: Path, recursive: bool
) -> None:
    xid = bucket.object("to/").promote(str(open_folder), recursive=recursive)
    (result,) = done(client, xid)
    assert result.success
    assert names(bucket) == [*(["to/deep/three"] if recursive else []), "to/one", "to/two"]


def test_objects_are_the_same_for_s3_s_names(bucket: Any) -> None:
    """`a` and `a/` and `a/b` are three objects, none of them a folder."""
    for name in ("a", "a/", "a/b", "a//b"):
        put(bucket, name, name.encode())
    assert names(bucket) == ["a", "a/", "a//b", "a/b"]
    assert get(bucket, "a//b") == b"a//b"


@only_2
def test_a_head_tells_where_an_object_is(bucket: Any) -> None:
    told = put(bucket, "k", b"abc").head("location,copies,ec,name,size")
    assert told.location.startswith("t[")
    assert (told.mirror_copies, told.ec) == (1, None)
    assert len(told.mirror_paths) <= 1


@only_2
def test_a_head_tells_of_chunks_where_there_are_any(bucket: Any) -> None:
    assert put(bucket, "k", b"abc").head("chunked").chunks is None


def test_an_object_is_kept_in_chunks_where_its_bucket_says_so(client: Any, bucket: Any) -> None:
    limits = {"objsize_limit": "1MiB", "chunk_size": "256KiB"}
    bucket.make_request("PATCH", "set-bprops", value={"chunks": limits})
    body = noise(1_500_000)
    made = put(bucket, "k", body)
    chunks = head(made, "chunked").chunks
    assert (chunks.chunk_count, chunks.max_chunk_size) == (6, 256 << 10)
    assert head(put(bucket, "small", b"abc"), "chunked").chunks is None
    assert get(bucket, "k") == body
    with made.get_reader(num_workers=3).read_all() as read:
        assert read.tobytes() == body


def test_objects_are_put_into_chunks_afterwards(client: Any, bucket: Any) -> None:
    body = noise(1_500_000)
    made = put(bucket, "k", body)
    limits = {"objsize_limit": "1MiB", "chunk_size": "512KiB"}
    bucket.make_request("PATCH", "set-bprops", value={"chunks": limits})
    (result,) = done(client, client.job(job_kind="rechunk").start(buckets=[bucket]))
    assert result.success
    assert head(made, "chunked").chunks.chunk_count == 3
    assert get(bucket, "k") == body
