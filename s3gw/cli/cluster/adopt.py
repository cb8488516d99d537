"""`s3gw cluster adopt`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cluster.coordination.embedded import FILE_NAME as COORDINATION
from s3gw.cli.parameters import switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import LiveLine, size_text
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.cli.tables import plural, table
from s3gw.config.loading import ConfigError
from s3gw.config.places import own_folder
from s3gw.config.schema import Config
from s3gw.config.stored import TRANSIENT
from s3gw.identity.opening import KEY_FILE_NAME
from s3gw.identity.root_keys import FILE_NAME as ROOT_KEYS
from s3gw.keys.opening import FILE_NAME as KEY_RING
from s3gw.server.outboxes import BUCKET_LOGS, NOTIFICATIONS
from storage import outbox_file
from storage.backends.local import Durability
from storage.startup_errors import MountpathError

if TYPE_CHECKING:
    from cluster.adopting.adoption import Adopted, Order
    from cluster.adopting.comparing import BucketCounts
    from cluster.adopting.key_files import KeyFile

_EXAMPLES = """\
  s3gw cluster adopt --data /disk1 --cluster postgresql://s3gw@db/s3gw \\
      --cluster-blobs shared:/mnt/blobs --dry-run
  s3gw cluster adopt --config /etc/s3gw.toml
  s3gw cluster adopt --config /etc/s3gw.toml --copy --verify-checksums --json
  s3gw cluster adopt --config /etc/s3gw.toml --abandon

The server of the data folders must be stopped. Buckets, users, keys and settings go into the
database of the cluster, and the blobs get hard links in its shared folder: the data folders stay as
they are, and can be served again. Clients of the cluster see all buckets at once, at the end. A
command that was stopped is called again, and goes on. The exit code is 1 when something stands in
the way or is damaged. See docs/adopting.md."""
_HEAD = ("BUCKET", "OBJECTS>", "VERSIONS>", "MARKERS>", "UPLOADS>", "BLOBS>", "SIZE>")
_SETTINGS = (
    "storage.data",
    "cluster.database",
    "cluster.blobs",
    "encryption.master_key_file",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    json: bool = switch(help="print JSON, for programs")
    dry_run: bool = switch(help="say what would be done", exclusive="what")
    abandon: bool = switch(
        help="remove what an unfinished adoption has left in the cluster", exclusive="what"
    )
    copy: bool = switch(help="copy the blobs, to another file system")
    objects_only: bool = switch(help="leave users, keys, settings and jobs where they are")
    verify_checksums: bool = switch(help="read all bytes of all blobs")
    settings: GivenSettings = setting_flags(only=_SETTINGS)


def run(options: Options) -> int:
    config = options.settings.load().config
    if not config.cluster.database:
        raise ConfigError("The cluster's database is missing: give --cluster postgresql://...")
    try:
        from cluster.adopting.adoption import abandon, adopt, rehearse
        from cluster.database.errors import DatabaseError
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed: pip install 's3gw[cluster]', and try again."
        ) from None
    with LiveLine(sys.stderr) as line:
        order = _order(config, options, line)
        try:
            if options.abandon:
                had = asyncio.run(abandon(order))
                print("The unfinished adoption was removed." if had else "There is none.")
                return 0
            done = asyncio.run((rehearse if options.dry_run else adopt)(order))
        except DatabaseError as error:
            raise MountpathError(
                f"The database cannot be used: {error}. Nothing is half done: the same command "
                "goes on where it stopped."
            ) from error
    left = tuple(_left_behind(config))
    print(_as_json(done, left) if options.json else "\n".join(_text(config, options, done, left)))
    return 1 if done.damaged or done.obstacles else 0


COMMAND = Command(Options, run, _EXAMPLES)


def _data_folders(config: Config) -> list[Path]:
    """Return those of the store that is adopted."""
    return [Path(folder) for folder in config.storage.data]


def _order(config: Config, options: Options, line: LiveLine) -> Order:
    from cluster.adopting.adoption import Order
    from cluster.adopting.blobs import How

    return Order(
        data=_data_folders(config),
        address=config.cluster.direct or config.cluster.database,
        folder=Path(config.cluster.shared_folder),
        how=How.COPY if options.copy else How.LINK,
        unsynced=Durability(config.storage.durability) is not Durability.SYNC,
        verify=options.verify_checksums,
        coordination=None if options.objects_only else own_folder(config) / COORDINATION,
        unmoved=(TRANSIENT,),
        key_files=_key_files(config, objects_only=options.objects_only),
        progress=lambda what, rows: line.show(f"{what}: {rows:,} rows"),
    )


def _key_files(config: Config, *, objects_only: bool) -> Sequence[KeyFile]:
    """Return those in the data folders; a path that is configured is for each node to have."""
    from cluster.adopting.key_files import KeyFile

    first = own_folder(config)
    names = [] if config.encryption.key_file else [KEY_RING]
    if not objects_only:
        names += [] if config.auth.secrets_key or config.auth.secrets_key_file else [KEY_FILE_NAME]
        names += [] if config.auth.root_access_key else [ROOT_KEYS]
    files = [KeyFile(first / name, name) for name in names]
    master = Path(config.encryption.master_key_file)
    if config.encryption.master_key_file and _is_inside(master, config):
        files.append(KeyFile(master, master.name))
    return files


def _is_inside(file: Path, config: Config) -> bool:
    return any(file.resolve().is_relative_to(each.resolve()) for each in _data_folders(config))


def _left_behind(config: Config) -> Iterator[str]:
    """Yield what waits in queues that are not moved."""
    for name, what in ((NOTIFICATIONS, "event"), (BUCKET_LOGS, "log line")):
        file = own_folder(config) / name
        if not file.exists():
            continue
        outbox_file.prepare(file, durable=name == NOTIFICATIONS)
        with closing(outbox_file.FileOutbox(file, limit_bytes=0)) as queue:
            count = sum(each.records for each in asyncio.run(queue.queues()))
        if count:
            yield f"Left behind: {plural(count, what)} that {file} has not delivered."


def _text(config: Config, options: Options, done: Adopted, left: Sequence[str]) -> Iterator[str]:
    if done.buckets:
        yield f"{table(_HEAD, [_row(each) for each in done.buckets])}\n"
    yield from (f"{each.bucket}/{each.name}: {each.problem}" for each in done.damage)
    if done.damaged:
        yield (
            f"{done.damaged} damaged: clients see nothing yet. Remove these objects on a server of "
            "the data folders, or restore them, and adopt again."
        )
        return
    yield from done.obstacles
    if done.obstacles:
        return
    if done.entries:
        moved = ", ".join(f"{count} {start}" for start, count in sorted(done.entries.items()))
        yield f"Entries: {moved}."
    if done.key_files:
        yield f"Files in the shared folder: {', '.join(done.key_files)}."
    yield from _not_moved(config, options, done, left)
    yield _verdict(options, done)


def _row(counts: BucketCounts) -> tuple[str, ...]:
    return (
        counts.name,
        *(str(number) for number in (counts.objects, counts.versions, counts.delete_markers)),
        str(counts.uploads),
        str(counts.blobs),
        size_text(counts.bytes),
    )


def _not_moved(
    config: Config, options: Options, done: Adopted, left: Sequence[str]
) -> Iterator[str]:
    if done.trashed_buckets:
        yield f"Left behind: {plural(done.trashed_buckets, 'bucket')} in the trash."
    if done.jobs_left:
        yield f"Left behind: jobs that have not ended: {', '.join(done.jobs_left)}."
    yield from left
    master = config.encryption.master_key_file
    if master and _is_inside(Path(master), config):
        there = Path(config.cluster.shared_folder) / Path(master).name
        yield f"The nodes need encryption.master_key_file = {str(there)!r}."
    secrets = "" if options.objects_only else config.auth.secrets_key_file
    for file in filter(None, (config.encryption.key_file, secrets)):
        yield f"Each node needs {file}: it is configured, and was not copied."


def _verdict(options: Options, done: Adopted) -> str:
    what = f"{plural(len(done.buckets), 'bucket')}, {plural(done.rows, 'row')}"
    if options.dry_run and not done.earlier:
        return f"Nothing stands in the way: {what}, {plural(done.blobs, 'blob')}."
    how = "copied" if options.copy else "linked"
    blobs = f"{plural(done.blobs, 'blob')}, {done.new_blobs} {how} by this run"
    when = "before" if done.earlier else f"in {done.seconds:.0f} s"
    return (
        f"Adopted {when}: {what}, {blobs}. The data folders are as they were: keep them until the "
        "cluster has proved itself, and start no server on them beside it."
    )


def _as_json(done: Adopted, left: Sequence[str]) -> str:
    document = {**msgspec.to_builtins(done), "left_behind": left}
    return msgspec.json.format(msgspec.json.encode(document)).decode()
