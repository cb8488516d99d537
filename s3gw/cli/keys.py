"""`s3gw keys`: the key ring of SSE-S3 and SSE-KMS."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

import msgspec

from s3gw.cli.commands import Parser, add_command
from s3gw.cli.progress import LiveLine
from s3gw.cli.settings import add_settings, load_settings
from s3gw.cli.tables import table
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.jobs.key_rotation import Rewrapped, rewrap_all
from s3gw.keys.opening import prepare_ring
from s3gw.keys.provider import KeyFacts, UnknownKey
from s3gw.keys.ring import Ring, RingError
from s3gw.server.compose import folders
from storage.backends.local import LocalStore

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

It may run beside the server. Each key gets a new version, and what stands under older ones is
wrapped anew; the bytes of objects are not touched. Old versions stay in the ring, so keep its
backups together with those of the data. The exit code is 1 when a key was missing for an object."""


def define(parser: Parser) -> None:
    parser.description = "The keys of SSE-S3 and SSE-KMS."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    shown = add_command(actions, "list", "list the keys without their secrets", run_list, _LIST)
    made = add_command(actions, "create", "make a key for SSE-KMS", run_create, _CREATE)
    made.add_argument("key", metavar="ID", help="letters, digits and any of / _ . -")
    summary = "give keys a new version and bring all objects under it"
    turned = add_command(actions, "rotate", summary, run_rotate, _ROTATE)
    turned.add_argument("key", metavar="ID", nargs="*", help="which keys; none means all")
    turned.add_argument("--resume", action="store_true", help="make no new version")
    for each in (shown, made, turned):
        each.add_argument("--json", action="store_true", help="for programs")
        add_settings(each)


def run_list(args: argparse.Namespace) -> int:
    facts = _describe(_ring(load_settings(args).config))
    print(_as_json(facts) if args.json else _as_table(facts))
    return 0


def run_create(args: argparse.Namespace) -> int:
    ring = _ring(load_settings(args).config)
    try:
        ring.create(args.key)
    except RingError as error:
        raise ConfigError(str(error)) from None
    made = next(each for each in _describe(ring) if each.id == args.key)
    print(_as_json(made) if args.json else f"Made the key {made.id}.")
    return 0


def run_rotate(args: argparse.Namespace) -> int:
    config = load_settings(args).config
    ring = _ring(config)
    known = [each.id for each in _describe(ring)]
    if unknown := set(args.key) - set(known):
        raise ConfigError(str(UnknownKey(unknown.pop())))
    for key in () if args.resume else args.key or known:
        ring.add_version(key)
    done = asyncio.run(_rewrap(config, ring))
    print(_as_json(done) if args.json else _as_text(done))
    return 1 if done.unreadable else 0


def _ring(config: Config) -> Ring:
    ring = prepare_ring(config)
    if ring is None:
        raise ConfigError(
            "There is no master key, and so there are no keys: name one with --master-key-file or "
            "S3GW_MASTER_KEY."
        )
    return ring


def _describe(ring: Ring) -> Sequence[KeyFacts]:
    return asyncio.run(ring.describe())


async def _rewrap(config: Config, ring: Ring) -> Rewrapped:
    with closing(LocalStore.open(folders(config), slot="keys")) as store:
        with LiveLine(sys.stderr) as line:
            return await rewrap_all(store, ring, lambda done: line.show(_counted(done)))


def _as_json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _as_table(facts: Sequence[KeyFacts]) -> str:
    rows = [
        (each.id, str(each.versions), _day(each.created_ns), _day(each.rotated_ns))
        for each in facts
    ]
    return table(("KEY", "VERSIONS>", "CREATED", "ROTATED"), rows, "There are no keys.")


def _as_text(done: Rewrapped) -> str:
    lines = [f"{name}: its key is not in the ring" for name in done.unreadable]
    return "\n".join([*lines, f"{_counted(done)}."])


def _counted(done: Rewrapped) -> str:
    return f"{done.objects} objects seen, {done.rewrapped} wrapped anew"


def _day(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, UTC):%Y-%m-%d}"
