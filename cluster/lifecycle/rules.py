"""The lifecycle rules of a bucket, as their owner wrote them, and their times.

Everything here is pure. A rule's filter is a conjunction, in whatever form it was written. Days are
counted from the time an object was written, a version became noncurrent or an upload began, and end
at the next midnight UTC, as at AWS; a day that is not 24 hours long, for tests, ends when it is
over.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

from msgspec import Struct

from storage.settings import Setting
from storage.values import ObjectInfo

REAL_DAY_S = 86_400
ALL_STORAGE_CLASSES_128K = "all_storage_classes_128K"
_NS = 1_000_000_000


class Tag(Struct, frozen=True):
    key: str
    value: str


class Filter(Struct, frozen=True, omit_defaults=True):
    """The objects that a rule is for: they meet every condition, including those of `also` (S3's
    `And`). Sizes are in bytes and exclusive."""

    prefix: str | None = None
    tags: tuple[Tag, ...] = ()
    size_greater_than: int | None = None
    size_less_than: int | None = None
    also: Filter | None = None


class Expiration(Struct, frozen=True, omit_defaults=True):
    """One of: so many days old; past `date_s`, in seconds since the epoch; a delete marker that
    hides no version any more (or, when False, nothing)."""

    days: int | None = None
    date_s: int | None = None
    delete_marker: bool | None = None


class NoncurrentExpiration(Struct, frozen=True, omit_defaults=True):
    """Noncurrent for so many days, and with at least `newer` noncurrent versions before it."""

    days: int
    newer: int | None = None


class Rule(Struct, frozen=True, omit_defaults=True):
    """`prefix` is the old form of a filter, in place of `filter`."""

    id: str
    enabled: bool = True
    filter: Filter | None = None
    prefix: str | None = None
    expiration: Expiration | None = None
    noncurrent: NoncurrentExpiration | None = None
    abort_days: int | None = None


class LifecycleConfiguration(Setting, frozen=True, omit_defaults=True):
    """The rules in their owner's order. `minimum_size` is for transitions, and there are no
    transitions here; it is kept for clients that read back what they wrote."""

    setting_name: ClassVar[str] = "lifecycle"
    rules: tuple[Rule, ...] = ()
    minimum_size: str = ALL_STORAGE_CLASSES_128K


class Calendar(Struct, frozen=True):
    """Times of days that are `day_s` seconds long."""

    day_s: float = REAL_DAY_S

    @property
    def day_ns(self) -> int:
        return int(self.day_s * _NS)

    def due_ns(self, since_ns: int, days: int) -> int:
        """Return when something that began at `since_ns` is so many days old."""
        due = since_ns + days * self.day_ns
        return due if self.day_s != REAL_DAY_S else -(-due // self.day_ns) * self.day_ns

    def latest_ns(self, now_ns: int, days: int) -> int:
        """Return the latest beginning that is so many days ago now: the inverse of `due_ns`."""
        ended = now_ns if self.day_s != REAL_DAY_S else now_ns // self.day_ns * self.day_ns
        return ended - days * self.day_ns


REAL_CALENDAR = Calendar()


class Scope(Struct, frozen=True):
    """A filter in the form that is compared with objects."""

    prefix: str = ""
    tags: frozenset[tuple[str, str]] = frozenset()
    larger_than: int | None = None
    smaller_than: int | None = None

    def covers(self, info: ObjectInfo) -> bool:
        if not info.name.startswith(self.prefix):
            return False
        if self.larger_than is not None and info.size <= self.larger_than:
            return False
        if self.smaller_than is not None and info.size >= self.smaller_than:
            return False
        return not self.tags or info.attributes.tags.items() >= self.tags


@lru_cache(maxsize=16_384)
def scope_of(rule: Rule) -> Scope | None:
    """Return the scope of a rule; None when no object can meet the conditions."""
    conditions = list(_conditions(rule))
    prefixes = [each.prefix for each in conditions if each.prefix]
    prefix = max(prefixes, key=len, default="")
    if not all(prefix.startswith(each) for each in prefixes):
        return None
    larger = [each.size_greater_than for each in conditions if each.size_greater_than is not None]
    smaller = [each.size_less_than for each in conditions if each.size_less_than is not None]
    tags = frozenset((tag.key, tag.value) for each in conditions for tag in each.tags)
    return Scope(prefix, tags, max(larger, default=None), min(smaller, default=None))


def _conditions(rule: Rule) -> Iterator[Filter]:
    if rule.prefix is not None:
        yield Filter(prefix=rule.prefix)
    each = rule.filter
    while each is not None:
        yield each
        each = each.also


class Event(Struct, frozen=True):
    """What a rule will do, and when, in nanoseconds since the epoch."""

    at_ns: int
    rule_id: str


def expiry(
    config: LifecycleConfiguration, info: ObjectInfo, calendar: Calendar = REAL_CALENDAR
) -> Event | None:
    """Return when a current object expires, and the rule: the first among the earliest."""
    if info.delete_marker:
        return None
    return _first(
        Event(_expires_ns(rule.expiration, info, calendar), rule.id)
        for rule in config.rules
        if rule.enabled
        and rule.expiration is not None
        and rule.expiration.delete_marker is None
        and (scope := scope_of(rule)) is not None
        and scope.covers(info)
    )


def _expires_ns(expiration: Expiration, info: ObjectInfo, calendar: Calendar) -> int:
    if expiration.days is not None:
        return calendar.due_ns(info.modified_ns, expiration.days)
    return (expiration.date_s or 0) * _NS


def abortion(
    config: LifecycleConfiguration, name: str, initiated_ns: int, calendar: Calendar = REAL_CALENDAR
) -> Event | None:
    """Return when an unfinished upload is aborted, and the rule."""
    return _first(
        Event(calendar.due_ns(initiated_ns, rule.abort_days), rule.id)
        for rule in config.rules
        if rule.enabled
        and rule.abort_days is not None
        and (scope := scope_of(rule)) is not None
        and name.startswith(scope.prefix)
    )


def _first(events: Iterator[Event]) -> Event | None:
    return min(events, key=lambda event: event.at_ns, default=None)
