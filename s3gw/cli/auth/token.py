"""`s3gw auth token`: bearer tokens for the owner of the data folder and for users."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime

import msgspec

from s3gw.cli.commands import Commands, add_command, add_settings, load_settings
from s3gw.config import ConfigError
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import IdentityError
from s3gw.identity.opening import open_directory
from s3gw.options import Duration
from s3gw.sections import Config
from s3gw.tokens.configured import token_issuer
from s3gw.tokens.issuer import (
    DEFAULT_TTL_S,
    MAX_TTL_S,
    MIN_TTL_S,
    CannotIssue,
    Issued,
    TokenIssuer,
)
from s3gw.tokens.protocol import TokenError
from s3gw.tokens.revoking import revoke_token
from storage.clock import SystemClock

_TTL = Duration(MIN_TTL_S, MAX_TTL_S)
_EXAMPLES = """\
  export AIS_AUTHN_TOKEN=$(s3gw auth token)      may do everything, for 12 hours
  s3gw auth token --user alice --ttl 30m         what alice may do, as long as she is a user
  s3gw auth token --data /disk1 --json           with its end
  s3gw auth token revoke < file                  refuse it from now on

Nothing but the token is on the standard output. Whoever has it can do what it allows until it
expires: treat it as a password."""
_REVOKE_EXAMPLES = """\
  s3gw auth token revoke < file
  echo "$AIS_AUTHN_TOKEN" | s3gw auth token revoke --data /disk1

The token comes from the standard input, so that it is in no list of processes. Every worker
refuses it from then on, also after a restart."""


def add_to(commands: Commands) -> None:
    parser = add_command(commands, "token", "print a bearer token, or revoke one", run, _EXAMPLES)
    parser.add_argument("--user", metavar="NAME", help="for this user (default: may do everything)")
    parser.add_argument(
        "--ttl",
        metavar="TIME",
        default=str(DEFAULT_TTL_S),
        help="how long it lasts, like 30m or 12h (default: 12h)",
    )
    parser.add_argument("--json", action="store_true", help="for programs: with subject and end")
    add_settings(parser)
    actions = parser.add_subparsers(title="actions", metavar="[ACTION]")
    revoke = add_command(actions, "revoke", "refuse a token from now on", run_revoke,
                         _REVOKE_EXAMPLES)  # fmt: skip
    add_settings(revoke)
    # What stands before the word `revoke` counts as well.
    revoke.set_defaults(config=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    try:
        ttl_s = int(_TTL.read(_TTL.from_text(args.ttl)))
    except ValueError:
        raise ConfigError(f"--ttl {args.ttl}: must be {_TTL.allowed}.") from None
    issued = asyncio.run(_issue(load_settings(args).config, args.user, ttl_s))
    print(_as_json(issued) if args.json else issued.token)
    return 0


def run_revoke(args: argparse.Namespace) -> int:
    config = load_settings(args).config
    if sys.stdin.isatty():
        print("Paste the token and end the line:", file=sys.stderr)
    asyncio.run(_revoke(config, sys.stdin.readline().strip()))
    print("Revoked.")
    return 0


async def _issue(config: Config, user: str | None, ttl_s: int) -> Issued:
    async with open_directory(config) as directory:
        issuer = await token_issuer(config.auth, directory, SystemClock())
        try:
            if user is None:
                return issuer.for_owner(ttl_s)
            return _for_user(issuer, directory, user, ttl_s)
        except CannotIssue as error:
            raise ConfigError(str(error)) from None


def _for_user(issuer: TokenIssuer, directory: StoredDirectory, name: str, ttl_s: int) -> Issued:
    user = directory.user(name)
    if user is None:
        raise ConfigError(f"There is no user {name!r}: `s3gw auth user list` shows them all.")
    if not user.enabled:
        raise ConfigError(f"The user {name!r} is disabled, and so would be the token.")
    return issuer.for_user(user, directory.permissions_of(user), ttl_s)


async def _revoke(config: Config, token: str) -> None:
    async with open_directory(config) as directory:
        try:
            await revoke_token(directory, token)
        except (TokenError, IdentityError) as error:
            raise ConfigError(f"Cannot revoke: {str(error).rstrip('.')}.") from None


def _as_json(issued: Issued) -> str:
    end = f"{datetime.fromtimestamp(issued.expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    document = {"token": issued.token, "subject": issued.subject, "expires": end}
    return msgspec.json.format(msgspec.json.encode(document)).decode()
