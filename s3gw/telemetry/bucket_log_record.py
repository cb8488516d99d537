"""One line of an access log, with AWS' fields in AWS' order.

A field that does not apply, or is not known, is a dash. A client's text cannot end a field: in
quoted ones quotes are percent-encoded, and so is everything except printable ASCII. Signatures and
tokens in a query are left out.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import gmtime, strftime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from s3gw.telemetry.exchange import Exchange, RequestHead
from s3gw.wire.subresources import SUBRESOURCES
from storage.values import BucketInfo

if TYPE_CHECKING:
    from s3gw.identity.accounts import Principal

_NONE = "-"
_HIDDEN = "REDACTED"
# The names of parameters whose values would give access to readers of the log.
_SECRET = re.compile(r"signature|token|customer-key$", re.IGNORECASE)
_TOTAL = re.compile(r"bytes \S+/(\d+)")
_UNQUOTABLE = re.compile(r"[^ !#-~]")

# Names of sub-resources in AWS' logs, if they differ from the name in capitals.
_RESOURCES = {
    "attributes": "OBJECT_ATTRIBUTES",
    "delete": "MULTI_OBJECT_DELETE",
    "legal-hold": "OBJECT_LOCK_LEGALHOLD",
    "list-type": "BUCKET",
    "logging": "LOGGING_STATUS",
    "object-lock": "OBJECT_LOCK_CONFIGURATION",
    "ownershipControls": "OWNERSHIP_CONTROLS",
    "policy": "BUCKETPOLICY",
    "policyStatus": "BUCKETPOLICY_STATUS",
    "publicAccessBlock": "PUBLIC_ACCESS_BLOCK",
    "requestPayment": "REQUEST_PAYMENT",
    "retention": "OBJECT_LOCK_RETENTION",
    "uploadId": "UPLOAD",
    "versions": "BUCKETVERSIONS",
}


def access_record(head: RequestHead, exchange: Exchange, bucket: BucketInfo, now: float) -> bytes:
    """Return the line; `now` is the end of the answer, in seconds since the epoch."""
    fields = (
        bucket.owner,
        bucket.name,
        f"[{strftime('%d/%b/%Y:%H:%M:%S +0000', gmtime(now - exchange.seconds))}]",
        exchange.remote or _NONE,
        _requester(exchange.principal),
        exchange.request_id,
        operation_name(head, exchange),
        _quoted_key(head.key),
        f'"{head.method} {_request_uri(head)} HTTP/1.1"',
        str(exchange.status),
        exchange.error_code or _NONE,
        str(exchange.bytes_out or _NONE),
        _object_size(head, exchange.answer),
        str(round(exchange.seconds * 1000)),
        str(round(exchange.turnaround_s * 1000)),
        _quoted(_referer(head.headers.get("referer", ""))),
        _quoted(head.headers.get("user-agent", "")),
        _word(head.query.get("versionId", "")),
        _NONE,
        *_signature(head, exchange.principal),
        # Some clients put a URL's user and password there.
        _word(head.headers.get("host", "").rpartition("@")[2]),
        _NONE,
        _NONE,
        _NONE,
    )
    return " ".join(fields).encode() + b"\n"


def operation_name(head: RequestHead, exchange: Exchange) -> str:
    """Return `REST.method.resource`, such as `REST.GET.OBJECT` and `REST.COPY.PART`."""
    if head.method == "OPTIONS":
        return "REST.OPTIONS.PREFLIGHT"
    copies = head.method == "PUT" and "x-amz-copy-source" in head.headers
    return f"REST.{'COPY' if copies else head.method}.{_resource(head, exchange)}"


def _resource(head: RequestHead, exchange: Exchange) -> str:
    if "uploadId" in head.query:
        return "PART" if "partNumber" in head.query else "UPLOAD"
    marker = min(SUBRESOURCES & head.query.keys() - {"partNumber"}, default=None)
    if marker is None:
        # A form is posted to its bucket, and creates an object.
        return "OBJECT" if head.method == "POST" else _level(head, exchange)
    if marker == "tagging" and head.key:
        return "OBJECT_TAGGING"
    return _RESOURCES.get(marker) or marker.upper().replace("-", "_")


def _level(head: RequestHead, exchange: Exchange) -> str:
    if head.key:
        return "OBJECT"
    return "BUCKET" if exchange.bucket else "SERVICE"


def _requester(principal: Principal | None) -> str:
    if principal is None or principal.is_anonymous:
        return _NONE
    # Names of users may have blanks, but blanks separate the fields of a line.
    return quote(principal.identity, safe="/:@+=,")


def _quoted_key(key: str) -> str:
    return quote(key) if key else _NONE


def _request_uri(head: RequestHead) -> str:
    path = _UNQUOTABLE.sub(_percent, head.raw_path.decode("latin-1"))
    if not head.query_string:
        return path
    shown = _without_secrets(head.query_string.decode("latin-1"))
    return f"{path}?{_UNQUOTABLE.sub(_percent, shown)}"


def _referer(text: str) -> str:
    """Return the referring page without secrets: it may be a presigned URL."""
    page, mark, query = text.partition("?")
    return page + mark + _without_secrets(query)


def _without_secrets(query: str) -> str:
    return "&".join(_without_secret(part) for part in query.split("&"))


def _without_secret(part: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={_HIDDEN}" if equals and _SECRET.search(unquote(name)) else part


def _object_size(head: RequestHead, answer: Mapping[str, str]) -> str:
    """Return the size of the object that was read or written."""
    if not head.key:
        return _NONE
    if head.method == "PUT":
        return _NONE if head.decoded_length is None else str(head.decoded_length)
    if found := _TOTAL.fullmatch(answer.get("Content-Range", "")):
        return found[1]
    is_object = head.method in ("GET", "HEAD") and "ETag" in answer
    return answer.get("Content-Length", _NONE) if is_object else _NONE


def _signature(head: RequestHead, principal: Principal | None) -> tuple[str, str, str]:
    """Return signature version, cipher suite (unknown: TLS ends elsewhere), and authentication
    type."""
    if principal is None or principal.is_anonymous:
        return _NONE, _NONE, _NONE
    if "authorization" in head.headers:
        return "SigV4", _NONE, "AuthHeader"
    if "X-Amz-Signature" in head.query:
        return "SigV4", _NONE, "QueryString"
    return ("SigV2", _NONE, "QueryString") if "Signature" in head.query else (_NONE,) * 3


def _quoted(text: str) -> str:
    return f'"{_UNQUOTABLE.sub(_percent, text) or _NONE}"'


def _word(text: str) -> str:
    return _UNQUOTABLE.sub(_percent, text).replace(" ", "%20") or _NONE


def _percent(found: re.Match[str]) -> str:
    return quote(found[0], safe="")
