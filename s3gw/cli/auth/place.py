"""Which directory a command is about, and doing something with it."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from s3gw.cli.commands import add_settings, load_settings
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import (
    IdentityError,
    NoSuchKey,
    NoSuchRole,
    NoSuchUser,
    RoleExists,
    UserExists,
)
from s3gw.identity.opening import open_directory
from s3gw.options import Duration
from s3gw.sections import Config

_NEXT = {
    NoSuchUser: "`s3gw auth user list` shows all.",
    NoSuchRole: "`s3gw auth role list` shows all.",
    NoSuchKey: "`s3gw auth key list` shows all.",
    UserExists: "`s3gw auth user set-roles` gives other roles.",
    RoleExists: "`s3gw auth role update` changes it.",
}

T = TypeVar("T")
Work = Callable[[StoredDirectory], Awaitable[T]]


def add_place(parser: argparse.ArgumentParser) -> None:
    """`--data` and `--config`, as `s3gw serve` has them, and `--json`."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_settings(parser, only=("storage.data",))


def in_directory(args: argparse.Namespace, work: Work[T]) -> T:
    """What `work` returns. Raises `ConfigError`, and `IdentityError` with what to do next."""
    try:
        return asyncio.run(_work(load_settings(args).config, work))
    except IdentityError as error:
        hint = _NEXT.get(type(error))
        raise IdentityError(f"{error} {hint}" if hint else str(error)) from None


async def _work(config: Config, work: Work[T]) -> T:
    async with open_directory(config) as directory:
        return await work(directory)


def duration(low_s: float, high_s: float, *, or_zero: bool = False) -> Callable[[str], int]:
    """An argument such as `90s` or `12h`, in whole seconds."""
    kind = Duration(low_s, high_s, or_zero)

    def read(text: str) -> int:
        try:
            return int(kind.read(kind.from_text(text)))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r}: must be {kind.allowed}") from None

    return read
