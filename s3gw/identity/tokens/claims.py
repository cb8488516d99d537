"""Claims of a token, and the permissions in AIStore's claims.

    {"sub": "john", "exp": 1790000000, "admin": false,
     "clusters": [{"id": "", "perm": "4096"}],
     "buckets": [{"bck": {"name": "b", "provider": "ais", "namespace": {"uuid": "", "name": ""}},
                  "perm": "771"}]}

Permissions are decimal strings, or numbers as well. Before 4.2 the subject was `username`, and the
end `expires`, an RFC 3339 time. A token with any unreadable claim is refused as a whole: the
unreadable part may be the one that restricts it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from s3gw.identity.permissions import BucketName, Permissions, parse_permissions
from s3gw.identity.tokens.protocol import TokenError

MAX_SUBJECT = 512
# The end of the year 9999, the last with a date in Python.
_LAST_S = 253_402_300_799
_FRACTION = re.compile(r"(\.\d{1,6})\d*")
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Standard(Struct, frozen=True):
    """The claims of RFC 7519, times in seconds since the epoch."""

    subject: str
    issuer: str
    audiences: tuple[str, ...]
    expires_s: int
    not_before_s: float
    issued_s: float


class Rules(Struct, frozen=True):
    """`audiences`: unless empty, tokens must have one of them. Clocks may differ by `leeway_s`."""

    audiences: frozenset[str] = frozenset()
    leeway_s: float = 60.0

    def check(self, claims: Standard, now_s: float, *, is_ours: bool = False) -> None:
        """Check audience and times. Our own tokens may be from the future: our clock was set back
        since. Raises `TokenError`."""
        self.check_not_expired(claims.expires_s, now_s)
        if now_s + self.leeway_s < claims.not_before_s:
            raise TokenError("the token is not valid yet")
        if not is_ours and now_s + self.leeway_s < claims.issued_s:
            raise TokenError("the token was issued in the future")
        if self.audiences and self.audiences.isdisjoint(claims.audiences):
            raise TokenError("the token is for another audience")

    def check_not_expired(self, expires_s: int, now_s: float) -> None:
        if now_s >= expires_s + self.leeway_s:
            raise TokenError("the token has expired", expired=True)


def issuer_of(claims: Mapping[str, Any]) -> str:
    """Return the issuer; empty when it is not given. Raises `TokenError`."""
    return _text(claims, "iss")


def standard_claims(claims: Mapping[str, Any]) -> Standard:
    """Return the standard claims. Raises `TokenError`."""
    subject = _text(claims, "sub") or _text(claims, "username")
    if not subject or len(subject) > MAX_SUBJECT or not subject.isprintable():
        raise TokenError("the token has no subject, or an invalid one")
    return Standard(
        subject=subject,
        issuer=issuer_of(claims),
        audiences=_texts(claims, "aud"),
        expires_s=_end(claims),
        not_before_s=_time(claims, "nbf") or 0.0,
        issued_s=_time(claims, "iat") or 0.0,
    )


def read_permissions(claims: Mapping[str, Any]) -> Permissions:
    """Return the permissions in AIStore's claims; of two for the same bucket or cluster the first
    counts, as in AIStore. Raises `TokenError`."""
    admin = claims.get("admin", False)
    if type(admin) is not bool:
        raise _malformed("admin")
    clusters: dict[str, int] = {}
    for row in _rows(claims, "clusters"):
        clusters.setdefault(_text(row, "id"), _bits(row))
    buckets: dict[BucketName, int] = {}
    for row in _rows(claims, "buckets"):
        buckets.setdefault(_bucket(row), _bits(row))
    return Permissions(admin, clusters, buckets)


def written(permissions: Permissions) -> dict[str, Any]:
    """Return the claims for the permissions, in AIStore's format."""
    if permissions.admin:
        return {"admin": True}
    claims: dict[str, Any] = {"admin": False}
    if permissions.clusters:
        claims["clusters"] = [
            {"id": cluster, "perm": str(bits)} for cluster, bits in permissions.clusters.items()
        ]
    if permissions.buckets:
        claims["buckets"] = [
            {"bck": _written_bucket(bucket), "perm": str(bits)}
            for bucket, bits in permissions.buckets.items()
        ]
    return claims


def texts_at(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the strings in a claim, given by its name or a path with dots (Keycloak's
    `realm_access.roles`). One string is a list of one; other values are left out."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [found]
    return tuple(each for each in values if isinstance(each, str))


def _written_bucket(bucket: BucketName) -> dict[str, Any]:
    namespace = {"uuid": bucket.cluster, "name": bucket.namespace}
    return {"name": bucket.name, "provider": bucket.provider, "namespace": namespace}


def _bucket(row: Mapping[str, Any]) -> BucketName:
    bck = _table(row, "bck")
    namespace = _table(bck, "namespace")
    name = _text(bck, "name")
    if not name:
        raise _malformed("buckets")
    return BucketName(
        name, _text(bck, "provider") or "ais", _text(namespace, "name"), _text(namespace, "uuid")
    )


def _bits(row: Mapping[str, Any]) -> int:
    """Return the row's bits; AIStore leaves out a zero."""
    value = row.get("perm", 0)
    if not isinstance(value, str | int):
        raise _malformed("perm")
    try:
        return parse_permissions(value)
    except ValueError:
        raise _malformed("perm") from None


def _rows(claims: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = claims.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise _malformed(name)
    return found


def _table(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = row.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _malformed(name)
    return found


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _malformed(name)
    return found


def _texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = claims.get(name, [])
    values = found if isinstance(found, list) else [found]
    if not all(isinstance(each, str) for each in values):
        raise _malformed(name)
    return tuple(values)


def _end(claims: Mapping[str, Any]) -> int:
    """Return the earlier one of `exp` and the old `expires`; one of them must be there."""
    ends = [each for each in (_time(claims, "exp"), _old_end(claims)) if each is not None]
    if not ends:
        raise TokenError("the token does not say when it expires")
    return math.floor(min(ends))


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    if found is None:
        return None
    if type(found) not in (int, float) or not 0 <= found <= _LAST_S:
        raise _malformed(name)
    return float(found)


def _old_end(claims: Mapping[str, Any]) -> float | None:
    text = _text(claims, "expires")
    if not text:
        return None
    try:
        # Go writes nanoseconds.
        end = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
        if end.utcoffset() is None:
            raise ValueError
        seconds = (end - _EPOCH) / timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise _malformed("expires") from None
    return _time({"expires": seconds}, "expires")


def _malformed(name: str) -> TokenError:
    return TokenError(f"the token's claim {name} is malformed")
