"""Orders for a dsort, and what carries them out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

from msgspec import Struct

from cluster.jobs.job import Job
from cluster.jobs.sort_progress import SortProgress
from storage.errors import NotSupported

# The attribute of an output shard with the id of the job that made it.
MARK = "dsort"


class Order(Enum):
    """Orders of records: by the name of the first member, by its MD5, by chance, by the content of
    a member, and as they come. AIStore's words."""

    ALPHANUMERIC = "alphanumeric"
    MD5 = "md5"
    SHUFFLE = "shuffle"
    CONTENT = "content"
    NONE = "none"


class KeyType(Enum):
    """How the content of a member is read as a key."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"


class Reaction(Enum):
    """What to do about something that is not as it should be."""

    IGNORE = "ignore"
    WARN = "warn"
    ABORT = "abort"


class Algorithm(Struct, frozen=True):
    """`seed` is that of a shuffle. The key of `CONTENT` is in the member with the `extension`."""

    order: Order = Order.ALPHANUMERIC
    decreasing: bool = False
    seed: int = 0
    extension: str = ""
    key_type: KeyType = KeyType.STRING


class Reactions(Struct, frozen=True):
    duplicated_records: Reaction = Reaction.IGNORE
    missing_shards: Reaction = Reaction.IGNORE
    malformed_line: Reaction = Reaction.ABORT
    missing_key: Reaction = Reaction.ABORT


class KeyMapSource(Struct, frozen=True):
    """Where an external key map is: at a `url`, in an object of this store, or behind the names of
    the job's list. Without JSON, a line is a key, the `separator` and a template."""

    url: str = ""
    bucket: str = ""
    name: str = ""
    separator: str = "\t"


class SortOrders(Struct, frozen=True, kw_only=True):
    """How to sort.

    Input shards are the first `listed` names of the job's list, else those of its template or
    prefix; names without the suffix of an archive get `input_format`, such as `.tar`, empty for
    none. Output shards are named by the template `output`, or by the key map, and are in
    `output_format`; each has `shard_bytes` of content or a little more, 0 for as much as there
    are names. `memory` is a size or a share of the machine's, as in `10%`. So many shards are
    read and written at once as there are `readers` and `writers`. `dry_run` writes none.
    """

    algorithm: Algorithm = Algorithm()
    reactions: Reactions = Reactions()
    listed: int = 0
    input_format: str = ""
    output: str = ""
    output_format: str = ".tar"
    shard_bytes: int = 0
    key_map: KeyMapSource | None = None
    memory: str = "256MiB"
    readers: int = 4
    writers: int = 4
    dry_run: bool = False


class SortTask(Struct, frozen=True):
    """A dsort of the job's bucket into its target. `names` are its list, a template's, or None for
    those with the `prefix`; `inline` is the key map that came with the request. `save` writes
    `shown` down at once; `progress` now and then, and raises when the job is to stop, as `check`
    does between. `count` is called with the size of each shard that was made."""

    job: Job
    orders: SortOrders
    names: Sequence[str] | None
    prefix: str
    inline: str
    shown: SortProgress
    count: Callable[[int], None]
    save: Callable[[], Awaitable[None]]
    progress: Callable[[], Awaitable[None]]
    check: Callable[[], None]


# Sorts. Raises `JobFailed`, `BucketNotFound` and `StorageError`; what it wrote is marked then.
Sort = Callable[[SortTask], Awaitable[None]]


async def nothing_to_sort(task: SortTask) -> None:
    """Raise `NotSupported`: the `sort` of a process without archives."""
    raise NotSupported("dsort", task.job.bucket)
