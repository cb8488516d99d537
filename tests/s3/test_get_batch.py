"""GetBatch over S3: signed, authorized entry by entry, answered with one archive."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from typing import Any

import pytest

from storage.archives import ArchiveFormat
from storage.backends.memory import MemoryBackend
from storage.values import Reading
from tests.archives.made import read_back, tar
from tests.asgi import Answer
from tests.s3.gateway import ALICE, BOB, ROOT, Gateway, code_of, error_of
from tests.s3.sse import KEY_A, customer, customer_headers

BIG = bytes(range(256)) * 5000


def ask(gateway: Gateway, bucket: str, entries: list[dict[str, Any]], **more: Any) -> Answer:
    account = more.pop("account", ALICE)
    headers = more.pop("headers", None)
    document = {"in": entries, "mime": ".tar", "strm": True, "coer": True, **more}
    body = json.dumps(document).encode()
    return gateway.send("POST", f"/{bucket}?get-batch", headers, body, account=account)


def files(answer: Answer, kind: ArchiveFormat = ArchiveFormat.TAR) -> list[tuple[str, bytes]]:
    assert answer.status == 200
    return read_back(kind, answer.body)


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    s3.put_object(Bucket=bucket, Key="big", Body=BIG)
    s3.put_object(Bucket=bucket, Key="s.tar", Body=tar([("m", b"member")]))
    return bucket


@pytest.mark.parametrize("kind", ArchiveFormat)
def test_objects_ranges_and_members_come_in_order(
    gateway: Gateway, s3: Any, filled: str, kind: ArchiveFormat
) -> None:
    other = gateway.new_bucket()
    s3.put_object(Bucket=other, Key="o", Body=b"other")
    entries: list[dict[str, Any]] = [
        {"objname": "big"},
        {"objname": "o", "bucket": other},
        {"objname": "s.tar", "archpath": "m", "start": 1, "length": -1},
        {"objname": "a", "start": 2, "length": 3},
        {"objname": "none"},
        {"objname": "a"},
        {"objname": "a"},
    ]
    answer = ask(gateway, filled, entries, mime=kind.value)
    assert answer.headers["content-type"] == kind.content_type
    assert files(answer, kind) == [
        (f"{filled}/big", BIG),
        (f"{other}/o", b"other"),
        (f"{filled}/s.tar/m", b"ember"),
        (f"{filled}/a", b"234"),
        (f"__404__/{filled}/none", b""),
        (f"{filled}/a", b"0123456789"),
        (f"{filled}/a", b"0123456789"),
    ]


def test_the_bucket_can_be_left_out_of_the_names(gateway: Gateway, filled: str) -> None:
    answer = ask(gateway, filled, [{"objname": "a"}, {"objname": "x"}], onob=True)
    assert [name for name, _ in files(answer)] == ["a", "__404__/x"]


def test_with_metadata_the_answer_is_multipart(gateway: Gateway, filled: str) -> None:
    opaque = base64.b64encode(b"mine").decode()
    answer = ask(gateway, filled, [{"objname": "a", "opaque": opaque}], strm=False)
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/mixed"
    _, metadata, archive, end = answer.body.split(b"--" + boundary.encode())
    (entry,) = json.loads(metadata.partition(b"\r\n\r\n")[2])["out"]
    assert (entry["objname"], entry["size"], entry["opaque"]) == ("a", 10, opaque)
    with tarfile.open(fileobj=io.BytesIO(archive.partition(b"\r\n\r\n")[2])) as opened:
        assert opened.getnames() == [f"{filled}/a"]
    assert end == b"--\r\n"


@pytest.mark.parametrize("strm", [True, False])
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"objname": "none"}, (404, "NoSuchKey")),
        ({"objname": "s.tar", "archpath": "none"}, (404, "NoSuchKey")),
        ({"objname": "a", "archpath": "m"}, (400, "InvalidRequest")),
        ({"objname": "a", "start": 9, "length": 2}, (416, "InvalidRange")),
    ],
)
def test_without_going_on_a_failure_is_the_answer(
    gateway: Gateway, filled: str, entry: dict[str, Any], expected: tuple[int, str], strm: bool
) -> None:
    answer = ask(gateway, filled, [{"objname": "a"}, entry], coer=False, strm=strm)
    assert code_of(answer) == expected
    assert error_of(answer)["Message"].startswith("Entry 1: ")


def test_too_many_failures_are_the_answer(gateway: Gateway, filled: str) -> None:
    assert ask(gateway, filled, [{"objname": "none"}] * 6).status == 200
    answer = ask(gateway, filled, [{"objname": "none"}] * 7)
    assert code_of(answer) == (404, "NoSuchKey")
    assert error_of(answer)["Message"].startswith("Too many entries failed. Entry 6: ")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}", b'{"in":[]}', b'{"in":[{"objname":"a","start":1}]}',
     b'{"in":[{"objname":"a"}],"mime":".rar"}', b'{"in":[{"objname":"a","provider":"aws"}]}'],
)  # fmt: skip
def test_what_is_no_batch_is_refused(gateway: Gateway, filled: str, body: bytes) -> None:
    answer = gateway.send("POST", f"/{filled}?get-batch", body=body)
    assert code_of(answer) == (400, "InvalidRequest")


def test_a_bucket_that_is_not_there_fails_all(gateway: Gateway, filled: str) -> None:
    for bucket, entry in (
        (filled, {"objname": "a", "bucket": "no-such-bucket"}),
        ("no-such-bucket", {"objname": "a"}),
    ):
        assert code_of(ask(gateway, bucket, [{"objname": "a"}, entry])) == (404, "NoSuchBucket")


def test_the_document_must_be_what_was_signed_and_summed(gateway: Gateway, filled: str) -> None:
    headers = {"content-md5": base64.b64encode(bytes(16)).decode()}
    answer = ask(gateway, filled, [{"objname": "a"}], headers=headers)
    assert code_of(answer) == (400, "BadDigest")


def test_other_methods_are_no_get_batch(gateway: Gateway, filled: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert code_of(gateway.send(method, f"/{filled}?get-batch"))[0] == 501
    assert code_of(gateway.send("POST", f"/{filled}/a?get-batch"))[0] == 501


def test_one_entry_that_may_not_be_read_refuses_all(
    gateway: Gateway, s3: Any, bobs: Any, filled: str
) -> None:
    bobs_bucket = gateway.new_bucket(BOB)
    bobs.put_object(Bucket=bobs_bucket, Key="b", Body=b"bob's")
    mixed = [{"objname": "a"}, {"objname": "b", "bucket": bobs_bucket}]
    assert code_of(ask(gateway, filled, mixed)) == (403, "AccessDenied")
    assert code_of(ask(gateway, filled, mixed, account=BOB)) == (403, "AccessDenied")
    assert code_of(ask(gateway, filled, mixed, account=None)) == (403, "AccessDenied")
    assert len(files(ask(gateway, filled, mixed, account=ROOT))) == 2


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_policies_decide_key_by_key(gateway: Gateway, s3: Any, filled: str) -> None:
    s3.put_object(Bucket=filled, Key="open/1", Body=b"1")
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{BOB.account}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{filled}/open/*",
    }
    s3.put_bucket_policy(Bucket=filled, Policy=policy(allow))
    one, secret, missing = ({"objname": name} for name in ("open/1", "a", "open/2"))
    assert files(ask(gateway, filled, [one, one], account=BOB)) == [(f"{filled}/open/1", b"1")] * 2
    assert code_of(ask(gateway, filled, [one, secret], account=BOB)) == (403, "AccessDenied")
    # As with GetObject: who may not list does not learn that there is none.
    assert code_of(ask(gateway, filled, [one, missing], account=BOB)) == (403, "AccessDenied")
    listing = allow | {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{filled}"}
    s3.put_bucket_policy(Bucket=filled, Policy=policy(allow, listing))
    found = files(ask(gateway, filled, [one, missing], account=BOB))
    assert [name for name, _ in found] == [f"{filled}/open/1", f"__404__/{filled}/open/2"]


def test_a_denial_is_the_owners_too(gateway: Gateway, s3: Any, filled: str) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{filled}/a",
    }
    s3.put_bucket_policy(Bucket=filled, Policy=policy(deny))
    assert code_of(ask(gateway, filled, [{"objname": "a"}])) == (403, "AccessDenied")
    assert len(files(ask(gateway, filled, [{"objname": "big"}]))) == 1


def test_what_is_encrypted_comes_in_the_clear_to_who_has_the_key(
    gateway: Gateway, s3: Any, bucket: str
) -> None:
    archive = tar([("m", b"member"), ("large", BIG)])
    s3.put_object(Bucket=bucket, Key="s", Body=b"small", ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="s.tar", Body=archive, ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="c", Body=BIG, **customer(KEY_A))
    s3.put_object(Bucket=bucket, Key="c.tar", Body=archive, **customer(KEY_A))
    entries = [
        {"objname": "s"},
        {"objname": "s.tar", "archpath": "large"},
        {"objname": "s.tar", "archpath": "m"},
        {"objname": "c"},
        {"objname": "c.tar", "archpath": "large"},
    ]
    got = files(ask(gateway, bucket, entries))
    assert [content for _, content in got] == [b"small", BIG, b"member", b"", b""]
    got = files(ask(gateway, bucket, entries[3:], headers=customer_headers(KEY_A)))
    assert [content for _, content in got] == [BIG, BIG]


def test_versions_that_are_deleted_are_missing(gateway: Gateway, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="a", Body=b"old")
    s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    s3.put_object(Bucket=bucket, Key="b", Body=b"gone")
    s3.delete_object(Bucket=bucket, Key="b")
    got = files(ask(gateway, bucket, [{"objname": "a"}, {"objname": "b"}]))
    assert got == [(f"{bucket}/a", b"new"), (f"__404__/{bucket}/b", b"")]


class Counting(MemoryBackend):
    looked = 0

    async def head_object(self, *args: Any, **more: Any) -> Reading:
        self.looked += 1
        return await super().head_object(*args, **more)


def test_each_key_is_judged_once() -> None:
    store = Counting()
    gateway = Gateway(store)
    bucket, s3 = gateway.new_bucket(), gateway.client()
    s3.put_object(Bucket=bucket, Key="a", Body=b"0123456789")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": BOB.account},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    store.looked = 0
    answer = ask(gateway, bucket, [{"objname": "a"}] * 100, account=BOB)
    assert len(files(answer)) == 100
    assert store.looked == 1
    gateway.close()


def test_who_has_no_identity_sends_no_long_documents(gateway: Gateway, filled: str) -> None:
    entries = [{"objname": "a" * 200}] * 2000
    assert code_of(ask(gateway, filled, entries, account=None)) == (
        400,
        "MaxMessageLengthExceeded",
    )
