"""`s3gw auth user`"""

from __future__ import annotations

import argparse
import getpass
import sys
from functools import partial

from s3gw.cli.auth.place import Work, add_place, change, in_directory
from s3gw.cli.auth.show import as_json, permission_rows
from s3gw.cli.commands import Commands, Parser, add_command
from s3gw.cli.tables import facts, moment, table, yes
from s3gw.identity import users
from s3gw.identity.directory import StoredDirectory, UserFacts
from s3gw.identity.errors import BadPassword
from s3gw.identity.passwords import check_password
from s3gw.identity.permissions import Permissions
from s3gw.identity.protocol import User

_ADD = """\
  s3gw auth user add ann --role painter --role Guest
  s3gw auth user add ann --password                   asks for it
  s3gw auth user add ann --password-stdin < file

Keys to sign with come from `s3gw auth key add`; a password is for logging in to the native API."""
_LIST = """\
  s3gw auth user list
  s3gw auth user list --json | jq -r '.[].name'"""
_SHOW = """\
  s3gw auth user show ann"""
_REMOVE = """\
  s3gw auth user remove ann

The user's keys go with it."""
_SWITCH = """\
  s3gw auth user {0} ann"""
_SET_ROLES = """\
  s3gw auth user set-roles ann painter Guest          these and no others
  s3gw auth user set-roles ann                        none"""
_SET_PASSWORD = """\
  s3gw auth user set-password ann
  s3gw auth user set-password ann --password-stdin < file"""


def define(parser: Parser) -> None:
    parser.description = "The users of the root account."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_add(actions)
    for name, summary, run, examples in (
        ("show", "show a user, and what they may do", run_show, _SHOW),
        ("remove", "remove a user and their keys", run_remove, _REMOVE),
        ("enable", "let a user in again", partial(run_switch, True), _SWITCH.format("enable")),
        (
            "disable",
            "take neither keys nor tokens of a user",
            partial(run_switch, False),
            _SWITCH.format("disable"),
        ),
    ):
        _named(add_command(actions, name, summary, run, examples))
    roles = add_command(actions, "set-roles", "give a user other roles", run_set_roles, _SET_ROLES)
    _named(roles)
    roles.add_argument("roles", metavar="ROLE", nargs="*", help="all that the user shall have")
    summary = "give a user another password"
    password = add_command(actions, "set-password", summary, run_set_password, _SET_PASSWORD)
    _named(password)
    password.add_argument("--password-stdin", action="store_true", help="read it from stdin")
    add_place(add_command(actions, "list", "list the users", run_list, _LIST))


def run_add(args: argparse.Namespace) -> int:
    wanted = args.password or args.password_stdin
    password = _password(args.password_stdin) if wanted else ""

    async def add(directory: StoredDirectory) -> UserFacts:
        await users.add(directory, args.name, roles=args.role, password=password)
        return directory.user_facts(args.name)

    made = change(args, "CreateUser", f"user/{args.name}", add)
    said = f"Made the user {made.name}. Next: s3gw auth key add {made.name}"
    print(as_json(made) if args.json else said)
    return 0


def run_list(args: argparse.Namespace) -> int:
    async def read(directory: StoredDirectory) -> list[UserFacts]:
        return list(directory.all_users())

    found = in_directory(args, read)
    print(as_json(found) if args.json else _as_table(found))
    return 0


def run_show(args: argparse.Namespace) -> int:
    async def read(directory: StoredDirectory) -> str:
        found = directory.user_facts(args.name)
        permissions = directory.permissions_of(User(found.name, found.roles))
        text = _as_text(found, permissions, directory.cluster_id)
        return as_json(found) if args.json else text

    print(in_directory(args, read))
    return 0


def run_remove(args: argparse.Namespace) -> int:
    _change(args, "DeleteUser", partial(users.remove, name=args.name))
    return _done(args, f"Removed the user {args.name} and their keys.")


def run_switch(enabled: bool, args: argparse.Namespace) -> int:
    work = partial(users.set_enabled, name=args.name, enabled=enabled)
    _change(args, "EnableUser" if enabled else "DisableUser", work)
    return _done(args, f"{'Enabled' if enabled else 'Disabled'} the user {args.name}.")


def run_set_roles(args: argparse.Namespace) -> int:
    _change(args, "SetUserRoles", partial(users.set_roles, name=args.name, roles=args.roles))
    return _done(args, f"The roles of {args.name}: {', '.join(args.roles) or 'none'}.")


def run_set_password(args: argparse.Namespace) -> int:
    password = _password(args.password_stdin)
    work = partial(users.set_password, name=args.name, password=password)
    _change(args, "SetUserPassword", work)
    return _done(args, f"Set the password of {args.name}.")


def _add_add(actions: Commands) -> None:
    parser = add_command(actions, "add", "make a user", run_add, _ADD)
    _named(parser)
    parser.add_argument(
        "--role", metavar="ROLE", action="append", default=[], help="a role; may be repeated"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--password", action="store_true", help="ask for a password")
    how.add_argument("--password-stdin", action="store_true", help="read one from stdin")


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="USER")
    add_place(parser)


def _password(from_stdin: bool) -> str:
    """Raises `BadPassword`."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise BadPassword("The two are not the same.")
    check_password(password)
    return password


def _change(args: argparse.Namespace, action: str, work: Work[None]) -> None:
    change(args, action, f"user/{args.name}", work)


def _done(args: argparse.Namespace, said: str) -> int:
    print(as_json({"name": args.name}) if args.json else said)
    return 0


def _as_table(found: list[UserFacts]) -> str:
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
    return table(head, rows, "There are no users. Make one with `s3gw auth user add NAME`.")


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
