"""Who may do what by the native API: tokens, AIStore's rights, bucket policies, one decision."""

from __future__ import annotations

import json
from typing import Any

import pytest

from s3gw.access.actions import OPERATIONS
from s3gw.identity.permissions import OF_THE_CLUSTER
from s3gw.native.catalog import native_operations
from s3gw.native.operation import NO_RIGHT
from storage.backends.memory import MemoryBackend
from tests.native.scene import Scene, services, told
from tests.s3.gateway import ROOT

NATIVE = {f"{op.route.first}.{op.__name__}": op for op in native_operations()}
# Who needs a token and no right, because they are about themselves.
ABOUT_ONESELF = {"users.GetUser", "users.UpdateUser", "tokens.RevokeToken"}
# The secret in the path is the right to read objects for a transformer.
OPEN = {"users.LogIn", ".well-known.GetOidcConfig"}
OPEN |= {"etl-objects.GetEtlObject", "etl-objects.HeadEtlObject"}
# Their bodies name the buckets; the tests of each show that they ask.
ASK_THEMSELVES = {"ml.GetBatch", "ml.GetBatchOfBucket", "download.StartDownload", "sort.StartSort"}
ASK_THEMSELVES |= {"query.BeginQuery", "query.ContinueQuery"}


@pytest.mark.parametrize("name", NATIVE)
def test_every_operation_declares_its_right(name: str) -> None:
    operation = NATIVE[name]
    if operation.known_as:
        assert operation.known_as in OPERATIONS
        assert operation.access
    elif operation.asks_itself:
        assert operation.access
        assert name in ASK_THEMSELVES
    elif operation.access == NO_RIGHT:
        assert name in ABOUT_ONESELF | OPEN
    else:
        # No bucket is asked, so all of it must be the cluster's.
        assert operation.access in OF_THE_CLUSTER
    assert operation.is_open == (name in OPEN)


@pytest.mark.parametrize("name", [name for name in NATIVE if name not in OPEN])
def test_nothing_is_answered_without_a_token(scene: Scene, bucket: str, name: str) -> None:
    route = NATIVE[name].route
    named = ["ml", "moss", bucket] if route.first == "ml" else [route.first, bucket, "k"]
    path = "/".join(named[: route.depth])
    asked = [f"{name}=1" for name in route.needs] + ([f"what={route.what}"] if route.what else [])
    target = f"{path}?{'&'.join(asked)}"
    for token, reason in (("", "token required"), ("forged", "invalid token"), ("old", "expired")):
        answer = scene.act(route.method, target, route.action or "", token=token)
        assert (told(answer).status, reason in told(answer).message) == (401, True)
        assert answer.headers["www-authenticate"] == "Bearer"
    value: Any = [] if route.action == "mpt-complete" else {}
    answer = scene.act(route.method, target, route.action or "", value, token="nobody")
    # What they ask for is in the body, and here it is none.
    assert answer.status in ((400, 403) if name in ABOUT_ONESELF | ASK_THEMSELVES else (403,))


def test_a_signature_is_no_token(scene: Scene) -> None:
    answer = scene.act("GET", "buckets", "list", token="", headers={"authorization": "AWS4-HMAC x"})
    assert told(answer).status == 401


READER = {
    ("GET", "objects/{b}/k", ""): 200,
    ("HEAD", "objects/{b}/k", ""): 200,
    ("HEAD", "buckets/{b}", ""): 200,
    ("GET", "buckets/{b}", "list"): 200,
    ("GET", "buckets", "list"): 200,
    ("GET", "daemon?what=smap", ""): 200,
    ("PUT", "objects/{b}/k", ""): 403,
    ("DELETE", "objects/{b}/k", ""): 403,
    ("PATCH", "objects/{b}/k", ""): 403,
    ("PATCH", "buckets/{b}", "set-bprops"): 403,
    ("DELETE", "buckets/{b}", "destroy-bck"): 403,
    ("POST", "buckets/another", "create-bck"): 403,
    ("GET", "users", ""): 403,
    ("GET", "roles", ""): 403,
    ("GET", "clusters", ""): 403,
}


@pytest.mark.parametrize(("asked", "status"), READER.items())
def test_what_a_reader_may_do(
    scene: Scene, bucket: str, asked: tuple[str, str, str], status: int
) -> None:
    method, target, action = asked
    scene.put(bucket, "k")
    answer = scene.act(method, target.format(b=bucket), action, {}, token="reader")
    assert answer.status == status


def test_a_refusal_names_the_bucket(scene: Scene, bucket: str) -> None:
    error = told(scene.send("PUT", f"objects/{bucket}/k", body=b"x", token="reader"))
    assert (error.status, error.tcode) == (403, "ErrBucketAccessDenied")
    assert f'"ais://{bucket}"' in error.message


def test_what_a_writer_may_do(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k", token="writer")
    assert scene.send("DELETE", f"objects/{bucket}/k", token="writer").status == 200
    assert scene.act("PATCH", f"buckets/{bucket}", "set-bprops", {}, token="writer").status == 403


def test_what_a_user_makes_is_the_root_accounts(scene: Scene, bucket: str) -> None:
    name = f"{bucket}-made"
    assert scene.act("POST", f"buckets/{name}", "create-bck", token="owner").status == 200
    scene.put(name, "k", token="owner")
    assert name in [b["Name"] for b in scene.s3.list_buckets()["Buckets"]]


def test_access_takes_a_right_of_its_own(scene: Scene, bucket: str) -> None:
    value = {"access": "ro"}
    target = f"buckets/{bucket}"
    assert scene.act("PATCH", target, "set-bprops", {}, token="patcher").status == 200
    assert told(scene.act("PATCH", target, "set-bprops", value, token="patcher")).status == 403
    assert scene.act("PATCH", target, "set-bprops", value, token="owner").status == 200


def test_only_administrators_lead_a_bucket_elsewhere(scene: Scene) -> None:
    target = f"buckets/{scene.new_bucket()}"
    value = {"extra": {"aws": {"endpoint": "http://169.254.169.254"}}}
    refused = told(scene.act("PATCH", target, "set-bprops", value, token="owner"))
    assert (refused.status, "administrators" in refused.message) == (403, True)
    assert scene.act("PATCH", target, "set-bprops", value).status == 200
    wrong = {"extra": {"aws": {"endpoint": "file:///etc/passwd"}}}
    assert scene.act("PATCH", target, "set-bprops", wrong).status == 400


# Bucket policies decide here too


def policy(bucket: str, effect: str, action: str, **condition: Any) -> str:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement: dict[str, Any] = {
        "Effect": effect,
        "Principal": "*",
        "Action": action,
        "Resource": resources,
    }
    statement |= {"Condition": condition} if condition else {}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_denial_counts_for_users(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Deny", "s3:GetObject"))
    assert told(scene.send("GET", f"objects/{bucket}/k", token="reader")).status == 403
    assert scene.send("GET", f"objects/{bucket}/k", token="admin").status == 200


def test_a_policy_can_let_in_who_has_no_rights(scene: Scene, bucket: str) -> None:
    scene.put(bucket, "k")
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Allow", "s3:GetObject"))
    assert scene.send("GET", f"objects/{bucket}/k", token="nobody").status == 200
    assert told(scene.send("PUT", f"objects/{bucket}/k", body=b"", token="nobody")).status == 403
    # But this API asks for a token all the same.
    assert told(scene.send("GET", f"objects/{bucket}/k", token="")).status == 401


def test_a_policy_sees_the_prefix_of_a_listing(scene: Scene, bucket: str) -> None:
    rule = policy(bucket, "Allow", "s3:ListBucket", StringEquals={"s3:prefix": "mine/"})
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=rule)
    for prefix, status in (("mine/", 200), ("yours/", 403), ("", 403)):
        asked = scene.act("GET", f"buckets/{bucket}", "list", {"prefix": prefix}, token="nobody")
        assert asked.status == status
    # What stands in the URL is no word of S3's here.
    answer = scene.act("GET", f"buckets/{bucket}?prefix=mine/", "list", {}, token="nobody")
    assert answer.status == 403


def test_headers_of_s3_are_no_words_here(scene: Scene, bucket: str) -> None:
    """A policy that wants them of S3's clients is not talked into anything."""
    headers = {"x-amz-acl": "public-read", "x-amz-tagging": "a=b", "x-amz-meta-a": "b"}
    scene.put(bucket, "k", headers=headers)
    assert scene.s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {}
    assert scene.s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_that_nothing_is_there_is_kept_from_who_may_not_list(scene: Scene, bucket: str) -> None:
    scene.s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, "Allow", "s3:GetObject"))
    assert told(scene.send("GET", f"objects/{bucket}/no", token="nobody")).status == 403
    assert told(scene.send("GET", f"objects/{bucket}/no", token="reader")).status == 404


def test_without_authentication_everybody_is_root() -> None:
    store = MemoryBackend()
    open_scene = Scene(store, services(store, auth_enabled=False))
    try:
        assert open_scene.act("POST", "buckets/open", "create-bck", token="").status == 200
        assert open_scene.act("GET", "buckets", "list", token="forged").status == 200
        config = open_scene.json("GET", "cluster?what=cluster_config", token="")
        assert config["auth"]["enabled"] is False
        assert open_scene.observer.exchanges[-1].account == ROOT.account
    finally:
        open_scene.close()
