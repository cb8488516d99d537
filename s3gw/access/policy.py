"""Bucket policies: parsed strictly, stored byte for byte, evaluated.

What this server could not enforce is refused when the policy is put: an unknown element, action,
operator or key, an impossible principal, a resource outside the bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, ClassVar

from msgspec import Struct

from s3gw.access.actions import KNOWN
from s3gw.access.conditions import (
    AnyCondition,
    check_variables,
    malformed,
    read_condition,
    variables_of,
)
from s3gw.access.kept_documents import KeptDocuments
from s3gw.access.patterns import Pattern, read_pattern
from s3gw.access.principals import EVERYONE, Principals, read_principals
from s3gw.access.request import ARN, AccessRequest
from s3gw.wire.errors import S3Error
from storage.settings import Setting

MAX_BYTES = 20 * 1024
_VARIABLES_SINCE = "2012-10-17"
_VERSIONS = ("2008-10-17", _VARIABLES_SINCE)
_NOT_JSON = "Policies must be valid JSON and the first byte must be '{'"
_DOCUMENT = frozenset({"Version", "Id", "Statement"})
_ELEMENTS = "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition"
_STATEMENT = frozenset(_ELEMENTS.split())
_OF_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})
_BY_FOLDED = {action.lower(): action for action in KNOWN}


class BucketPolicy(Setting, frozen=True):
    """The policy as it was put, byte for byte."""

    setting_name: ClassVar[str] = "policy"

    text: str


class Verdict(Enum):
    """What a policy says about a request: nothing, unless a statement applies."""

    NONE = "none"
    ALLOW = "allow"
    DENY = "deny"


class Resources(Struct, frozen=True):
    patterns: tuple[Pattern, ...]
    negated: bool

    def match(self, request: AccessRequest) -> bool:
        lookup = variables_of(request)
        found = any(pattern.matches(request.resource, lookup) for pattern in self.patterns)
        return found is not self.negated

    def rests_on_unresolved(self, request: AccessRequest) -> bool:
        """Whether `NotResource` holds although one of its variables stands for nothing."""
        lookup = variables_of(request)
        return self.negated and not all(each.is_resolved(lookup) for each in self.patterns)


class Statement(Struct, frozen=True):
    """`actions` are all that the statement's patterns mean."""

    allows: bool
    principals: Principals
    actions: frozenset[str]
    resources: Resources
    conditions: tuple[AnyCondition, ...]

    def applies(self, request: AccessRequest) -> bool:
        """Whether it applies. One that allows does not when that rests on a variable without a
        value: `NotResource` with it would mean everything."""
        return (
            request.action in self.actions
            and self.principals.include(request.caller, allowed=self.allows)
            and self.resources.match(request)
            and all(condition.holds(request) for condition in self.conditions)
            and not (self.allows and self._rests_on_unresolved(request))
        )

    def _rests_on_unresolved(self, request: AccessRequest) -> bool:
        return self.resources.rests_on_unresolved(request) or any(
            condition.rests_on_unresolved(request) for condition in self.conditions
        )


class Policy(Struct, frozen=True):
    statements: tuple[Statement, ...]

    def may_allow(self, request: AccessRequest) -> bool:
        """Whether a statement allows the caller the action for some key, whatever its conditions
        are."""
        return any(
            each.allows
            and request.action in each.actions
            and each.principals.include(request.caller, allowed=True)
            for each in self.statements
        )

    def verdict(self, request: AccessRequest) -> Verdict:
        """Return the policy's verdict; one statement that denies outweighs all that allow."""
        verdict = Verdict.NONE
        for statement in self.statements:
            if statement.applies(request):
                if not statement.allows:
                    return Verdict.DENY
                verdict = Verdict.ALLOW
        return verdict


def read_policy(text: str, bucket: str) -> Policy:
    """Parse a policy. Raises `MalformedPolicy`, and `NotImplemented` for what only AWS can
    evaluate."""
    if len(text.encode()) > MAX_BYTES:
        raise malformed(
            f"Normalized policy document exceeds the maximum allowed size of {MAX_BYTES} bytes."
        )
    return _read(text, bucket)


# Stored policies, by text and bucket: they were checked when they were put.
kept_policies = KeptDocuments(read_policy, S3Error)


def read_bucketless_policy(text: str) -> Policy:
    """Parse a policy about the resources of any bucket, with statements without principals. Raises
    as `read_policy`."""
    return _read(text, None)


def _read(text: str, bucket: str | None) -> Policy:
    document = _parsed(text)
    _check_fields(document, _DOCUMENT)
    version = document.get("Version", _VERSIONS[0])
    if version not in _VERSIONS:
        raise malformed("The policy must contain a valid version string")
    if not isinstance(document.get("Id", ""), str):
        raise malformed("The policy must contain a valid Id string")
    reader = _Reader(bucket, variables=version == _VARIABLES_SINCE)
    statements = tuple(reader.statement(each) for each in _statements(document))
    _check_sids(_statements(document))
    return Policy(statements)


def _parsed(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise malformed(_NOT_JSON) from None
    if not isinstance(document, dict) or not text.startswith("{"):
        raise malformed(_NOT_JSON)
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse two equal names: JSON drops the first, but the author meant both."""
    if len(dict(pairs)) != len(pairs):
        raise malformed("Duplicate element in policy")
    return dict(pairs)


def _refused(constant: str) -> None:
    raise ValueError(constant)


def _check_fields(table: Mapping[str, Any], known: frozenset[str]) -> None:
    for name in table:
        if name not in known:
            raise malformed(f"Unknown field {name}")


def _statements(document: Mapping[str, Any]) -> list[Any]:
    if "Statement" not in document:
        raise malformed("Missing required field Statement")
    statements = document["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    if not listed:
        raise malformed("Could not parse the policy: Statement is empty!")
    return listed


def _check_sids(statements: list[Any]) -> None:
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if not all(isinstance(sid, str) for sid in sids):
        raise malformed("Statement IDs (SID) must be strings.")
    # An empty one is none: Terraform writes it where its user gave no id.
    named = [sid for sid in sids if sid]
    if len(set(named)) != len(named):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")


class _Reader(Struct, frozen=True):
    """Reads the statements of one document; `variables`: its version has them. Without a bucket,
    resources may be in any bucket, and statements are without principals."""

    bucket: str | None
    variables: bool

    def statement(self, table: Any) -> Statement:
        if not isinstance(table, dict):
            raise malformed("Statement must be an object")
        _check_fields(table, _STATEMENT if self.bucket else _STATEMENT - _OF_PRINCIPALS)
        allows = _effect(table)
        return Statement(
            allows=allows,
            principals=_principals(table, allows) if self.bucket else EVERYONE,
            actions=_actions(*_either(table, "Action")),
            resources=self._resources(*_either(table, "Resource")),
            conditions=tuple(self._conditions(table.get("Condition", {}))),
        )

    def _resources(self, name: str, value: Any) -> Resources:
        texts = _listed(value, "Policy has invalid resource")
        patterns = tuple(self._resource(text) for text in texts)
        check_variables(patterns)
        return Resources(patterns, negated=name == "NotResource")

    def _resource(self, text: str) -> Pattern:
        """Read `*`, or an ARN whose bucket is, or may be, the policy's own."""
        if text != "*" and not (text.startswith(ARN) and self._may_be_of(text.removeprefix(ARN))):
            raise malformed("Policy has invalid resource")
        return read_pattern(text, variables=self.variables)

    def _may_be_of(self, resource: str) -> bool:
        bucket, _, _ = resource.partition("/")
        if self.bucket is None:
            return bool(bucket)
        return read_pattern(bucket, variables=False).matches(self.bucket, lambda _: None)

    def _conditions(self, table: Any) -> Iterator[AnyCondition]:
        if not isinstance(table, dict):
            raise malformed("Condition must be an object")
        for name, tests in table.items():
            if not isinstance(tests, dict):
                raise malformed(f"Condition {name} must be an object")
            for key, values in tests.items():
                yield read_condition(name, key, values, variables=self.variables)


def _principals(table: Mapping[str, Any], allows: bool) -> Principals:
    name, value = _either(table, "Principal")
    if allows and name == "NotPrincipal":
        raise malformed("Allow with NotPrincipal is not allowed.")
    return read_principals(value, negated=name == "NotPrincipal")


def _effect(table: Mapping[str, Any]) -> bool:
    if "Effect" not in table:
        raise malformed("Missing required field Effect")
    if table["Effect"] not in ("Allow", "Deny"):
        raise malformed(f"Invalid effect : {table['Effect']}")
    return bool(table["Effect"] == "Allow")


def _either(table: Mapping[str, Any], name: str) -> tuple[str, Any]:
    """Return the element of that name or its opposite (`Not...`); exactly one must be there."""
    there = [each for each in (name, f"Not{name}") if each in table]
    if not there:
        raise malformed(f"Missing required field {name}")
    if len(there) > 1:
        raise malformed(f"Statement must not have both {name} and Not{name}")
    return there[0], table[there[0]]


def _actions(name: str, value: Any) -> frozenset[str]:
    meant: set[str] = set()
    for text in _listed(value, "Policy has invalid action"):
        found = _matching(text.lower())
        if not found:
            raise malformed("Policy has invalid action")
        meant |= found
    return KNOWN - meant if name == "NotAction" else frozenset(meant)


def _matching(folded: str) -> frozenset[str]:
    if folded in ("*", "s3:*"):
        return KNOWN
    if not re.fullmatch(r"s3:[a-z*?]{1,128}", folded):
        return frozenset()
    pattern = read_pattern(folded, variables=False)
    return frozenset(
        action for name, action in _BY_FOLDED.items() if pattern.matches(name, lambda _: None)
    )


def _listed(value: Any, complaint: str) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise malformed(complaint)
    return texts
