"""Who may do what: a bucket belongs to the account that made it."""

from __future__ import annotations

from typing import Any

import pytest

from s3gw.http.request import Level
from s3gw.server.operations import all_operations
from tests.s3.gateway import ALICE, BOB, ROOT, Gateway, code_of, values, xml_of

# Those that name no bucket, or one that is not there yet, and what is told by its form
# alone: without one there is nothing that could be denied.
OTHERS = {"ListBuckets", "CreateBucket", "PostObject"}
OPERATIONS = {op.__name__: op for op in all_operations() if op.__name__ not in OTHERS}


def send(gateway: Gateway, bucket: str, operation: str, **options: Any) -> Any:
    """A request for the operation, made from its route."""
    route = OPERATIONS[operation].route
    target = f"/{bucket}/k" if route.level is Level.OBJECT else f"/{bucket}"
    query = "&".join(f"{name}={value or 1}" for name, value in route.query.items())
    headers = {route.source: f"{bucket}/k"} if route.source else {}
    headers |= options.pop("headers", {})
    return gateway.send(route.method, f"{target}?{query}", headers, **options)


def is_denied(answer: Any) -> bool:
    return bool(answer.status == 403 and (not answer.body or code_of(answer)[1] == "AccessDenied"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_others_are_denied(gateway: Gateway, bucket: str, operation: str) -> None:
    assert is_denied(send(gateway, bucket, operation, account=BOB))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_anonymous_are_denied(gateway: Gateway, bucket: str, operation: str) -> None:
    assert is_denied(send(gateway, bucket, operation, account=None))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_another_owner_than_expected_is_denied(
    gateway: Gateway, bucket: str, operation: str
) -> None:
    expected = {"x-amz-expected-bucket-owner": BOB.account}
    assert is_denied(send(gateway, bucket, operation, headers=expected))
    found = {"x-amz-expected-bucket-owner": ALICE.account}
    assert not is_denied(send(gateway, bucket, operation, headers=found))


def test_any_text_could_be_another_owner_than_one_with_such_an_id(gateway: Gateway) -> None:
    gateway.send("PUT", "/texts", account=ROOT)
    expected = {"x-amz-expected-bucket-owner": f"{ROOT.account}-not"}
    assert is_denied(gateway.send("GET", "/texts", expected, account=ROOT))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_root_account_may_do_everything(gateway: Gateway, bucket: str, operation: str) -> None:
    assert not is_denied(send(gateway, bucket, operation, account=ROOT))


def test_the_owner_of_a_copys_source_can_be_expected(gateway: Gateway, bucket: str) -> None:
    gateway.send("PUT", f"/{bucket}/source", body=b"x")
    headers = {"x-amz-copy-source": f"{bucket}/source"}
    wrong = headers | {"x-amz-source-expected-bucket-owner": BOB.account}
    assert is_denied(gateway.send("PUT", f"/{bucket}/k", wrong))
    right = headers | {"x-amz-source-expected-bucket-owner": ALICE.account}
    assert gateway.send("PUT", f"/{bucket}/k", right).status == 200


@pytest.mark.parametrize(("method", "target"), [("GET", "/"), ("PUT", "/anonymous-bucket")])
def test_the_anonymous_have_no_buckets(gateway: Gateway, method: str, target: str) -> None:
    assert is_denied(gateway.send(method, target, account=None))


@pytest.mark.parametrize("of_object", [False, True])
def test_an_acl_gives_the_owner_full_control_and_nobody_else_any(
    gateway: Gateway, bucket: str, of_object: bool
) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"x")
    answer = gateway.send("GET", f"/{bucket}/k?acl" if of_object else f"/{bucket}?acl")
    root = xml_of(answer)
    assert root.tag == "AccessControlPolicy"
    assert values(root, "ID") == [ALICE.account, ALICE.account]
    assert values(root, "DisplayName") == ["Alice", "Alice"]
    assert values(root, "Permission") == ["FULL_CONTROL"]
    assert b'xsi:type="CanonicalUser"' in answer.body


def test_the_acl_of_a_missing_object_is_missing(gateway: Gateway, bucket: str) -> None:
    assert code_of(gateway.send("GET", f"/{bucket}/nope?acl")) == (404, "NoSuchKey")


def test_versioning_is_an_empty_document(gateway: Gateway, bucket: str) -> None:
    root = xml_of(gateway.send("GET", f"/{bucket}?versioning"))
    assert (root.tag, list(root)) == ("VersioningConfiguration", [])
