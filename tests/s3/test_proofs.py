"""A proof of identity is good for one operation: every operation with every kind of proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gw.auth import AuthOptions
from s3gw.http.request import Level
from s3gw.s3.routing import Operation, OperationTable
from s3gw.server.operations import all_operations
from s3gw.sigv4.canonical import COMMANDING
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import ARCHPATH_HEADER, LEFT_OUT_BY_V2, SIGNED_BY_V2, SUBRESOURCES
from tests.s3.forms import BOUNDARY, allowed, form
from tests.s3.gateway import ALICE, Gateway, code_of
from tests.sigv4.sending import ACCESS_KEY, SECRET, authenticate, call_for

OPERATIONS: tuple[type[Any], ...] = tuple(all_operations())
PATHS = {Level.SERVICE: "/", Level.BUCKET: "/bucket", Level.OBJECT: "/bucket/key"}
CREDENTIALS = Credentials(ACCESS_KEY, SECRET)
SCHEMES: dict[str, Callable[[], Any]] = {
    "header": lambda: S3SigV4Auth(CREDENTIALS, "s3", "us-east-1"),
    "query": lambda: S3SigV4QueryAuth(CREDENTIALS, "s3", "us-east-1", expires=3600),
    "version 2": lambda: HmacV1QueryAuth(CREDENTIALS, expires=3600),
}
# What a caller may add to a request without another operation: headers of HTTP itself.
OF_HTTP = frozenset(["range"])


def query_of(op: type[Operation]) -> str:
    pairs = ((name, "1" if value is None else value) for name, value in op.route.query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def headers_of(op: type[Operation]) -> dict[str, str]:
    return {op.route.source: "/bucket/other"} if op.route.source else {}


def target_of(op: type[Operation]) -> str:
    query = query_of(op)
    return PATHS[op.route.level] + (f"?{query}" if query else "")


def proven(op: type[Operation], scheme: str) -> Any:
    """The proof for the operation, as a client makes it."""
    url = f"http://s3.example.com{target_of(op)}"
    request: Any = AWSRequest(op.route.method, url, headers_of(op))
    SCHEMES[scheme]().add_auth(request)
    return request.prepare()


def named(op: type[Any]) -> str:
    return op.__name__


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_a_signature_for_one_operation_is_good_for_no_other(
    op: type[Operation], scheme: str
) -> None:
    """The holder adds to the request what would make another operation of it."""
    signed = proven(op, scheme)
    proof = urlsplit(signed.url).query
    table = OperationTable(OPERATIONS)
    for other in OPERATIONS:
        if other is op:
            continue
        parts = [query_of(other), *(part for part in proof.split("&") if part)]
        headers = {**dict(signed.headers), **headers_of(other)}
        target = f"{PATHS[other.route.level]}?{'&'.join(filter(None, parts))}"
        request = call_for(other.route.method, target, headers)
        if table.find(request) in (op, None) or _differ_in_what_v2_leaves_out(op, other, scheme):
            continue
        with pytest.raises(S3Error):
            authenticate(request, AuthOptions())


def _differ_in_what_v2_leaves_out(op: type[Any], other: type[Any], scheme: str) -> bool:
    """Whether the two are lists of the same, in older and newer form, or parts of one setting."""
    mine, theirs = set(op.route.query), set(other.route.query)
    return (
        scheme == "version 2"
        and (op.route.method, op.route.level) == (other.route.method, other.route.level)
        and mine ^ theirs <= LEFT_OUT_BY_V2
    )


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_a_form_is_a_proof_for_uploads_and_nothing_else(
    gateway: Gateway, op: type[Operation]
) -> None:
    """Whoever is given a form that fits one name must not read, list or delete with it."""
    bucket = gateway.new_bucket()
    gateway.client().put_object(Bucket=bucket, Key="key", Body=b"secret")
    body = form(allowed(bucket, {"key": "inbox/a"}), b'{"in":[{"objname":"key"}]}')
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    target = target_of(op).replace("bucket", bucket, 1)
    answer = gateway.send(
        op.route.method, target, {"content-type": kind, **headers_of(op)}, body, account=None
    )
    if op.__name__ == "PostObject":
        assert answer.status == 204
        return
    # Nothing that a caller without identity does succeeds, but for a list of their own buckets.
    assert answer.status >= 300 or op.__name__ == "ListBuckets"
    assert b"secret" not in answer.body
    stored = gateway.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert [each["Key"] for each in stored] == ["key"]


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_every_name_that_selects_or_changes_is_signed(op: type[Operation]) -> None:
    bindings = [f.metadata["binding"] for f in fields(op)]
    queried = {each.name for each in bindings if each.place == "querystring"}
    assert op.route.query.keys() | queried <= SIGNED_BY_V2 | LEFT_OUT_BY_V2
    sent = {each.name.lower() for each in bindings if each.place == "header"} - OF_HTTP
    sent |= {op.route.source} if op.route.source else set()
    assert all(name.startswith(COMMANDING) for name in sent)


def test_the_router_and_the_verifiers_agree() -> None:
    assert SUBRESOURCES <= SIGNED_BY_V2 | LEFT_OUT_BY_V2
    assert not SIGNED_BY_V2 & LEFT_OUT_BY_V2
    assert ARCHPATH_HEADER.startswith(COMMANDING)


@pytest.mark.parametrize("scheme", ["header", "query", "version 2"])
def test_a_member_that_was_not_signed_is_refused(scheme: str) -> None:
    table = {each.__name__: each for each in OPERATIONS}
    signed = proven(table["GetObject"], scheme)
    url = urlsplit(signed.url)
    headers = {**dict(signed.headers), ARCHPATH_HEADER: "other.txt"}
    with pytest.raises(S3Error) as raised:
        authenticate(call_for("GET", f"{url.path}?{url.query}", headers), AuthOptions())
    assert raised.value.code is Code.AccessDenied
    assert raised.value.details["HeadersNotSigned"] == ARCHPATH_HEADER


@pytest.mark.parametrize("name", ["uploads", "%75ploads", "upload%73", "get-batch", "get%2Dbatch"])
def test_a_name_is_signed_however_it_is_escaped(name: str) -> None:
    signed = urlsplit(
        proven({each.__name__: each for each in OPERATIONS}["PostObject"], "version 2").url
    )
    with pytest.raises(S3Error) as raised:
        authenticate(call_for("POST", f"{signed.path}?{name}&{signed.query}"), AuthOptions())
    assert raised.value.code is Code.SignatureDoesNotMatch


def test_a_form_sent_to_get_batch_reads_nothing(gateway: Gateway) -> None:
    bucket = gateway.new_bucket()
    gateway.client(ALICE).put_object(Bucket=bucket, Key="key", Body=b"secret")
    wanted = f'{{"in":[{{"objname":"key","bucket":"{bucket}"}}],"mime":".tar"}}'
    body = form(allowed(bucket, {"key": "inbox/a"}), wanted.encode())
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    answer = gateway.send(
        "POST", f"/{bucket}?get-batch", {"content-type": kind}, body, account=None
    )
    assert code_of(answer) == (403, "AccessDenied")
