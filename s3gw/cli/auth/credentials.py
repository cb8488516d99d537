"""`s3gw auth credentials`: temporary keys, in the form that `credential_process` of AWS' SDKs
reads."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentTypeError, Namespace
from datetime import UTC, datetime

import msgspec

from s3gw.auth.credentials import CredentialStore
from s3gw.auth.keys import Keys
from s3gw.auth.session import MAX_ROLE_SESSION_S, SESSION_TOKENS, Kind, Sealer
from s3gw.cli.auth.place import duration, in_directory
from s3gw.cli.commands import Parser, describe
from s3gw.cli.settings import add_settings, load_settings
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import NoSuchRole, NoSuchUser
from s3gw.identity.protocol import User
from s3gw.identity.root_keys import find_root_keys
from s3gw.identity.tokens.configured import token_issuer
from s3gw.identity.tokens.issuer import CannotIssue
from s3gw.server.front_ends import accounts
from s3gw.sts.actions import MIN_SESSION_S
from s3gw.sts.issuing import Grant, Issuer
from s3gw.sts.parameters import SESSION_NAME
from storage.clock import SystemClock

# What SDKs are to send beside a JWT: an access key that is nobody's.
JWT_ACCESS_KEY = "JWTINSESSIONTOKEN"
JWT_SECRET_KEY = "unused"

_DEFAULT_TTL_S = 3600
_EXAMPLES = """\
  s3gw auth credentials                            of the root account, for an hour
  s3gw auth credentials --user ann --ttl 12h       what Ann may do, as long as she is a user
  s3gw auth credentials --role painter             a session of that role
  s3gw auth credentials --user ann --jwt           a JWT, as AIStore's clients are given one

In ~/.aws/config, for the SDKs, which ask again when the keys are about to expire:

  [profile s3gw]
  credential_process = s3gw auth credentials --user ann --data /disk1
  endpoint_url = http://127.0.0.1:8080

Whoever has what is printed can do what it allows until it expires. docs/sts.md says more."""


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument("--user", metavar="NAME", help="a user's (default: the root account's)")
    whose.add_argument("--role", metavar="NAME", help="a session of that role")
    parser.add_argument(
        "--session", metavar="NAME", default="cli", type=_session_name, help="a role session's name"
    )
    parser.add_argument(
        "--ttl",
        metavar="TIME",
        default=_DEFAULT_TTL_S,
        type=duration(MIN_SESSION_S, MAX_ROLE_SESSION_S),
        help="how long they last, like 30m or 12h (default: 1h)",
    )
    parser.add_argument(
        "--jwt",
        action="store_true",
        help="a JWT in the place of the session token, for auth.allow_s3_token_compat",
    )
    add_settings(parser)


def run(args: Namespace) -> int:
    config = load_settings(args).config
    if args.jwt and args.role:
        raise ConfigError("--jwt: a JWT is the owner's or a user's, not a role's.")
    if args.jwt and not config.auth.allow_s3_token_compat:
        print(
            "s3gw: auth.allow_s3_token_compat is off in this configuration; a server that has it "
            "off refuses these credentials",
            file=sys.stderr,
        )
    make = _with_jwt if args.jwt else _temporary
    print(in_directory(args, lambda directory: make(args, config, directory)))
    return 0


async def _temporary(args: Namespace, config: Config, directory: StoredDirectory) -> str:
    """Made here, and verified by every server that has the same data folder."""
    root = find_root_keys(config)
    if root.new and not (args.user or args.role):
        raise ConfigError("The root account has no keys yet: start `s3gw serve` there once.")
    sealer = Sealer(directory.vault.derive(SESSION_TOKENS))
    keys = Keys(CredentialStore(accounts(config, root.keys), directory), sealer)
    issued = Issuer(keys, sealer).issue(_grant(args, directory, root.keys.access_key))
    session = issued.session
    return _document(session.access_key, session.secret, issued.token, session.expires_s)


def _grant(args: Namespace, directory: StoredDirectory, root_key: str) -> Grant:
    if args.user is not None:
        return Grant(Kind.USER, _enabled(directory, args.user).name, args.ttl)
    if args.role is None:
        return Grant(Kind.ACCOUNT, ROOT_ACCOUNT, args.ttl, parent=root_key)
    role = directory.role(args.role)
    if role is None:
        raise NoSuchRole(args.role)
    if args.ttl > role.max_session_s:
        raise ConfigError(
            f"--ttl: a session of {role.name!r} lasts at most {role.max_session_s} s; "
            "`s3gw auth role update` changes it."
        )
    return Grant(Kind.ROLE, role.name, args.ttl, args.session)


async def _with_jwt(args: Namespace, config: Config, directory: StoredDirectory) -> str:
    issuer = await token_issuer(config.auth, directory, SystemClock())
    user = None if args.user is None else _enabled(directory, args.user)
    try:
        if user is None:
            issued = issuer.for_owner(args.ttl)
        else:
            issued = issuer.for_user(user, directory.permissions_of(user), args.ttl)
    except CannotIssue as error:
        raise ConfigError(str(error)) from None
    return _document(JWT_ACCESS_KEY, JWT_SECRET_KEY, issued.token, issued.expires_s)


def _enabled(directory: StoredDirectory, name: str) -> User:
    user = directory.user(name)
    if user is None:
        raise NoSuchUser(name)
    if not user.enabled:
        raise ConfigError(f"The user {name!r} is disabled, and so would be the keys.")
    return user


def _document(access_key: str, secret: str, token: str, expires_s: int) -> str:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html"""
    told = {
        "Version": 1,
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": f"{datetime.fromtimestamp(expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return msgspec.json.encode(told).decode()


def _session_name(text: str) -> str:
    if re.fullmatch(SESSION_NAME, text, re.ASCII) is None or not 2 <= len(text) <= 64:
        raise ArgumentTypeError(
            f"{text!r}: must be 2 to 64 letters, digits and any of _ + = , . @ -"
        )
    return text
