"""Conditions of a policy's statements: an operator, a key, and values.

Every operator is a test of one value of the request against one of the policy's; a negated operator
is its opposite. What a missing key means follows from that: a test fails without a value, so its
opposite holds, and `...IfExists` makes either hold. `ForAnyValue:` and `ForAllValues:` say how the
tests of a key with several values are combined.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from msgspec import Struct

from s3gw.access.keys import ELSEWHERE, Getter, Values, address, getter, wanted_value
from s3gw.access.patterns import Lookup, Pattern, read_pattern
from s3gw.access.request import AccessRequest
from s3gw.wire.errors import Code, S3Error

# Whether a value of the request passes the test against one of the policy's.
Test = Callable[[str, Any, Lookup], bool]

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_ARN_PARTS = 6


class Kind(Enum):
    """What an operator's values are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"
    NETWORK = "network"
    ARN = "arn"


class Quantifier(Enum):
    ONE = ""
    ALL = "ForAllValues:"
    ANY = "ForAnyValue:"


class Operator(Struct, frozen=True):
    name: str
    kind: Kind
    test: Test
    negated: bool = False


class Condition(Struct, frozen=True):
    """`values` are the policy's, read as the operator's kind."""

    operator: Operator
    quantifier: Quantifier
    if_exists: bool
    key: str
    get: Getter
    values: tuple[Any, ...]

    def holds(self, request: AccessRequest) -> bool:
        """Whether it holds. Raises `FactRequired` when the key's value has to be fetched first."""
        sent = self.get(request)
        if not sent and self.if_exists:
            return True
        lookup = variables_of(request)
        match self.quantifier:
            case Quantifier.ALL:
                return all(self._passes(one, lookup) for one in sent)
            case Quantifier.ANY:
                return any(self._passes(one, lookup) for one in sent)
        if self.operator.negated:
            return all(self._passes(one, lookup) for one in sent)
        return any(self._passes(one, lookup) for one in sent)

    def rests_on_unresolved(self, request: AccessRequest) -> bool:
        """Whether it holds without a match, though one of its variables stands for nothing: because
        its operator is negated, or the request has no value."""
        if not self.operator.negated and self.get(request):
            return False
        lookup = variables_of(request)
        return not all(each.is_resolved(lookup) for each in _patterns_in(self.values))

    def _passes(self, sent: str, lookup: Lookup) -> bool:
        test = self.operator.test
        found = any(test(sent, value, lookup) for value in self.values)
        return found is not self.operator.negated


class Presence(Struct, frozen=True):
    """The operator `Null`: whether the key is missing, or is not."""

    key: str
    get: Getter
    missing: frozenset[bool]

    def holds(self, request: AccessRequest) -> bool:
        return (not self.get(request)) in self.missing

    def rests_on_unresolved(self, _request: AccessRequest) -> bool:
        return False


AnyCondition = Condition | Presence


def _patterns_in(values: tuple[Any, ...]) -> Iterator[Pattern]:
    """Return the patterns among the values: texts are one each, ARNs one for each part."""
    for value in values:
        parts = value if isinstance(value, tuple) else (value,)
        yield from (part for part in parts if isinstance(part, Pattern))


def variables_of(request: AccessRequest) -> Lookup:
    """Return the lookup of the value of `${key}`, for keys with exactly one value."""

    def lookup(name: str) -> str | None:
        get = getter(name)
        found: Values = get(request) if get else ()
        return found[0] if len(found) == 1 else None

    return lookup


# The tests


def _equals(sent: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.equals(sent, lookup)


def _equals_folded(sent: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.equals(sent, lookup, fold=True)


def _like(sent: str, wanted: Pattern, lookup: Lookup) -> bool:
    return wanted.matches(sent, lookup)


def _arn_like(sent: str, wanted: tuple[Pattern, ...], lookup: Lookup) -> bool:
    """Compare part by part: a wildcard does not match a colon, except in the last part."""
    parts = sent.split(":", _ARN_PARTS - 1)
    return len(parts) == len(wanted) and all(
        pattern.matches(part, lookup) for part, pattern in zip(parts, wanted, strict=True)
    )


def _compare(compare: Callable[[float, float], bool], read: Callable[[str], float | None]) -> Test:
    def test(sent: str, wanted: float, _: Lookup) -> bool:
        number = read(sent)
        return number is not None and compare(number, wanted)

    return test


def _is_flag(sent: str, wanted: bool, _: Lookup) -> bool:
    return sent.lower() == ("true" if wanted else "false")


def _in_network(sent: str, wanted: Any, _: Lookup) -> bool:
    found = address(sent)
    return found is not None and found in wanted


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text.strip()) else None


def _time(text: str) -> float | None:
    """Return seconds since the epoch, from seconds or an ISO 8601 date (UTC without a zone)."""
    if (number := _number(text)) is not None:
        return number
    try:
        read = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


_COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], bool]] = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}
_ALL_OPERATORS = (
    Operator("StringEquals", Kind.TEXT, _equals),
    Operator("StringNotEquals", Kind.TEXT, _equals, negated=True),
    Operator("StringEqualsIgnoreCase", Kind.TEXT, _equals_folded),
    Operator("StringNotEqualsIgnoreCase", Kind.TEXT, _equals_folded, negated=True),
    Operator("StringLike", Kind.TEXT, _like),
    Operator("StringNotLike", Kind.TEXT, _like, negated=True),
    # AWS makes no difference between the two of each pair.
    Operator("ArnEquals", Kind.ARN, _arn_like),
    Operator("ArnLike", Kind.ARN, _arn_like),
    Operator("ArnNotEquals", Kind.ARN, _arn_like, negated=True),
    Operator("ArnNotLike", Kind.ARN, _arn_like, negated=True),
    Operator("Bool", Kind.FLAG, _is_flag),
    Operator("IpAddress", Kind.NETWORK, _in_network),
    Operator("NotIpAddress", Kind.NETWORK, _in_network, negated=True),
    *(
        Operator(f"{family}{name}", kind, _compare(compare, read), negated)
        for family, kind, read in (
            ("Numeric", Kind.NUMBER, _number),
            ("Date", Kind.TIME, _time),
        )
        for name, (compare, negated) in _COMPARISONS.items()
    ),
)
OPERATORS: Mapping[str, Operator] = {each.name.lower(): each for each in _ALL_OPERATORS}


# Reading


def read_condition(name: str, key: str, values: object, *, variables: bool) -> AnyCondition:
    """Read one operator's test of one key. Raises `MalformedPolicy`, and `NotImplemented` for a key
    of AWS that this server cannot evaluate."""
    get = _getter(key)
    texts = _texts(values)
    if name.lower() == "null":
        return Presence(key, get, frozenset(_flag(text) for text in texts))
    quantifier, if_exists, bare = _affixes(name)
    found = OPERATORS.get(bare.lower())
    if found is None:
        raise malformed(f"Invalid Condition type : {name}")
    wanted = (wanted_value(key, text) for text in texts)
    read = tuple(_value(found.kind, text, variables=variables) for text in wanted)
    return Condition(found, quantifier, if_exists, key, get, read)


def malformed(message: str) -> S3Error:
    return S3Error(Code.MalformedPolicy, message)


def check_variables(patterns: tuple[Pattern, ...]) -> None:
    """Raise as `read_condition` does for a variable that is not a key."""
    for pattern in patterns:
        for name in pattern.variables:
            _getter(name)


def _getter(key: str) -> Getter:
    get = getter(key)
    if get is not None:
        return get
    if key.lower().partition("/")[0] in ELSEWHERE:
        message = f"This server cannot evaluate the condition key {key}."
        raise S3Error(Code.NotImplemented, message)
    raise malformed("Policy has an invalid condition key")


def _affixes(name: str) -> tuple[Quantifier, bool, str]:
    quantifier = Quantifier.ONE
    for each in (Quantifier.ALL, Quantifier.ANY):
        if name.lower().startswith(each.value.lower()):
            quantifier, name = each, name[len(each.value) :]
    bare = name[: -len("IfExists")] if name.lower().endswith("ifexists") else name
    return quantifier, bare != name, bare


def _texts(values: object) -> list[str]:
    """Read a value or a list of values; numbers and booleans may be unquoted."""
    if not isinstance(values, list):
        values = [values]
    if not values:
        raise malformed("Conditions need at least one value")
    return [_text(value) for value in values]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise malformed("Invalid value in Conditions")


def _value(kind: Kind, text: str, *, variables: bool) -> Any:
    match kind:
        case Kind.TEXT:
            pattern = read_pattern(text, variables=variables)
            check_variables((pattern,))
            return pattern
        case Kind.ARN:
            return _arn(text, variables=variables)
        case Kind.NUMBER:
            return _checked(_number(text), f"Invalid number in Conditions: {text}")
        case Kind.TIME:
            return _checked(_time(text), f"Invalid date in Conditions: {text}")
        case Kind.FLAG:
            return _flag(text)
        case Kind.NETWORK:
            return _network(text)


def _checked(value: float | None, message: str) -> float:
    if value is None:
        raise malformed(message)
    return value


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise malformed(f"Invalid boolean in Conditions: {text}")
    return text.lower() == "true"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise malformed("Invalid IP address in Conditions") from None


def _arn(text: str, *, variables: bool) -> tuple[Pattern, ...]:
    """Read an ARN's six parts; the format of the last one depends on the service."""
    patterns = _arn_parts(text, variables=variables)
    if len(patterns) != _ARN_PARTS and text != "*":
        raise malformed(f"Invalid ARN in Conditions: {text}")
    check_variables(patterns)
    return patterns


def _arn_parts(text: str, *, variables: bool) -> tuple[Pattern, ...]:
    """Split at colons, except inside `${...}`."""
    if text == "*":
        text = ":".join("*" * _ARN_PARTS)
    hidden = re.sub(r"\$\{[^{}]*\}", lambda match: match[0].replace(":", "\0"), text)
    parts = (part.replace("\0", ":") for part in hidden.split(":", _ARN_PARTS - 1))
    return tuple(read_pattern(part, variables=variables) for part in parts)
