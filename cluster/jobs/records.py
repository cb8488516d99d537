"""Records of jobs: what is to be done, once; the progress, again and again.

    /jobs/job/<xid>         the job, by the worker that was asked for it
    /jobs/state/<xid>       how far it is, by the process that runs it
    /jobs/stop/<xid>        that it is to stop, by any worker
    /job-names/<xid>/<n>    the names of a long list, in pieces

Each has one writer, so none has to look what another did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from msgspec import Struct, field

from cluster.requested_by import RequestedBy

ROOT = "/jobs/"
JOB = "/jobs/job/"
STATE = "/jobs/state/"
STOP = "/jobs/stop/"
NAMES = "/job-names/"

# Of a job whose list is still being written: nobody is told of it, and nobody runs it.
UNFINISHED = -1
NAMES_BYTES = 256 << 10
_TOLD_ERRORS = 5
_TOLD_BYTES = 512


class FileOrders(Struct, frozen=True):
    """The file `source` of the server's machine, or all in that folder, are to become objects, with
    the job's prefix before their names. They take the place of others with `overwrite` only."""

    source: str
    recursive: bool = False
    overwrite: bool = False
    delete_source: bool = False


class ChunkOrders(Struct, frozen=True):
    """Objects of `limit` bytes or more are to be in chunks of `size` bytes, others in one piece."""

    limit: int
    size: int


class ArchiveOrders(Struct, frozen=True):
    """The archive `name` is made in the job's target, of the format `mime` or the one that its name
    tells, or appended to. Members are named as their objects, or with `bare` by the last part of
    that; `with_bucket` puts the bucket's name and a slash before. Without `deep`, objects are left
    out that have a slash behind the job's prefix."""

    name: str
    mime: str = ""
    append: bool = False
    with_bucket: bool = False
    bare: bool = False
    deep: bool = True


class Job(Struct, frozen=True):
    """What is to be done, to `bucket` and perhaps `target`; what a kind has no use for is empty.

    Of objects those are chosen whose names are in the list (`pieces` of it), else those of the
    `template`, else those with the `prefix`; it is read as one of the three when the job is made.
    `prepend` is put before the names of copies. `workers` copies are made at once. With
    `go_on`, what cannot be done to one object does not end the job.
    """

    xid: str
    kind: str
    created_ns: int
    requested_by: RequestedBy = field(default=RequestedBy(), name="cause")
    bucket: str = ""
    target: str = ""
    pieces: int = 0
    template: str = ""
    prefix: str = ""
    prepend: str = ""
    dry_run: bool = False
    go_on: bool = False
    workers: int = 1
    files: FileOrders | None = None
    chunks: ChunkOrders | None = None
    archive: ArchiveOrders | None = None


class Sizes(Struct):
    """Of the objects that a summary saw, in bytes."""

    smallest: int = 0
    largest: int = 0


class State(Struct):
    """How far a job got. Times in nanoseconds since the epoch, 0 for not yet.

    `objects` and `bytes` are done; `done` counts names of the list or template that are behind it,
    `after` is the last name of a prefix that is, or of it the versions down to `after_version`.
    `idle_ns` is since when it has nothing to do. `starts` counts how often it was begun: more than
    once after a crash. `problems` are what could not be done, of which `errors` tells the first;
    `abort_error` why it ended early.
    """

    starts: int = 0
    ended_ns: int = 0
    idle_ns: int = 0
    aborted: bool = False
    abort_error: str = ""
    objects: int = 0
    bytes: int = 0
    done: int = 0
    after: str = ""
    after_version: str = ""
    problems: int = 0
    errors: list[str] = []
    sizes: Sizes = msgspec.field(default_factory=Sizes)

    def add_problem(self, text: str) -> None:
        self.problems += 1
        if len(self.errors) < _TOLD_ERRORS:
            self.errors.append(text[:_TOLD_BYTES])

    @property
    def error(self) -> str:
        """Empty for none."""
        more = self.problems - len(self.errors)
        return "; ".join([*self.errors, *([f"and {more} more"] if more else [])])


@dataclass(frozen=True, slots=True)
class Known:
    """A job as it stands; one that nobody has begun yet has an empty state."""

    job: Job
    state: State
    stopping: bool = False

    @property
    def is_over(self) -> bool:
        return self.state.ended_ns > 0

    @property
    def is_idle(self) -> bool:
        return not self.is_over and self.state.idle_ns > 0


def pieces_of(names: Sequence[str]) -> Iterator[bytes]:
    """The names in JSON lists, each small enough for one transaction."""
    piece: list[str] = []
    size = 0
    for name in names:
        if size + len(name.encode()) > NAMES_BYTES and piece:
            yield msgspec.json.encode(piece)
            piece, size = [], 0
        piece.append(name)
        # Six bytes of JSON for a control character, at worst.
        size += 6 * len(name.encode())
    if piece:
        yield msgspec.json.encode(piece)
