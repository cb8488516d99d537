"""An executor that runs its jobs one at a time, on shared threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class SerialExecutor:
    """Run jobs in the order of their submission; a thread is held only while there are some."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._running = False

    def submit(self, job: Callable[..., T], *args: Any) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            self._jobs.append((future, lambda: job(*args)))
            start, self._running = not self._running, True
        if start:
            self._threads.submit(self._run)
        return future

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            future, job = taken
            # A caller that left has cancelled what had not begun.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)

    def _take(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._running = False
            return None
