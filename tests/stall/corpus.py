"""The worst that a stranger, or somebody with few rights, may lawfully send.

Of each operation that reads something of any length: the longest list, the deepest document, the
longest name, the widest policy, the largest index of an archive.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
from collections.abc import Callable
from typing import Any

from s3gw.access.actions import KNOWN
from storage.archives.tar_walk import BLOCK
from tests.asgi import Answer
from tests.s3.access.documents import policy, statement
from tests.s3.forms import BOUNDARY, form, signed
from tests.s3.gateway import BOB
from tests.stall.world import World

MEMBERS = 1_000_000
ENTRIES = 100_000
STATEMENTS = 91
DOCUMENT_BYTES = 8 << 20
JSON_BYTES = 16 << 20

Send = Callable[[], Answer]
# Prepares everything, and returns how to send the request that is measured.
Input = Callable[[World], Send]
CORPUS: dict[str, Input] = {}


def worst(name: str) -> Callable[[Input], Input]:
    def add(prepare: Input) -> Input:
        CORPUS[name] = prepare
        return prepare

    return add


def wide_policy(bucket: str) -> str:
    """A policy of many statements with conditions, the last of which lets Bob read."""
    arn = f"arn:aws:s3:::{bucket}"
    nearly = [
        statement(
            Resource=f"{arn}/{'*a' * 10}{number}",
            Condition={"StringNotLike": {"aws:UserAgent": f"*x*{number}*"}},
        )
        for number in range(STATEMENTS - 2)
    ]
    last = (
        statement(Action=["s3:GetObject", "s3:DeleteObject"], Resource=f"{arn}/*"),
        statement(Action="s3:ListBucket", Resource=arn),
    )
    text = policy(*nearly, *last)
    assert len(text) <= 20 << 10
    return text


def guarded(world: World) -> str:
    bucket = world.new_bucket()
    assert world.s3("PUT", f"/{bucket}?policy", wide_policy(bucket).encode()).status == 204
    return bucket


# GetBatch


def batch_of(count: int, **more: Any) -> bytes:
    entries = [{"objname": f"{'a' * 20}{number}"} for number in range(count)]
    document = {"in": entries, "mime": ".tar", "coer": True, "strm": True, **more}
    return json.dumps(document, separators=(",", ":")).encode()


@worst("GetBatch, 5,000 entries under a policy of 91 statements")
def _(world: World) -> Send:
    bucket, body = guarded(world), batch_of(5000)
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body, account=BOB)


@worst("GetBatch, 100,000 entries that are missing")
def _(world: World) -> Send:
    bucket, body = world.new_bucket(), batch_of(ENTRIES)
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body)


@worst("GetBatch, one entry 50,000 times, with metadata first")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    world.s3("PUT", f"/{bucket}/k", b"x" * 1000)
    document = {"in": [{"objname": "k"}] * 50_000, "strm": False, "coer": True}
    body = json.dumps(document).encode()
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body)


@worst("GetBatch, deep JSON of 16 MiB")
def _(world: World) -> Send:
    bucket, body = world.new_bucket(), b'{"x":' + b"[" * (JSON_BYTES - 100)
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body)


@worst("GetBatch, 16 MiB of empty entries")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    body = b'{"in":[' + b"{}," * ((JSON_BYTES - 100) // 3) + b"{}]}"
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body)


@worst("native GetBatch, 100,000 entries of 1,000 buckets")
def _(world: World) -> Send:
    entries = [{"objname": f"k{at}", "bucket": f"none-{at % 1000}"} for at in range(ENTRIES)]
    body = json.dumps({"in": entries, "coer": True}).encode()
    return lambda: world.native("GET", "ml/moss", body)


# Documents of XML


def with_document(name: str, target: str, document: bytes, *, method: str = "PUT") -> None:
    @worst(name)
    def _(world: World) -> Send:
        bucket = world.new_bucket()
        assert len(document) <= DOCUMENT_BYTES
        return lambda: world.s3(method, f"/{bucket}{target}", document)


def repeated(root: str, element: bytes, *, attributes: str = "") -> bytes:
    head, tail = f"<{root}{attributes}>".encode(), f"</{root}>".encode()
    return head + element * ((DOCUMENT_BYTES - len(head) - len(tail)) // len(element)) + tail


with_document(
    "DeleteObjects, 8 MiB of empty elements",
    "?delete",
    repeated("Delete", b"<Object/>"),
    method="POST",
)
with_document(
    "DeleteObjects, 8 MiB of other elements", "?delete", repeated("Delete", b"<a/>"), method="POST"
)
with_document(
    "DeleteObjects, 8 MiB within one object",
    "?delete",
    b"<Delete><Object>" + b"<Key/>" * 1_390_000 + b"</Object></Delete>",
    method="POST",
)
with_document("DeleteObjects, 8 MiB deep", "?delete", b"<a>" * ((8 << 20) // 3), method="POST")
with_document(
    "DeleteObjects, 8 MiB of attributes",
    "?delete",
    b"<Delete " + b" ".join(b"a%d=''" % n for n in range(700_000)) + b"/>",
    method="POST",
)
with_document(
    "DeleteObjects, as many attributes as are read",
    "?delete",
    b"<Delete " + b" ".join(b"a%d='%s'" % (n, b"v" * 400) for n in range(19_900)) + b"/>",
    method="POST",
)
with_document(
    "DeleteObjects, 8 MiB of references in one key",
    "?delete",
    b"<Delete><Object><Key>" + b"&#97;" * 1_670_000 + b"</Key></Object></Delete>",
    method="POST",
)
for _target, _root, _element in (
    ("?lifecycle", "LifecycleConfiguration", b"<Rule/>"),
    ("?tagging", "Tagging", b"<TagSet/>"),
    ("?cors", "CORSConfiguration", b"<CORSRule/>"),
    ("?notification", "NotificationConfiguration", b"<QueueConfiguration/>"),
    ("?acl", "AccessControlPolicy", b"<AccessControlList/>"),
    ("?website", "WebsiteConfiguration", b"<RoutingRules/>"),
    ("/key?tagging", "Tagging", b"<TagSet><Tag/></TagSet>"),
):
    with_document(
        f"PUT {_target}, 8 MiB of {_element.decode()}", _target, repeated(_root, _element)
    )


@worst("DeleteObjects, 8 MiB from nobody")
def _(world: World) -> Send:
    bucket, body = world.new_bucket(), repeated("Delete", b"<Object/>")
    return lambda: world.s3("POST", f"/{bucket}?delete", body, account=None)


@worst("DeleteObjects, 1,000 long keys under a policy of 91 statements")
def _(world: World) -> Send:
    bucket = guarded(world)
    keys = "".join(f"<Object><Key>{'a' * 1000}{at}</Key></Object>" for at in range(1000))
    body = f"<Delete>{keys}</Delete>".encode()
    return lambda: world.s3("POST", f"/{bucket}?delete", body, account=BOB)


@worst("CompleteMultipartUpload, 10,000 parts that are missing")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    answer = world.s3("POST", f"/{bucket}/key?uploads").body
    upload = answer.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    part = "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>"
    parts = "".join(part.format(at, f"{at:032x}") for at in range(1, 10_001))
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    return lambda: world.s3("POST", f"/{bucket}/key?uploadId={upload}", body)


# Heads


@worst("preflight of 64 KB against 100 rules")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    allowed = "".join(f"<AllowedHeader>h{at}*x</AllowedHeader>" for at in range(12))
    rule = (
        "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
        f"{allowed}</CORSRule>"
    )
    document = f"<CORSConfiguration>{rule * 100}</CORSConfiguration>".encode()
    assert world.s3("PUT", f"/{bucket}?cors", document).status == 200
    headers = {
        "origin": "http://example.com",
        "access-control-request-method": "GET",
        "access-control-request-headers": "a," * 30_000,
    }
    return lambda: world.s3("OPTIONS", f"/{bucket}/key", headers=headers, account=None)


@worst("GET with 64 KB of announced headers against one rule of 64 KB")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    allowed = "".join(f"<AllowedHeader>{at}</AllowedHeader>" for at in range(3500))
    document = (
        "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>"
        f"<AllowedOrigin>*</AllowedOrigin>{allowed}</CORSRule></CORSConfiguration>"
    ).encode()
    assert world.s3("PUT", f"/{bucket}?cors", document).status == 200
    names = ",".join(str(at % 3500) for at in range(3499, 14000))
    headers = {"origin": "http://example.com", "access-control-request-headers": names}
    return lambda: world.s3("GET", f"/{bucket}/key", headers=headers)


def with_headers(name: str, method: str, target: str, headers: dict[str, str]) -> None:
    @worst(name)
    def _(world: World) -> Send:
        bucket = world.new_bucket()
        world.s3("PUT", f"/{bucket}/key", b"content")
        return lambda: world.s3(method, f"/{bucket}{target}", headers=headers)


LONG = 60_000
with_headers("If-None-Match of 60 KB", "GET", "/key", {"if-none-match": '"a",' * (LONG // 4)})
with_headers("Range of 60 KB", "GET", "/key", {"range": "bytes=" + "0-0," * (LONG // 4)})
with_headers("tags of 60 KB", "PUT", "/key", {"x-amz-tagging": "a=b&" * (LONG // 4)})
with_headers("grants of 60 KB", "PUT", "/key?acl", {"x-amz-grant-read": 'id="a",' * (LONG // 7)})
with_headers("metadata of 60 KB", "PUT", "/key", {"x-amz-meta-a": "=?utf-8?q?=41?= " * 3700})
with_headers("query of 60 KB", "GET", "/key?" + "&".join(f"{n}" for n in range(10_000)), {})
with_headers("repeated query of 60 KB", "GET", "/key?" + "%61&" * (LONG // 4), {})
with_headers("dates of 60 KB", "GET", "/key", {"if-modified-since": "Sun, " * (LONG // 5)})
with_headers("trailer of 60 KB", "PUT", "/key", {"x-amz-trailer": "a," * (LONG // 2)})
with_headers("copy source of 60 KB", "PUT", "/key", {"x-amz-copy-source": "/%61" * (LONG // 4)})


@worst("Authorization of 60 KB")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    headers = {
        "authorization": "AWS4-HMAC-SHA256 " + "a=b, " * (LONG // 5),
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    return lambda: world.s3("GET", f"/{bucket}/key", headers=headers, account=None)


@worst("bearer token of 60 KB")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    headers = {"authorization": "Bearer " + "a." * (LONG // 2)}
    return lambda: world.s3("GET", f"/{bucket}/key", headers=headers, account=None)


@worst("form of 20 KiB with a policy of 20 KiB")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    conditions = [["starts-with", f"$x-ignore-{at}", ""] for at in range(400)]
    fields = {"key": "k", **signed([{"bucket": bucket}, {"key": "k"}, *conditions])}
    body = form(fields)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return lambda: world.s3("POST", f"/{bucket}", body, {"content-type": kind}, account=None)


# Policies


@worst("PUT policy, 20 KiB")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    body = wide_policy(bucket).encode()
    return lambda: world.s3("PUT", f"/{bucket}?policy", body)


@worst("first GET under a policy of 20 KiB of patterns of actions")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    text = policy(statement(Action=patterns_of_actions(), Resource=f"arn:aws:s3:::{bucket}/*"))
    assert world.s3("PUT", f"/{bucket}/k", b"x").status == 200
    assert world.s3("PUT", f"/{bucket}?policy", text.encode()).status == 204
    return lambda: world.s3("GET", f"/{bucket}/k", account=BOB)


def patterns_of_actions() -> list[str]:
    """As many different ones as a policy takes, each of which is right and hard to match."""
    found: dict[str, None] = {"s3:GetObject": None}
    for name in sorted(KNOWN):
        short = name.removeprefix("s3:")
        for at in range(len(short) - 3):
            found[f"s3:*{short[at]}?{short[at + 2]}*"] = None
    chosen, room = [], (20 << 10) - 500
    for each in found:
        room -= len(each) + 4
        if room > 0:
            chosen.append(each)
    return chosen


@worst("PUT policy, deep JSON of 8 MiB")
def _(world: World) -> Send:
    bucket, body = world.new_bucket(), b'{"Statement":' + b"[" * (DOCUMENT_BYTES - 100)
    return lambda: world.s3("PUT", f"/{bucket}?policy", body)


@worst("GET of a long key under a policy of wildcards")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    arn = f"arn:aws:s3:::{bucket}/"
    resources = [arn + "*a" * 400 + str(at) for at in range(20)]
    text = policy(statement(Resource=resources))
    assert world.s3("PUT", f"/{bucket}?policy", text.encode()).status == 204
    key = "a" * 1024
    return lambda: world.s3("GET", f"/{bucket}/{key}", account=BOB)


# Lists


@worst("list of 1,000 long keys")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    for at in range(1000):
        world.s3("PUT", f"/{bucket}/{'%26' * 300}{at:04}", b"")
    return lambda: world.s3("GET", f"/{bucket}?list-type=2&encoding-type=url&delimiter=x")


@worst("native list of 1,000 objects with all properties")
def _(world: World) -> Send:
    bucket = world.new_bucket()
    for at in range(1000):
        world.s3("PUT", f"/{bucket}/{'a' * 300}{at:04}", b"", {"x-amz-meta-a": "b" * 500})
    props = "name,size,version,checksum,atime,cached,target_url,status,copies,ec,custom"
    value = {"action": "list", "value": {"props": props, "pagesize": 10_000}}
    return lambda: world.native("GET", f"buckets/{bucket}", json.dumps(value).encode())


# Native documents


def with_json(name: str, method: str, target: str, body: bytes) -> None:
    @worst(name)
    def _(world: World) -> Send:
        bucket = world.new_bucket()
        return lambda: world.native(method, target.format(bucket=bucket), body)


DEEP = b'{"action":"list","value":' + b"[" * (JSON_BYTES - 100)
with_json("native list, deep JSON of 16 MiB", "GET", "buckets/{bucket}", DEEP)
with_json("native start, deep JSON of 16 MiB", "PUT", "cluster", DEEP.replace(b"list", b"start"))
with_json(
    "native start, wide JSON of 16 MiB",
    "PUT",
    "cluster",
    b'{"action":"start","value":{' + b'"a":1,' * 2_700_000 + b'"a":1}}',
)
with_json(
    "native set-bprops, deep JSON",
    "PATCH",
    "buckets/{bucket}",
    DEEP.replace(b'"list"', b'"set-bprops"'),
)
with_json("login, deep JSON", "POST", "users/ann", b"[" * (JSON_BYTES - 100))
with_json("user, deep JSON", "POST", "users", b'{"id":' + b"[" * (JSON_BYTES - 100))
with_json(
    "native delete of 300,000 names",
    "DELETE",
    "buckets/{bucket}",
    json.dumps(
        {
            "action": "delete-listrange",
            "value": {"objnames": [f"{at:040}" for at in range(300_000)]},
        }
    ).encode(),
)
with_json(
    "native delete by the widest template",
    "DELETE",
    "buckets/{bucket}",
    b'{"action":"delete-listrange","value":{"template":"a{0..999999999}b{0..999999999}c"}}',
)


@worst("native delete of 10,000 names under a policy of 91 statements")
def _(world: World) -> Send:
    bucket = guarded(world)
    names = [f"{'a' * 100}{at}" for at in range(10_000)]
    value = {"action": "delete-listrange", "value": {"objnames": names}}
    body = json.dumps(value).encode()
    return lambda: world.native("DELETE", f"buckets/{bucket}", body, token="writer")


# Archives


def stored(world: World, name: str, archive: bytes) -> str:
    bucket = world.new_bucket()
    assert world.s3("PUT", f"/{bucket}/{name}", archive).status == 200
    return bucket


def header(name: bytes, size: int, kind: bytes = b"0") -> bytes:
    """A tar's header, with its checksum."""
    block = bytearray(BLOCK)
    block[: len(name)] = name
    block[124:136] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def many_in_tar(count: int) -> bytes:
    return b"".join(header(b"%07d" % at, 0) for at in range(count)) + bytes(2 * BLOCK)


def many_in_zip(count: int) -> bytes:
    local = struct.Struct("<4s5H3I2H")
    entry = struct.Struct("<4s6H3I5H2I")
    made, directory = io.BytesIO(), io.BytesIO()
    for at in range(count):
        name, offset = b"%07d" % at, made.tell()
        made.write(local.pack(b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 7, 0) + name)
        directory.write(
            entry.pack(b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, offset) + name
        )
    start, size = made.tell(), directory.tell()
    end = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, start + size, 1)
    last = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return made.getvalue() + directory.getvalue() + end + locator + last


@worst("first look into a zip of a million members")
def _(world: World) -> Send:
    bucket = stored(world, "a.zip", many_in_zip(MEMBERS))
    return lambda: world.s3("GET", f"/{bucket}/a.zip?archpath=0999999")


@worst("archregx over a zip of a million members")
def _(world: World) -> Send:
    bucket = stored(world, "a.zip", many_in_zip(MEMBERS))
    world.s3("GET", f"/{bucket}/a.zip?archpath=0999999")
    return lambda: world.s3("GET", f"/{bucket}/a.zip?archregx=none&archmode=regexp")


@worst("native archregx over a zip of a million members")
def _(world: World) -> Send:
    bucket = stored(world, "a.zip", many_in_zip(MEMBERS))
    return lambda: world.native("GET", f"objects/{bucket}/a.zip?archregx=none&archmode=regexp")


@worst("first look into a tar of 200,000 members")
def _(world: World) -> Send:
    bucket = stored(world, "a.tar", many_in_tar(200_000))
    return lambda: world.s3("GET", f"/{bucket}/a.tar?archpath=0199999")


@worst("list inside an archive of 200,000 members")
def _(world: World) -> Send:
    bucket = stored(world, "a.tar", many_in_tar(200_000))
    value = {"action": "list", "value": {"flags": str(1 << 5), "props": "name,size"}}
    return lambda: world.native("GET", f"buckets/{bucket}", json.dumps(value).encode())


def with_tar(name: str, archive: Callable[[], bytes], target: str, kind: str = "a.tar") -> None:
    @worst(name)
    def _(world: World) -> Send:
        bucket = stored(world, kind, archive())
        return lambda: world.s3("GET", f"/{bucket}/{kind}?{target}")


def long_name(name: bytes) -> bytes:
    block = header(b"././@LongLink", len(name), b"L") + name
    return block + bytes(-len(block) % BLOCK) + header(b"short", 0) + bytes(2 * BLOCK)


def pax_pile() -> bytes:
    """Extended headers of a megabyte each, one after another, with other keys in each."""
    made = io.BytesIO()
    for at in range(1000):
        pairs = [(f"k{at}x{number}", "v" * 1000) for number in range(100)]
        data = b"".join(_record(name, value) for name, value in pairs)
        made.write(header(b"x", len(data), b"x") + data + bytes(-len(data) % BLOCK))
    return gzip.compress(made.getvalue() + bytes(2 * BLOCK), 1)


def _record(name: str, value: str) -> bytes:
    rest = f" {name}={value}\n"
    size = len(rest) + 4
    return f"{size:04}{rest}".encode()


with_tar("a member's name of a million slashes", lambda: long_name(b"/" * 1_000_000), "archpath=x")
with_tar(
    "a member's name of 500,000 dots and slashes", lambda: long_name(b"./" * 500_000), "archpath=x"
)
with_tar("archpath of 60 KB of slashes", lambda: many_in_tar(10), "archpath=" + "/" * LONG)
with_tar(
    "archregx of 1,000 letters over 100,000 members",
    lambda: many_in_tar(100_000),
    "archmode=regexp&archregx=" + "(a%7Cb)*" * 60,
)
with_tar("extended headers that pile up, packed", pax_pile, "archpath=x", "a.tgz")


@worst("GetBatch of 200 members of one packed archive")
def _(world: World) -> Send:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for at in range(20_000):
            info = tarfile.TarInfo(f"{at:06}")
            info.size = 3000
            archive.addfile(info, io.BytesIO(b"x" * 3000))
    bucket = stored(world, "a.tgz", made.getvalue())
    entries = [{"objname": "a.tgz", "archpath": f"{19_999 - at:06}"} for at in range(200)]
    body = json.dumps({"in": entries, "strm": True, "coer": True}).encode()
    return lambda: world.s3("POST", f"/{bucket}?get-batch", body)
