"""The two durable queues of a server: events, and lines of access logs.

Workers write into them. They are in the first data folder, and the maintenance process delivers
what they hold; those of a cluster are in its database, and the node that leads delivers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from cluster.maintenance import StoppedWithin, repeat
from s3gw.config.places import own_folder
from s3gw.config.schema import Config
from s3gw.events.delivery import Pace, TargetQueue
from s3gw.events.notifier import Notifier, Unannounced
from s3gw.jobs.log_delivery import Bundling, LogDelivery
from s3gw.jobs.log_writing import LogWriter
from s3gw.keys.opening import open_ring
from s3gw.objects.encryption import Encryptor
from s3gw.objects.service import ObjectService
from s3gw.telemetry.bucket_log_recorder import Recorder
from s3gw.telemetry.metrics import Metrics
from storage.backend import Backend
from storage.errors import Corrupt
from storage.outbox import Outbox
from storage.outbox_file import FileOutbox, prepare
from storage.startup_errors import MountpathError

NOTIFICATIONS = "notifications.db"
BUCKET_LOGS = "bucket-logs.db"
_AFTER_FAILURE_S = 10.0


class Outboxes(Struct, frozen=True):
    """`events` survive a loss of power once they are queued; `lines` are best effort, as at AWS."""

    events: Outbox
    lines: Outbox


def prepare_outboxes(folder: Path) -> None:
    """Create or check the queues; the supervisor does so before a child opens them. Raises
    `MountpathError` for a damaged one."""
    for path, durable in ((folder / NOTIFICATIONS, True), (folder / BUCKET_LOGS, False)):
        try:
            prepare(path, durable=durable)
        except Corrupt as error:
            message = (
                f"{path} is damaged; move it away, with the files whose names it begins, to start "
                f"without what waits in it, or keep what can be read with `s3gw fsck --rebuild`: "
                f"{error}"
            )
            raise MountpathError(message) from error


@contextlib.contextmanager
def open_files(config: Config) -> Iterator[Outboxes]:
    folder = own_folder(config)
    events = FileOutbox(folder / NOTIFICATIONS, limit_bytes=config.notifications.queue_bytes)
    limit_bytes = config.bucket_logging.queue_bytes
    lines = FileOutbox(folder / BUCKET_LOGS, limit_bytes=limit_bytes, durable=False)
    with contextlib.closing(events), contextlib.closing(lines):
        yield Outboxes(events, lines)


def notifier(outboxes: Outboxes, config: Config, metrics: Metrics) -> Notifier:
    """Return the notifier of a process that changes objects: a worker, or jobs and lifecycle."""
    return Notifier(
        outboxes.events,
        [target.name for target in config.notifications.targets],
        region=config.s3.region,
        count=metrics.count_events,
    )


def recorder(outboxes: Outboxes, config: Config, metrics: Metrics) -> Recorder:
    return Recorder(outboxes.lines, region=config.s3.region, count=metrics.count_lines)


@contextlib.asynccontextmanager
async def delivering(
    outboxes: Outboxes,
    store: Backend,
    config: Config,
    metrics: Metrics,
    stopped_within: StoppedWithin,
) -> AsyncIterator[None]:
    """Deliver in the background. What is in flight at the end is sent again by the next process."""
    encryption = Encryptor(open_ring(config), config.encryption.default_kms_key)
    # What the server itself writes is not announced.
    objects = ObjectService(store, Unannounced(), encryption)
    logs = LogDelivery(
        outboxes.lines,
        LogWriter(objects),
        bundling=Bundling(config.bucket_logging.interval_s, config.bucket_logging.object_bytes),
        count=metrics.count_lines,
    )
    async with _queues(outboxes, config, metrics) as queues, asyncio.TaskGroup() as tasks:
        jobs = [logs.run_once, *(queue.run_once for queue in queues)]
        running = [tasks.create_task(repeat(job, _AFTER_FAILURE_S, stopped_within)) for job in jobs]
        yield
        for task in running:
            task.cancel()


@contextlib.asynccontextmanager
async def _queues(
    outboxes: Outboxes, config: Config, metrics: Metrics
) -> AsyncIterator[Sequence[TargetQueue]]:
    settings = config.notifications
    if not settings.targets:
        yield ()
        return
    from aiohttp import ClientSession

    from s3gw.events.webhook import Webhook

    pace = Pace(settings.interval_s, settings.retry_s, settings.longest_retry_s, settings.keep_s)
    count = metrics.count_events
    async with ClientSession() as session:
        hooks = {
            target.name: Webhook(session, target.url, target.authorization, target.timeout_s)
            for target in settings.targets
        }
        yield [
            TargetQueue(name, outboxes.events, hook, pace=pace, count=count)
            for name, hook in hooks.items()
        ]
