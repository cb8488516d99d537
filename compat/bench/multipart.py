"""One multipart upload of 1 GiB, eight parts in flight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from compat.bench.outcome import LoadFailed
from compat.bench.prepare import NO_END_S
from compat.bench.stream import Answer, Connection, Request, StreamLoad, payload, run_streams
from compat.bench.subjects import Subject

PART_BYTES = 16 << 20
PARTS = 64
IN_FLIGHT = 8
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]+)</UploadId>")
_PART_NUMBER = re.compile(r"[?&]partNumber=(\d+)")


def upload_in_parts(subject: Subject, path: str) -> int:
    """How many bytes were uploaded."""
    connection = Connection(subject.host)
    begun = connection.send(_post(subject, path, {"uploads": ""}), keep=True)
    found = _UPLOAD_ID.search(begun.content)
    if found is None:
        raise LoadFailed(f"CreateMultipartUpload: {begun.content[:500]!r}")
    upload = found[1].decode()
    document = _complete_document(_send_parts(subject, path, upload))
    done = connection.send(_post(subject, path, {"uploadId": upload}, document), keep=True)
    if b"CompleteMultipartUploadResult" not in done.content:
        raise LoadFailed(f"CompleteMultipartUpload: {done.content[:500]!r}")
    connection.close()
    return PARTS * PART_BYTES


def _send_parts(subject: Subject, path: str, upload: str) -> dict[int, str]:
    """ETag by part number."""
    etags: dict[int, str] = {}

    def keep_etag(request: Request, answer: Answer) -> None:
        found = _PART_NUMBER.search(request.target)
        assert found is not None
        etags[int(found[1])] = answer.headers["etag"]

    plans = [_parts(subject, path, upload, first) for first in range(1, IN_FLIGHT + 1)]
    run_streams(subject.host, StreamLoad(plans, NO_END_S, on_answer=keep_etag))
    return etags


def _parts(subject: Subject, path: str, upload: str, first: int) -> Iterator[Request]:
    for number in range(first, PARTS + 1, IN_FLIGHT):
        query = {"partNumber": str(number), "uploadId": upload}
        yield Request("PUT", subject.target("PUT", path, query), payload(PART_BYTES))


def _post(subject: Subject, path: str, query: Mapping[str, str], body: bytes = b"") -> Request:
    return Request("POST", subject.target("POST", path, query), body)


def _complete_document(etags: Mapping[int, str]) -> bytes:
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in sorted(etags.items())
    )
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
