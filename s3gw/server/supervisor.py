"""The parent of all processes of a server.

It starts a process for each worker and one for maintenance, waits until all are ready, and from
then on replaces those that die. It answers no request itself. Children are forks (`forking`): so it
has one thread, and what opens a database after the first fork is done by a child too. They inherit
the locks on the data folders, so that no other server can use them while a child still lives.

The first SIGTERM or SIGINT stops gracefully: workers take no more connections and finish their
requests within `shutdown_timeout_s`. The second one kills.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial

import msgspec
from msgspec import Struct, field

from s3gw.server.channel import Channel, Role, Task
from s3gw.server.child import SUCCESS, Child
from s3gw.server.listener import ReservedPort
from s3gw.server.worker import work
from s3gw.telemetry.metrics import FOLDER_VARIABLE
from s3gw.telemetry.recent_log import keep_log

log = logging.getLogger(__name__)

# A child that lived so long started well: its successor starts without a pause.
_SETTLED_S = 30.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0
_START_TIMEOUT_S = 120.0
# Besides the time for requests in flight: closing the store, writing the last log lines.
_CLOSING_S = 5.0


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


class Plan(Struct, frozen=True):
    """The server to run. `recover` cleans up after a dead child's slot."""

    tasks: Sequence[Task]
    port: ReservedPort
    recover: Callable[[str], None]
    shutdown_timeout_s: float


def slots(workers: int) -> Iterable[tuple[Role, str]]:
    """Yield the children of a server, in the order of their start."""
    yield Role.MAINTENANCE, "maintenance"
    for number in range(workers):
        yield Role.SERVE, f"worker-{number}"


class Pauses(Struct):
    """The pauses before a child is started again: zero at first, then longer and longer."""

    _next_s: float = 0.0

    def after(self, age_s: float) -> float:
        if age_s >= _SETTLED_S:
            self._next_s = 0.0
        pause_s = self._next_s
        self._next_s = min(max(_FIRST_PAUSE_S, 2 * pause_s), _LONGEST_PAUSE_S)
        return pause_s


class Supervisor(Struct):
    plan: Plan
    _children: dict[str, Child] = field(default_factory=dict)
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until a signal to stop. Raises `StartError`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ask_to_stop)
        with tempfile.TemporaryDirectory(prefix="s3gw-metrics-") as folder:
            os.environ[FOLDER_VARIABLE] = folder
            keep_log(folder, "supervisor")
            try:
                await self._until_asked(self._start_all())
                if not self._asked.is_set():
                    on_ready()
                    await self._until_asked(self._keep_all())
            finally:
                await self._stop_all()

    def _ask_to_stop(self) -> None:
        if self._asked.is_set():
            for child in self._children.values():
                child.kill()
        self._asked.set()

    async def _until_asked(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` to its end, or until a signal to stop."""
        working = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait((working, asked), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not working.done():
            working.cancel()
        await asyncio.wait((working,))
        if not working.cancelled():
            working.result()

    async def _start_all(self) -> None:
        for task in self.plan.tasks:
            await self._start(task)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                answers = await asyncio.gather(*(c.started() for c in self._children.values()))
        except TimeoutError:
            raise StartError("The workers did not start in time: see the log above.") from None
        if problems := {answer.problem for answer in answers if answer.problem}:
            raise StartError(" ".join(sorted(problems)))

    async def _start(self, task: Task) -> Child:
        if task.role is Role.SERVE:
            with self.plan.port.socket() as listener:
                fd = listener.fileno()
                task = msgspec.structs.replace(task, listen_fd=fd)
                child = await Child.start(task.slot, partial(work, task), (fd,))
        else:
            child = await Child.start(task.slot, partial(work, task))
        self._children[task.slot] = child
        return child

    async def _keep_all(self) -> None:
        async with asyncio.TaskGroup() as keepers:
            for task in self.plan.tasks:
                keepers.create_task(self._keep(task))

    async def _keep(self, task: Task) -> None:
        """Start the child again each time it dies."""
        pauses = Pauses()
        while True:
            child = self._children[task.slot]
            how = await child.ended()
            pause_s = pauses.after(child.age_s)
            fields = {"slot": task.slot, "dead_pid": child.pid, "how": how, "pause_s": pause_s}
            log.error("process died and is started again", extra=fields)
            await asyncio.sleep(pause_s)
            await self._recover(task.slot)
            if problem := (await (await self._start(task)).started()).problem:
                log.error("process cannot start", extra={"slot": task.slot, "problem": problem})

    async def _recover(self, slot: str) -> None:
        def recover(_channel: Channel) -> int:
            self.plan.recover(slot)
            return 0

        child = await Child.start("recovery", recover)
        try:
            how = await child.ended()
        except asyncio.CancelledError:
            # It can be interrupted anywhere: the next start of the server completes it.
            child.kill()
            raise
        if how != SUCCESS:
            log.error("cannot clean up", extra={"slot": slot, "how": how})

    async def _stop_all(self) -> None:
        """Stop workers first: maintenance must run until the last request ended."""
        self.plan.port.close()
        for is_worker in (True, False):
            tasks = [task for task in self.plan.tasks if (task.role is Role.SERVE) is is_worker]
            await self._stop([self._children[t.slot] for t in tasks if t.slot in self._children])

    async def _stop(self, children: Sequence[Child]) -> None:
        if not children:
            return
        for child in children:
            child.terminate()
        endings = {asyncio.ensure_future(child.ended()): child for child in children}
        allowed_s = self.plan.shutdown_timeout_s + _CLOSING_S
        _, late = await asyncio.wait(endings, timeout=allowed_s)
        for ending in late:
            log.warning(
                "process killed: it did not stop in time", extra={"slot": endings[ending].name}
            )
            endings[ending].kill()
        await asyncio.wait(endings)
