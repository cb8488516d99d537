"""Notification rules of a bucket: targets and their events.

A target is configured by the operator, and a rule names it by an ARN that ends in its name. AWS'
tools accept only the ARNs of AWS' services, MinIO's users have MinIO's; all of these mean the
target `hook`, with any region and account:

    arn:aws:sns:us-east-1:123456789012:hook               in a TopicConfiguration
    arn:aws:sqs:us-east-1:123456789012:hook               in a QueueConfiguration
    arn:minio:sqs:us-east-1:hook:webhook                  in a QueueConfiguration
    arn:aws:lambda:us-east-1:123456789012:function:hook   in a CloudFunctionConfiguration
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import combinations
from typing import ClassVar

from msgspec import Struct

from s3gw.events.events import EventName, ObjectEvent
from storage.settings import Setting
from storage.values import BucketInfo

_NAME = r"(?P<target>[A-Za-z0-9_-]+)"
_AWS = r"arn:aws[a-z-]*"


class Kind(Enum):
    """The AWS service that a rule names as its target."""

    TOPIC = "Topic"
    QUEUE = "Queue"
    FUNCTION = "CloudFunction"


_ARNS = (
    (Kind.TOPIC, re.compile(rf"{_AWS}:sns:[^:]*:[^:]*:{_NAME}")),
    (Kind.QUEUE, re.compile(rf"{_AWS}:sqs:[^:]*:[^:]*:{_NAME}")),
    (Kind.QUEUE, re.compile(rf"arn:minio:sqs:[^:]*:{_NAME}:webhook")),
    (Kind.FUNCTION, re.compile(rf"{_AWS}:lambda:[^:]*:[^:]*:function:{_NAME}(:[^:]+)?")),
)
# The events that a rule may name: an event, or all of its kind.
ALLOWED = frozenset(each for name in EventName for each in (name.value, name.group))


class Rule(Struct, frozen=True):
    """One configuration of the document. `filters` are pairs of name and value as they came, or
    None without any filter."""

    id: str
    kind: Kind
    arn: str
    target: str
    events: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] | None = None

    @property
    def prefix(self) -> str:
        return self._filter("prefix")

    @property
    def suffix(self) -> str:
        return self._filter("suffix")

    def wants(self, event: ObjectEvent) -> bool:
        name = event.name
        return (
            (name.value in self.events or name.group in self.events)
            and event.key.startswith(self.prefix)
            and event.key.endswith(self.suffix)
        )

    def overlaps(self, other: Rule) -> bool:
        """Whether one event of one key could match both rules."""
        return (
            _share_an_event(self.events, other.events)
            and _one_begins_the_other(self.prefix, other.prefix)
            and _one_begins_the_other(self.suffix[::-1], other.suffix[::-1])
        )

    def _filter(self, name: str) -> str:
        return next((value for key, value in self.filters or () if key.lower() == name), "")


class NotificationRules(Setting, frozen=True):
    setting_name: ClassVar[str] = "notification"
    rules: tuple[Rule, ...] = ()


def is_notifying(bucket: BucketInfo) -> bool:
    """Whether the bucket has any rules; a cheap check."""
    return NotificationRules.setting_name in bucket.settings


def target_of(kind: Kind, arn: str) -> str | None:
    """Return the name of the ARN's target; None when it is not an ARN for such a rule."""
    found = (pattern.fullmatch(arn) for of, pattern in _ARNS if of is kind)
    return next((match["target"] for match in found if match), None)


def first_overlap(rules: Sequence[Rule]) -> tuple[Rule, Rule] | None:
    return next(((a, b) for a, b in combinations(rules, 2) if a.overlaps(b)), None)


def _share_an_event(some: Iterable[str], others: Sequence[str]) -> bool:
    return any(
        _matches(pattern, event) or _matches(event, pattern) for pattern in some for event in others
    )


def _matches(pattern: str, event: str) -> bool:
    return event == pattern or (pattern.endswith(":*") and event.startswith(pattern[:-1]))


def _one_begins_the_other(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
