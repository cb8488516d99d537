"""`s3gw auth key`"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from s3gw.cli.auth.directory import (
    DirectoryOptions,
    Work,
    change,
    duration,
    in_directory,
)
from s3gw.cli.auth.rendering import as_json
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import Actions, Command
from s3gw.cli.tables import moment, print_table
from s3gw.config.types import show_duration
from s3gw.identity import keys
from s3gw.identity.directory import KeyFacts, StoredDirectory
from s3gw.identity.protocol import UserKey

_ADD = """\
  s3gw auth key add ann
  s3gw auth key add ann --json | jq -r .secret_key

The secret is shown only once. A user has up to eight keys."""
_LIST = """\
  s3gw auth key list
  s3gw auth key list ann --json"""
_ROTATE = """\
  s3gw auth key rotate AKIA...                a new key; the old one works for another day
  s3gw auth key rotate AKIA... --grace 0      the old one is disabled at once"""
_ENABLE = """\
  s3gw auth key enable AKIA..."""
_DISABLE = """\
  s3gw auth key disable AKIA..."""
_REMOVE = """\
  s3gw auth key remove AKIA..."""
_GRACE_S = 24 * 3600
_LONGEST_GRACE_S = 90 * 24 * 3600

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions(DirectoryOptions):
    user: str = argument("USER")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions(DirectoryOptions):
    user: str | None = argument("USER", default=None, help="whose (default: all users')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(DirectoryOptions):
    key: str = argument("KEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateOptions(Options):
    grace: int = option(
        "TIME",
        read=duration(1, _LONGEST_GRACE_S, or_zero=True),
        default=_GRACE_S,
        help="how long the old key still works; 0 disables it (default: 24h)",
    )


def run_add(options: AddOptions) -> int:
    work = partial(keys.add, user=options.user)
    created = change(options.settings, "CreateAccessKey", f"user/{options.user}", work)
    _show_secret(created, is_json=options.json)
    return 0


def run_rotate(options: RotateOptions) -> int:
    work = partial(keys.rotate, access_key=options.key, grace_s=options.grace)
    _show_secret(_change(options, "RotateAccessKey", work), is_json=options.json)
    if not options.json:
        print(f"\n{_notice(options)}")
    return 0


def run_list(options: ListOptions) -> int:
    async def read(directory: StoredDirectory) -> list[KeyFacts]:
        if options.user is not None:
            directory.user_facts(options.user)
        return [each for each in directory.all_keys() if options.user in (None, each.user)]

    found = in_directory(options.settings, read)
    if options.json:
        print(as_json(found))
    else:
        _print(found)
    return 0


def run_enable(options: Options) -> int:
    return _switch(options, enabled=True)


def run_disable(options: Options) -> int:
    return _switch(options, enabled=False)


def _switch(options: Options, *, enabled: bool) -> int:
    work = partial(keys.set_enabled, access_key=options.key, enabled=enabled)
    _change(options, "EnableAccessKey" if enabled else "DisableAccessKey", work)
    return _done(options, f"{'Enabled' if enabled else 'Disabled'} the key {options.key}.")


def run_remove(options: Options) -> int:
    _change(options, "DeleteAccessKey", partial(keys.remove, access_key=options.key))
    return _done(options, f"Removed the key {options.key}.")


def _change(options: Options, action: str, work: Work[T]) -> T:
    return change(options.settings, action, f"access-key/{options.key}", work)


def _notice(options: RotateOptions) -> str:
    if not options.grace:
        return f"The key {options.key} is disabled."
    return (
        f"The key {options.key} works for another {show_duration(options.grace)}; to end it now: "
        f"s3gw auth key disable {options.key}"
    )


def _show_secret(created: UserKey, *, is_json: bool) -> None:
    if is_json:
        document = {
            "user": created.user,
            "access_key": created.access_key,
            "secret_key": created.secret,
        }
        print(as_json(document))
        return
    print(f"  user         {created.user}")
    print(f"  access key   {created.access_key}")
    print(f"  secret key   {created.secret}   shown only once")


def _done(options: Options, text: str) -> int:
    print(as_json({"access_key": options.key}) if options.json else text)
    return 0


def _print(found: list[KeyFacts]) -> None:
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
    print_table(head, rows, "There are no keys. Make one with `s3gw auth key add USER`.")


def _state(key: KeyFacts) -> str:
    if 0 < key.expires_s <= time.time():
        return "expired"
    if not key.enabled:
        return "disabled"
    return f"until {moment(key.expires_s)}" if key.expires_s else "enabled"


COMMAND = Actions(
    "The access keys of users.",
    {
        "add": ("make a key for a user", Command(AddOptions, run_add, _ADD)),
        "list": ("list keys without their secrets", Command(ListOptions, run_list, _LIST)),
        "rotate": ("replace a key by a new one", Command(RotateOptions, run_rotate, _ROTATE)),
        "enable": ("accept a disabled key again", Command(Options, run_enable, _ENABLE)),
        "disable": ("refuse a key, and keep it", Command(Options, run_disable, _DISABLE)),
        "remove": ("remove a key", Command(Options, run_remove, _REMOVE)),
    },
)
