"""Access to the directory of users, roles and keys, with audit log."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from s3gw.cli.parameters import switch
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.config.schema import Config
from s3gw.config.types import Duration
from s3gw.identity.accounts import ROOT_ACCOUNT_NUMBER
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
from s3gw.telemetry.audit import Action, Audit, open_audit

_NEXT = {
    NoSuchUser: "`s3gw auth user list` lists them.",
    NoSuchRole: "`s3gw auth role list` lists them.",
    NoSuchKey: "`s3gw auth key list` lists them.",
    UserExists: "`s3gw auth user set-roles` changes the user's roles.",
    RoleExists: "`s3gw auth role update` changes it.",
}

T = TypeVar("T")
Work = Callable[[StoredDirectory], Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryOptions:
    """`--json`, and `--data` and `--config` as `s3gw serve` has them."""

    json: bool = switch(help="print JSON, for programs")
    settings: GivenSettings = setting_flags(only=("storage.data",))


def in_directory(settings: GivenSettings, work: Work[T]) -> T:
    """Return the result of `work`. Raises `ConfigError`, and `IdentityError` with advice."""
    try:
        return asyncio.run(_work(settings.load().config, work))
    except IdentityError as error:
        hint = _NEXT.get(type(error))
        raise IdentityError(f"{error} {hint}" if hint else str(error)) from None


def change(settings: GivenSettings, action: str, resource: str, work: Work[T]) -> T:
    """As `in_directory`, with a line in the audit log about the result. `resource` is the end of
    an ARN, such as `user/ann`."""
    config = settings.load().config

    async def audited(directory: StoredDirectory) -> T:
        outcome = "failed"
        with closing(_audit(config)) as audit:
            try:
                done = await work(directory)
                outcome = "done"
            except IdentityError as error:
                outcome = type(error).__name__
                raise
            finally:
                audit.record(_line(action, resource, outcome))
        return done

    return in_directory(settings, audited)


async def _work(config: Config, work: Work[T]) -> T:
    async with open_directory(config) as directory:
        return await work(directory)


class _Stderr:
    """Replaces the server's stdout: that of a command has its result."""

    def write(self, block: bytes) -> None:
        print(block.decode().rstrip(), file=sys.stderr)

    def close(self) -> None:
        pass


def _audit(config: Config) -> Audit:
    if config.log.audit == "-":
        return Audit(_Stderr())
    return open_audit(config.log.audit, Path(config.storage.data[0]))


def _line(action: str, resource: str, outcome: str) -> Action:
    return Action(
        action=action,
        resource=f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:{resource}",
        outcome=outcome,
        source="cli",
        user=f"uid {os.getuid()}",
    )


def duration(low_s: float, high_s: float, *, or_zero: bool = False) -> Callable[[str], int]:
    """Return a parser of arguments such as `90s` or `12h`, in whole seconds."""
    kind = Duration(low_s, high_s, or_zero)

    def read(text: str) -> int:
        try:
            return int(kind.read(kind.from_text(text)))
        except ValueError:
            raise ValueError(f"{text!r}: must be {kind.allowed}") from None

    return read
