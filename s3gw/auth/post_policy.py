"""POST policies: what a form's signer lets others upload, and until when.

    {"expiration": "2027-01-01T12:00:00.000Z",
     "conditions": [{"acl": "private"},                        a field is exactly this
                    ["eq", "$bucket", "photos"],               the same, written otherwise
                    ["starts-with", "$key", "user/eric/"],     a field begins with this
                    ["content-length-range", 1, 1048576]]}     the file has so many bytes

A policy is sent in base64 and signed in that form. Every condition must hold, and every field of
the form must be in a condition, except the fields of the signature, ignored fields and checksums.
Names of fields and of matches are compared without case, values with it. A condition on a field
that the form does not have fails, even if any text would meet it, as at AWS.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from msgspec import Struct

from s3gw.wire.errors import Code, S3Error
from storage.digits import LARGEST, read_digits

# Fields that need not be in a condition. A checksum can only make the upload fail, so it does not
# need permission; AWS requires a condition, other servers do not.
_FREE = frozenset(["awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"])
_FREE_PREFIXES = ("x-ignore-", "x-amz-checksum-")

_EXPIRATION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", re.ASCII)
# AWS lets a policy escape two characters that JSON does not.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MORE_ESCAPES = {"$": "$", "v": "\\u000b"}


class Equals(Struct, frozen=True):
    field: str
    value: str


class StartsWith(Struct, frozen=True):
    field: str
    prefix: str


class LengthRange(Struct, frozen=True):
    """The size of the file in bytes, both ends allowed."""

    minimum: int
    maximum: int


class Unmet(Struct, frozen=True):
    """A condition that no form meets: on a field without its `$`, or on sizes that are none. AWS
    does not call such a policy invalid; it is as if another form had been signed."""

    shown: str


Condition = Equals | StartsWith | LengthRange | Unmet


class Policy(Struct, frozen=True):
    """A policy document. `expires_s` is in seconds since the epoch; fields are in lower case."""

    expires_s: float
    conditions: tuple[Condition, ...]

    def has_expired(self, now_s: float) -> bool:
        return now_s >= self.expires_s

    @property
    def length_ranges(self) -> tuple[LengthRange, ...]:
        return tuple(c for c in self.conditions if isinstance(c, LengthRange))


def parse_policy(encoded: str) -> Policy:
    """Read the `policy` field. Raises `InvalidPolicyDocument`."""
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        document = json.loads(
            _ESCAPE.sub(lambda found: _MORE_ESCAPES.get(found[1], found[0]), text),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_whole,
        )
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    if "expiration" not in document:
        raise _invalid("Policy missing expiration.")
    conditions = document.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Policy missing conditions.")
    return Policy(_expiration(document["expiration"]), tuple(map(_condition, conditions)))


def check_fields(policy: Policy, fields: Mapping[str, str]) -> None:
    """Raise `AccessDenied` unless the policy allows the form.

    `fields` are by lower-case name and include `bucket`, the one that the form was posted to.
    """
    matches = [c for c in policy.conditions if not isinstance(c, LengthRange)]
    for condition in matches:
        if isinstance(condition, Unmet) or not _holds(condition, fields):
            raise denied(f"Policy Condition failed: {_shown(condition)}")
    named = {condition.field for condition in matches if not isinstance(condition, Unmet)}
    extra = [n for n in fields if n not in named | _FREE and not n.startswith(_FREE_PREFIXES)]
    if extra:
        raise denied(f"Extra input fields: {', '.join(extra)}")


def denied(problem: str) -> S3Error:
    return S3Error(Code.AccessDenied, f"Invalid according to Policy: {problem}")


def _expiration(text: object) -> float:
    try:
        if isinstance(text, str) and _EXPIRATION.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
    except ValueError:
        pass
    raise _invalid(f"Invalid 'expiration' value: '{text}'")


def _condition(item: object) -> Condition:
    match item:
        case dict():
            return _simple_condition(item)
        case [str() as match, low, high] if match.lower() == "content-length-range":
            return _length_range(low, high) or Unmet(_as_text(item))
        case [str() as match, str() as name, str()] if not name.startswith("$"):
            if match.lower() in ("eq", "starts-with"):
                return Unmet(_as_text(item))
        case [str() as match, str() as name, str() as value] if name.startswith("$"):
            if match.lower() == "eq":
                return Equals(name[1:].lower(), value)
            if match.lower() == "starts-with":
                return StartsWith(name[1:].lower(), value)
    raise _invalid(f"Invalid Condition: {_as_text(item)}")


def _simple_condition(item: dict[str, Any]) -> Equals:
    if len(item) != 1:
        raise _invalid(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        )
    ((name, value),) = item.items()
    if not isinstance(value, str):
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    return Equals(name.lower(), value)


def _length_range(low: object, high: object) -> LengthRange | None:
    """Return the range; None if either end is not a size."""
    minimum, maximum = _size(low), _size(high)
    if minimum is None or maximum is None:
        return None
    limits = LengthRange(minimum, maximum)
    if limits.minimum > limits.maximum:
        raise _invalid("Invalid content-length-range: the minimum exceeds the maximum.")
    return limits


def _size(value: object) -> int | None:
    """Read a number, or its digits as a string, as some upload libraries write it; None for any
    other string."""
    if isinstance(value, str):
        return read_digits(value)
    if type(value) is int and value >= 0:
        return min(value, LARGEST)
    raise _invalid("Invalid content-length-range: expecting two sizes in bytes.")


def _holds(condition: Equals | StartsWith, fields: Mapping[str, str]) -> bool:
    value = fields.get(condition.field)
    if value is None:
        return False
    match condition:
        case Equals(value=expected):
            return value == expected
        case StartsWith(field="content-type", prefix=prefix):
            # Commas separate a list of types, and each must begin so.
            return all(one.strip().startswith(prefix) for one in value.split(","))
        case StartsWith(prefix=prefix):
            return value.startswith(prefix)


def _shown(condition: Equals | StartsWith | Unmet) -> str:
    match condition:
        case Equals(field=field, value=value):
            return _as_text(["eq", f"${field}", value])
        case StartsWith(field=field, prefix=prefix):
            return _as_text(["starts-with", f"${field}", prefix])
        case Unmet(shown=shown):
            return shown


def _as_text(item: object) -> str:
    return json.dumps(item, ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _whole(text: str) -> int:
    """Read an integer of any length."""
    number = read_digits(text.removeprefix("-"))
    if number is None:
        raise ValueError("not a number")
    return -number if text.startswith("-") else number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _invalid(problem: str) -> S3Error:
    return S3Error(Code.InvalidPolicyDocument, f"Invalid Policy: {problem}")
