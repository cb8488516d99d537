"""`s3gw auth user`"""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass
from functools import partial

from s3gw.cli.auth.directory import DirectoryOptions, Work, change, in_directory
from s3gw.cli.auth.rendering import as_json, permission_rows
from s3gw.cli.parameters import argument, arguments, repeated, switch
from s3gw.cli.parsing import Actions, Command
from s3gw.cli.tables import facts, moment, print_table, yes
from s3gw.identity import users
from s3gw.identity.directory import StoredDirectory, UserFacts
from s3gw.identity.errors import BadPassword
from s3gw.identity.permissions import Permissions
from s3gw.identity.protocol import User

_ADD = """\
  s3gw auth user add ann --role painter --role Guest
  s3gw auth user add ann --password                   asks for a password
  s3gw auth user add ann --password-stdin < file

Keys for signing come from `s3gw auth key add`; a password is for logging in to the native API."""
_LIST = """\
  s3gw auth user list
  s3gw auth user list --json | jq -r '.[].name'"""
_SHOW = """\
  s3gw auth user show ann"""
_REMOVE = """\
  s3gw auth user remove ann

The user's keys are removed, too."""
_ENABLE = """\
  s3gw auth user enable ann"""
_DISABLE = """\
  s3gw auth user disable ann"""
_SET_ROLES = """\
  s3gw auth user set-roles ann painter Guest          these roles only
  s3gw auth user set-roles ann                        none"""
_SET_PASSWORD = """\
  s3gw auth user set-password ann
  s3gw auth user set-password ann --password-stdin < file"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(DirectoryOptions):
    name: str = argument("USER")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions(Options):
    role: tuple[str, ...] = repeated("ROLE", help="a role; may be repeated")
    password: bool = switch(help="ask for a password", exclusive="password")
    password_stdin: bool = switch(help="read a password from stdin", exclusive="password")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRolesOptions(Options):
    roles: tuple[str, ...] = arguments("ROLE", at_least=0, help="all roles of the user")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPasswordOptions(Options):
    password_stdin: bool = switch(help="read it from stdin")


def run_add(options: AddOptions) -> int:
    has_password = options.password or options.password_stdin
    password = _password(options.password_stdin) if has_password else ""

    async def add(directory: StoredDirectory) -> UserFacts:
        await users.add(directory, options.name, roles=options.role, password=password)
        return directory.user_facts(options.name)

    created = change(options.settings, "CreateUser", f"user/{options.name}", add)
    text = f"Made the user {created.name}. Next: s3gw auth key add {created.name}"
    print(as_json(created) if options.json else text)
    return 0


def run_list(options: DirectoryOptions) -> int:
    async def read(directory: StoredDirectory) -> list[UserFacts]:
        return list(directory.all_users())

    found = in_directory(options.settings, read)
    if options.json:
        print(as_json(found))
    else:
        _print(found)
    return 0


def run_show(options: Options) -> int:
    async def read(directory: StoredDirectory) -> str:
        found = directory.user_facts(options.name)
        permissions = directory.permissions_of(User(found.name, found.roles))
        text = _as_text(found, permissions, directory.cluster_id)
        return as_json(found) if options.json else text

    print(in_directory(options.settings, read))
    return 0


def run_remove(options: Options) -> int:
    _change(options, "DeleteUser", partial(users.remove, name=options.name))
    return _done(options, f"Removed the user {options.name} and their keys.")


def run_enable(options: Options) -> int:
    return _switch(options, enabled=True)


def run_disable(options: Options) -> int:
    return _switch(options, enabled=False)


def _switch(options: Options, *, enabled: bool) -> int:
    work = partial(users.set_enabled, name=options.name, enabled=enabled)
    _change(options, "EnableUser" if enabled else "DisableUser", work)
    return _done(options, f"{'Enabled' if enabled else 'Disabled'} the user {options.name}.")


def run_set_roles(options: SetRolesOptions) -> int:
    _change(
        options, "SetUserRoles", partial(users.set_roles, name=options.name, roles=options.roles)
    )
    return _done(options, f"The roles of {options.name}: {', '.join(options.roles) or 'none'}.")


def run_set_password(options: SetPasswordOptions) -> int:
    password = _password(options.password_stdin)
    work = partial(users.set_password, name=options.name, password=password)
    _change(options, "SetUserPassword", work)
    return _done(options, f"Set the password of {options.name}.")


def _password(from_stdin: bool) -> str:
    """Read a password from the terminal or from stdin. Raises `BadPassword`."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise BadPassword("The two passwords differ.")
    return password


def _change(options: Options, action: str, work: Work[None]) -> None:
    change(options.settings, action, f"user/{options.name}", work)


def _done(options: Options, text: str) -> int:
    print(as_json({"name": options.name}) if options.json else text)
    return 0


def _print(found: list[UserFacts]) -> None:
    rows = [
        (
            each.name,
            ", ".join(each.roles) or "-",
            yes(each.enabled),
            yes(each.has_password),
            str(len(each.keys)),
            moment(each.created_s),
        )
        for each in found
    ]
    head = ("USER", "ROLES", "ENABLED", "PASSWORD", "KEYS", "CREATED")
    print_table(head, rows, "There are no users. Make one with `s3gw auth user add NAME`.")


def _as_text(found: UserFacts, permissions: Permissions, cluster_id: str) -> str:
    rows = [
        ("user", found.name),
        ("roles", ", ".join(found.roles) or "none"),
        ("enabled", yes(found.enabled)),
        ("password", yes(found.has_password)),
        ("created", moment(found.created_s)),
        *(("key", key) for key in found.keys),
        *permission_rows(permissions, cluster_id),
    ]
    return facts(rows)


COMMAND = Actions(
    "The users of the root account.",
    {
        "add": ("make a user", Command(AddOptions, run_add, _ADD)),
        "show": ("show a user and their rights", Command(Options, run_show, _SHOW)),
        "remove": ("remove a user and their keys", Command(Options, run_remove, _REMOVE)),
        "enable": ("accept a disabled user again", Command(Options, run_enable, _ENABLE)),
        "disable": (
            "refuse the keys and tokens of a user",
            Command(Options, run_disable, _DISABLE),
        ),
        "set-roles": (
            "replace the roles of a user",
            Command(SetRolesOptions, run_set_roles, _SET_ROLES),
        ),
        "set-password": (
            "replace the password of a user",
            Command(SetPasswordOptions, run_set_password, _SET_PASSWORD),
        ),
        "list": ("list the users", Command(DirectoryOptions, run_list, _LIST)),
    },
)
