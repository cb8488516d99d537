"""Actions that a bucket's lifecycle rules make due at one moment.

Days are turned into times once, so that an object costs one comparison with each rule, and only old
enough objects are compared with the filter. Only names under `prefixes` can be due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cluster.lifecycle.rules import Calendar, LifecycleConfiguration, Rule, Scope, scope_of
from storage.values import ObjectInfo, UploadInfo

_NS = 1_000_000_000
# Later than any time: for rules that do not depend on when something began.
_EVER = 1 << 63


class _Limit(NamedTuple):
    """What is under the scope and began at `latest_ns` or before is due, if at least `newer`
    noncurrent versions are newer."""

    latest_ns: int
    scope: Scope
    newer: int = 0


class Due:
    """Rules for names under `below`, compared with `now_ns`."""

    def __init__(
        self, config: LifecycleConfiguration, now_ns: int, calendar: Calendar, *, below: str = ""
    ) -> None:
        rules = list(_rules(config, below))
        self._objects = [
            _Limit(latest, scope)
            for rule, scope in rules
            if (latest := _latest_object(rule, now_ns, calendar)) is not None
        ]
        self._markers = [
            _Limit(latest, scope)
            for rule, scope in rules
            if (latest := _latest_marker(rule, now_ns, calendar)) is not None
        ]
        self._noncurrent = [
            _Limit(calendar.latest_ns(now_ns, it.days), scope, it.newer or 0)
            for rule, scope in rules
            if (it := rule.noncurrent) is not None
        ]
        self._uploads = [
            _Limit(calendar.latest_ns(now_ns, rule.abort_days), scope)
            for rule, scope in rules
            if rule.abort_days is not None
        ]

    def expired(self, info: ObjectInfo) -> bool:
        """Whether a current object has expired."""
        modified = info.modified_ns
        for limit in self._objects:
            if modified <= limit.latest_ns and limit.scope.covers(info):
                return True
        return False

    def marker_expired(self, info: ObjectInfo) -> bool:
        """Whether a delete marker may be removed, if it is the only version of its name."""
        modified = info.modified_ns
        return any(m.latest_ns >= modified and m.scope.covers(info) for m in self._markers)

    def noncurrent_expired(self, info: ObjectInfo, since_ns: int, newer: int) -> bool:
        """Whether a version that is noncurrent since `since_ns`, with `newer` others before it, may
        be removed."""
        for limit in self._noncurrent:
            if since_ns <= limit.latest_ns and newer >= limit.newer and limit.scope.covers(info):
                return True
        return False

    def upload_expired(self, upload: UploadInfo) -> bool:
        """Whether an upload is due. It has neither tags nor a size for a rule's filter."""
        return any(
            upload.initiated_ns <= limit.latest_ns and upload.name.startswith(limit.scope.prefix)
            for limit in self._uploads
        )


def object_prefixes(config: LifecycleConfiguration) -> list[str]:
    """Return the prefixes of rules for objects, in order; each covers the longer ones."""
    return _covering(
        scope.prefix
        for rule, scope in _rules(config, "")
        if rule.expiration is not None or rule.noncurrent is not None
    )


def upload_prefixes(config: LifecycleConfiguration) -> list[str]:
    """Return the prefixes of rules for uploads, as `object_prefixes` does."""
    return _covering(s.prefix for rule, s in _rules(config, "") if rule.abort_days is not None)


def _covering(prefixes: Iterable[str]) -> list[str]:
    chosen: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not chosen or not prefix.startswith(chosen[-1]):
            chosen.append(prefix)
    return chosen


def _rules(config: LifecycleConfiguration, below: str) -> Iterator[tuple[Rule, Scope]]:
    for rule in config.rules:
        scope = scope_of(rule) if rule.enabled else None
        if scope is not None and scope.prefix.startswith(below):
            yield rule, scope


def _latest_object(rule: Rule, now_ns: int, calendar: Calendar) -> int | None:
    """Return the latest beginning that is due: every one, also a later one, once a date is past."""
    expiration = rule.expiration
    if expiration is None:
        return None
    if expiration.days is not None:
        return calendar.latest_ns(now_ns, expiration.days)
    past = expiration.date_s is not None and expiration.date_s * _NS <= now_ns
    return _EVER if past else None


def _latest_marker(rule: Rule, now_ns: int, calendar: Calendar) -> int | None:
    """Return the latest beginning that is due; a rule with days is for delete markers too."""
    expiration = rule.expiration
    if expiration is None:
        return None
    if expiration.days is not None:
        return calendar.latest_ns(now_ns, expiration.days)
    return _EVER if expiration.delete_marker else None
