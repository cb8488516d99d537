"""The program of a child: a worker, or the maintenance process."""

from __future__ import annotations

import asyncio
import os
import signal

import uvloop

from s3gw.config.loading import ConfigError
from s3gw.server.channel import Channel, Started, Task
from s3gw.server.compose import run_child
from s3gw.server.memory import keep_freed_blocks
from s3gw.telemetry.logs import set_up_logging
from s3gw.telemetry.metrics import FOLDER_VARIABLE
from s3gw.telemetry.recent_log import keep_log
from storage.errors import StorageError


def work(task: Task, channel: Channel) -> int:
    """Do the task until SIGTERM; return the exit code."""
    keep_freed_blocks()
    set_up_logging(task.config.log.level, task.log_style)
    keep_log(os.environ.get(FOLDER_VARIABLE, ""), task.slot)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_terminated(task, channel))
    except (ConfigError, StorageError, OSError) as error:
        channel.answer(Started(problem=str(error)))
        return 1
    return 0


async def _until_terminated(task: Task, channel: Channel) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_child(task, channel, stop)
