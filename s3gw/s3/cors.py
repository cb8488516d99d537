"""Cross-origin rules of a bucket: the document, its validation, and matching.

A browser names the page's origin, and S3 answers with what the first matching rule allows. A rule
matches if its origins, its methods, and for each requested header its headers match. In an origin
or a header `*` may occur once, for any text; headers match without regard to case. Nothing here
knows of requests: `s3gw.s3.preflight` does.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from msgspec import Struct

from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.settings import Setting, encoded

METHODS = ("GET", "PUT", "HEAD", "POST", "DELETE")
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
MAX_RULES = 100
MAX_ID = 255
MAX_AGE_S = 0x7FFFFFFF
MAX_BYTES = 64 << 10
MAX_HEADERS = 200


@dataclass(frozen=True, slots=True)
class CORSRule:
    """What pages of some origins may do; `max_age_seconds` is how long a browser may remember
    it."""

    id: str | None = None
    allowed_headers: tuple[str, ...] = named("AllowedHeader", default=())
    allowed_methods: tuple[str, ...] = named("AllowedMethod", default=())
    allowed_origins: tuple[str, ...] = named("AllowedOrigin", default=())
    expose_headers: tuple[str, ...] = named("ExposeHeader", default=())
    max_age_seconds: int | None = None


@document("CORSConfiguration")
@dataclass(frozen=True, slots=True)
class CORSConfiguration:
    rules: tuple[CORSRule, ...] = named("CORSRule", default=())


class CorsSetting(Setting, frozen=True):
    setting_name: ClassVar[str] = "cors"
    configuration: CORSConfiguration


class Ask(Struct, frozen=True):
    """A request of a page at `origin`: its method, and the names of the headers it will send."""

    origin: str
    method: str
    headers: tuple[str, ...] = ()


def check_rules(configuration: CORSConfiguration) -> CorsSetting:
    """Return the configuration as it is kept. Raise `MalformedXML` and `InvalidRequest`."""
    if not configuration.rules:
        raise S3Error(Code.MalformedXML)
    if len(configuration.rules) > MAX_RULES:
        message = f"The number of CORS rules should not exceed allowed limit of {MAX_RULES} rules."
        raise S3Error(Code.InvalidRequest, message)
    for rule in configuration.rules:
        _check_rule(rule)
    setting = CorsSetting(configuration)
    if len(encoded(setting).encode()) > MAX_BYTES:
        raise S3Error(Code.MaxMessageLengthExceeded, MaxMessageLengthBytes=str(MAX_BYTES))
    return setting


def _check_rule(rule: CORSRule) -> None:
    if not rule.allowed_origins or not rule.allowed_methods:
        raise S3Error(Code.MalformedXML)
    if rule.max_age_seconds is not None and rule.max_age_seconds > MAX_AGE_S:
        raise S3Error(Code.MalformedXML)
    if rule.id is not None and len(rule.id) > MAX_ID:
        message = f"The rule's ID should not exceed allowed limit of {MAX_ID} characters."
        raise S3Error(Code.InvalidRequest, message)
    for method in rule.allowed_methods:
        if method not in METHODS:
            unsupported = "Found unsupported HTTP method in CORS config. Unsupported method is "
            raise S3Error(Code.InvalidRequest, unsupported + method)
    _check_wildcards("AllowedOrigin", rule.allowed_origins)
    _check_wildcards("AllowedHeader", rule.allowed_headers)
    _check_exposed(rule.expose_headers)


def _check_wildcards(element: str, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        if pattern.count("*") > 1:
            message = f'{element} "{pattern}" can not have more than one wildcard.'
            raise S3Error(Code.InvalidRequest, message)


def _check_exposed(names: Sequence[str]) -> None:
    """Raise unless they are header names: they are sent as they are."""
    for name in names:
        if "*" in name:
            message = (
                f'ExposeHeader "{name}" contains wildcard. We currently do not support wildcard '
                "for ExposeHeader."
            )
            raise S3Error(Code.InvalidRequest, message)
        if not name.isascii() or not name.isprintable() or set(name) & set(' ,:"'):
            message = f'ExposeHeader "{name}" is not the name of a header.'
            raise S3Error(Code.InvalidRequest, message)


def requested_headers(text: str | None) -> tuple[str, ...]:
    """Return the names in `Access-Control-Request-Headers`, in lower case, each once."""
    names = (name.strip().lower() for name in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def find_rule(configuration: CORSConfiguration, ask: Ask) -> CORSRule | None:
    """Return the first rule that allows all of the request. No request has more headers than
    `MAX_HEADERS`, so none is allowed to announce them."""
    if len(ask.headers) > MAX_HEADERS:
        return None
    return next((rule for rule in configuration.rules if _allows(rule, ask)), None)


def _allows(rule: CORSRule, ask: Ask) -> bool:
    if ask.method not in rule.allowed_methods:
        return False
    if not any(_matches(pattern, ask.origin) for pattern in rule.allowed_origins):
        return False
    if not ask.headers:
        return True
    allowed = _allowed(rule.allowed_headers)
    return all(allowed.has(name) for name in ask.headers)


class _Endings(Struct, frozen=True):
    texts: frozenset[str]
    lengths: tuple[int, ...]


class _AllowedNames(Struct, frozen=True):
    """Names of headers, and those with a wildcard as `ends`: by what is before it, what is after
    it. A name is found in as many looks as there are lengths of either."""

    names: frozenset[str]
    ends: Mapping[str, _Endings]
    lengths: tuple[int, ...]

    def has(self, name: str) -> bool:
        return name in self.names or any(
            self._ends(name, length) for length in self.lengths if length <= len(name)
        )

    def _ends(self, name: str, length: int) -> bool:
        ends, rest = self.ends.get(name[:length]), name[length:]
        return ends is not None and any(
            rest[len(rest) - each :] in ends.texts for each in ends.lengths if each <= len(rest)
        )


@lru_cache(maxsize=256)
def _allowed(patterns: tuple[str, ...]) -> _AllowedNames:
    ends: dict[str, set[str]] = {}
    for pattern in patterns:
        start, wildcard, end = pattern.lower().partition("*")
        if wildcard:
            ends.setdefault(start, set()).add(end)
    return _AllowedNames(
        frozenset(each.lower() for each in patterns if "*" not in each),
        {start: _Endings(frozenset(those), _lengths(those)) for start, those in ends.items()},
        _lengths(ends),
    )


def _lengths(texts: Collection[str]) -> tuple[int, ...]:
    return tuple(sorted(set(map(len, texts))))


def _matches(pattern: str, text: str) -> bool:
    start, wildcard, end = pattern.partition("*")
    if not wildcard:
        return pattern == text
    # Both ends must be there side by side: `a*a` is not `a`.
    return len(text) >= len(start) + len(end) and text.startswith(start) and text.endswith(end)


def allowing_headers(rule: CORSRule, ask: Ask) -> dict[str, str]:
    """Return the headers for the browser. A rule that allows every origin must not allow
    credentials."""
    everybody = "*" in rule.allowed_origins
    headers = {
        "Access-Control-Allow-Origin": "*" if everybody else ask.origin,
        "Access-Control-Allow-Methods": ", ".join(rule.allowed_methods),
        "Vary": VARY,
    }
    if not everybody:
        headers["Access-Control-Allow-Credentials"] = "true"
    if ask.headers:
        headers["Access-Control-Allow-Headers"] = ", ".join(ask.headers)
    if rule.expose_headers:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.expose_headers)
    if rule.max_age_seconds is not None:
        headers["Access-Control-Max-Age"] = str(rule.max_age_seconds)
    return headers
