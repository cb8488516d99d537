"""`s3gw auth token`: bearer tokens for the owner of the data folder and for users."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from functools import partial

from s3gw.cli.auth.place import add_place, duration, in_directory
from s3gw.cli.auth.show import as_json
from s3gw.cli.commands import Parser, describe
from s3gw.cli.settings import load_settings
from s3gw.config.auth import Auth
from s3gw.config.loading import ConfigError
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import IdentityError, NoSuchUser
from s3gw.identity.tokens.configured import token_issuer
from s3gw.identity.tokens.issuer import (
    DEFAULT_TTL_S,
    MAX_TTL_S,
    MIN_TTL_S,
    CannotIssue,
    Issued,
    TokenIssuer,
)
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.authn.revoking import revoke_token
from storage.clock import SystemClock

_EXAMPLES = """\
  export AIS_AUTHN_TOKEN=$(s3gw auth token)      may do everything, for 12 hours
  s3gw auth token --user alice --ttl 30m         what alice may do, as long as she is a user
  s3gw auth token --data /disk1 --json           with its end
  echo "$AIS_AUTHN_TOKEN" | s3gw auth token revoke

Nothing but the token is on the standard output. Whoever has it can do what it allows until it
expires: treat it as a password. One that is to be revoked comes from the standard input, so that
it is in no list of processes; it is refused at once, and also after a restart."""


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    parser.add_argument(
        "action", nargs="?", choices=("revoke",), help="refuse a token instead of making one"
    )
    parser.add_argument("--user", metavar="NAME", help="for this user (default: may do everything)")
    parser.add_argument(
        "--ttl",
        metavar="TIME",
        type=duration(MIN_TTL_S, MAX_TTL_S),
        help="how long it lasts, like 30m (default: 12h)",
    )
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    if args.action is not None:
        return _run_revoke(args)
    auth = load_settings(args).config.auth
    issued = in_directory(args, partial(_issue, auth, args.user, args.ttl or DEFAULT_TTL_S))
    print(_shown(issued) if args.json else issued.token)
    return 0


def _run_revoke(args: argparse.Namespace) -> int:
    if args.user is not None or args.ttl is not None:
        raise ConfigError("--user and --ttl are for new tokens: `revoke` takes neither.")
    if sys.stdin.isatty():
        print("Paste the token and end the line:", file=sys.stderr)
    token = sys.stdin.readline().strip()
    try:
        in_directory(args, partial(revoke_token, token=token))
    except TokenError as error:
        raise ConfigError(f"Cannot revoke: {error}.") from None
    print(as_json({"revoked": True}) if args.json else "Revoked.")
    return 0


async def _issue(auth: Auth, user: str | None, ttl_s: int, directory: StoredDirectory) -> Issued:
    issuer = await token_issuer(auth, directory, SystemClock())
    try:
        if user is None:
            return issuer.for_owner(ttl_s)
        return _for_user(issuer, directory, user, ttl_s)
    except CannotIssue as error:
        raise IdentityError(str(error)) from None


def _for_user(issuer: TokenIssuer, directory: StoredDirectory, name: str, ttl_s: int) -> Issued:
    user = directory.user(name)
    if user is None:
        raise NoSuchUser(name)
    if not user.enabled:
        raise IdentityError(f"The user {name!r} is disabled, and so would be the token.")
    return issuer.for_user(user, directory.permissions_of(user), ttl_s)


def _shown(issued: Issued) -> str:
    end = f"{datetime.fromtimestamp(issued.expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return as_json({"token": issued.token, "subject": issued.subject, "expires": end})
