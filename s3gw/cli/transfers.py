"""Many transfers at once, with one progress bar.

A transfer that fails is reported and does not stop the others, unless they would fail, too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from s3gw.cli.parsing import FAILED
from s3gw.cli.progress import Progress, size_text
from s3gw.cli.tables import json_text, plural, printable
from s3gw.client.errors import ClientError
from s3gw.client.files import Meter
from s3gw.client.sync import Client


@dataclass(frozen=True, slots=True)
class Transfer:
    """`work` returns how many bytes it moved. `size` is None when it is not known before."""

    source: str
    target: str
    work: Callable[[Meter], int]
    size: int | None = None


@dataclass(slots=True)
class Outcome:
    """Transfers that are done, and those that failed."""

    done: list[tuple[Transfer, int]] = field(default_factory=list)
    failed: list[tuple[Transfer, ClientError]] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.done)

    @property
    def document(self) -> dict[str, object]:
        return {
            "done": [
                {"source": each.source, "target": each.target, "size": size}
                for each, size in self.done
            ],
            "failed": [
                {"source": each.source, "target": each.target, "error": str(error)}
                for each, error in self.failed
            ],
            "bytes": self.bytes,
        }


def transfer_all(
    client: Client, what: str, transfers: Sequence[Transfer], *, at_once: int
) -> Outcome:
    """Run the transfers; `what` is the text before the bar. An interrupt ends those in progress,
    and they leave no incomplete files."""
    known = all(each.size is not None for each in transfers)
    total = sum(each.size or 0 for each in transfers) if known else 0
    with Progress(what, total, sys.stderr) as bar:
        workers = _Workers(transfers, _Bar(bar, len(transfers), is_total_known=known))
        if len(transfers) == 1:
            # In the main thread an interrupt also ends the wait for a pipe.
            workers.work()
        else:
            _work_together(workers, client, max(1, min(at_once, len(transfers))))
    if workers.crash is not None:
        raise workers.crash
    return workers.outcome


def _work_together(workers: _Workers, client: Client, at_once: int) -> None:
    """Run the transfers in threads. An interrupt is not awaited in `join`: Python 3.11 takes a
    thread whose join was interrupted for ended (bpo-45274), and does not wait for it again."""
    left = threading.Semaphore(0)

    def work() -> None:
        workers.work()
        left.release()

    threads = [threading.Thread(target=work, name=f"transfer-{n}") for n in range(at_once)]
    begun: list[threading.Thread] = []
    try:
        for thread in threads:
            begun.append(thread)
            thread.start()
        for _ in threads:
            left.acquire()
    except BaseException:
        workers.stop()
        client.close()
        for thread in begun:
            if thread.ident is not None:
                thread.join()
        raise


def report(outcome: Outcome, verb: str, *, as_json: bool, is_verbose: bool) -> int:
    """Print the results and return the exit code."""
    is_single = len(outcome.done) + len(outcome.failed) == 1
    for each, error in outcome.failed:
        which = "" if is_single else f"{printable(each.source)}: "
        print(f"s3gw: {which}{printable(str(error))}", file=sys.stderr)
    if as_json:
        print(json_text(outcome.document))
        return FAILED if outcome.failed else 0
    if is_verbose or len(outcome.done) == 1:
        for each, size in outcome.done:
            names = f"{printable(each.source)} to {printable(each.target)}"
            print(f"{verb} {names} ({size_text(size)}).")
    if len(outcome.done) > 1 or (outcome.done and outcome.failed):
        print(f"{verb} {plural(len(outcome.done), 'object')}, {size_text(outcome.bytes)}.")
    return FAILED if outcome.failed else 0


class _Bar:
    """The meter of all transfers together."""

    def __init__(self, bar: Progress, count: int, *, is_total_known: bool) -> None:
        self._bar = bar
        self._count = count
        self._is_total_known = is_total_known
        self._lock = threading.Lock()
        self._done = 0
        self._finished = 0

    def expect(self, size_bytes: int) -> None:
        if not self._is_total_known:
            with self._lock:
                self._bar.total += size_bytes

    def count(self, size_bytes: int) -> None:
        with self._lock:
            self._done += size_bytes
            self._show()

    def finish_one(self) -> None:
        with self._lock:
            self._finished += 1
            self._show()

    def _show(self) -> None:
        note = f"{self._finished} of {self._count}" if self._count > 1 else ""
        self._bar.show(self._done, note)


class _Workers:
    """Threads that each take the next transfer until there are no more."""

    def __init__(self, transfers: Sequence[Transfer], bar: _Bar) -> None:
        self._next: Iterator[Transfer] = iter(transfers)
        self._bar = bar
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.outcome = Outcome()
        # Anything but a `ClientError` ends the command.
        self.crash: BaseException | None = None

    def stop(self) -> None:
        self._stopped.set()

    def work(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                transfer = next(self._next, None)
            if transfer is None:
                return
            try:
                self._move(transfer)
            except BaseException as error:
                self.crash = self.crash or error
                self.stop()

    def _move(self, transfer: Transfer) -> None:
        try:
            size = transfer.work(self._bar)
        except ClientError as error:
            with self._lock:
                self.outcome.failed.append((transfer, error))
            if error.affects_all_objects:
                self.stop()
            return
        with self._lock:
            self.outcome.done.append((transfer, size))
        self._bar.finish_one()
