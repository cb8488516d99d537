"""Requests of STS: signed parameters in a query or a form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from msgspec import field

from s3gw.http.request import read_headers
from s3gw.sts.errors import StsCode, StsError
from storage.secret_fields import WithSecretFields

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

# A web identity token has up to 20,000 characters; all else is small.
MAX_BODY_BYTES = 64 << 10
MAX_PARAMETERS = 64
FORM = "application/x-www-form-urlencoded"

# Parameters of the signature; they are read elsewhere.
_OF_SIGNATURE = re.compile("x-amz-", re.IGNORECASE)


class StsRequest(WithSecretFields, frozen=True):
    """`headers` have lower-case names, `query` is decoded; `parameters` are those of the query and
    of the body."""

    secret_fields = frozenset({"parameters"})

    method: str
    raw_path: bytes
    query_string: bytes
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


async def read_request(scope: Scope, receive: Receive) -> StsRequest:
    """Read the whole request. Raises `MalformedInput`, `RequestEntityTooLarge` and
    `ValidationError`."""
    headers = read_headers(scope["headers"])
    body = await _read_body(receive)
    query = _pairs(scope["query_string"])
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != FORM:
        raise StsError(StsCode.MalformedInput, f"The body must be {FORM}.")
    own = [pair for pair in query if not _OF_SIGNATURE.match(pair[0])]
    return StsRequest(
        method=scope["method"],
        raw_path=scope["raw_path"],
        query_string=scope["query_string"],
        headers=headers,
        body=body,
        query=_unique(query),
        parameters=_unique([*own, *_pairs(body)]),
    )


async def _read_body(receive: Receive) -> bytes:
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise StsError(StsCode.MalformedInput, "The request breaks off.")
        read += message.get("body", b"")
        if len(read) > MAX_BODY_BYTES:
            raise StsError(StsCode.RequestEntityTooLarge)
        if not message.get("more_body", False):
            return bytes(read)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise StsError(StsCode.MalformedInput) from None


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Refuse a name with two values as ambiguous."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise StsError(StsCode.ValidationError, f"The parameter {name} is there twice.")
        found[name] = value
    return found
