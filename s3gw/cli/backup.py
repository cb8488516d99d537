"""`s3gw backup`"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from cluster.coordination import embedded
from s3gw.cli.parameters import argument, option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.progress import Progress, size_text
from s3gw.cli.scrub import RATE_HELP, read_rate
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.cli.tables import plural
from s3gw.config.loading import ConfigError
from s3gw.config.places import data_folders, own_folder
from s3gw.config.schema import Config
from s3gw.identity.opening import open_directory
from s3gw.identity.root_keys import find_root_keys
from s3gw.keys.opening import open_ring, ring_path
from s3gw.server.outboxes import BUCKET_LOGS, NOTIFICATIONS
from storage import outbox_file
from storage.backends.local.backup import BackedUp, BackupOptions, back_up
from storage.backends.local.scrub import Damage
from storage.sqlite.snapshots import Lacks

_EXAMPLES = """\
  s3gw backup /backups --config /etc/s3gw.toml
  s3gw backup /backups --data /disk1 --data /disk2 --rate 50MiB
  s3gw backup /backups --data s3gw-data --verify --json

It may run beside the server. /backups gets a subfolder with a data folder for each of yours, as all
of them were at one moment; `s3gw serve --data` serves them, from there or from where they are
copied to. Data that an earlier backup in /backups has is linked to it and not copied again; each
backup can be removed alone. While a backup runs, the data of deleted objects stays on the disk. The
exit code is 1 when something was damaged or a key is missing; the rest is backed up. A backup has
the keys of its data folders in it, so keep it as safe as those."""

_BESIDE: Mapping[str, Lacks] = {
    embedded.FILE_NAME: embedded.lacks,
    NOTIFICATIONS: outbox_file.lacks,
    BUCKET_LOGS: outbox_file.lacks,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    target: Path = argument(
        "DEST", read=Path, help="a new folder, or one with backups of this store"
    )
    json: bool = switch(help="print JSON, for programs")
    rate: int | None = option("BYTES", read=read_rate, help=RATE_HELP)
    verify: bool = switch(help="read what earlier backups have before it is linked")
    settings: GivenSettings = setting_flags(only=("storage.data", "encryption.master_key_file"))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`keys`: what is wrong with the keys in the backup. `elsewhere`: files of keys that are not in
    a data folder, and so not in the backup."""

    folders: tuple[str, ...]
    objects: int
    bytes: int
    copied_blobs: int
    copied_bytes: int
    linked_blobs: int
    damage: tuple[Damage, ...]
    keys: tuple[str, ...]
    elsewhere: tuple[str, ...]


def run(options: Options) -> int:
    config = options.settings.load().config
    if config.cluster.database:
        raise ConfigError(
            "A cluster is backed up where it is: its database first, as PostgreSQL's manual has it "
            "(pg_basebackup, archived logs), then its shared folder. See docs/cluster.md."
        )
    with Progress("backup", 0, sys.stderr) as bar:

        def show(done: BackedUp) -> None:
            bar.total = done.total_bytes
            bar.show(done.bytes, f"{len(done.damage)} damaged" if done.damage else "")

        how = BackupOptions(
            beside=_BESIDE, rate_bytes_s=options.rate, verify=options.verify, progress=show
        )
        done = back_up(data_folders(config), options.target, how)
    outcome = _outcome(config, done)
    print(_as_json(outcome) if options.json else as_text(outcome))
    return 1 if outcome.damage or outcome.keys else 0


COMMAND = Command(Options, run, _EXAMPLES)


def as_text(outcome: Outcome) -> str:
    lines = [f"{each.bucket}/{each.name}: {each.reason}" for each in outcome.damage]
    lines += outcome.keys
    lines += (f"{file} is not in the backup: keep a copy of it too." for file in outcome.elsewhere)
    copied = f"{plural(outcome.copied_blobs, 'file')} copied ({size_text(outcome.copied_bytes)})"
    lines.append(
        f"{plural(outcome.objects, 'object')}, {size_text(outcome.bytes)}: {copied}, "
        f"{outcome.linked_blobs} linked."
    )
    flags = " ".join(f"--data {folder}" for folder in outcome.folders)
    return "\n".join([*lines, f"To serve it: s3gw serve {flags}"])


def _outcome(config: Config, done: BackedUp) -> Outcome:
    copy = _of_copy(config, done.folders)
    return Outcome(
        folders=tuple(map(str, done.folders)),
        objects=done.objects,
        bytes=done.bytes,
        copied_blobs=done.copied_blobs,
        copied_bytes=done.copied_bytes,
        linked_blobs=done.linked_blobs,
        damage=done.damage,
        keys=tuple(_key_problems(copy)),
        elsewhere=tuple(_files_outside(copy, done.folders)),
    )


def _of_copy(config: Config, copies: Sequence[Path]) -> Config:
    """The configuration of a server on the backup, with the keys that are in it."""

    def moved(file: str) -> str:
        for folder, copy in zip(data_folders(config), copies, strict=True):
            there = Path(file).resolve()
            if file and there.is_relative_to(folder.resolve()):
                return str(copy / there.relative_to(folder.resolve()))
        return file

    encryption, auth = config.encryption, config.auth
    return replace(
        config,
        storage=replace(config.storage, data=tuple(map(str, copies))),
        encryption=replace(
            encryption,
            master_key_file=moved(encryption.master_key_file),
            key_file=moved(encryption.key_file),
        ),
        auth=replace(auth, secrets_key_file=moved(auth.secrets_key_file)),
    )


def _key_problems(copy: Config) -> Iterator[str]:
    """Open everything that a start opens."""
    first = own_folder(copy)
    if not (first / embedded.FILE_NAME).exists():
        return
    try:
        asyncio.run(_open(copy))
    except ConfigError as error:
        yield str(error)
    try:
        if find_root_keys(copy).new:
            yield f"{first} has no keys of the root account, and none are configured here."
    except ConfigError as error:
        yield str(error)
    try:
        if open_ring(copy) is None and ring_path(copy).exists():
            yield f"{ring_path(copy)} was not verified: name the master key that opens it."
    except ConfigError as error:
        yield str(error)


async def _open(copy: Config) -> None:
    async with open_directory(copy):
        pass


def _files_outside(copy: Config, copies: Sequence[Path]) -> Iterator[str]:
    named = (copy.encryption.master_key_file, copy.encryption.key_file, copy.auth.secrets_key_file)
    for file in named:
        inside = any(Path(file).is_relative_to(each) for each in copies)
        if file and (not inside or not Path(file).exists()):
            yield file


def _as_json(outcome: Outcome) -> str:
    encoded: bytes = msgspec.json.encode(outcome, enc_hook=_plain)
    return msgspec.json.format(encoded).decode()


def _plain(value: Any) -> str:
    return str(value)
