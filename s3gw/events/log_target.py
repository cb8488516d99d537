"""Where a bucket's access log goes: a bucket, a prefix, and how the keys of its objects are made.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
"""

from __future__ import annotations

from enum import Enum
from time import gmtime, strftime
from typing import ClassVar

from msgspec import Struct

from storage.settings import Setting

_NS = 1_000_000_000
_DAY_S = 86400


class Partition(Enum):
    """Which day stands in a key: none, that of the records, or that of the delivery."""

    SIMPLE = ""
    EVENT_TIME = "EventTime"
    DELIVERY_TIME = "DeliveryTime"


class LoggingTarget(Setting, frozen=True):
    """`shown_format` says that the document named a format: what was left out stays out."""

    setting_name: ClassVar[str] = "logging"
    bucket: str
    prefix: str
    partition: Partition = Partition.SIMPLE
    shown_format: bool = False


class Source(Struct, frozen=True):
    """Whose log it is."""

    bucket: str
    owner: str
    region: str


def log_key(source: Source, target: LoggingTarget, time_ns: int, unique: str) -> str:
    """The key of a log object; `time_ns`, nanoseconds since the epoch, is of what the partition
    says. Records by their own day name no hour, for the object holds a whole day's."""
    seconds = time_ns // _NS
    if target.partition is Partition.SIMPLE:
        return f"{target.prefix}{_stamp(seconds)}-{unique}"
    folder = (
        f"{source.owner}/{source.region}/{source.bucket}/{strftime('%Y/%m/%d', gmtime(seconds))}"
    )
    if target.partition is Partition.EVENT_TIME:
        seconds -= seconds % _DAY_S
    return f"{target.prefix}{folder}/{_stamp(seconds)}-{unique}"


def _stamp(seconds: int) -> str:
    return strftime("%Y-%m-%d-%H-%M-%S", gmtime(seconds))
