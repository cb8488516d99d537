"""`s3gw auth key`"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TypeVar

from s3gw.cli.auth.place import Work, add_place, change, duration, in_directory
from s3gw.cli.auth.show import as_json
from s3gw.cli.commands import Parser, add_command
from s3gw.cli.tables import moment, table
from s3gw.config.types import show_duration
from s3gw.identity import keys
from s3gw.identity.directory import KeyFacts, StoredDirectory
from s3gw.identity.protocol import UserKey

_ADD = """\
  s3gw auth key add ann
  s3gw auth key add ann --json | jq -r .secret_key

The secret is shown this once. A user has up to eight keys."""
_LIST = """\
  s3gw auth key list
  s3gw auth key list ann --json"""
_ROTATE = """\
  s3gw auth key rotate AKIA...                a new key; the old one works for another day
  s3gw auth key rotate AKIA... --grace 0      the old one is disabled at once"""
_SWITCH = """\
  s3gw auth key {0} AKIA..."""
_GRACE_S = 24 * 3600
_LONGEST_GRACE_S = 90 * 24 * 3600

T = TypeVar("T")


def define(parser: Parser) -> None:
    parser.description = "The access keys of users."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    made = add_command(actions, "add", "make a key for a user", run_add, _ADD)
    made.add_argument("user", metavar="USER")
    shown = add_command(actions, "list", "list keys without their secrets", run_list, _LIST)
    shown.add_argument("user", metavar="USER", nargs="?", help="whose; none means all")
    turned = add_command(actions, "rotate", "make a key in the place of one", run_rotate, _ROTATE)
    turned.add_argument(
        "--grace",
        metavar="TIME",
        type=duration(1, _LONGEST_GRACE_S, or_zero=True),
        default=_GRACE_S,
        help="how long the old key still works; 0 disables it (default: 24h)",
    )
    changed = [
        add_command(actions, name, summary, run, _SWITCH.format(name))
        for name, summary, run in (
            ("enable", "take a key again", partial(run_switch, True)),
            ("disable", "take a key no more, and keep it", partial(run_switch, False)),
            ("remove", "remove a key", run_remove),
        )
    ]
    for each in (turned, *changed):
        each.add_argument("key", metavar="KEY")
    for each in (made, shown, turned, *changed):
        add_place(each)


def run_add(args: argparse.Namespace) -> int:
    work = partial(keys.add, user=args.user)
    _show_secret(args, change(args, "CreateAccessKey", f"user/{args.user}", work))
    return 0


def run_rotate(args: argparse.Namespace) -> int:
    work = partial(keys.rotate, access_key=args.key, grace_s=args.grace)
    _show_secret(args, _change(args, "RotateAccessKey", work))
    if not args.json:
        print(f"\n{_farewell(args)}")
    return 0


def run_list(args: argparse.Namespace) -> int:
    async def read(directory: StoredDirectory) -> list[KeyFacts]:
        if args.user is not None:
            directory.user_facts(args.user)
        return [each for each in directory.all_keys() if args.user in (None, each.user)]

    found = in_directory(args, read)
    print(as_json(found) if args.json else _as_table(found))
    return 0


def run_switch(enabled: bool, args: argparse.Namespace) -> int:
    work = partial(keys.set_enabled, access_key=args.key, enabled=enabled)
    _change(args, "EnableAccessKey" if enabled else "DisableAccessKey", work)
    return _done(args, f"{'Enabled' if enabled else 'Disabled'} the key {args.key}.")


def run_remove(args: argparse.Namespace) -> int:
    _change(args, "DeleteAccessKey", partial(keys.remove, access_key=args.key))
    return _done(args, f"Removed the key {args.key}.")


def _change(args: argparse.Namespace, action: str, work: Work[T]) -> T:
    return change(args, action, f"access-key/{args.key}", work)


def _farewell(args: argparse.Namespace) -> str:
    if not args.grace:
        return f"The key {args.key} is disabled."
    return (
        f"The key {args.key} works for another {show_duration(args.grace)}; to end it now: "
        f"s3gw auth key disable {args.key}"
    )


def _show_secret(args: argparse.Namespace, made: UserKey) -> None:
    if args.json:
        told = {"user": made.user, "access_key": made.access_key, "secret_key": made.secret}
        print(as_json(told))
        return
    print(f"  user         {made.user}")
    print(f"  access key   {made.access_key}")
    print(f"  secret key   {made.secret}   shown this once")


def _done(args: argparse.Namespace, said: str) -> int:
    print(as_json({"access_key": args.key}) if args.json else said)
    return 0


def _as_table(found: list[KeyFacts]) -> str:
    rows = [
        (
            each.access_key,
            each.user,
            _state(each),
            moment(each.created_s),
            moment(each.last_used_s),
        )
        for each in found
    ]
    head = ("ACCESS KEY", "USER", "STATE", "CREATED", "LAST USED")
    return table(head, rows, "There are no keys. Make one with `s3gw auth key add USER`.")


def _state(key: KeyFacts) -> str:
    if 0 < key.expires_s <= time.time():
        return "expired"
    if not key.enabled:
        return "disabled"
    return f"until {moment(key.expires_s)}" if key.expires_s else "enabled"
