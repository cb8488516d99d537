"""Every kind of job that AIStore knows, under its two names, and what this server does with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DELETE_OBJECTS = "delete-listrange"
COPY_OBJECTS = "copy-listrange"
COPY_BUCKET = "copy-bck"
SUMMARY = "summary-bck"
MOVE_BUCKET = "move-bck"
CLEANUP = "cleanup-store"
LRU = "lru"
PROMOTE = "promote"
RECHUNK = "rechunk"
WARM_UP = "load-lom-cache"
REBALANCE = "rebalance"
RESILVER = "resilver"
ARCHIVE = "archive"
INDEX_SHARDS = "index-shard"
GET_BATCH = "get-batch"


class Start(Enum):
    """How jobs of a kind begin: with a request of their own, which may do all of the work at once,
    with `start`, or not here."""

    REQUEST = "request"
    AT_ONCE = "at once"
    ASKED = "start"
    NEVER = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """`display` is its other name. One that `idles` is not over when its work is done: clients wait
    until it is idle, and expect to find it among the running jobs for a while. One `of_a_bucket` is
    not started without."""

    name: str
    display: str
    start: Start = Start.NEVER
    idles: bool = False
    of_a_bucket: bool = False


_OURS = (
    Kind(DELETE_OBJECTS, "delete-objects", Start.REQUEST),
    Kind(COPY_OBJECTS, "copy-objects", Start.REQUEST, idles=True),
    Kind(COPY_BUCKET, "copy-bucket", Start.REQUEST),
    Kind(SUMMARY, "summary", Start.REQUEST),
    Kind(MOVE_BUCKET, "rename-bucket", Start.AT_ONCE),
    Kind(CLEANUP, "cleanup", Start.ASKED),
    Kind(LRU, "lru-eviction", Start.ASKED),
    Kind(PROMOTE, "promote-files", Start.REQUEST),
    Kind(RECHUNK, RECHUNK, Start.ASKED, of_a_bucket=True),
    Kind(WARM_UP, "warm-up-metadata", Start.ASKED, of_a_bucket=True),
    Kind(REBALANCE, REBALANCE, Start.ASKED),
    Kind(RESILVER, RESILVER, Start.ASKED),
    Kind(INDEX_SHARDS, "shard-index", Start.REQUEST),
    Kind(ARCHIVE, ARCHIVE, Start.REQUEST, idles=True),
    Kind(GET_BATCH, GET_BATCH, Start.REQUEST, idles=True),
)
_OTHERS = """
    election/elect-primary etl-inline summary-shard/shard-summary
    ec-get ec-put ec-resp put-copies etl-listrange/etl-objects
    blob-download download dsort evict-listrange/evict-objects
    evict-remote-bck/evict-remote-bucket prefetch-listrange/prefetch-objects ec-encode/ec-bucket
    make-n-copies/mirror etl-bck/etl-bucket list create-inventory
"""


def _read(names: str) -> Kind:
    name, _, display = names.partition("/")
    return Kind(name, display or name)


KINDS = {kind.name: kind for kind in (*_OURS, *map(_read, _OTHERS.split()))}
_BY_NAME = {kind.display: kind for kind in KINDS.values()} | KINDS


def find_kind(name: str) -> Kind | None:
    """By either name."""
    return _BY_NAME.get(name)
