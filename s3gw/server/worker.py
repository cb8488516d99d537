"""Child process of the supervisor: `python -m s3gw.server.worker SLOT`.

The task comes on its standard input; the argument is only for the list of processes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import uvloop

from s3gw.config.loading import ConfigError
from s3gw.server.channel import Channel, Started, Task
from s3gw.server.compose import run_child
from s3gw.server.installation import require_own_packages
from s3gw.server.memory import keep_freed_blocks
from s3gw.telemetry.logs import set_up_logging
from s3gw.telemetry.metrics import FOLDER_VARIABLE
from s3gw.telemetry.recent_log import keep_log
from storage.errors import StorageError

log = logging.getLogger(__name__)


def main() -> None:
    keep_freed_blocks()
    require_own_packages()
    # Ctrl-C reaches every process of the terminal; the supervisor alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel.inherited()
    task = channel.read_task()
    channel.die_with_supervisor()
    set_up_logging(task.config.log.level, task.log_style)
    keep_log(os.environ.get(FOLDER_VARIABLE, ""), task.slot)
    code = _run(task, channel)
    logging.shutdown()
    sys.stdout.flush()
    # Threads that still wait for a client's disk or pipe must not keep the process alive.
    os._exit(code)


def _run(task: Task, channel: Channel) -> int:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_terminated(task, channel))
    except (ConfigError, StorageError, OSError) as error:
        channel.answer(Started(problem=str(error)))
        return 1
    except Exception:
        log.exception("worker failed", extra={"slot": task.slot})
        return 1
    return 0


async def _until_terminated(task: Task, channel: Channel) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_child(task, channel, stop)


if __name__ == "__main__":
    main()
