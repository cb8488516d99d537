"""Threads for the blocking work of a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from storage.disk_errors import disk_error

T = TypeVar("T")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise what the file system raises as a `StorageError`."""
    try:
        yield
    except OSError as error:
        raise disk_error(error) from error


class Threads:
    """`disk` runs up to `count` jobs at once. `translated` makes a `StorageError` of what the
    file system, or an index in this process, raises in a job."""

    def __init__(
        self,
        count: int,
        translated: Callable[[], AbstractContextManager[None]] = disk_errors,
    ) -> None:
        self._translated = translated
        self._disk = ThreadPoolExecutor(count, thread_name_prefix="disk")
        # One for all scans: its connection keeps its pages, and scans side by side would spend
        # more on handing Python's lock to and fro than on scanning.
        self._scanner = ThreadPoolExecutor(1, thread_name_prefix="scan")

    @property
    def disk(self) -> Executor:
        return self._disk

    async def run(self, job: Callable[..., T], *args: Any) -> T:
        return await asyncio.wrap_future(self._disk.submit(self._run, job, *args))

    async def scan(self, job: Callable[..., T], *args: Any) -> T:
        """Run a job that reads many rows of an index."""
        return await asyncio.wrap_future(self._scanner.submit(self._run, job, *args))

    def close(self) -> None:
        """Wait for the jobs that are under way."""
        self._disk.shutdown()
        self._scanner.shutdown()

    def _run(self, job: Callable[..., T], *args: Any) -> T:
        with self._translated():
            return job(*args)


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Run a change in several commits: a caller that is cancelled waits until it is whole."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()
        raise cancelled
    return task.result()
