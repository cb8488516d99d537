"""Properties of buckets: what they are, set, patched and set back, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.config.bucket_properties import CHECKSUM_TYPES, PROPERTIES, properties_of
from s3gw.native.bucket_props import props_of
from s3gw.native.buckets.props_change import with_props
from s3gw.native.errors import NativeError
from storage.values import BucketInfo
from tests.native.scene import Scene, Told, told
from tests.native.wire import differences, recorded

SECTIONS = """
    backend_bck write_policy provider Renamed checksum extra rate_limit ec chunks mirror lru access
    features bid created versioning archives etag etl
"""
# All bits but PUT.
NO_PUT = str((1 << 18) - 1 - 4)
KEPT: Mapping[str, Any] = {
    "checksum.type": "sha256",
    "checksum.validate_warm_get": True,
    "chunks.objsize_limit": "100MiB",
    "chunks.max_monolithic_size": "1GiB",
    "chunks.chunk_size": "8MiB",
    "chunks.checkpoint_every": 128,
    "archives.as_folders": True,
    "etag": "checksum",
    "etl.s3": True,
    "extra.custom": "team=alpha;id=7",
    "checksum.enable_read_range": True,
    "checksum.validate_cold_get": True,
    "checksum.validate_obj_move": True,
    "mirror.copies": 3,
    "ec.parity_slices": 1,
    "lru.enabled": True,
    "lru.dont_evict_time": "3h",
    "write_policy.md": "delayed",
    "rate_limit.frontend.enabled": True,
    "rate_limit.backend.max_tokens": 7,
    "rate_limit.backend.per_op_max_tokens": "get:100",
    "extra.aws.endpoint": "http://localhost",
    "extra.aws.multipart_size": "8MiB",
    "extra.oci.region": "here",
    "versioning.validate_warm_get": True,
    "versioning.synchronize": True,
    "features": "16",
    "versioning.enabled": False,
}


def props(scene: Scene, bucket: str) -> dict[str, Any]:
    answer = scene.send("HEAD", f"buckets/{bucket}")
    return dict(json.loads(answer.headers["ais-bucket-props"]))


def leaf(document: dict[str, Any], name: str) -> Any:
    found: Any = document
    for each in name.split("."):
        found = found[each]
    return found


def change(scene: Scene, bucket: str, value: object, **more: Any) -> int:
    return scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value, **more).status


def refused(scene: Scene, bucket: str, value: object) -> Told:
    return told(scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value))


def nested(name: str, value: object) -> dict[str, Any]:
    first, dot, rest = name.partition(".")
    return {first: nested(rest, value) if dot else value}


def test_every_property_of_aistore_is_told(scene: Scene, bucket: str) -> None:
    told_props = props(scene, bucket)
    assert set(told_props) == set(SECTIONS.split())
    assert told_props["chunks"]["max_monolithic_size"] == "1TiB"
    assert told_props["chunks"]["chunk_size"] == "1GiB"
    assert told_props["rate_limit"]["frontend"]["burst_size"] == 375
    assert told_props["write_policy"] == {"data": "immediate", "md": "immediate"}
    assert (told_props["mirror"]["enabled"], told_props["ec"]["enabled"]) == (False, False)


@pytest.mark.parametrize("name", KEPT)
def test_a_property_is_set_by_its_dotted_name_or_nested(
    scene: Scene, bucket: str, name: str
) -> None:
    before, value = props(scene, bucket), KEPT[name]
    assert change(scene, bucket, {name: value}) == 200
    changed = props(scene, bucket)
    assert leaf(changed, name) == value
    section = name.partition(".")[0]
    assert {k: v for k, v in changed.items() if k != section} == {
        k: v for k, v in before.items() if k != section
    }
    assert change(scene, bucket, nested(name, leaf(before, name))) == 200
    assert props(scene, bucket) == before


def test_what_is_absent_or_null_is_not_changed(scene: Scene, bucket: str) -> None:
    assert change(scene, bucket, {"checksum": {"type": "md5"}}) == 200
    value = {"checksum": {"type": None, "validate_warm_get": True}, "chunks": None, "access": None}
    assert change(scene, bucket, value) == 200
    assert props(scene, bucket)["checksum"]["type"] == "md5"
    assert props(scene, bucket)["checksum"]["validate_warm_get"] is True


def test_all_properties_of_a_request_are_set_or_none(scene: Scene, bucket: str) -> None:
    before = props(scene, bucket)
    value = {"checksum.type": "md5", "chunks": {"chunk_size": "1"}}
    assert change(scene, bucket, value) == 400
    assert props(scene, bucket) == before


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(1 << 20, "1MiB"), ("1MiB", "1MiB"), ("1mb", "1MiB"), ("1048576", "1MiB"), ("2g", "2GiB")],
)
def test_sizes_are_numbers_or_texts(scene: Scene, bucket: str, sent: object, shown: str) -> None:
    assert change(scene, bucket, {"chunks": {"chunk_size": sent}}) == 200
    assert props(scene, bucket)["chunks"]["chunk_size"] == shown


def test_zero_stands_for_aistores_default(scene: Scene, bucket: str) -> None:
    value = {"chunks": {"chunk_size": "4MiB", "max_monolithic_size": "2GiB"}}
    assert change(scene, bucket, value) == 200
    assert change(scene, bucket, {"chunks.chunk_size": 0}) == 200
    assert change(scene, bucket, {"chunks.max_monolithic_size": "0"}) == 200
    chunks = props(scene, bucket)["chunks"]
    assert (chunks["chunk_size"], chunks["max_monolithic_size"]) == ("1GiB", "1TiB")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("checksum.type", "sha1", "xxhash2, xxhash, md5, crc32c, sha256, sha512 or none"),
        ("checksum.type", "", "none"),
        ("checksum.type", 7, "none"),
        ("checksum.validate_warm_get", "maybe", "true or false"),
        ("chunks.chunk_size", 1023, "from 1KiB to 5GiB"),
        ("chunks.chunk_size", "6GiB", "from 1KiB to 5GiB"),
        ("chunks.chunk_size", "much", "from 1KiB to 5GiB"),
        ("chunks.chunk_size", True, "from 1KiB to 5GiB"),
        ("chunks.objsize_limit", -1, "from 0 to 1TiB"),
        ("chunks.objsize_limit", "2TiB", "from 0 to 1TiB"),
        ("chunks.max_monolithic_size", "512MiB", "0, or bytes from 1GiB to 1TiB"),
        ("chunks.checkpoint_every", 1025, "from 0 to 1024"),
        ("chunks.checkpoint_every", 1.5, "from 0 to 1024"),
        ("extra.custom", "x" * 1025, "1024"),
        ("versioning.enabled", 1, "true or false"),
        ("mirror.copies", 33, "from 1 to 32"),
        ("ec.data_slices", 0, "from 1 to 32"),
        ("lru.dont_evict_time", "1m", "from 1h"),
        ("write_policy.md", "sometimes", "immediate, delayed or never"),
        ("rate_limit.frontend.interval", "2h", "from 1s to 1h"),
        ("provider", "aws", "cannot be changed"),
        ("bid", "1", "cannot be changed"),
        ("mirror.enabled", "maybe", "true or false"),
        ("mirror.enabled", [1], "true or false"),
        ("rate_limit.frontend.burst_size", 501, "50% of rate_limit.frontend.max_tokens = 1000"),
        ("features", "x", "from 0 to"),
    ],
)
def test_a_value_out_of_range_is_told_with_what_is_allowed(
    scene: Scene, bucket: str, name: str, value: object, allowed: str
) -> None:
    before = props(scene, bucket)
    error = refused(scene, bucket, nested(name, value))
    assert error.status == 400
    assert name in error.message
    assert repr(value)[:100] in error.message
    assert allowed in error.message
    assert props(scene, bucket) == before


def test_chunks_cannot_begin_above_the_largest_object(scene: Scene, bucket: str) -> None:
    value = {"chunks": {"objsize_limit": "2GiB", "max_monolithic_size": "1GiB"}}
    error = refused(scene, bucket, value)
    assert (error.status, "chunks.objsize_limit = 2GiB" in error.message) == (400, True)
    assert change(scene, bucket, {"chunks.max_monolithic_size": "1GiB"}) == 200
    assert refused(scene, bucket, {"chunks.objsize_limit": "2GiB"}).status == 400
    assert change(scene, bucket, {"chunks.objsize_limit": "1GiB"}) == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backend_bck", "gs://elsewhere"),
        ("write_policy.data", "never"),
    ],
)
def test_what_the_server_cannot_do_is_refused_by_name(
    scene: Scene, bucket: str, name: str, value: object
) -> None:
    error = refused(scene, bucket, nested(name, value))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert f'"{name}"' in error.message
    name_of_new = f"{bucket}-refused"
    answer = scene.act("POST", f"buckets/{name_of_new}", "create-bck", nested(name, value))
    assert told(answer).status == 501
    assert scene.send("HEAD", f"buckets/{name_of_new}").status == 404


def test_what_a_client_read_it_can_write_back(scene: Scene, bucket: str) -> None:
    before = props(scene, bucket)
    assert change(scene, bucket, before) == 200
    assert props(scene, bucket) == before
    same: dict[str, Any] = {
        "lru": {"dont_evict_time": "120m"},
        "extra": {"aws": {"multipart_size": 0}},
    }
    assert change(scene, bucket, {**same, "backend_bck": "none", "force": True}) == 200


def test_an_unknown_property_is_told_with_the_one_that_was_meant(scene: Scene, bucket: str) -> None:
    error = refused(scene, bucket, {"checksum": {"typ": "md5"}})
    assert (error.status, "did you mean checksum.type" in error.message) == (400, True)
    assert refused(scene, bucket, {"checksum": "md5"}).status == 400


def test_a_bucket_is_made_with_some_properties(scene: Scene, bucket: str) -> None:
    name = f"{bucket}-made"
    value = {"checksum": {"type": "crc32c"}, "chunks.chunk_size": "1MiB"}
    assert scene.act("POST", f"buckets/{name}", "create-bck", value).status == 200
    made, plain = props(scene, name), props(scene, bucket)
    assert (made["checksum"]["type"], made["chunks"]["chunk_size"]) == ("crc32c", "1MiB")
    assert made["chunks"]["objsize_limit"] == plain["chunks"]["objsize_limit"]
    listed = scene.json("GET", "daemon?what=bmd")["providers"]["ais"]["@#"]
    assert listed[name] == made


# Setting back


def test_properties_are_set_back_to_those_of_a_new_bucket(scene: Scene, bucket: str) -> None:
    before = props(scene, bucket)
    tags = {"TagSet": [{"Key": "a", "Value": "b"}]}
    scene.s3.put_bucket_tagging(Bucket=bucket, Tagging=tags)
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    scene.put(bucket, "k", b"abc")
    assert change(scene, bucket, {**KEPT, "access": "ro"}) == 200
    assert scene.act("PATCH", f"buckets/{bucket}", "reset-bprops").status == 200
    assert props(scene, bucket) == before
    # What S3 knows of the bucket, and what is in it, stays.
    assert scene.s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags["TagSet"]
    assert scene.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert scene.send("GET", f"objects/{bucket}/k").body == b"abc"


def test_versions_of_a_bucket_that_locks_objects_stay_on(scene: Scene, bucket: str) -> None:
    name = f"{bucket}-locks"
    scene.s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    assert scene.act("PATCH", f"buckets/{name}", "reset-bprops").status == 200
    assert change(scene, name, {"versioning": {"enabled": False}}) == 200
    assert scene.s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def test_setting_back_access_takes_the_right_to_it(scene: Scene, bucket: str) -> None:
    target = f"buckets/{bucket}"
    assert scene.act("PATCH", target, "reset-bprops", token="patcher").status == 200
    assert change(scene, bucket, {"access": NO_PUT}) == 200
    assert told(scene.act("PATCH", target, "reset-bprops", token="patcher")).status == 403
    assert scene.act("PATCH", target, "reset-bprops", token="owner").status == 200
    assert told(scene.act("PATCH", target, "reset-bprops", token="writer")).status == 403


def test_access_by_a_dotted_name_takes_the_right_too(scene: Scene, bucket: str) -> None:
    assert change(scene, bucket, {"access": "ro"}, token="patcher") == 403
    assert change(scene, bucket, {"extra.custom": "x"}, token="patcher") == 200


# Any of them


def _sizes(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high) | st.sampled_from([low, high])


LEGAL = st.fixed_dictionaries(
    {},
    optional={
        "checksum.type": st.sampled_from(CHECKSUM_TYPES),
        "checksum.validate_warm_get": st.booleans(),
        "chunks.objsize_limit": _sizes(0, 1 << 40),
        "chunks.max_monolithic_size": st.just(0) | _sizes(1 << 30, 1 << 40),
        "chunks.chunk_size": st.just(0) | _sizes(1 << 10, 5 << 30),
        "chunks.checkpoint_every": st.integers(0, 1024),
        "archives.as_folders": st.booleans(),
        "etag": st.sampled_from(["md5", "checksum"]),
        "etl.s3": st.booleans(),
        "extra.custom": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    },
)


@given(first=LEGAL, second=LEGAL)
def test_any_legal_properties_are_as_they_were_set_last(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    bucket = BucketInfo("b", "root", 1)
    for value in (first, second):
        wanted = {**told_values(bucket), **value}
        largest = wanted["chunks.max_monolithic_size"] or 1 << 40
        if wanted["chunks.objsize_limit"] > largest:
            with pytest.raises(NativeError, match="objsize_limit"):
                with_props(bucket, value)
        else:
            bucket = with_props(bucket, value)
            assert told_values(bucket) == wanted
            # As a client reads it, it can be written back.
            shown = msgspec.to_builtins(props_of(bucket))
            assert props_of(with_props(bucket, shown)) == props_of(bucket)


def told_values(bucket: BucketInfo) -> dict[str, Any]:
    return {name: each.of(properties_of(bucket)) for name, each in PROPERTIES.items()}


# What needs more targets or mountpaths


def test_erasure_coding_needs_more_targets(scene: Scene, bucket: str) -> None:
    before = props(scene, bucket)
    error = refused(scene, bucket, {"ec": {"enabled": True}})
    assert (error.status, error.tcode) == (400, "ErrNotEnoughTargets")
    assert error.message == (
        "not enough target nodes: EC configuration (D = 2, P = 2) requires at least 5 targets "
        "(have 1)"
    )
    error = refused(scene, bucket, {"ec": {"enabled": True, "data_slices": 1, "parity_slices": 1}})
    assert "requires at least 3 targets" in error.message
    assert props(scene, bucket) == before
    name = f"{bucket}-coded"
    answer = scene.act("POST", f"buckets/{name}", "create-bck", {"ec": {"enabled": True}})
    assert told(answer).tcode == "ErrNotEnoughTargets"
    assert scene.send("HEAD", f"buckets/{name}").status == 404


def test_a_bucket_is_not_mirrored_on_one_mountpath(scene: Scene, bucket: str) -> None:
    error = refused(scene, bucket, {"mirror": {"enabled": True, "copies": 3}})
    message = f"not enough mountpaths (1) to configure ais://{bucket} as 3-way mirror"
    assert (error.status, error.message) == (400, message)
    error = refused(scene, bucket, {"mirror": {"enabled": True, "copies": 1}})
    assert error.message.endswith("as 2-way mirror")
    # As in AIStore, a bucket is created so: there is nothing to copy yet.
    name = f"{bucket}-mirrored"
    value = {"mirror": {"enabled": True, "copies": 2}}
    assert scene.act("POST", f"buckets/{name}", "create-bck", value).status == 200
    assert props(scene, name)["mirror"]["enabled"] is True
    # That it is so already is not a change.
    assert change(scene, name, {**value, "checksum": {"type": "md5"}}) == 200
    assert change(scene, name, {"mirror": {"enabled": False}}) == 200


def test_a_bucket_s_properties_have_aistore_s_types(scene: Scene, bucket: str) -> None:
    assert not [*differences(recorded("bprops"), props(scene, bucket))]
    assert change(scene, bucket, KEPT) == 200
    assert not [*differences(recorded("bprops"), props(scene, bucket))]


def test_a_bucket_takes_no_more_requests_than_its_limit(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"x")
    limit = {"enabled": True, "max_tokens": 4, "burst_size": 2, "interval": "1h"}
    assert change(scene, bucket, {"rate_limit": {"frontend": limit}}) == 200
    answers = [scene.send("GET", f"objects/{bucket}/k") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert told(answers[2]).tcode == "ErrTooManyRequests"
    assert int(answers[2].headers["retry-after"]) > 60
    assert scene.send("HEAD", f"objects/{bucket}/k").status == 200
    bad = {"rate_limit": {"frontend": {"per_op_max_tokens": "list:5"}}}
    assert "get:5000 delete:1000" in refused(scene, bucket, bad).message
