"""`s3gw auth token`: bearer tokens for the owner and for users."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from s3gw.cli.auth.directory import DirectoryOptions, duration, in_directory
from s3gw.cli.auth.rendering import as_json
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import Command
from s3gw.config.auth import LONGEST_TOKEN_S, Auth
from s3gw.config.loading import ConfigError
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import IdentityError, NoSuchUser
from s3gw.identity.tokens.configured import token_issuer
from s3gw.identity.tokens.issuer import (
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
  s3gw auth token --user alice --ttl 30m         the rights of alice, as long as she is a user
  s3gw auth token --data /disk1 --json           with its end of validity
  echo "$AIS_AUTHN_TOKEN" | s3gw auth token revoke

The standard output has the token only. It is valid until it expires: keep it as secret as a
password. A token to revoke is read from the standard input, so that it is not visible in the list
of processes; it is refused at once, and also after a restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(DirectoryOptions):
    action: str | None = argument(
        "ACTION", default=None, choices=("revoke",), help="revoke: refuse a token from now on"
    )
    user: str | None = option("NAME", help="for this user (default: a token that may do all)")
    ttl: int | None = option(
        "TIME",
        read=duration(MIN_TTL_S, LONGEST_TOKEN_S),
        help="how long it is valid, like 30m (default: 12h)",
    )


def run(options: Options) -> int:
    if options.action is not None:
        return _run_revoke(options)
    auth = options.settings.load().config.auth
    issue = partial(_issue, auth, options.user, options.ttl)
    issued = in_directory(options.settings, issue)
    print(_shown(issued) if options.json else issued.token)
    return 0


def _run_revoke(options: Options) -> int:
    if options.user is not None or options.ttl is not None:
        raise ConfigError("--user and --ttl are for new tokens, not for `revoke`.")
    if sys.stdin.isatty():
        print("Paste the token and end the line:", file=sys.stderr)
    token = sys.stdin.readline().strip()
    try:
        in_directory(options.settings, partial(revoke_token, token=token))
    except TokenError as error:
        raise ConfigError(f"Cannot revoke: {error}.") from None
    print(as_json({"revoked": True}) if options.json else "Revoked.")
    return 0


async def _issue(
    auth: Auth, user: str | None, ttl_s: int | None, directory: StoredDirectory
) -> Issued:
    issuer = await token_issuer(auth, directory, SystemClock())
    ttl_s = ttl_s or issuer.usual_s
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
        raise IdentityError(f"The user {name!r} is disabled; their token would be refused.")
    return issuer.for_user(user, directory.permissions_of(user), ttl_s)


def _shown(issued: Issued) -> str:
    end = f"{datetime.fromtimestamp(issued.expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return as_json({"token": issued.token, "subject": issued.subject, "expires": end})


COMMAND = Command(Options, run, _EXAMPLES)
