"""Whole S3 requests: any method, path, query, headers and body, by the owner, by another account
and by nobody; signed for what they are after they were changed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from s3gw.http.request import origin_form, read_headers
from s3gw.identity.accounts import Account
from s3gw.sigv4.canonical import MAX_SIGNED_HEADERS_CHARS, canonical_request, parse_signed_headers
from s3gw.sigv4.scope import sign, signing_key
from storage.archives import ArchiveFormat
from tests.archives.made import made
from tests.asgi import Answer
from tests.fuzz.documents import TARGETS as DOCUMENTS
from tests.fuzz.front_door import BUCKET, NOW_S, OWNER, STRANGER, Door, Headers, Spare, furnish
from tests.fuzz.mutation import one_of, spliced
from tests.fuzz.written import Written, read
from tests.s3.forms import BOUNDARY, form
from tests.s3.forms import signed as signed_form

_UPLOAD = b"{upload}"
_LOCKED = "locked"
_PLACES = {"B": f"/{BUCKET}", "K": f"/{BUCKET}/key", "L": f"/{_LOCKED}", "M": f"/{_LOCKED}/key"}
_TIME = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW_S))
_REGION = "us-east-1"
_SIGNING = (b"x-amz-date", b"authorization")
# Who sends: the keys of an account, or nobody.
SIGNERS = (OWNER, STRANGER, None)
_FORM = form({"key": "${filename}", **signed_form([{"bucket": BUCKET}], OWNER)}).decode()
_POLICY = (
    '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*",'
    f'"Resource":["arn:aws:s3:::{BUCKET}","arn:aws:s3:::{BUCKET}/*"]}}]}}'
)
_BATCH = '{"in":[{"objname":"key"},{"objname":"shard.tar","archpath":"b"}],"coer":true}'
_PART_XML = (
    "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag>"
    "<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>"
)
_SSE_C = (
    "x-amz-server-side-encryption-customer-algorithm: AES256\n"
    "x-amz-server-side-encryption-customer-key: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
    "x-amz-server-side-encryption-customer-key-md5: hRasmdxgYDKV3nvbahU1MA=="
)
_READS = """
/ /?max-buckets=2&prefix=p /?continuation-token=YQ== B?list-type=2&prefix=k&delimiter=/&max-keys=2
B?marker=a&encoding-type=url B?versions&key-marker=a&version-id-marker=null
B?uploads&max-uploads=1 B?location B?acl B?policy B?policyStatus B?cors B?lifecycle B?tagging
B?versioning B?logging B?website B?notification B?encryption L?object-lock B?ownershipControls
B?publicAccessBlock B?replication B?requestPayment B?accelerate B?session B?metrics&id=x
B?inventory B?abac K K?versionId=null K?acl K?partNumber=1 K?tagging K?attributes M?retention
M?legal-hold M?versionId=x K?torrent K?uploadId={upload}&max-parts=1
K?response-content-type=a/b&response-expires=x B/shard.tar?archpath=a/1.jpg
K?etl=a&etl_pipeline=b&etl_args=c
B/shard.tgz?archregx=a&archmode=prefix B/shard.zip/b B/shard.tar?list-type=2
B?list-type=2&prefix=shard.tar/
"""
_WRITES = (
    ("PUT /newer", "<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint>"
     "</CreateBucketConfiguration>"),
    ("PUT K\nx-amz-meta-a: b\nx-amz-tagging: a=b\nx-amz-storage-class: STANDARD\nif-none-match: *",
     "body"),
    ("PUT K\ncontent-md5: hBotaJrYa9FhFEdFPCLG/A==\nx-amz-checksum-crc32: AAAAAA==", "body"),
    ("PUT K\nx-amz-checksum-algorithm: SHA256\nx-amz-sdk-checksum-algorithm: CRC64NVME", "body"),
    ("PUT M\nx-amz-acl: public-read\nx-amz-object-lock-mode: GOVERNANCE\n"
     "x-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z", "body"),
    (f"PUT K\n{_SSE_C}", "body"),
    ("PUT K\nx-amz-server-side-encryption: aws:kms", "body"),
    ("PUT K\ncontent-encoding: aws-chunked\nx-amz-decoded-content-length: 4\n"
     "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\n"
     "x-amz-trailer: x-amz-checksum-crc32",
     "4\r\nbody\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"),
    (f"PUT B/copy\nx-amz-copy-source: /{BUCKET}/key?versionId=null\nx-amz-metadata-directive: "
     "REPLACE\nx-amz-copy-source-if-match: x\nx-amz-tagging-directive: COPY", ""),
    (f"PUT K?uploadId={{upload}}&partNumber=2\nx-amz-copy-source: {BUCKET}/key\n"
     "x-amz-copy-source-range: bytes=0-2", ""),
    ("PUT K?uploadId={upload}&partNumber=1", "body"),
    ("PUT B/shard.tar?archpath=c&archmode=append", "body"),
    (f"PUT B/renamed?renameObject\nx-amz-rename-source: /{BUCKET}/key", ""),
    ("PUT B?policy\ncontent-type: application/json", _POLICY),
    ("PUT M?legal-hold", "<LegalHold><Status>ON</Status></LegalHold>"),
    ("PUT B?acl\nx-amz-grant-read: uri=http://acs.amazonaws.com/groups/global/AllUsers", ""),
    ("POST K?uploads\nx-amz-checksum-algorithm: CRC32\nx-amz-checksum-type: COMPOSITE", ""),
    ("POST K?uploadId={upload}\nx-amz-checksum-crc32: AAAAAA==\nif-match: x", _PART_XML),
    ("POST K?restore", "<RestoreRequest><Days>1</Days></RestoreRequest>"),
    ("POST K?select&select-type=2", "<SelectObjectContentRequest/>"),
    (f"POST B\ncontent-type: multipart/form-data; boundary={BOUNDARY}", _FORM),
    ("POST B?get-batch\ncontent-type: application/json", _BATCH),
    ("POST /\ncontent-type: application/x-www-form-urlencoded", "Action=GetCallerIdentity"),
    ("DELETE M?versionId=null\nx-amz-bypass-governance-retention: true\nif-match: *", ""),
    ("DELETE K?uploadId={upload}", ""),
    ("DELETE K?tagging", ""), ("DELETE B?policy", ""), ("DELETE B?cors", ""), ("DELETE B", ""),
    ("HEAD K\nrange: bytes=-2\nif-modified-since: Thu, 01 Jan 1970 00:00:01 GMT", ""),
    ("GET K\nrange: bytes=1-2,3-\nif-range: x\nif-unmodified-since: x\n"
     "x-amz-checksum-mode: ENABLED", ""),
    ("HEAD B", ""), ("PATCH K", ""),
    ("OPTIONS K\norigin: http://a\naccess-control-request-method: PUT\n"
     "access-control-request-headers: x-a", ""),
    ("GET K\norigin: http://a\nx-amz-expected-bucket-owner: " + "a" * 12, ""),
)  # fmt: skip


def _named(first: str) -> str:
    """`B` in a target stands for the bucket, `K` for its key, `L` and `M` for those with a lock."""
    method, _, target = first.partition(" ")
    path = _PLACES.get(target[:1], target[:1])
    return f"{method} {path}{target[1:]}"


def _letter(place: str, query: str) -> str:
    is_lock = query in ("retention", "object-lock")
    return ("M" if is_lock else "K") if place else ("L" if is_lock else "B")


_DOCUMENTS = [
    (f"{method} {_letter(place, query)}?{query}", document)
    for target, document in DOCUMENTS.items()
    for method, _, rest in [target.partition(" ")]
    for place, _, query in [rest.partition("?")]
]
REQUESTS = [_named(f"GET {target}") + "\n\n" for target in _READS.split()] + [
    f"{_named(first)}\n\n{body}" for first, body in (*_WRITES, *_DOCUMENTS)
]
SEEDS = [
    bytes([number, 2 * signer]) + b"\0\0\0"
    for number in range(len(REQUESTS))
    for signer in range(len(SIGNERS))
]
# What is still to be answered after any request that was taken.
_AFTERWARDS = [
    read(_named(text).encode())
    for text in (
        "GET K", "HEAD K\nx-amz-checksum-mode: ENABLED", "GET B?list-type=2&fetch-owner=true",
        "GET B?versions", "GET B?uploads", "GET B?acl", "GET K?tagging", "GET /", "GET B/copy",
        "GET K?uploadId={upload}", "GET B?lifecycle", "GET B?policyStatus",
        "GET K?attributes\nx-amz-object-attributes: ETag,Checksum,ObjectParts,ObjectSize",
    )
]  # fmt: skip


class Desk(Door):
    """With a bucket, one with object lock, objects, archives, and an upload that has a part."""

    def __init__(self) -> None:
        super().__init__()
        with self.trusting():
            furnish(self)
            for kind in (ArchiveFormat.TAR, ArchiveFormat.TGZ, ArchiveFormat.ZIP):
                archive = made(kind, [("a/1.jpg", b"one"), ("b", b"two")])
                self._done("PUT", f"/{BUCKET}/shard{kind.value}", body=archive)
            self._done(
                "PUT", f"/{_LOCKED}", headers=[(b"x-amz-bucket-object-lock-enabled", b"true")]
            )
            self._done("PUT", f"/{_LOCKED}/key", body=b"kept")
            begun = self._done("POST", f"/{BUCKET}/key", b"uploads")
            self.upload = begun.body.partition(b"<UploadId>")[2].partition(b"<")[0]
            query = b"partNumber=1&uploadId=" + self.upload
            self._done("PUT", f"/{BUCKET}/key", query, body=b"part")

    def send(self, asked: Written, signer: Account | None) -> Answer:
        query = asked.query.replace(_UPLOAD, self.upload)
        asked = replace(asked, query=query)
        headers = asked.headers if signer is None else signed(asked, signer)
        return self.ask(asked.method, asked.path, query, headers, asked.body)

    def _done(
        self,
        method: str,
        path: str,
        query: bytes = b"",
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
    ) -> Answer:
        as_owner = (b"x-account", OWNER.account.encode())
        answer = self.ask(method, path.encode(), query, [as_owner, *headers], body)
        assert answer.status == 200, answer
        return answer


_DESKS = Spare(Desk)


def one_input(data: bytes) -> None:
    """The first byte chooses the request, and the second who sends it."""
    asked, rest = one_of(REQUESTS, data)
    signer = SIGNERS[rest[0] // 2 % len(SIGNERS) if rest else 0]
    written = read(spliced(asked.encode(), rest))
    desk = _DESKS.take()
    status = desk.send(written, signer).status
    if status < 400 and written.method != "GET":
        for each in _AFTERWARDS:
            desk.send(each, OWNER)
    _DESKS.give_back(desk, written.method, status)


@dataclass
class _Sent:
    """What is signed of a request."""

    method: str
    raw_path: bytes
    query_string: bytes
    headers: dict[str, str]


def signed(asked: Written, signer: Account) -> Headers:
    """The headers with those that sign the request, all of it; as they are when they are too many
    to be signed."""
    headers = [each for each in asked.headers if each[0] not in _SIGNING]
    names = {name for name, _ in headers}
    if b"x-amz-content-sha256" not in names:
        headers.append((b"x-amz-content-sha256", hashlib.sha256(asked.body).hexdigest().encode()))
    if b"host" not in names:
        headers.append((b"host", b"127.0.0.1"))
    headers.append((b"x-amz-date", _TIME.encode()))
    sent = _Sent(asked.method, origin_form(asked.path), asked.query, read_headers(headers))
    if sum(map(len, sent.headers)) + len(sent.headers) > MAX_SIGNED_HEADERS_CHARS:
        return asked.headers
    covered = parse_signed_headers(";".join(sent.headers))
    payload = sent.headers["x-amz-content-sha256"]
    digest = hashlib.sha256(canonical_request(sent, covered, payload).encode("latin-1")).hexdigest()
    ((key, secret),) = signer.secrets.items()
    scope = f"{_TIME[:8]}/{_REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{_TIME}\n{scope}\n{digest}"
    signature = sign(signing_key(secret, _TIME[:8], _REGION), text)
    value = (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={covered.text}, "
        f"Signature={signature}"
    )
    return [*headers, (b"authorization", value.encode())]
