"""Directory of AuthN, and its errors as AIStore writes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import AlreadyExists, Busy, IdentityError, Missing
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode


def directory_of(call: NativeCall) -> StoredDirectory:
    return call.native.authn.directory


@contextmanager
def told() -> Iterator[None]:
    """Translate the directory's errors into AIStore's statuses. The messages name the kind of
    thing, by which clients choose their exception."""
    try:
        yield
    except Missing as error:
        raise NativeError(404, str(error), Tcode.NOT_FOUND) from None
    except AlreadyExists as error:
        raise NativeError(409, str(error)) from None
    except Busy as error:
        headers = {"Retry-After": "1"}
        raise NativeError(429, str(error), Tcode.TOO_MANY, headers=headers) from None
    except IdentityError as error:
        raise NativeError(400, str(error)) from None
