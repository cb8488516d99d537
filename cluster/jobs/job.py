"""Records of jobs: the work, written once, and the progress, written repeatedly.

    /jobs/job/<xid>         the job, by the worker that got the request
    /jobs/state/<xid>       its progress, by the process that runs it
    /jobs/counted/<xid>     what its worker did, for jobs whose work is done within requests
    /jobs/stop/<xid>        that it is to stop, by any worker
    /job-names/<xid>/<n>    the names of a long list, in pieces

Each has one writer, so a writer never has to compare with what another wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct, field

from cluster.jobs.sort_progress import SortProgress
from cluster.requested_by import RequestedBy

ROOT = "/jobs/"
JOB = "/jobs/job/"
STATE = "/jobs/state/"
COUNTED = "/jobs/counted/"
STOP = "/jobs/stop/"
NAMES = "/job-names/"

# Of a job whose list is still being written: it is not shown, and not run.
UNFINISHED = -1
NAMES_BYTES = 256 << 10
_TOLD_ERRORS = 5
# As many as AIStore shows.
MOST_FAILED = 128
_TOLD_BYTES = 512


class Job(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What is to be done, to `bucket` and perhaps `target`; each kind is a subclass with a tag.

    `xid` and `created_ns`, nanoseconds since the epoch, are set when it is registered. `pieces` is
    the length of its list of names, in pieces; 0 without a list.
    """

    xid: str = ""
    created_ns: int = 0
    requested_by: RequestedBy = field(default=RequestedBy(), name="cause")
    bucket: str = ""
    target: str = ""
    pieces: int = 0

    @property
    def kind(self) -> str:
        """AIStore's name of its kind."""
        return str(self.__struct_config__.tag)

    @property
    def workers(self) -> int:
        """How many objects are worked on at once."""
        return 1

    @property
    def parameters(self) -> Mapping[str, str | int]:
        """What a snapshot shows of its parameters; numbers are sizes in bytes."""
        return {}


class SelectingJob(Job, frozen=True, kw_only=True):
    """Selects objects of the bucket by the list of names, else by the `template`, else by the
    `prefix`; the request decides between the three. With `flat`, a prefix selects no objects of
    the folders below it. With `go_on`, a failure with one object does not end the job."""

    template: str = ""
    prefix: str = ""
    flat: bool = False
    go_on: bool = False

    @property
    def names_objects(self) -> bool:
        """Whether it has a list or a template, and not just a prefix."""
        return self.pieces > 0 or bool(self.template)

    @property
    def parameters(self) -> Mapping[str, str | int]:
        return {"template": self.template, "prefix": self.prefix}


class Tally(Struct):
    """What a summary counted in one of several buckets; sizes in bytes. `stored` are the bytes of
    older versions too; `remote_objects` are those of the backend, here or not."""

    objects: int = 0
    bytes: int = 0
    smallest: int = 0
    largest: int = 0
    stored: int = 0
    remote_objects: int = 0
    remote_bytes: int = 0


class Sizes(Struct):
    """Sizes of the objects that a summary saw, in bytes, and of all their versions together; and of
    those that the backend has."""

    smallest: int = 0
    largest: int = 0
    stored: int = 0
    remote_objects: int = 0
    remote_bytes: int = 0


class Transfer(Struct):
    """One object on its way, or that has arrived. Times in nanoseconds since the epoch, 0 for not
    yet; `total` is in bytes, 0 if it is not known yet."""

    name: str
    bytes: int = 0
    total: int = 0
    started_ns: int = 0
    ended_ns: int = 0


class Transfers(Struct):
    """What is shown of a download besides its counts. `skipped` objects are here already. `ahead`
    counts what is done behind the saved place, and will be repeated after a crash: objects, bytes,
    skipped and failed ones. `finished` and `failed` have the latest, by name."""

    all_known: bool = False
    skipped: int = 0
    ahead: tuple[int, int, int, int] = (0, 0, 0, 0)
    running: list[Transfer] = []
    finished: dict[str, Transfer] = {}
    failed: dict[str, str] = {}


class ObjectProblem(Struct, frozen=True):
    """One object that could not be done, with a status of HTTP."""

    name: str
    text: str
    status: int


class State(Struct):
    """Progress of a job. Times in nanoseconds since the epoch, 0 for not yet.

    `objects` and `bytes` count what is done. `done` counts the finished names of the list or
    template; under a prefix, `after` is the last finished name, or with `after_version` its
    versions down to that one are finished. `idle_ns` is since when it has nothing to do. `starts`
    counts how often it was begun: more than once after a crash. `problems` counts what could not be
    done, and `errors` has the first of them; `abort_error` is why it ended early. `tallies` are by
    the bucket's name, `transfers` are a download's, `sorting` is of a dsort. `objects_failed` are
    the first objects that a transformation failed with.
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
    tallies: dict[str, Tally] = {}
    transfers: Transfers | None = None
    sorting: SortProgress | None = None
    objects_failed: list[ObjectProblem] = []

    def add_failed(self, problem: ObjectProblem) -> None:
        if len(self.objects_failed) < MOST_FAILED:
            self.objects_failed.append(problem)

    def add_problem(self, text: str) -> None:
        self.problems += 1
        if len(self.errors) < _TOLD_ERRORS:
            self.errors.append(text[:_TOLD_BYTES])

    @property
    def error(self) -> str:
        """The errors in one text; empty without errors."""
        more = self.problems - len(self.errors)
        return "; ".join([*self.errors, *([f"and {more} more"] if more else [])])


class Counted(Struct, frozen=True):
    """What was done for a job until `at_ns`, nanoseconds since the epoch."""

    objects: int = 0
    bytes: int = 0
    at_ns: int = 0

    def added_to(self, state: State) -> State:
        """Return the job's state with it. It may be in there already."""
        state.objects, state.bytes = max(state.objects, self.objects), max(state.bytes, self.bytes)
        if state.idle_ns:
            state.idle_ns = max(state.idle_ns, self.at_ns)
        return state


NOTHING_DONE = Counted()


class JobStatus(Struct, frozen=True):
    """A job and its progress; one that has not begun has an empty state."""

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
