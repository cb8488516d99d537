"""Namespaces: buckets of one name side by side, which S3 does not see."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from s3gw.identity.permissions import READ_ONLY, BucketName, Permissions
from tests.native.jobs.scene import JobScene
from tests.native.scene import CLUSTER, TOKENS, told

SPACE = "namespace=%23ns1"
SPELLINGS = ("namespace=%23ns1", "namespace=@%23ns1", f"namespace=@{CLUSTER}%23ns1")
NS1 = {"uuid": "", "name": "ns1"}


@pytest.fixture
def spaced(scene: JobScene, bucket: str) -> str:
    """A bucket that is in no namespace and in two, each with its own object `k`."""
    scene.put(bucket, "k", b"global")
    for space in ("ns1", "ns2"):
        query = f"namespace=%23{space}"
        assert scene.act("POST", f"buckets/{bucket}?{query}", "create-bck").status == 200
        assert scene.send("PUT", f"objects/{bucket}/k?{query}", body=space.encode()).status == 200
    return bucket


def read(scene: JobScene, bucket: str, query: str, **more: Any) -> bytes:
    return scene.send("GET", f"objects/{bucket}/k?{query}", **more).body


def listed(scene: JobScene, query: str = "") -> list[tuple[str, str]]:
    found = scene.json("GET", f"buckets?{query}", {"action": "list"})
    return [(each["namespace"]["name"], each["name"]) for each in found]


def message(bucket: str, space: str = "ns1") -> dict[str, Any]:
    return {"name": bucket, "provider": "ais", "namespace": {"uuid": "", "name": space}}


def test_buckets_of_one_name_are_different_buckets(scene: JobScene, spaced: str) -> None:
    assert read(scene, spaced, "") == b"global"
    assert read(scene, spaced, "namespace=%23ns2") == b"ns2"
    for spelling in SPELLINGS:
        assert read(scene, spaced, spelling) == b"ns1"
    error = told(scene.act("POST", f"buckets/{spaced}?{SPACE}", "create-bck"))
    assert (error.status, error.tcode) == (409, "ErrBucketAlreadyExists")
    assert f'"ais://#ns1/{spaced}"' in error.message


def test_what_is_missing_is_told_with_its_namespace(scene: JobScene, spaced: str) -> None:
    error = told(scene.send("GET", f"objects/{spaced}/none?{SPACE}"))
    assert (error.status, error.message) == (
        404,
        f"ais://#ns1/{spaced}/none does not exist",
    )
    error = told(scene.send("GET", f"objects/{spaced}/k?namespace=%23ns3"))
    assert (error.status, error.tcode) == (404, "ErrBckNotFound")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_cluster_s_buckets_are_not_found(scene: JobScene, spaced: str, method: str) -> None:
    action = "list" if method == "GET" else "create-bck"
    error = told(scene.act(method, f"buckets/{spaced}?namespace=@remote%23ns1", action))
    assert (error.status, error.tcode) == (404, "ErrRemoteBckNotFound")
    assert f"ais://@remote#ns1/{spaced}" in error.message


def test_s3_neither_lists_nor_finds_them(scene: JobScene, spaced: str) -> None:
    assert not any("#" in b["Name"] for b in scene.s3.list_buckets()["Buckets"])
    path = f"/s3/%23ns1%2F{spaced}/k"
    assert scene.server.request("GET", path, [("host", "h")], b"").status == 400
    source = f"%23ns1%2F{spaced}/k"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        scene.s3.copy_object(Bucket=spaced, Key="c", CopySource=source)
    target = {"TargetBucket": f"#ns1/{spaced}", "TargetPrefix": ""}
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        scene.s3.put_bucket_logging(Bucket=spaced, BucketLoggingStatus={"LoggingEnabled": target})


@pytest.mark.parametrize("name", ["%23ns1%2Fb", "a%2Fb", "%2F"])
def test_no_name_of_a_bucket_is_a_namespace_in_disguise(scene: JobScene, name: str) -> None:
    assert told(scene.act("GET", f"buckets/{name}", "list")).status == 400
    assert told(scene.act("POST", f"buckets/{name}", "create-bck")).status == 400


def test_all_namespaces_are_listed_or_one(scene: JobScene, spaced: str) -> None:
    everywhere = {("", spaced), ("ns1", spaced), ("ns2", spaced)}
    assert everywhere <= set(listed(scene))
    assert {space for space, _ in listed(scene, SPACE)} == {"ns1"}
    assert listed(scene, "namespace=@remote%23") == []
    found = scene.json("GET", "buckets", {"action": "list", "name": spaced})
    assert {each["namespace"]["name"] for each in found} == {"", "ns1", "ns2"}


def test_the_bmd_has_a_map_for_each(scene: JobScene, spaced: str) -> None:
    spaces = scene.json("GET", "daemon?what=bmd")["providers"]["ais"]
    assert all(spaced in spaces[space] for space in ("@#", "@#ns1", "@#ns2"))
    assert len({spaces[space][spaced]["bid"] for space in spaces if spaced in spaces[space]}) == 3


def test_properties_are_of_the_one_bucket(scene: JobScene, spaced: str) -> None:
    changed = {"versioning": {"enabled": False}}
    scene.act("PATCH", f"buckets/{spaced}?{SPACE}", "set-bprops", changed)
    for query, enabled in ((SPACE, False), ("", True)):
        head = scene.send("HEAD", f"buckets/{spaced}?{query}").headers
        assert json.loads(head["ais-bucket-props"])["versioning"]["enabled"] is enabled
    assert scene.act("DELETE", f"buckets/{spaced}?{SPACE}", "destroy-bck").status == 200
    assert read(scene, spaced, "") == b"global"
    assert read(scene, spaced, "namespace=%23ns2") == b"ns2"


def test_jobs_go_from_one_namespace_to_another(scene: JobScene, spaced: str) -> None:
    where = f"buckets/{spaced}?{SPACE}&bck_to=ais/@%23ns3/{spaced}/"
    snap = scene.done("POST", where, "copy-bck", {})
    assert (snap["src-bck"]["namespace"], snap["dst-bck"]["namespace"]["name"]) == (NS1, "ns3")
    assert read(scene, spaced, "namespace=%23ns3") == b"ns1"
    asked = {"objnames": ["k"], "tobck": message(spaced, "ns2")}
    scene.done("POST", f"buckets/{spaced}", "copy-listrange", asked)
    assert read(scene, spaced, "namespace=%23ns2") == b"global"
    (snaps,) = scene.ask("qryxstats", {"Kind": "copy-bck", "Bck": message(spaced)}).values()
    assert snap["id"] in [each["id"] for each in snaps]
    (snaps,) = scene.ask("qryxstats", {"Kind": "copy-bck", "Bck": message(spaced, "")}).values()
    assert snap["id"] not in [each["id"] for each in snaps]


def test_an_object_is_copied_to_another_namespace(scene: JobScene, spaced: str) -> None:
    target = f"objects/{spaced}/k?object_to=ais/@%23ns2/{spaced}/k"
    assert scene.send("PUT", target).status == 200
    assert read(scene, spaced, "namespace=%23ns2") == b"global"


def test_a_summary_tells_the_namespace(scene: JobScene, spaced: str) -> None:
    asked = {"action": "summary-bck", "value": {"uuid": ""}}
    xid = scene.send("GET", f"buckets/{spaced}?{SPACE}", asked).body.decode()
    scene.run_jobs()
    asked = {"action": "summary-bck", "value": {"uuid": xid}}
    (summary,) = scene.json("GET", f"buckets/{spaced}?{SPACE}", asked)
    assert (summary["name"], summary["namespace"]) == (spaced, NS1)


def test_a_bucket_is_renamed_into_a_namespace(scene: JobScene, spaced: str) -> None:
    where = f"buckets/{spaced}?bck_to=ais/@%23ns4/moved/"
    xid = scene.begin("POST", where, "move-bck")
    assert scene.snap(xid)["dst-bck"] == message("moved", "ns4")
    assert scene.send("GET", "objects/moved/k?namespace=%23ns4").body == b"global"
    assert read(scene, spaced, SPACE) == b"ns1"
    back = f"buckets/moved?namespace=%23ns4&bck_to=ais/@%23/{spaced}/"
    scene.begin("POST", back, "move-bck")
    assert read(scene, spaced, "") == b"global"


def batch(scene: JobScene, target: str, *entries: dict[str, Any]) -> dict[str, bytes]:
    asked = {"in": list(entries), "mime": ".tar", "strm": True}
    answer = scene.send("GET", target, asked)
    assert answer.status == 200, answer.body
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        opened = ((each, archive.extractfile(each)) for each in archive.getmembers())
        return {each.name: file.read() for each, file in opened if file is not None}


@pytest.mark.parametrize(
    "entry",
    [
        {"namespace": NS1},
        {"namespace": "@#ns1"},
        {"bucket": "", "uname": "ais/@#ns1/{b}/k", "objname": ""},
    ],
)
def test_an_entry_of_a_batch_names_its_namespace(
    scene: JobScene, spaced: str, entry: dict[str, Any]
) -> None:
    asked = {"objname": "k", "bucket": spaced, **entry}
    if "uname" in asked:
        asked["uname"] = asked["uname"].format(b=spaced)
    assert batch(scene, "ml/moss", asked) == {f"{spaced}/k": b"ns1"}


def test_the_bucket_of_a_batch_may_be_in_a_namespace(scene: JobScene, spaced: str) -> None:
    found = batch(scene, f"ml/moss/{spaced}?{SPACE}", {"objname": "k"})
    assert found == {f"{spaced}/k": b"ns1"}


def test_batches_do_not_reach_elsewhere(scene: JobScene, spaced: str) -> None:
    entry = {"objname": "k", "bucket": spaced, "namespace": "@remote#ns1"}
    error = told(scene.send("GET", "ml/moss", {"in": [entry]}))
    assert (error.status, error.tcode) == (404, "ErrRemoteBckNotFound")
    document = {"in": [{"objname": "k", "bucket": f"#ns1/{spaced}"}]}
    assert told(scene.send("GET", "ml/moss", document)).status == 400


def test_permissions_tell_namespaces_apart(
    scene: JobScene, spaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = {BucketName(spaced, namespace="ns1"): READ_ONLY.value}
    nobody = {CLUSTER: 0}
    tokens = {**TOKENS, "of-ns1": Permissions(clusters=nobody, buckets=named)}
    monkeypatch.setattr("tests.native.scene.TOKENS", tokens)
    assert read(scene, spaced, SPACE, token="of-ns1") == b"ns1"
    for query in ("", "namespace=%23ns2"):
        answer = scene.send("GET", f"objects/{spaced}/k?{query}", token="of-ns1")
        assert told(answer).status == 403
    assert replace(tokens["of-ns1"]).bits(CLUSTER, BucketName(spaced)) == 0
