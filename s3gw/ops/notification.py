"""Notification configuration of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from s3gw.access import Access
from s3gw.events.rules import (
    ALLOWED,
    Kind,
    NotificationRules,
    Rule,
    first_overlap,
    target_of,
)
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.routing import body, header, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.settings import setting, with_setting, without_setting
from storage.values import BucketInfo

MAX_RULES = 100
MAX_ID = 255
MAX_FILTER_BYTES = 1024

_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
    "prefixes are overlapping for the same event type."
)
_UNKNOWN_TARGET = "Unable to validate the following destination configurations"
_NOT_THERE = {
    Kind.TOPIC: "The destination topic does not exist",
    Kind.QUEUE: "The destination queue does not exist",
    Kind.FUNCTION: "The destination Lambda does not exist",
}


@dataclass(frozen=True, slots=True)
class FilterRule:
    name: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class S3Key:
    filter_rules: tuple[FilterRule, ...] = named("FilterRule")


@dataclass(frozen=True, slots=True)
class Filter:
    s3_key: S3Key | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConfiguration:
    id: str | None = named("Id", default=None)
    arn: str = named("Topic")
    events: tuple[str, ...] = named("Event")
    filter: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfiguration:
    id: str | None = named("Id", default=None)
    arn: str = named("Queue")
    events: tuple[str, ...] = named("Event")
    filter: Filter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudFunctionConfiguration:
    id: str | None = named("Id", default=None)
    arn: str = named("CloudFunction")
    events: tuple[str, ...] = named("Event")
    filter: Filter | None = None


C = TypeVar("C")
Configuration = TopicConfiguration | QueueConfiguration | CloudFunctionConfiguration


@document("NotificationConfiguration")
@dataclass(frozen=True, slots=True)
class NotificationConfiguration:
    """`event_bridge_configuration` is an empty element: its presence is all that counts."""

    topics: tuple[TopicConfiguration, ...] = named("TopicConfiguration")
    queues: tuple[QueueConfiguration, ...] = named("QueueConfiguration")
    functions: tuple[CloudFunctionConfiguration, ...] = named("CloudFunctionConfiguration")
    event_bridge_configuration: str | None = None

    def rules(self) -> Iterator[Rule]:
        yield from (_rule(Kind.TOPIC, each) for each in self.topics)
        yield from (_rule(Kind.QUEUE, each) for each in self.queues)
        yield from (_rule(Kind.FUNCTION, each) for each in self.functions)


@operation("GET", Level.BUCKET, marker="notification", access=Access.HEAD_BUCKET)
class GetBucketNotificationConfiguration:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        found = setting(call.bucket_info, NotificationRules) or NotificationRules()
        rules = found.rules
        return xml_reply(
            NotificationConfiguration(
                _configurations(TopicConfiguration, Kind.TOPIC, rules),
                _configurations(QueueConfiguration, Kind.QUEUE, rules),
                _configurations(CloudFunctionConfiguration, Kind.FUNCTION, rules),
            )
        )


@operation("PUT", Level.BUCKET, marker="notification", access=Access.PATCH)
class PutBucketNotificationConfiguration:
    bucket: str = path("Bucket")
    skip_destination_validation: str = header("x-amz-skip-destination-validation", default="")
    configuration: NotificationConfiguration = body()

    async def run(self, call: Call) -> Reply:
        """Store the rules and send each target a test event, unless its validation is to be
        skipped. A target that does not exist is refused all the same: delivery to it could never
        succeed."""
        if self.configuration.event_bridge_configuration is not None:
            raise S3Error(Code.NotImplemented, "There is no Amazon EventBridge here to notify.")
        rules = tuple(self.configuration.rules())
        _check_together(rules)
        _check_targets(call, rules)
        bucket = await call.store.update_bucket(self.bucket, lambda info: _with(info, rules))
        if self.skip_destination_validation.lower() != "true":
            targets = dict.fromkeys(rule.target for rule in rules)
            await call.objects.announcer.test(bucket, call.requested_by, targets)
        return Reply()


def _with(bucket: BucketInfo, rules: tuple[Rule, ...]) -> BucketInfo:
    if rules:
        return with_setting(bucket, NotificationRules(rules))
    return without_setting(bucket, NotificationRules)


def _rule(kind: Kind, asked: Configuration) -> Rule:
    """Return the rule. Raise `InvalidArgument` and `MalformedXML`."""
    if not asked.events:
        raise S3Error(Code.MalformedXML)
    for event in asked.events:
        if event not in ALLOWED:
            raise _invalid("A specified event is not supported for notifications.", "Event", event)
    if asked.id and len(asked.id) > MAX_ID:
        raise _invalid(f"The ID must not be longer than {MAX_ID} characters.", "Id", asked.id)
    target = target_of(kind, asked.arn)
    if target is None:
        raise _invalid("The ARN could not be parsed", kind.value, asked.arn)
    return Rule(
        id=asked.id or str(uuid.uuid4()),
        kind=kind,
        arn=asked.arn,
        target=target,
        events=tuple(dict.fromkeys(asked.events)),
        filters=_filters(asked.filter),
    )


def _filters(asked: Filter | None) -> tuple[tuple[str, str], ...] | None:
    if asked is None or asked.s3_key is None:
        return None
    filters = tuple((each.name or "", each.value or "") for each in asked.s3_key.filter_rules)
    names = [name.lower() for name, _ in filters]
    for name in names:
        if name not in ("prefix", "suffix"):
            message = "filter rule name must be either prefix or suffix"
            raise _invalid(message, "FilterRule.Name", name)
        if names.count(name) > 1:
            message = f"Cannot specify more than one {name} rule in a filter."
            raise _invalid(message, "FilterRule.Name", name)
    for _, value in filters:
        if len(value.encode()) > MAX_FILTER_BYTES:
            message = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"
            raise _invalid(message, "FilterRule.Value", value)
    return filters


def _check_together(rules: tuple[Rule, ...]) -> None:
    if len(rules) > MAX_RULES:
        raise S3Error(Code.InvalidArgument, f"A bucket can have {MAX_RULES} configurations.")
    ids = [rule.id for rule in rules]
    if double := next((each for each in ids if ids.count(each) > 1), None):
        message = "Same ID used for multiple configurations. IDs must be unique"
        raise _invalid(message, "Id", double)
    if overlap := first_overlap(rules):
        events = ", ".join(event for rule in overlap for event in rule.events)
        raise _invalid(_OVERLAP, "Event", events)


def _check_targets(call: Call, rules: Iterable[Rule]) -> None:
    known = call.objects.announcer.targets
    unknown = {rule.arn: rule.kind for rule in rules if rule.target not in known}
    if unknown:
        details = {}
        for number, (arn, kind) in enumerate(unknown.items(), 1):
            details[f"ArgumentName{number}"] = arn
            details[f"ArgumentValue{number}"] = _NOT_THERE[kind]
        raise S3Error(Code.InvalidArgument, _UNKNOWN_TARGET, headers=None, **details)


def _invalid(message: str, name: str, value: str) -> S3Error:
    return S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue=value)


def _configurations(make: Callable[..., C], kind: Kind, rules: Iterable[Rule]) -> tuple[C, ...]:
    return tuple(
        make(id=rule.id, arn=rule.arn, events=rule.events, filter=_shown_filter(rule))
        for rule in rules
        if rule.kind is kind
    )


def _shown_filter(rule: Rule) -> Filter | None:
    if rule.filters is None:
        return None
    return Filter(S3Key(tuple(FilterRule(name, value) for name, value in rule.filters)))
