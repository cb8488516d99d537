"""`s3gw auth role`"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from s3gw.cli.auth.place import add_place, change, duration, in_directory
from s3gw.cli.auth.show import as_json, permission_rows
from s3gw.cli.commands import Parser, add_command
from s3gw.cli.tables import facts, table
from s3gw.config.types import show_duration
from s3gw.identity import roles
from s3gw.identity.builtin import NAMES
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import NoSuchRole, Refused
from s3gw.identity.permissions import BucketName, Permissions, parse_permissions
from s3gw.identity.protocol import Role, Trust
from s3gw.identity.records import role_record

_PERM = "ro, rw, su, a number, or rights with commas between, like GET,LIST-OBJECTS"
_ADD = f"""\
  s3gw auth role add painter --bucket paintings=rw --bucket archive=ro
  s3gw auth role add watcher --cluster ro,LIST-BUCKETS --description "sees everything"
  s3gw auth role add ci --bucket builds=rw --max-session 1h \\
      --trust-issuer https://token.actions.githubusercontent.com \\
      --trust-audience s3gw --trust-subject 'repo:example/app:*'

A PERM is {_PERM}.
A bucket that is named has its own rights, and those of the cluster do not count for it. Who has
several roles may do what any of them allows."""
_UPDATE = """\
  s3gw auth role update painter --bucket sketches=ro     one more bucket, or other rights to it
  s3gw auth role update painter --no-bucket sketches
  s3gw auth role update painter --no-admin --cluster 0

What is not given stays as it is. Users who have the role have the new one at once."""
_LIST = """\
  s3gw auth role list"""
_SHOW = """\
  s3gw auth role show painter
  s3gw auth role show Guest --json"""
_REMOVE = """\
  s3gw auth role remove painter

A role that users have is not removed: `s3gw auth user set-roles` takes it from them."""
_BUCKET = re.compile(
    r"(?:(?P<provider>ais|aws|gcp|azure|oci|ht)://)?"
    r"(?:#(?P<namespace>[A-Za-z0-9_-]{1,64})/)?(?P<name>[^/=@#]+)"
)
_SESSION = duration(roles.SHORTEST_SESSION_S, roles.LONGEST_SESSION_S)


def define(parser: Parser) -> None:
    parser.description = "What users may do."
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    made = add_command(actions, "add", "make a role", run_add, _ADD)
    changed = add_command(actions, "update", "change a role", run_update, _UPDATE)
    shown = add_command(actions, "show", "show a role", run_show, _SHOW)
    gone = add_command(actions, "remove", "remove a role that nobody has", run_remove, _REMOVE)
    for each in (made, changed, shown, gone):
        each.add_argument("name", metavar="ROLE")
    for each in (made, changed):
        _add_content(each)
    changed.add_argument("--no-bucket", metavar="NAME", type=_bucket, action="append", default=[])
    changed.add_argument("--no-trust", metavar="URL", action="append", default=[])
    add_place(add_command(actions, "list", "list the roles", run_list, _LIST))
    for each in (made, changed, shown, gone):
        add_place(each)


def run_add(args: argparse.Namespace) -> int:
    async def add(directory: StoredDirectory) -> Role:
        role = _changed(Role(args.name), args, directory.cluster_id)
        await roles.add(directory, role)
        return role

    made = change(args, "CreateRole", f"role/{args.name}", add)
    said = f"Made the role {args.name}. Next: s3gw auth user add NAME --role {args.name}"
    print(_as_json(made) if args.json else said)
    return 0


def run_update(args: argparse.Namespace) -> int:
    async def update(directory: StoredDirectory) -> Role:
        role = _changed(_found(directory, args.name), args, directory.cluster_id)
        await roles.update(directory, role)
        return role

    changed = change(args, "UpdateRole", f"role/{args.name}", update)
    print(_as_json(changed) if args.json else f"Changed the role {args.name}.")
    return 0


def run_show(args: argparse.Namespace) -> int:
    async def read(directory: StoredDirectory) -> str:
        found = _found(directory, args.name)
        return _as_json(found) if args.json else _as_text(found, directory.cluster_id)

    print(in_directory(args, read))
    return 0


def run_list(args: argparse.Namespace) -> int:
    async def read(directory: StoredDirectory) -> list[Role]:
        return list(directory.roles())

    found = in_directory(args, read)
    shown = [_as_record(role) for role in found]
    print(as_json(shown) if args.json else _as_table(found))
    return 0


def run_remove(args: argparse.Namespace) -> int:
    change(args, "DeleteRole", f"role/{args.name}", partial(roles.remove, name=args.name))
    print(as_json({"name": args.name}) if args.json else f"Removed the role {args.name}.")
    return 0


def _add_content(parser: argparse.ArgumentParser) -> None:
    add: Callable[..., object] = parser.add_argument
    admin = argparse.BooleanOptionalAction
    add("--admin", action=admin, default=None, help="whether it allows everything")
    add("--cluster", metavar="PERM", type=_bits, help="rights to this cluster and all buckets")
    add(
        "--bucket",
        metavar="NAME=PERM",
        type=_bucket_bits,
        action="append",
        default=[],
        help="rights to a bucket; may be repeated",
    )
    add("--trust-issuer", metavar="URL", help="whose tokens may assume it")
    add("--trust-audience", metavar="A", default="", help="the audience they must have")
    add("--trust-subject", metavar="PATTERN", default="*", help="the subject, with * and ?")
    add("--max-session", metavar="TIME", type=_SESSION, help="how long it is assumed at most")
    add("--description", metavar="TEXT")


def _found(directory: StoredDirectory, name: str) -> Role:
    found = directory.role(name)
    if found is None:
        raise NoSuchRole(name)
    return found


def _changed(role: Role, args: argparse.Namespace, cluster_id: str) -> Role:
    """The role with what the arguments say in the place of what it was."""
    given = vars(args)
    for name in given.get("no_bucket", ()):
        role = _without_bucket(role, name._replace(cluster=cluster_id))
    if args.trust_issuer is None and (args.trust_audience or args.trust_subject != "*"):
        raise Refused("--trust-audience and --trust-subject need a --trust-issuer.")
    kept = tuple(each for each in role.trust if each.issuer not in given.get("no_trust", ()))
    if args.trust_issuer is not None:
        added = Trust(args.trust_issuer, args.trust_audience, args.trust_subject)
        kept = tuple(dict.fromkeys((*kept, added)))
    return replace(
        role,
        description=role.description if args.description is None else args.description,
        permissions=_permissions(role.permissions, args, cluster_id),
        trust=kept,
        max_session_s=args.max_session or role.max_session_s,
    )


def _permissions(before: Permissions, args: argparse.Namespace, cluster_id: str) -> Permissions:
    clusters = dict(before.clusters)
    if args.cluster is not None:
        clusters[cluster_id] = args.cluster
    named = {bucket._replace(cluster=cluster_id): bits for bucket, bits in args.bucket}
    admin = before.admin if args.admin is None else args.admin
    return Permissions(admin, clusters, {**before.buckets, **named})


def _without_bucket(role: Role, name: BucketName) -> Role:
    if name not in role.permissions.buckets:
        raise Refused(f"The role {role.name!r} does not name the bucket {name.name!r}.")
    kept = {each: bits for each, bits in role.permissions.buckets.items() if each != name}
    return replace(role, permissions=replace(role.permissions, buckets=kept))


def _bits(text: str) -> int:
    try:
        return parse_permissions(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: must be {_PERM}") from None


def _bucket(text: str) -> BucketName:
    match = _BUCKET.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} names no bucket: use NAME or PROVIDER://NAME")
    return BucketName(match["name"], match["provider"] or "ais", match["namespace"] or "")


def _bucket_bits(text: str) -> tuple[BucketName, int]:
    name, equals, permissions = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: must be NAME=PERM")
    return _bucket(name), _bits(permissions)


def _as_json(role: Role) -> str:
    return as_json(_as_record(role))


def _as_record(role: Role) -> dict[str, object]:
    record = role_record(role)
    return {
        "name": role.name,
        "description": role.description,
        "admin": role.permissions.admin,
        "clusters": [{"id": name, "perm": str(bits)} for name, bits in record.clusters.items()],
        "buckets": [{"bck": name._asdict(), "perm": str(bits)} for name, bits in record.buckets],
        "trust": role.trust,
        "max_session_s": role.max_session_s,
    }


def _as_table(found: list[Role]) -> str:
    rows = [(role.name, _kind(role), role.description or "-") for role in found]
    return table(("ROLE", "KIND", "DESCRIPTION"), rows, "")


def _kind(role: Role) -> str:
    return "built-in" if role.name in NAMES else "made"


def _as_text(role: Role, cluster_id: str) -> str:
    rows = [
        ("role", f"{role.name} ({_kind(role)})"),
        ("description", role.description or "-"),
        *permission_rows(role.permissions, cluster_id),
        ("longest session", show_duration(role.max_session_s)),
        *(("trusts", _trust(each)) for each in role.trust),
    ]
    return facts(rows)


def _trust(trust: Trust) -> str:
    audience = f" for {trust.audience}" if trust.audience else ""
    return f"{trust.issuer}{audience}, subject {trust.subject}"
