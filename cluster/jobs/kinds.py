"""Kinds of jobs: what each is called, how it begins, and what runs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Generic, TypeVar

from msgspec import Struct

from cluster.jobs.job import Job
from cluster.jobs.job_run import JobRun

J = TypeVar("J", bound=Job)


class Start(Enum):
    """How jobs of a kind begin: by the kind's name, or by a request for this kind only, and that
    may do all of the work at once."""

    REQUEST = "request"
    AT_ONCE = "at once"
    BY_NAME = "by name"


class Kind(Struct, Generic[J], frozen=True):
    """`display` is its other name, empty for the same. A kind that `idles` is not over when its
    work is done: clients wait until it is idle, and expect to find it among the running jobs for a
    while. One that `lasts` is idle until it is ended or stopped. One that is `of_a_bucket` is not
    started without a bucket. Its jobs' ids begin with `prefix`, by which AIStore's clients tell
    some kinds. A kind that `undoes` is begun once more to be stopped, where its process has ended
    meanwhile."""

    job: type[J]
    run: Callable[[JobRun[J]], Awaitable[None]]
    display: str = ""
    start: Start = Start.REQUEST
    idles: bool = False
    lasts: bool = False
    of_a_bucket: bool = False
    prefix: str = ""
    undoes: bool = False

    @property
    def name(self) -> str:
        """AIStore's name, and the tag of its jobs."""
        return str(self.job.__struct_config__.tag)


AnyKind = Kind[Any]
