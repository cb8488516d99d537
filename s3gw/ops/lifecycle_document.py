"""LifecycleConfiguration document: what AWS accepts, refused in AWS' own words.

AWS takes one condition directly in a `Filter`, and several in its `And`. Here both may have
several, and all of them count: that is the reading that removes the least, and users of other
servers write it so. A rule's own `Prefix` is the older form; all rules of a document have it, or
all have a `Filter`.

Transitions are read, and then refused with `InvalidStorageClass`: all objects are kept alike,
whatever their class is called, so there is nowhere to move them. NotImplemented would not explain
it better, and some clients would try again.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import combinations

from cluster.lifecycle import rules
from cluster.lifecycle.rules import LifecycleConfiguration as Configuration
from s3gw.s3.headers import check_tags
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, iso_time, named

MAX_RULES = 1000
MAX_ID = 255
MAX_SIZE = 1_099_511_627_776_000
_MAX_INT = 0x7FFFFFFF
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


class Status(Enum):
    ENABLED = "Enabled"
    DISABLED = "Disabled"


class TransitionStorageClass(Enum):
    GLACIER = "GLACIER"
    STANDARD_IA = "STANDARD_IA"
    ONEZONE_IA = "ONEZONE_IA"
    INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
    DEEP_ARCHIVE = "DEEP_ARCHIVE"
    GLACIER_IR = "GLACIER_IR"


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    prefix: str | None = None
    tags: tuple[Tag, ...] = named("Tag", default=())
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None

    def __len__(self) -> int:
        """Return the number of conditions."""
        others = (self.prefix, self.object_size_greater_than, self.object_size_less_than)
        return len(self.tags) + sum(each is not None for each in others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    prefix: str | None = None
    tag: Tag | None = None
    object_size_greater_than: int | None = None
    object_size_less_than: int | None = None
    and_: And | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiration:
    date: str | None = None
    days: int | None = None
    expired_object_delete_marker: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    date: str | None = None
    days: int | None = None
    storage_class: TransitionStorageClass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoncurrentVersionTransition:
    noncurrent_days: int | None = None
    newer_noncurrent_versions: int | None = None
    storage_class: TransitionStorageClass


@dataclass(frozen=True, slots=True, kw_only=True)
class NoncurrentVersionExpiration:
    noncurrent_days: int | None = None
    newer_noncurrent_versions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortIncompleteMultipartUpload:
    days_after_initiation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRule:
    id: str | None = None
    filter: Filter | None = None
    prefix: str | None = None
    status: Status
    transitions: tuple[Transition, ...] = named("Transition", default=())
    expiration: Expiration | None = None
    noncurrent_version_transitions: tuple[NoncurrentVersionTransition, ...] = named(
        "NoncurrentVersionTransition", default=()
    )
    noncurrent_version_expiration: NoncurrentVersionExpiration | None = None
    abort_incomplete_multipart_upload: AbortIncompleteMultipartUpload | None = None


@document("LifecycleConfiguration")
@dataclass(frozen=True, slots=True)
class LifecycleConfiguration:
    rules: tuple[LifecycleRule, ...] = named("Rule")


# Reading


def read_configuration(read: LifecycleConfiguration, minimum_size: str) -> Configuration:
    """Return the configuration. Raise `MalformedXML`, `InvalidRequest`, `InvalidArgument`,
    `InvalidTag`, `InvalidStorageClass`."""
    if not read.rules:
        raise S3Error(Code.InvalidRequest, "At least one lifecycle rule must be specified.")
    if len(read.rules) > MAX_RULES:
        message = (
            f"The number of lifecycle rules must not exceed the allowed limit of {MAX_RULES} rules."
        )
        raise S3Error(Code.InvalidRequest, message)
    _check_form(read.rules)
    made = tuple(_rule(rule) for rule in read.rules)
    if len({rule.id for rule in made}) < len(made):
        message = "Rule ID must be unique. Found same ID for more than one rule"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="ID")
    _check_overlap(made)
    return Configuration(made, minimum_size)


def _check_form(read: Sequence[LifecycleRule]) -> None:
    """Raise unless all rules have a filter, or all have a prefix."""
    if any((rule.filter is None) == (rule.prefix is None) for rule in read):
        raise S3Error(Code.MalformedXML)
    filters = [rule.filter is not None for rule in read]
    if all(filters) or not any(filters):
        return
    if filters[0]:
        message = (
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the "
            "Filter."
        )
        raise S3Error(Code.InvalidRequest, message)
    raise S3Error(Code.InvalidRequest, "Filter element can only be used in Lifecycle V2.")


def _check_overlap(made: Sequence[rules.Rule]) -> None:
    """Raise if two rules of the older form do the same for one name."""
    old = sorted((rule for rule in made if rule.enabled and rule.prefix is not None), key=_prefix)
    for action, has in _ACTIONS.items():
        prefixes = [_prefix(rule) for rule in old if has(rule)]
        for shorter, longer in combinations(prefixes, 2):
            if longer.startswith(shorter):
                message = (
                    f"Found overlapping prefixes '{shorter}' and '{longer}' for same action type "
                    f"'{action}'"
                )
                raise S3Error(Code.InvalidRequest, message)


def _prefix(rule: rules.Rule) -> str:
    return rule.prefix or ""


_ACTIONS: Mapping[str, Callable[[rules.Rule], bool]] = {
    "Expiration": lambda rule: rule.expiration is not None,
    "NoncurrentVersionExpiration": lambda rule: rule.noncurrent is not None,
    "AbortIncompleteMultipartUpload": lambda rule: rule.abort_days is not None,
}


def _rule(read: LifecycleRule) -> rules.Rule:
    _check_actions(read)
    return rules.Rule(
        id=_id(read.id),
        enabled=read.status is Status.ENABLED,
        filter=None if read.filter is None else _filter(read.filter),
        prefix=read.prefix,
        expiration=_expiration(read.expiration),
        noncurrent=_noncurrent(read),
        abort_days=_abort_days(read.abort_incomplete_multipart_upload),
    )


def _check_actions(read: LifecycleRule) -> None:
    _refuse_transitions(read)
    expiration, abort = read.expiration, read.abort_incomplete_multipart_upload
    if expiration is None and abort is None and read.noncurrent_version_expiration is None:
        message = "At least one action needs to be specified in a rule"
        raise S3Error(Code.InvalidRequest, message)
    refused = [
        name
        for name, there in (
            ("ExpiredObjectDeleteMarker", expiration and expiration.expired_object_delete_marker),
            ("AbortIncompleteMultipartUpload", abort),
        )
        if there is not None
    ]
    for action in refused:
        for condition in _conditions(read.filter):
            raise S3Error(Code.InvalidRequest, f"{action} cannot be specified with {condition}.")


def _refuse_transitions(read: LifecycleRule) -> None:
    for transition in read.transitions:
        _date_s(transition.date)
    wanted = [each.storage_class for each in read.transitions]
    wanted += [each.storage_class for each in read.noncurrent_version_transitions]
    if wanted:
        message = "Objects stay where they are here: there is no other storage class to move to."
        name = wanted[0].value
        raise S3Error(Code.InvalidStorageClass, message, StorageClassRequested=name)


def _conditions(read: Filter | None) -> Iterator[str]:
    """Yield the conditions that some actions cannot be combined with, by AWS' names."""
    if read is None:
        return
    both = read.and_ or And()
    if read.tag is not None or both.tags:
        yield "Tags"
    sizes = (read.object_size_greater_than, read.object_size_less_than)
    if any(
        s is not None for s in (*sizes, both.object_size_greater_than, both.object_size_less_than)
    ):
        yield "Object Size"


def _id(given: str | None) -> str:
    if not given:
        return base64.b64encode(str(uuid.uuid4()).encode()).decode()
    if len(given) > MAX_ID:
        message = f"ID length should not exceed allowed limit of {MAX_ID}"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="ID", ArgumentValue=given)
    return given


def _filter(read: Filter) -> rules.Filter:
    both = read.and_
    if both is not None and len(both) < 2:
        raise S3Error(Code.MalformedXML)
    return rules.Filter(
        read.prefix,
        _tags((read.tag,) if read.tag else ()),
        *_sizes(read),
        None if both is None else rules.Filter(both.prefix, _tags(both.tags), *_sizes(both)),
    )


def _tags(read: Sequence[Tag]) -> tuple[rules.Tag, ...]:
    pairs = [(tag.key, tag.value) for tag in read]
    if len(dict(pairs)) < len(pairs):
        raise S3Error(Code.InvalidRequest, "Duplicate Tag Keys are not allowed.")
    check_tags(pairs, limit=len(pairs))
    return tuple(rules.Tag(key, value) for key, value in pairs)


def _sizes(read: Filter | And) -> tuple[int | None, int | None]:
    greater, less = read.object_size_greater_than, read.object_size_less_than
    for name, low, size in (
        ("ObjectSizeGreaterThan", 0, greater),
        ("ObjectSizeLessThan", 1, less),
    ):
        if size is not None and not low <= size <= MAX_SIZE:
            raise S3Error(Code.InvalidRequest, f"'{name}' should be between {low} and {MAX_SIZE}.")
    if greater is not None and less is not None and less <= greater:
        message = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        raise S3Error(Code.InvalidRequest, message)
    return greater, less


def _expiration(read: Expiration | None) -> rules.Expiration | None:
    if read is None:
        return None
    given = (read.days, read.date, read.expired_object_delete_marker)
    if sum(each is not None for each in given) != 1:
        raise S3Error(Code.MalformedXML)
    days = None if read.days is None else _positive(read.days, "Days", "Expiration")
    return rules.Expiration(days, _date_s(read.date), read.expired_object_delete_marker)


def _noncurrent(read: LifecycleRule) -> rules.NoncurrentExpiration | None:
    given, action = read.noncurrent_version_expiration, "NoncurrentVersionExpiration"
    if given is None:
        return None
    if given.noncurrent_days is None:
        raise S3Error(Code.MalformedXML)
    days = _positive(given.noncurrent_days, "NoncurrentDays", action)
    newer = given.newer_noncurrent_versions
    if newer is not None and read.prefix is not None:
        message = "NewerNoncurrentVersions element can only be used in Lifecycle V2."
        raise S3Error(Code.InvalidRequest, message)
    if newer is not None:
        _positive(newer, "NewerNoncurrentVersions", action)
    return rules.NoncurrentExpiration(days, newer)


def _abort_days(read: AbortIncompleteMultipartUpload | None) -> int | None:
    if read is None:
        return None
    action = "AbortIncompleteMultipartUpload"
    return _positive(read.days_after_initiation, "DaysAfterInitiation", action)


def _positive(number: int, name: str, action: str) -> int:
    if number > _MAX_INT:
        raise S3Error(Code.MalformedXML)
    if number < 1:
        message = f"'{name}' for {action} action must be a positive integer"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue=str(number))
    return number


def _date_s(text: str | None) -> int | None:
    """Return the seconds since the epoch of a midnight UTC."""
    if text is None:
        return None
    text = text.strip()
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        date = datetime.fromisoformat(text)
    except ValueError:
        raise S3Error(Code.MalformedXML) from None
    seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    if seconds % rules.REAL_DAY_S:
        message = "'Date' must be at midnight GMT"
        raise S3Error(Code.InvalidArgument, message, ArgumentName="Date", ArgumentValue=text)
    return int(seconds)


# Writing


def shown_configuration(kept: Configuration) -> LifecycleConfiguration:
    """Return the document as it was sent, with the ids that were generated."""
    return LifecycleConfiguration(tuple(_shown(rule) for rule in kept.rules))


def _shown(rule: rules.Rule) -> LifecycleRule:
    noncurrent, abort_days = rule.noncurrent, rule.abort_days
    return LifecycleRule(
        id=rule.id,
        filter=None if rule.filter is None else _shown_filter(rule.filter),
        prefix=rule.prefix,
        status=Status.ENABLED if rule.enabled else Status.DISABLED,
        expiration=None if rule.expiration is None else _shown_expiration(rule.expiration),
        noncurrent_version_expiration=None
        if noncurrent is None
        else NoncurrentVersionExpiration(
            noncurrent_days=noncurrent.days, newer_noncurrent_versions=noncurrent.newer
        ),
        abort_incomplete_multipart_upload=None
        if abort_days is None
        else AbortIncompleteMultipartUpload(days_after_initiation=abort_days),
    )


def _shown_filter(kept: rules.Filter) -> Filter:
    tags, both = _shown_tags(kept.tags), kept.also
    return Filter(
        prefix=kept.prefix,
        tag=tags[0] if tags else None,
        object_size_greater_than=kept.size_greater_than,
        object_size_less_than=kept.size_less_than,
        and_=None
        if both is None
        else And(
            prefix=both.prefix,
            tags=_shown_tags(both.tags),
            object_size_greater_than=both.size_greater_than,
            object_size_less_than=both.size_less_than,
        ),
    )


def _shown_tags(kept: Sequence[rules.Tag]) -> tuple[Tag, ...]:
    return tuple(Tag(tag.key, tag.value) for tag in kept)


def _shown_expiration(kept: rules.Expiration) -> Expiration:
    return Expiration(
        date=None if kept.date_s is None else iso_time(kept.date_s),
        days=kept.days,
        expired_object_delete_marker=kept.delete_marker,
    )
