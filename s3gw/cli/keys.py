"""`s3gw keys`: the key ring of SSE-S3 and SSE-KMS."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from s3gw.cli.parameters import argument, arguments, switch
from s3gw.cli.parsing import Actions, Command
from s3gw.cli.progress import LiveLine
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.cli.tables import plural, print_table
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.jobs.key_rotation import Rewrapped, rewrap_all
from s3gw.keys.opening import prepare_ring
from s3gw.keys.provider import KeyFacts, UnknownKey
from s3gw.keys.ring import Ring, RingError
from s3gw.server.deployment import deployment_of

_LIST = """\
  s3gw keys list --data /disk1 --master-key-file /etc/s3gw/master.key
  s3gw keys list --config /etc/s3gw.toml --json"""
_CREATE = """\
  s3gw keys create team-a --config /etc/s3gw.toml
  s3gw keys create sales/2026 --data /disk1 --master-key-file /etc/s3gw/master.key

Clients name the key in x-amz-server-side-encryption-aws-kms-key-id. A running server knows it at
once."""
_ROTATE = """\
  s3gw keys rotate --config /etc/s3gw.toml            all keys
  s3gw keys rotate team-a --config /etc/s3gw.toml     one of them
  s3gw keys rotate --resume --config /etc/s3gw.toml   after an interruption: no new version

It may run beside the server. Each key gets a new version, and the data keys of objects are wrapped
with it; the bytes of objects do not change. Old versions stay in the ring, so keep its backups
together with those of the data. The exit code is 1 when the key of an object was missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    json: bool = switch(help="print JSON, for programs")
    settings: GivenSettings = setting_flags()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOptions(Options):
    key: str = argument("ID", help="letters, digits and any of / _ . -")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateOptions(Options):
    keys: tuple[str, ...] = arguments("ID", at_least=0, help="which keys (default: all)")
    resume: bool = switch(help="do not make a new version")


def run_list(options: Options) -> int:
    facts = _describe(_ring(options.settings.load().config))
    if options.json:
        print(_as_json(facts))
    else:
        _print(facts)
    return 0


def run_create(options: CreateOptions) -> int:
    ring = _ring(options.settings.load().config)
    try:
        ring.create(options.key)
    except RingError as error:
        raise ConfigError(str(error)) from None
    created = next(each for each in _describe(ring) if each.id == options.key)
    print(_as_json(created) if options.json else f"Made the key {created.id}.")
    return 0


def run_rotate(options: RotateOptions) -> int:
    config = options.settings.load().config
    ring = _ring(config)
    known = [each.id for each in _describe(ring)]
    if unknown := set(options.keys) - set(known):
        raise ConfigError(str(UnknownKey(unknown.pop())))
    for key in () if options.resume else options.keys or known:
        ring.add_version(key)
    done = asyncio.run(_rewrap(config, ring))
    print(_as_json(done) if options.json else _as_text(done))
    return 1 if done.unreadable else 0


COMMAND = Actions(
    "The keys of SSE-S3 and SSE-KMS.",
    {
        "list": ("list the keys without their secrets", Command(Options, run_list, _LIST)),
        "create": ("make a key for SSE-KMS", Command(CreateOptions, run_create, _CREATE)),
        "rotate": (
            "give keys a new version and wrap the keys of all objects with it",
            Command(RotateOptions, run_rotate, _ROTATE),
        ),
    },
)


def _ring(config: Config) -> Ring:
    ring = prepare_ring(config)
    if ring is None:
        raise ConfigError(
            "There is no master key, and therefore there are no keys: name one with "
            "--master-key-file or S3GW_MASTER_KEY."
        )
    return ring


def _describe(ring: Ring) -> Sequence[KeyFacts]:
    return asyncio.run(ring.describe())


async def _rewrap(config: Config, ring: Ring) -> Rewrapped:
    async with deployment_of(config).open_store("keys") as store:
        with LiveLine(sys.stderr) as line:
            return await rewrap_all(store, ring, lambda done: line.show(_counted(done)))


def _as_json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _print(facts: Sequence[KeyFacts]) -> None:
    rows = [
        (each.id, str(each.versions), _day(each.created_ns), _day(each.rotated_ns))
        for each in facts
    ]
    print_table(("KEY", "VERSIONS>", "CREATED", "ROTATED"), rows, "There are no keys.")


def _as_text(done: Rewrapped) -> str:
    lines = [f"{name}: its key is not in the ring" for name in done.unreadable]
    return "\n".join([*lines, f"{_counted(done)}."])


def _counted(done: Rewrapped) -> str:
    return f"{plural(done.objects, 'object')} checked, {done.rewrapped} wrapped with new keys"


def _day(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d}"
