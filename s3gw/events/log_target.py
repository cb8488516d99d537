"""The destination of a bucket's access log: bucket, prefix and key format.

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
    """The date in a key: absent, that of the records, or that of the delivery."""

    SIMPLE = ""
    EVENT_TIME = "EventTime"
    DELIVERY_TIME = "DeliveryTime"


class LoggingTarget(Setting, frozen=True):
    """`shown_format`: the document had a format, so that reading it back shows one too."""

    setting_name: ClassVar[str] = "logging"
    bucket: str
    prefix: str
    partition: Partition = Partition.SIMPLE
    shown_format: bool = False


class Source(Struct, frozen=True):
    """The bucket of the log."""

    bucket: str
    owner: str
    region: str


def log_key(source: Source, target: LoggingTarget, time_ns: int, unique: str) -> str:
    """Return the key of a log object; `time_ns`, nanoseconds since the epoch, is the time of the
    records or of the delivery, according to the partition. Keys by the records' day are without an
    hour, for the object has a whole day's records."""
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
