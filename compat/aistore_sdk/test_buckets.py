"""Buckets, by the aistore SDK."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compat.aistore_sdk.scene import (
    contents,
    done,
    errors,
    fill,
    get,
    names,
    new_name,
    only_2,
    put,
    refused,
)

sdk: Any = import_module("aistore.sdk")
Namespace: Any = import_module("aistore.sdk.namespace").Namespace
Attr: Any = import_module("aistore.sdk.authn.access_attr").AccessAttr
requests: Any = import_module("requests")

NAMES = ["a", "b/1", "b/2", "b/c/3", "b0", "d", "z"]
FILES = ["one.txt", "two.bin", "deep/three.txt", "deep/er/four.txt"]


@pytest.fixture(name="filled")
def _filled(bucket: Any) -> Any:
    return fill(bucket, {name: b"x" * number for number, name in enumerate(NAMES)})


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    for name in FILES:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def props_of(bucket: Any) -> Any:
    return json.loads(bucket.head()["Ais-Bucket-Props"])


def test_a_bucket_is_made_once(bucket: Any) -> None:
    with pytest.raises(errors.ErrBckAlreadyExists):
        bucket.create()
    assert bucket.create(exist_ok=True) is bucket


def test_a_bucket_is_deleted_with_what_is_in_it(filled: Any) -> None:
    filled.delete()
    with pytest.raises(errors.ErrBckNotFound):
        filled.delete()
    filled.delete(missing_ok=True)


def test_buckets_are_listed(client: Any, bucket: Any) -> None:
    found = {each.name: each for each in client.cluster().list_buckets()}
    assert found[bucket.name].provider == "ais"
    assert found[bucket.name].get_path() == bucket.get_path() == f"ais/@#/{bucket.name}/"


@pytest.mark.parametrize("provider", ["aws", "gcp", "azure", "oci"])
def test_there_are_no_buckets_of_other_providers(client: Any, provider: str) -> None:
    assert client.cluster().list_buckets(provider=provider) == []


@only_2
def test_buckets_of_all_providers_are_listed(client: Any, bucket: Any) -> None:
    assert bucket.name in [each.name for each in client.cluster().list_buckets(provider="")]


def test_a_bucket_has_properties(bucket: Any) -> None:
    props = props_of(bucket)
    assert (props["provider"], props["checksum"]["type"]) == ("ais", "xxhash2")
    assert props["versioning"]["enabled"]
    # Numbers of 64 bits are strings, as in AIStore.
    assert all(props[name].isdecimal() for name in ("access", "features", "bid", "created"))


def test_properties_are_set_through_the_sdk_s_own_requests(bucket: Any) -> None:
    put(bucket, "k", b"1")
    put(bucket, "k", b"2")
    assert bucket.list_objects(props="name,version").entries[0].version == "2"
    bucket.make_request("PATCH", "set-bprops", value={"versioning": {"enabled": False}})
    assert not props_of(bucket)["versioning"]["enabled"]
    assert not bucket.list_objects(props="name,version").entries[0].version


def test_a_property_that_is_none_is_refused(bucket: Any) -> None:
    with refused(400):
        bucket.make_request("PATCH", "set-bprops", value={"checksum": {"type": "rot13"}})


@pytest.mark.parametrize("kind", ["md5", "crc32c", "sha256", "sha512", "none"])
def test_objects_have_the_checksum_of_their_bucket(bucket: Any, kind: str) -> None:
    bucket.make_request("PATCH", "set-bprops", value={"checksum": {"type": kind}})
    assert props_of(bucket)["checksum"]["type"] == kind
    props = put(bucket, "k", b"abc").props
    assert props.checksum_type == ("" if kind == "none" else kind)
    assert get(bucket, "k") == b"abc"


def test_properties_are_reset(bucket: Any) -> None:
    bucket.make_request("PATCH", "set-bprops", value={"checksum": {"type": "md5"}})
    bucket.make_request("PATCH", "reset-bprops")
    assert props_of(bucket)["checksum"]["type"] == "xxhash2"


def test_writing_can_be_taken_from_everybody(bucket: Any) -> None:
    put(bucket, "k", b"old")
    everything = props_of(bucket)["access"]
    access = str((Attr.ACCESS_SU & ~(Attr.PUT | Attr.APPEND | Attr.OBJ_DELETE)).value)
    bucket.make_request("PATCH", "set-bprops", value={"access": access})
    assert props_of(bucket)["access"] == access
    for asking in (lambda: put(bucket, "k", b"new"), bucket.object("k").delete):
        with refused(403):
            asking()
    bucket.make_request("PATCH", "set-bprops", value={"access": everything})
    assert get(bucket, "k") == b"old"


@pytest.mark.parametrize(
    "name", ["*", ".", "", " ", "bucket/badname", "bucket and name", "#x", "$x", "~x", "x" * 65]
)
def test_bad_names_are_refused(client: Any, name: str) -> None:
    with pytest.raises(errors.AISError):
        client.bucket(name).create()


def test_what_needs_a_bucket_says_which_is_missing(client: Any, target: Any) -> None:
    missing = client.bucket(new_name())
    for asking in (
        missing.list_objects,
        missing.summary,
        missing.delete,
        lambda: missing.rename(new_name()),
        lambda: missing.copy(target),
        lambda: missing.objects(obj_names=["a"]).delete(),
        lambda: missing.objects(obj_names=["a"]).copy(target),
        lambda: missing.objects(obj_names=["a"]).archive("a.tar"),
        lambda: put(missing, "k"),
        lambda: get(missing, "k"),
    ):
        with pytest.raises(errors.ErrBckNotFound):
            asking()


def test_a_head_can_tell_only_the_status(client: Any) -> None:
    for asking in (client.bucket(new_name()).head, client.bucket(new_name()).info):
        with refused(404):
            asking()


def test_a_remote_bucket_is_not_found_as_such(client: Any) -> None:
    with pytest.raises(errors.ErrRemoteBckNotFound):
        client.bucket("no-such-bucket", provider="aws").list_objects()


def test_only_ais_buckets_are_made_renamed_and_deleted(client: Any) -> None:
    remote = client.bucket("remote", provider="aws")
    for asking in (remote.create, remote.delete, lambda: remote.rename("other")):
        with pytest.raises(errors.InvalidBckProvider):
            asking()


def test_only_remote_buckets_are_evicted(bucket: Any) -> None:
    with pytest.raises(errors.InvalidBckProvider):
        bucket.evict()


def test_a_bucket_is_renamed(client: Any, filled: Any) -> None:
    old, before, new = filled.name, contents(filled), new_name()
    (result,) = done(client, filled.rename(new))
    assert result.success
    assert filled.name == new
    assert contents(client.bucket(new)) == before
    with pytest.raises(errors.ErrBckNotFound):
        client.bucket(old).list_objects()


def test_an_old_name_is_free_again(client: Any, filled: Any) -> None:
    old = filled.name
    done(client, filled.rename(new_name()))
    again = client.bucket(old).create()
    assert names(again) == []
    again.delete()


def test_a_bucket_is_not_renamed_onto_another(client: Any, filled: Any, target: Any) -> None:
    target.create()
    with pytest.raises(errors.ErrBckAlreadyExists):
        client.bucket(filled.name).rename(target.name)
    assert names(filled) == NAMES


def test_a_bucket_is_copied_into_a_new_one(client: Any, filled: Any, target: Any) -> None:
    (result,) = done(client, filled.copy(target))
    assert result.success
    assert contents(target) == contents(filled)


@pytest.mark.parametrize(
    ("how", "copied"),
    [
        ({"prefix_filter": "b/"}, ["b/1", "b/2", "b/c/3"]),
        ({"prepend": "to/"}, [f"to/{name}" for name in NAMES]),
        ({"prefix_filter": "b/c", "prepend": "to/"}, ["to/b/c/3"]),
        ({"num_workers": 2}, NAMES),
        ({"latest": False, "force": True}, NAMES),
    ],
    ids=["prefix", "prepend", "both", "workers", "force"],
)
def test_some_of_a_bucket_is_copied(
    client: Any, filled: Any, target: Any, how: dict[str, Any], copied: list[str]
) -> None:
    done(client, filled.copy(target, **how))
    assert names(target) == copied


def test_a_dry_run_copies_nothing(client: Any, filled: Any, target: Any) -> None:
    target.create()
    done(client, filled.copy(target, dry_run=True))
    assert names(target) == []


def test_a_copy_replaces_what_is_there(client: Any, filled: Any, target: Any) -> None:
    put(target.create(), "a", b"something older")
    done(client, filled.copy(target))
    assert get(target, "a") == b""


def test_a_bucket_is_not_copied_into_itself(filled: Any) -> None:
    with refused(400):
        filled.copy(filled)


def test_a_synchronized_copy_has_no_more_than_its_source(
    client: Any, filled: Any, target: Any
) -> None:
    put(target.create(), "surplus", b"x")
    done(client, filled.copy(target, sync=True))
    assert contents(target) == contents(filled)


def test_a_bucket_is_counted(filled: Any) -> None:
    summary = filled.summary()
    assert summary["name"] == filled.name
    assert summary["ObjCount"]["obj_count_present"] == "7"
    assert summary["TotalSize"]["size_all_present_objs"] == "21"
    assert (summary["ObjSize"]["obj_min_size"], summary["ObjSize"]["obj_max_size"]) == (0, 6)


def test_part_of_a_bucket_is_counted(filled: Any) -> None:
    assert filled.summary(prefix="b/")["ObjCount"]["obj_count_present"] == "3"


def test_an_empty_bucket_is_counted(bucket: Any) -> None:
    assert bucket.summary()["ObjCount"]["obj_count_present"] == "0"


def test_what_a_bucket_holds_is_told_with_its_properties(filled: Any) -> None:
    props, summary = filled.info()
    assert json.loads(props)["provider"] == "ais"
    assert int(summary["ObjCount"]["obj_count_present"]) == 7


def test_what_a_folder_holds_is_told_with_the_properties(filled: Any) -> None:
    _, summary = filled.info(flt_presence=2, prefix="b/")
    assert int(summary["ObjCount"]["obj_count_present"]) == 3


def test_a_presence_that_is_none_is_told_by_the_sdk(bucket: Any) -> None:
    with pytest.raises(ValueError, match="flt_presence"):
        bucket.info(flt_presence=9)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, ["one.txt", "two.bin"]),
        ({"recursive": True}, FILES),
        ({"recursive": True, "basename": True}, [Path(name).name for name in FILES]),
        ({"prepend": "to/"}, ["to/one.txt", "to/two.bin"]),
        ({"pattern": "*.txt", "recursive": True}, ["one.txt", *FILES[2:]]),
        ({"prefix_filter": "two"}, ["two.bin"]),
    ],
    ids=["flat", "recursive", "basename", "prepend", "pattern", "prefix"],
)
def test_a_folder_is_put(
    bucket: Any, folder: Path, how: dict[str, Any], expected: list[str]
) -> None:
    assert sorted(bucket.put_files(folder, **how)) == sorted(expected)
    assert names(bucket) == sorted(expected)


def test_files_arrive_whole(bucket: Any, folder: Path) -> None:
    bucket.put_files(folder, recursive=True)
    assert contents(bucket) == {name: name.encode() for name in FILES}


def test_a_dry_run_puts_nothing(bucket: Any, folder: Path) -> None:
    assert sorted(bucket.put_files(folder, dry_run=True)) == ["one.txt", "two.bin"]
    assert names(bucket) == []


def test_only_folders_are_put(bucket: Any, folder: Path) -> None:
    for wrong in (folder / "one.txt", folder / "none"):
        with pytest.raises(ValueError, match=r"\S"):
            bucket.put_files(wrong)


def test_urls_of_objects_can_be_fetched(filled: Any) -> None:
    urls = list(filled.list_urls(prefix="b/"))
    assert len(urls) == 3
    sent = {"Authorization": f"Bearer {os.environ['AIS_AUTHN_TOKEN']}"}
    found = [requests.get(url, headers=sent, timeout=20) for url in urls]
    assert [(each.status_code, each.content) for each in found] == [
        (200, b"x"),
        (200, b"xx"),
        (200, b"xxx"),
    ]


def test_a_bucket_says_which_it_is(client: Any) -> None:
    one = client.bucket("one")
    assert (one.name, one.provider.value, one.namespace) == ("one", "ais", None)
    assert one.qparam == {"provider": "ais"}
    assert one.as_model().as_dict() == {"name": "one", "provider": "ais"}
    assert one.client is client.cluster().client


@pytest.fixture(name="team")
def _team(client: Any, target: Any) -> Any:
    """A bucket in a namespace, and its twin without one."""
    target.create()
    made = client.bucket(target.name, namespace=Namespace(name="team")).create()
    yield made
    # The SDK takes the slash in `ais://#team/name` for the one before an object.
    with suppress(errors.AISError):
        made.delete()


def test_namespaces_keep_buckets_of_one_name_apart(client: Any, team: Any, target: Any) -> None:
    put(team, "k", b"ours")
    put(target, "k", b"everybody's")
    assert (get(team, "k"), get(target, "k")) == (b"ours", b"everybody's")
    assert team.get_path() == f"ais/@#team/{target.name}/"
    found = [each for each in client.cluster().list_buckets() if each.name == target.name]
    assert sorted(each.get_path() for each in found) == sorted([team.get_path(), target.get_path()])


def test_a_bucket_is_copied_between_namespaces(client: Any, team: Any, target: Any) -> None:
    put(team, "k", b"ours")
    done(client, team.copy(target))
    assert contents(target) == {"k": b"ours"}


def test_a_bucket_of_a_namespace_is_deleted_alone(team: Any, target: Any) -> None:
    put(target, "k")
    team.delete()
    assert names(target) == ["k"]
    with refused(404):
        team.list_objects()


def test_a_client_without_a_token_is_told(
    connect: Callable[..., Any], bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIS_AUTHN_TOKEN")
    with refused(401):
        connect().bucket(bucket.name).list_objects()
