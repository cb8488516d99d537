"""A Cloud Storage in memory: what of its JSON and XML APIs the backend uses.

As the documentation of Google describes it, with its limits and its words; without permissions.
`python -m tests.storage.gcp.cloud_storage` runs it on a port of its own, and logs each request.
With `SMALL_PARTS` in the environment it takes parts of any size.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import itertools
import json
import logging
import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from aiohttp import web
from awscrt.checksums import crc32c

MIN_PART_BYTES = 0 if os.environ.get("SMALL_PARTS") else 5 << 20
PIECE_BYTES = 256 << 10
# Rewriting a larger object takes two requests.
_REWRITTEN_AT_ONCE = 1 << 20
_PLAIN = "application/octet-stream"
_SETTABLE = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "storageClass",
)
_generations = itertools.count(time.time_ns() // 1000)
_numbers = itertools.count(1)


class Refused(Exception):
    """An answer with an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def as_json(self) -> web.Response:
        first = {"domain": "global", "reason": self.reason, "message": self.message}
        error = {"code": self.status, "message": self.message, "errors": [first]}
        return web.json_response({"error": error}, status=self.status)

    def as_xml(self) -> web.Response:
        text = f"<Code>{self.reason}</Code><Message>{self.message}</Message>"
        return _xml(f"<Error>{text}</Error>", self.status)


@dataclass
class Stored:
    """One generation of an object."""

    name: str
    content: bytes
    facts: dict[str, Any]
    metadata: dict[str, str]
    in_parts: bool = False
    generation: int = field(default_factory=lambda: next(_generations))
    metageneration: int = 1
    created: str = field(default_factory=lambda: _now())

    @property
    def crc32c(self) -> str:
        return _crc32c(self.content)

    @property
    def md5(self) -> str:
        digest = hashlib.md5(self.content, usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()

    @property
    def etag(self) -> str:
        return base64.b64encode(b"%d/%d" % (self.generation, self.metageneration)).decode()

    def resource(self) -> dict[str, Any]:
        said = {
            "kind": "storage#object",
            "name": self.name,
            "size": str(len(self.content)),
            "etag": self.etag,
            "crc32c": self.crc32c,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "timeCreated": self.created,
            "updated": _now(),
            "storageClass": "STANDARD",
            **{name: text for name, text in self.facts.items() if text},
        }
        if not self.in_parts:
            said["md5Hash"] = self.md5
        if self.metadata:
            said["metadata"] = self.metadata
        return said


@dataclass
class Upload:
    """An unfinished upload: in parts, or the pieces of a session."""

    id: str
    name: str
    facts: dict[str, Any]
    metadata: dict[str, str]
    conditions: Mapping[str, str]
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)
    made: Stored | None = None
    crc32c: str = ""
    begun: str = field(default_factory=lambda: _now())


@dataclass
class Bucket:
    name: str
    location: str
    labels: dict[str, str]
    created: str = field(default_factory=lambda: _now())
    metageneration: int = 1
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def resource(self) -> dict[str, Any]:
        return {
            "kind": "storage#bucket",
            "name": self.name,
            "location": self.location,
            "labels": self.labels,
            "timeCreated": self.created,
            "metageneration": str(self.metageneration),
        }


class CloudStorage:
    """All buckets, and the requests for them."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.sessions: dict[str, tuple[Bucket, Upload]] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        parts = [unquote(part, errors="strict") for part in path.split("/")[1:]]
        try:
            match parts:
                case ["storage", "v1", "b"]:
                    return await self._all_buckets(request)
                case ["storage", "v1", "b", bucket]:
                    return await self._one_bucket(request, bucket)
                case ["storage", "v1", "b", bucket, "o"] if request.method == "GET":
                    return self._list(self._bucket(bucket), request.query)
                case ["storage", "v1", "b", bucket, "o", name]:
                    return await self._object(request, self._bucket(bucket), name)
                case ["storage", "v1", "b", bucket, "o", name, "rewriteTo", "b", to, "o", new]:
                    return await self._rewrite(
                        request, self._bucket(bucket), name, self._bucket(to), new
                    )
                case ["upload", "storage", "v1", "b", bucket, "o"]:
                    return await self._upload(request, bucket)
        except Refused as refused:
            return refused.as_json()
        try:
            match parts:
                case [bucket]:
                    return self._list_uploads(self._xml_bucket(bucket), request.query)
                case [bucket, name]:
                    return await self._parts(request, self._xml_bucket(bucket), name)
        except Refused as refused:
            return refused.as_xml()
        return web.Response(status=404, text="Not Found")

    # Buckets

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise Refused(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[name]

    def _xml_bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
        return self.buckets[name]

    async def _all_buckets(self, request: web.Request) -> web.Response:
        if "project" not in request.query:
            raise Refused(400, "required", "Required parameter: project")
        if request.method == "GET":
            names = sorted(self.buckets)
            return web.json_response({"items": [self.buckets[each].resource() for each in names]})
        wanted = await request.json()
        name = wanted["name"]
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", name):
            raise Refused(400, "invalid", f"Invalid bucket name: '{name}'")
        if name in self.buckets:
            raise Refused(409, "conflict", "You already own this bucket. Please select another.")
        location = wanted.get("location", "US").upper()
        self.buckets[name] = Bucket(name, location, wanted.get("labels", {}))
        return web.json_response(self.buckets[name].resource())

    async def _one_bucket(self, request: web.Request, name: str) -> web.Response:
        bucket = self._bucket(name)
        if request.method == "DELETE":
            if bucket.objects:
                raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
            del self.buckets[name]
            return web.Response(status=204)
        if request.method == "PATCH":
            wanted = request.query.get("ifMetagenerationMatch", str(bucket.metageneration))
            if wanted != str(bucket.metageneration):
                raise _not_met()
            _merge(bucket.labels, (await request.json()).get("labels", {}))
            bucket.metageneration += 1
        return web.json_response(bucket.resource())

    # Objects

    def _list(self, bucket: Bucket, query: Mapping[str, str]) -> web.Response:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        behind = base64.urlsafe_b64decode(query.get("pageToken", "")).decode()
        items: list[Any] = []
        prefixes: list[str] = []
        last = ""
        for name in sorted(bucket.objects):
            if not name.startswith(prefix) or name < query.get("startOffset", ""):
                continue
            end = name.find(delimiter, len(prefix)) if delimiter else -1
            row = name if end < 0 else name[: end + len(delimiter)]
            if (behind and row <= behind) or row in prefixes:
                continue
            if len(items) + len(prefixes) == int(query.get("maxResults", "1000")):
                token = base64.urlsafe_b64encode(last.encode()).decode()
                found = {"items": items, "prefixes": prefixes, "nextPageToken": token}
                return web.json_response(found)
            last = row
            if end < 0:
                items.append(bucket.objects[name].resource())
            else:
                prefixes.append(row)
        return web.json_response({"items": items, "prefixes": prefixes})

    def _found(self, bucket: Bucket, name: str, query: Mapping[str, str]) -> Stored:
        stored = bucket.objects.get(name)
        wanted = query.get("generation")
        if stored is None or wanted not in (None, str(stored.generation)):
            raise Refused(404, "notFound", f"No such object: {bucket.name}/{name}")
        return stored

    async def _object(self, request: web.Request, bucket: Bucket, name: str) -> web.StreamResponse:
        stored = self._found(bucket, name, request.query)
        _check(stored, request.query)
        if request.method == "DELETE":
            del bucket.objects[name]
            return web.Response(status=204)
        if request.method == "PATCH":
            patch = await request.json()
            _merge(stored.metadata, patch.pop("metadata", {}) or {})
            _merge(stored.facts, {key: patch[key] for key in _SETTABLE if key in patch})
            stored.metageneration += 1
        elif request.query.get("alt") == "media":
            return _media(request, stored)
        return web.json_response(stored.resource())

    async def _rewrite(
        self, request: web.Request, bucket: Bucket, name: str, to: Bucket, new: str
    ) -> web.Response:
        source = self._found(bucket, name, {})
        query = request.query
        if query.get("ifSourceGenerationMatch", str(source.generation)) != str(source.generation):
            raise _not_met()
        _check(to.objects.get(new), query)
        if len(source.content) > _REWRITTEN_AT_ONCE and query.get("rewriteToken") != "go on":
            return web.json_response({"done": False, "rewriteToken": "go on"})
        facts, metadata = _facts(await request.json())
        made = to.objects[new] = Stored(new, source.content, facts, metadata, source.in_parts)
        return web.json_response({"done": True, "resource": made.resource()})

    # Uploads of one body

    async def _upload(self, request: web.Request, name: str) -> web.Response:
        if "upload_id" in request.query:
            return await self._go_on(request, request.query["upload_id"])
        bucket = self._bucket(name)
        if request.query.get("uploadType") == "resumable":
            wanted = await request.json()
            key = _object_name(request.query["name"])
            _check(bucket.objects.get(key), request.query)
            upload = Upload(f"s{next(_numbers)}", key, *_facts(wanted), dict(request.query))
            upload.crc32c = wanted.get("crc32c", "")
            self.sessions[upload.id] = bucket, upload
            where = f"{request.scheme}://{request.host}{request.path}?uploadType=resumable"
            return web.Response(headers={"Location": f"{where}&upload_id={upload.id}"})
        resource, content = _related(request.headers["Content-Type"], await request.read())
        wanted = json.loads(resource)
        if wanted.get("crc32c", _crc32c(content)) != _crc32c(content):
            raise Refused(400, "invalid", "Provided CRC32C does not match the calculated CRC32C.")
        key = _object_name(request.query["name"])
        self._bucket(name)
        _check(bucket.objects.get(key), request.query)
        made = bucket.objects[key] = Stored(key, content, *_facts(wanted))
        return web.json_response(made.resource())

    async def _go_on(self, request: web.Request, upload_id: str) -> web.Response:
        if upload_id not in self.sessions:
            raise Refused(404, "notFound", "No such upload.")
        bucket, upload = self.sessions[upload_id]
        if request.method == "DELETE":
            del self.sessions[upload_id]
            return web.Response(status=499)
        content = await request.read()
        if upload.made is not None:
            return web.json_response(upload.made.resource())
        said = request.headers["Content-Range"]
        found = re.fullmatch(r"bytes (?:\*|(\d+)-(\d+))/(\*|\d+)", said)
        if found is None:
            raise Refused(400, "invalid", f"Content-Range {said}")
        if found[1] is not None:
            if int(found[1]) != len(upload.received) or int(found[2]) - int(found[1]) + 1 != len(
                content
            ):
                raise Refused(400, "invalid", f"Content-Range {said}")
            if found[3] == "*" and len(content) % PIECE_BYTES:
                raise Refused(400, "invalid", "a piece must be a multiple of 256 KiB")
            upload.received += content
        if found[3] != str(len(upload.received)):
            headers = {}
            if upload.received:
                headers["Range"] = f"bytes=0-{len(upload.received) - 1}"
            return web.Response(status=308, headers=headers)
        if self.buckets.get(bucket.name) is not bucket:
            raise Refused(404, "notFound", "The specified bucket does not exist.")
        whole = bytes(upload.received)
        hashed = request.headers.get("x-goog-hash", "").removeprefix("crc32c=")
        if _crc32c(whole) not in (hashed or _crc32c(whole),):
            raise Refused(400, "invalid", "Provided CRC32C does not match the calculated CRC32C.")
        _check(bucket.objects.get(upload.name), upload.conditions)
        upload.made = Stored(upload.name, whole, upload.facts, upload.metadata)
        bucket.objects[upload.name] = upload.made
        return web.json_response(upload.made.resource())

    # Uploads in parts

    def _list_uploads(self, bucket: Bucket, query: Mapping[str, str]) -> web.Response:
        if "uploads" not in query:
            raise Refused(400, "InvalidArgument", "no such request here")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after, mark = query.get("key-marker", ""), query.get("upload-id-marker", "")
        shown: list[str] = []
        seen: set[str] = set()
        last = ("", "")
        truncated = False
        for upload in sorted(bucket.uploads.values(), key=lambda each: (each.name, each.id)):
            if not upload.name.startswith(prefix):
                continue
            end = upload.name.find(delimiter, len(prefix)) if delimiter else -1
            row = upload.name if end < 0 else upload.name[: end + len(delimiter)]
            if row < after or (row == after and (not mark or upload.id <= mark)) or row in seen:
                continue
            if len(shown) == int(query.get("max-uploads", "1000")):
                truncated = True
                break
            last = (row, upload.id if end < 0 else "")
            if end < 0:
                text = _tags(Key=quote(row), UploadId=upload.id, Initiated=upload.begun)
                shown.append(f"<Upload>{text}</Upload>")
            else:
                seen.add(row)
                shown.append(f"<CommonPrefixes>{_tags(Prefix=quote(row))}</CommonPrefixes>")
        head = _tags(EncodingType="url", IsTruncated=str(truncated).lower())
        if truncated:
            head += _tags(NextKeyMarker=quote(last[0]), NextUploadIdMarker=last[1])
        body = head + "".join(shown)
        return _xml(f"<ListMultipartUploadsResult>{body}</ListMultipartUploadsResult>")

    async def _parts(self, request: web.Request, bucket: Bucket, name: str) -> web.Response:
        query = request.query
        if request.method == "POST" and "uploads" in query:
            return self._begin(request, bucket, _object_name(name, "InvalidArgument"))
        content = await request.read()
        self._xml_bucket(bucket.name)
        upload = bucket.uploads.get(query.get("uploadId", ""))
        if upload is None or upload.name != name:
            raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
        if request.method == "PUT":
            said = request.headers.get("x-goog-hash", "").removeprefix("crc32c=")
            if said and said != _crc32c(content):
                raise Refused(400, "BadDigest", "The CRC32C you specified did not match.")
            upload.parts[int(query["partNumber"])] = content, _now()
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            return web.Response(headers={"ETag": f'"{etag}"', "x-goog-hash": said})
        if request.method == "GET":
            return _list_parts(upload, query)
        del bucket.uploads[upload.id]
        if request.method == "DELETE":
            return web.Response(status=204)
        try:
            made = _joined(upload, content)
        except Refused:
            bucket.uploads[upload.id] = upload
            raise
        bucket.objects[name] = made
        body = f"<CompleteMultipartUploadResult>{_tags(ETag=made.etag)}"
        headers = {"x-goog-generation": str(made.generation)}
        return _xml(f"{body}</CompleteMultipartUploadResult>", headers=headers)

    def _begin(self, request: web.Request, bucket: Bucket, name: str) -> web.Response:
        words = {
            "cache-control": "cacheControl",
            "content-disposition": "contentDisposition",
            "content-encoding": "contentEncoding",
            "content-language": "contentLanguage",
            "content-type": "contentType",
            "x-goog-storage-class": "storageClass",
        }
        headers = {key.lower(): text for key, text in request.headers.items()}
        facts = {word: headers[key] for key, word in words.items() if key in headers}
        start = "x-goog-meta-"
        metadata = {
            key.removeprefix(start): text for key, text in headers.items() if key.startswith(start)
        }
        upload = Upload(f"u{next(_numbers):06}", name, facts, metadata, {})
        bucket.uploads[upload.id] = upload
        body = _tags(UploadId=upload.id)
        return _xml(f"<InitiateMultipartUploadResult>{body}</InitiateMultipartUploadResult>")


def _list_parts(upload: Upload, query: Mapping[str, str]) -> web.Response:
    after, most = int(query.get("part-number-marker", "0")), int(query.get("max-parts", "1000"))
    numbers = [number for number in sorted(upload.parts) if number > after]
    body = _tags(IsTruncated=str(len(numbers) > most).lower())
    for number in numbers[:most]:
        content, modified = upload.parts[number]
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        size = str(len(content))
        text = _tags(PartNumber=str(number), Size=size, ETag=f'"{etag}"', LastModified=modified)
        body += f"<Part>{text}</Part>"
    return _xml(f"<ListPartsResult>{body}</ListPartsResult>")


def _joined(upload: Upload, document: bytes) -> Stored:
    chosen: list[bytes] = []
    for part in ElementTree.fromstring(document).iter("Part"):
        number, etag = int(part.findtext("PartNumber", "0")), part.findtext("ETag", "").strip('"')
        content, _ = upload.parts.get(number, (b"", ""))
        if number not in upload.parts or (
            hashlib.md5(content, usedforsecurity=False).hexdigest() != etag
        ):
            raise Refused(400, "InvalidPart", "One or more of the parts could not be found.")
        chosen.append(content)
    if any(len(content) < MIN_PART_BYTES for content in chosen[:-1]):
        raise Refused(400, "EntityTooSmall", "A part is smaller than the minimum allowed size.")
    return Stored(upload.name, b"".join(chosen), upload.facts, upload.metadata, in_parts=True)


def _media(request: web.Request, stored: Stored) -> web.Response:
    headers = {
        "Content-Type": stored.facts.get("contentType", _PLAIN),
        "ETag": stored.etag,
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": str(stored.metageneration),
        "x-goog-hash": f"crc32c={stored.crc32c}",
        "x-goog-stored-content-length": str(len(stored.content)),
        "x-goog-stored-content-encoding": stored.facts.get("contentEncoding", "identity"),
    }
    content = stored.content
    if stored.facts.get("contentEncoding") == "gzip":
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=gzip.decompress(content), headers=headers)
        headers["Content-Encoding"] = "gzip"
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if found is None:
        return web.Response(body=content, headers=headers)
    size = len(content)
    if found[1]:
        start = int(found[1])
        stop = min(int(found[2]) + 1 if found[2] else size, size)
    else:
        start, stop = max(0, size - int(found[2])), size
    if start >= size:
        raise Refused(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return web.Response(status=206, body=content[start:stop], headers=headers)


def _facts(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    facts = {"contentType": _PLAIN, **{key: wanted[key] for key in _SETTABLE if key in wanted}}
    return facts, dict(wanted.get("metadata", {}))


def _check(stored: Stored | None, query: Mapping[str, str]) -> None:
    generation = 0 if stored is None else stored.generation
    if query.get("ifGenerationMatch", str(generation)) != str(generation):
        raise _not_met()
    wanted = query.get("ifMetagenerationMatch")
    if wanted is not None and (stored is None or wanted != str(stored.metageneration)):
        raise _not_met()


def _not_met() -> Refused:
    message = "At least one of the pre-conditions you specified did not hold."
    return Refused(412, "conditionNotMet", message)


def _object_name(name: str, reason: str = "invalid") -> str:
    if not name or len(name.encode()) > 1024 or name in (".", "..") or re.search("[\r\n]", name):
        raise Refused(400, reason, f"Disallowed name: {name!r}")
    return name


def _merge(old: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        else:
            old[key] = value


def _related(kind: str, body: bytes) -> tuple[bytes, bytes]:
    boundary = re.search("boundary=([^;]+)", kind)
    assert boundary is not None
    line = b"--" + boundary[1].encode()
    _, first, rest = body.split(line, 2)
    second = rest[: rest.rindex(b"\r\n" + line + b"--")]
    return first.split(b"\r\n\r\n", 1)[1].strip(), second.split(b"\r\n\r\n", 1)[1]


def _crc32c(content: bytes) -> str:
    return base64.b64encode(crc32c(content).to_bytes(4, "big")).decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tags(**texts: str) -> str:
    def pairs() -> Iterator[str]:
        for tag, text in texts.items():
            yield f"<{tag}>{text.replace('&', '&amp;')}</{tag}>"

    return "".join(pairs())


def _xml(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    text = f"<?xml version='1.0' encoding='UTF-8'?>{body}"
    kind = "application/xml"
    return web.Response(status=status, text=text, content_type=kind, headers=headers)


def application() -> web.Application:
    made = web.Application(client_max_size=1 << 30)
    # Names of objects may have line breaks, which a dot does not match.
    made.router.add_route("*", r"/{path:[\s\S]*}", CloudStorage().serve)
    return made


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]} listens", flush=True)
    web.run_app(
        application(), sock=listening, print=None, access_log_format="%r %s", keepalive_timeout=600
    )


if __name__ == "__main__":
    main()
