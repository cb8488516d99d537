"""Buckets by the native API: made, listed, described, changed, destroyed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.native.scene import Scene, told

EVERYTHING = "18446744073709551615"


def props(scene: Scene, bucket: str) -> dict[str, Any]:
    headers = scene.send("HEAD", f"buckets/{bucket}").headers
    return dict(json.loads(headers["ais-bucket-props"]))


def names(scene: Scene, query: str = "", **message: Any) -> list[str]:
    asked = {"action": "list", "name": "", "value": None, **message}
    return [bucket["name"] for bucket in scene.json("GET", f"buckets{query}", asked)]


def test_a_bucket_is_made_once(scene: Scene, bucket: str) -> None:
    error = told(scene.act("POST", f"buckets/{bucket}", "create-bck"))
    assert (error.status, error.tcode) == (409, "ErrBucketAlreadyExists")
    assert f'"ais://{bucket}"' in error.message


def test_both_front_ends_see_the_bucket(scene: Scene, bucket: str) -> None:
    assert bucket in [b["Name"] for b in scene.s3.list_buckets()["Buckets"]]
    scene.s3.create_bucket(Bucket=f"{bucket}-s3")
    assert {bucket, f"{bucket}-s3"} <= set(names(scene))


def test_a_listed_bucket_has_its_full_name(scene: Scene, bucket: str) -> None:
    listed = scene.json("GET", "buckets?provider=ais", {"action": "list", "name": bucket})
    space = {"uuid": "", "name": ""}
    assert listed == [{"name": bucket, "provider": "ais", "namespace": space}]


def test_only_what_is_here_is_listed(scene: Scene, bucket: str) -> None:
    assert bucket in names(scene, "?presence=2")
    assert bucket in names(scene, "?provider=")
    for query in ("?presence=5", "?provider=aws", "?provider=gs", "?namespace=@other%23ns"):
        assert names(scene, query) == []
    assert told(scene.act("GET", "buckets?provider=ftp", "list")).status == 400


@pytest.mark.parametrize("name", ["A_b", "ab", "x.y", "a-b", "_", "9", "x" * 64])
def test_names_of_aistore_are_taken(scene: Scene, name: str) -> None:
    assert scene.act("POST", f"buckets/{name}", "create-bck").status == 200
    scene.put(name, "k", b"abc")
    assert (
        scene.s3.get_object(Bucket=name, Key="k")["Body"].read() == b"abc" if len(name) > 2 else 1
    )
    assert scene.act("DELETE", f"buckets/{name}", "destroy-bck").status == 200


@pytest.mark.parametrize(
    "name",
    ["*", ".", "..", "a..b", "%20", "a%20b", "%23x", "$x", "~x", ".a", "v1", "s3", "metrics"],
)
def test_names_of_nobody_are_refused(scene: Scene, name: str) -> None:
    error = told(scene.act("POST", f"buckets/{name}", "create-bck"))
    assert error.status == 400
    assert "invalid" in error.message


@pytest.mark.parametrize("path", ["buckets", "buckets/", "buckets/a/b"])
def test_a_path_without_a_bucket_makes_none(scene: Scene, path: str) -> None:
    assert scene.act("POST", path, "create-bck").status == 405


def test_a_long_name_is_refused(scene: Scene) -> None:
    assert told(scene.act("POST", f"buckets/{'x' * 65}", "create-bck")).status == 400


@pytest.mark.parametrize("query", ["provider=aws", "provider=az"])
def test_buckets_elsewhere_cannot_be_made(scene: Scene, query: str) -> None:
    assert told(scene.act("POST", f"buckets/x?{query}", "create-bck")).status == 501


def test_buckets_elsewhere_are_not_found(scene: Scene, bucket: str) -> None:
    error = told(scene.act("GET", f"buckets/{bucket}?provider=s3", "list"))
    assert (error.status, error.tcode) == (404, "ErrRemoteBckNotFound")
    assert f'"aws://{bucket}"' in error.message
    error = told(scene.send("GET", f"objects/{bucket}/k?namespace=@uuid%23ns"))
    assert (error.status, error.tcode) == (404, "ErrRemoteBckNotFound")
    assert f'"ais://@uuid#ns/{bucket}"' in error.message


def test_this_clusters_own_id_is_no_other_place(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", b"abc")
    assert scene.send("GET", f"objects/{bucket}/k?namespace=@testcluster1").body == b"abc"
    assert scene.send("GET", f"objects/{bucket}/k?namespace=@%23").body == b"abc"


# Properties


def test_properties_are_texts_where_go_wants_texts(scene: Scene, bucket: str) -> None:
    told_props = props(scene, bucket)
    assert told_props["access"] == EVERYTHING
    assert told_props["checksum"]["type"] == "xxhash2"
    assert told_props["versioning"]["enabled"] is True
    for name in ("access", "features", "bid", "created"):
        assert isinstance(told_props[name], str)
        assert told_props[name].isdigit()


def test_a_missing_bucket_has_no_properties(scene: Scene) -> None:
    error = told(scene.send("HEAD", "buckets/nowhere"))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")


def test_objects_are_numbered_and_no_version_is_kept(scene: Scene, bucket: str) -> None:
    """`versioning.enabled` is AIStore's: versions of S3 are another thing."""
    seen = [scene.put(bucket, "k", body).headers["ais-version"] for body in (b"1", b"2", b"3")]
    assert seen == ["1", "2", "3"]
    assert scene.send("HEAD", f"objects/{bucket}/k").headers["ais-version"] == "3"
    assert [e["v"] for e in scene.listing(bucket, props="name,version")["Entries"]] == ["3"]
    assert "Status" not in scene.s3.get_bucket_versioning(Bucket=bucket)
    (kept,) = scene.s3.list_object_versions(Bucket=bucket)["Versions"]
    assert (kept["VersionId"], kept["Size"]) == ("null", 1)


def test_objects_are_not_numbered_where_that_is_off(scene: Scene, bucket: str) -> None:
    def set_versioning(enabled: object) -> int:
        value = {"versioning": {"enabled": enabled}}
        return scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status

    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert set_versioning(False) == 200
    assert props(scene, bucket)["versioning"]["enabled"] is False
    assert "ais-version" not in scene.put(bucket, "k", b"1").headers
    for method in ("GET", "HEAD"):
        assert "ais-version" not in scene.send(method, f"objects/{bucket}/k").headers
    assert "v" not in scene.listing(bucket, props="name,version")["Entries"][0]
    assert scene.s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert set_versioning(True) == 200
    assert scene.put(bucket, "k", b"2").headers["ais-version"] == "2"
    assert set_versioning("perhaps") == 400


def test_a_bucket_can_be_made_with_properties(scene: Scene, bucket: str) -> None:
    name, value = f"{bucket}-props", {"versioning": {"enabled": False}, "access": "ro"}
    assert scene.act("POST", f"buckets/{name}", "create-bck", value).status == 200
    assert props(scene, name)["versioning"]["enabled"] is False
    assert props(scene, name)["access"] == "771"


@pytest.mark.parametrize("access", ["ro", "771", 771, 18446744073709551587])
def test_the_access_attribute_keeps_everybody_out(
    scene: Scene, bucket: str, access: str | int
) -> None:
    scene.put(bucket, "k", b"abc")
    target = f"buckets/{bucket}"
    assert scene.act("PATCH", target, "set-bprops", {"access": access}).status == 200
    assert props(scene, bucket)["access"] == "771"
    assert scene.send("GET", f"objects/{bucket}/k").body == b"abc"
    assert told(scene.send("PUT", f"objects/{bucket}/k", body=b"x")).status == 403
    with pytest.raises(ClientError, match="AccessDenied"):
        scene.s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert scene.act("PATCH", target, "set-bprops", {"access": EVERYTHING}).status == 200
    scene.put(bucket, "k", b"new")


@pytest.mark.parametrize("access", ["rwx", -1, 1 << 64, True, [1]])
def test_an_access_that_is_none_is_refused(scene: Scene, bucket: str, access: object) -> None:
    answer = scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"access": access})
    assert told(answer).status == 400
    assert props(scene, bucket)["access"] == EVERYTHING


def test_properties_that_cannot_be_kept_are_refused_by_name(scene: Scene, bucket: str) -> None:
    def change(value: object) -> tuple[int, str]:
        error = told(scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value))
        return error.status, error.message

    status, message = change({"write_policy": {"data": "never"}})
    assert (status, "write_policy.data" in message) == (501, True)
    status, message = change({"versioning": {"enabled": False}, "ec": {"enabled": True}})
    assert (status, "EC configuration" in message) == (400, True)
    assert props(scene, bucket)["versioning"]["enabled"] is True
    status, message = change({"versioning": {"nonsense": 1}})
    assert (status, "versioning.nonsense" in message) == (400, True)
    assert change(None)[0] == 400


def test_setting_what_is_so_already_changes_nothing(scene: Scene, bucket: str) -> None:
    value = {"mirror": {"enabled": False}, "checksum": {"type": "xxhash2"}}
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", value).status == 200


# Destroying


def test_a_bucket_is_destroyed_with_all_its_versions(scene: Scene, bucket: str) -> None:
    for number in range(3):
        scene.put(bucket, f"before-{number}")
    status = {"Status": "Enabled"}
    scene.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=status)
    for body in (b"1", b"2"):
        scene.put(bucket, "k", body)
    scene.s3.delete_object(Bucket=bucket, Key="k")
    scene.s3.create_multipart_upload(Bucket=bucket, Key="unfinished")
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck").status == 200
    assert scene.send("HEAD", f"buckets/{bucket}").status == 404
    assert told(scene.act("DELETE", f"buckets/{bucket}", "destroy-bck")).status == 404


def test_many_objects_are_destroyed(scene: Scene, bucket: str) -> None:
    for number in range(1005):
        scene.put(bucket, f"{number}", b"")
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck").status == 200


def test_the_right_to_destroy_a_bucket_is_enough(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    destroyer = {"token": "destroyer"}
    assert scene.act("DELETE", f"buckets/{bucket}", "destroy-bck", **destroyer).status == 200
    assert scene.send("HEAD", f"buckets/{bucket}").status == 404


@pytest.mark.parametrize("namespace", ["@", "@@", "@@%23"])
def test_any_remote_cluster_has_no_buckets(scene: Scene, bucket: str, namespace: str) -> None:
    assert bucket in str(scene.act("GET", "buckets", "list").body)
    listed = scene.act("GET", f"buckets?namespace={namespace}", "list")
    assert (listed.status, json.loads(listed.body)) == (200, [])


@pytest.mark.parametrize("method_and_target", ["GET buckets", "HEAD buckets/{b}"])
def test_there_are_six_kinds_of_presence(scene: Scene, bucket: str, method_and_target: str) -> None:
    method, _, target = method_and_target.format(b=bucket).partition(" ")
    for number, status in ((4, 200), (6, 400), (99, 400)):
        message = {"action": "list"} if method == "GET" else None
        assert scene.send(method, f"{target}?presence={number}", message).status == status


def test_access_0_is_full_access(scene: Scene, bucket: str) -> None:
    for given in ("ro", 0, "ro", "0"):
        assert (
            scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {"access": given}).status == 200
        )
        props = json.loads(scene.send("HEAD", f"buckets/{bucket}").headers["ais-bucket-props"])
        assert (props["access"] == str(2**64 - 1)) == (given != "ro")
