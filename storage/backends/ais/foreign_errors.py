"""Errors of other clusters, translated to those of storage.

AIStore says in `tcode` what kind of thing is missing, and in `message` more. Of an answer to HEAD
the document is a header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from storage.backends.ais.place import Place, bucket_name
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    OutOfSpace,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
)

HEAD_ERROR = "hdr-error"
_LONGEST_MESSAGE = 300


class _Document(Struct, frozen=True):
    tcode: str = ""
    message: str = ""


_NO_BUCKET = frozenset({"ErrBckNotFound", "ErrRemoteBckNotFound", "ErrRemoteBucketOffline"})
_EXISTS = "ErrBucketAlreadyExists"
_BAD_NAME = "errInvalidPath"
_BY_STATUS: Mapping[int, Callable[[Place], StorageError]] = {
    412: lambda _: PreconditionFailed("If-Match"),
    416: lambda _: RangeNotSatisfiable(-1),
    501: lambda place: NotSupported("this request", f"{place}, says the remote cluster"),
    507: lambda place: OutOfSpace(f"{place}: the remote cluster is full"),
}
_BUSY = frozenset({429, 503})
_UNAVAILABLE = frozenset({408, 409, 423, 500, 502, 504})


def of_answer(
    status: int, headers: Mapping[str, str], body: bytes, place: Place, token_hint: str
) -> StorageError:
    """Return what an answer with an error means. `token_hint` says where the token belongs."""
    said = _read(body or headers.get(HEAD_ERROR, "").encode())
    text = said.message[:_LONGEST_MESSAGE]
    code = said.tcode or str(status)
    if status in (401, 403):
        return BackendDenied(str(place), code, f"{text or 'access denied'}; {token_hint}")
    if said.tcode == _BAD_NAME:
        return NotSupported(f"the name {place.name[:80]!r} of an object", str(place))
    if said.tcode == _EXISTS:
        return BucketExists(place.bucket, "")
    if status == 404:
        if said.tcode in _NO_BUCKET or not place.name:
            return BucketNotFound(bucket_name(place.cluster, place.namespace, place.bucket))
        return ObjectNotFound(place.name)
    if status in _BY_STATUS:
        return _BY_STATUS[status](place)
    if status in _BUSY:
        return BackendBusy(str(place), code, text)
    kind = BackendUnavailable if status in _UNAVAILABLE else BackendError
    return kind(str(place), code, text)


def _read(text: bytes) -> _Document:
    try:
        return msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Document(message=text.decode("utf-8", "replace").strip())
