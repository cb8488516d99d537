"""`s3gw auth credentials`: temporary keys for `credential_process` of AWS SDKs."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from s3gw.auth.credentials import CredentialStore
from s3gw.auth.keys import Keys
from s3gw.auth.session import MAX_ROLE_SESSION_S, SESSION_TOKENS, Kind, Sealer
from s3gw.cli.auth.directory import duration, in_directory
from s3gw.cli.parameters import option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.setting_flags import GivenSettings, setting_flags
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

# What SDKs send together with a JWT: an access key without an owner.
JWT_ACCESS_KEY = "JWTINSESSIONTOKEN"
JWT_SECRET_KEY = "unused"

_DEFAULT_TTL_S = 3600
_EXAMPLES = """\
  s3gw auth credentials                            of the root account, for an hour
  s3gw auth credentials --user ann --ttl 12h       the rights of Ann, as long as she is a user
  s3gw auth credentials --role painter             a session of that role
  s3gw auth credentials --user ann --jwt           a JWT, as AIStore's clients use

In ~/.aws/config, for the SDKs, which call it again when the keys are about to expire:

  [profile s3gw]
  credential_process = s3gw auth credentials --user ann --data /disk1
  endpoint_url = http://127.0.0.1:8080

The output is valid until it expires: keep it as secret as a password. See docs/sts.md."""


def _read_session_name(text: str) -> str:
    if re.fullmatch(SESSION_NAME, text, re.ASCII) is None or not 2 <= len(text) <= 64:
        raise ValueError(f"{text!r}: must be 2 to 64 letters, digits and any of _ + = , . @ -")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    user: str | None = option(
        "NAME", help="of this user (default: of the root account)", exclusive="owner"
    )
    role: str | None = option("NAME", help="a session of this role", exclusive="owner")
    session: str = option(
        "NAME", read=_read_session_name, default="cli", help="the name of a role session"
    )
    ttl: int = option(
        "TIME",
        read=duration(MIN_SESSION_S, MAX_ROLE_SESSION_S),
        default=_DEFAULT_TTL_S,
        help="how long they are valid, like 30m or 12h (default: 1h)",
    )
    jwt: bool = switch(help="a JWT instead of the session token, for auth.allow_s3_token_compat")
    settings: GivenSettings = setting_flags()


def run(options: Options) -> int:
    config = options.settings.load().config
    if options.jwt and options.role:
        raise ConfigError("--jwt: a JWT is for the owner or a user, not for a role.")
    if options.jwt and not config.auth.allow_s3_token_compat:
        print(
            "s3gw: auth.allow_s3_token_compat is off in this configuration; a server with the same "
            "setting refuses these credentials",
            file=sys.stderr,
        )
    create = _with_jwt if options.jwt else _temporary
    print(in_directory(options.settings, lambda directory: create(options, config, directory)))
    return 0


async def _temporary(options: Options, config: Config, directory: StoredDirectory) -> str:
    """Issue keys that every server with the same data folder accepts."""
    root = find_root_keys(config)
    if root.new and not (options.user or options.role):
        raise ConfigError("The root account has no keys yet: start `s3gw serve` there once.")
    sealer = Sealer(directory.vault.derive(SESSION_TOKENS))
    keys = Keys(CredentialStore(accounts(config, root.keys), directory), sealer)
    issued = Issuer(keys, sealer).issue(_grant(options, directory, root.keys.access_key))
    session = issued.session
    return _document(session.access_key, session.secret, issued.token, session.expires_s)


def _grant(options: Options, directory: StoredDirectory, root_key: str) -> Grant:
    if options.user is not None:
        return Grant(Kind.USER, _enabled(directory, options.user).name, options.ttl)
    if options.role is None:
        return Grant(Kind.ACCOUNT, ROOT_ACCOUNT, options.ttl, parent=root_key)
    role = directory.role(options.role)
    if role is None:
        raise NoSuchRole(options.role)
    if options.ttl > role.max_session_s:
        raise ConfigError(
            f"--ttl: a session of {role.name!r} lasts at most {role.max_session_s} s; "
            "`s3gw auth role update` changes it."
        )
    return Grant(Kind.ROLE, role.name, options.ttl, options.session)


async def _with_jwt(options: Options, config: Config, directory: StoredDirectory) -> str:
    issuer = await token_issuer(config.auth, directory, SystemClock())
    user = None if options.user is None else _enabled(directory, options.user)
    try:
        if user is None:
            issued = issuer.for_owner(options.ttl)
        else:
            issued = issuer.for_user(user, directory.permissions_of(user), options.ttl)
    except CannotIssue as error:
        raise ConfigError(str(error)) from None
    return _document(JWT_ACCESS_KEY, JWT_SECRET_KEY, issued.token, issued.expires_s)


def _enabled(directory: StoredDirectory, name: str) -> User:
    user = directory.user(name)
    if user is None:
        raise NoSuchUser(name)
    if not user.enabled:
        raise ConfigError(f"The user {name!r} is disabled; their keys would be refused.")
    return user


def _document(access_key: str, secret: str, token: str, expires_s: int) -> str:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html"""
    document = {
        "Version": 1,
        "AccessKeyId": access_key,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": f"{datetime.fromtimestamp(expires_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    return msgspec.json.encode(document).decode()


COMMAND = Command(Options, run, _EXAMPLES)
