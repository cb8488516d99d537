"""`s3gw auth role`"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import partial

import msgspec.structs

from s3gw.cli.auth.directory import DirectoryOptions, change, duration, in_directory
from s3gw.cli.auth.rendering import as_json, permission_rows
from s3gw.cli.parameters import argument, option, repeated, yes_or_no
from s3gw.cli.parsing import Actions, Command
from s3gw.cli.tables import facts, print_table
from s3gw.config.types import show_duration
from s3gw.identity import roles
from s3gw.identity.builtin import NAMES
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.errors import NoSuchRole, Refused
from s3gw.identity.permissions import BucketName, Permissions, parse_permissions
from s3gw.identity.protocol import Role, Trust
from s3gw.identity.records import role_record

_PERM = "ro, rw, su, a number, or rights separated by commas, like GET,LIST-OBJECTS"
_ADD = f"""\
  s3gw auth role add painter --bucket paintings=rw --bucket archive=ro
  s3gw auth role add watcher --cluster ro,LIST-BUCKETS --description "sees everything"
  s3gw auth role add ci --bucket builds=rw --max-session 1h \\
      --trust-issuer https://token.actions.githubusercontent.com \\
      --trust-audience s3gw --trust-subject 'repo:example/app:*'

A PERM is {_PERM}.
A bucket that is named has its own rights, and those of the cluster do not apply to it. A user with
several roles may do what any of them allows."""
_UPDATE = """\
  s3gw auth role update painter --bucket sketches=ro     one more bucket, or other rights to it
  s3gw auth role update painter --no-bucket sketches
  s3gw auth role update painter --no-admin --cluster 0

Everything else stays as it is. The change applies to the users of the role at once."""
_LIST = """\
  s3gw auth role list"""
_SHOW = """\
  s3gw auth role show painter
  s3gw auth role show Guest --json"""
_REMOVE = """\
  s3gw auth role remove painter

A role that users have is not removed: change them with `s3gw auth user set-roles` first."""
_BUCKET = re.compile(
    r"(?:(?P<provider>ais|aws|gcp|azure|oci|hdfs|ht)://)?"
    r"(?:#(?P<namespace>[A-Za-z0-9_-]{1,64})/)?(?P<name>[^/=@#]+)"
)


def _read_bits(text: str) -> int:
    try:
        return parse_permissions(text)
    except ValueError as error:
        raise ValueError(f"{error}: must be {_PERM}") from None


def _read_bucket(text: str) -> BucketName:
    match = _BUCKET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not the name of a bucket: use NAME or PROVIDER://NAME")
    return BucketName(match["name"], match["provider"] or "ais", match["namespace"] or "")


def _read_grant(text: str) -> tuple[BucketName, int]:
    name, equals, permissions = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r}: must be NAME=PERM")
    return _read_bucket(name), _read_bits(permissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(DirectoryOptions):
    name: str = argument("ROLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions(Options):
    """What a role contains; None and () leave it as it is."""

    admin: bool | None = yes_or_no(help="whether it allows everything")
    cluster: int | None = option(
        "PERM", read=_read_bits, help="rights to this cluster and all buckets"
    )
    bucket: tuple[tuple[BucketName, int], ...] = repeated(
        "NAME=PERM", read=_read_grant, help="rights to a bucket; may be repeated"
    )
    trust_issuer: str | None = option("URL", help="the issuer whose tokens may assume it")
    trust_audience: str = option("A", default="", help="the audience they must have")
    trust_subject: str = option("PATTERN", default="*", help="the subject, with * and ?")
    max_session: int | None = option(
        "TIME",
        read=duration(roles.SHORTEST_SESSION_S, roles.LONGEST_SESSION_S),
        help="the longest session",
    )
    description: str | None = option("TEXT")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOptions(ContentOptions):
    no_bucket: tuple[BucketName, ...] = repeated("NAME", read=_read_bucket)
    no_trust: tuple[str, ...] = repeated("URL")


def run_add(options: ContentOptions) -> int:
    async def add(directory: StoredDirectory) -> Role:
        role = _changed(Role(options.name), options, directory.cluster_id)
        await roles.add(directory, role)
        return role

    made = change(options.settings, "CreateRole", f"role/{options.name}", add)
    text = f"Made the role {options.name}. Next: s3gw auth user add NAME --role {options.name}"
    print(_as_json(made) if options.json else text)
    return 0


def run_update(options: UpdateOptions) -> int:
    async def update(directory: StoredDirectory) -> Role:
        role = _without(_found(directory, options.name), options, directory.cluster_id)
        role = _changed(role, options, directory.cluster_id)
        await roles.update(directory, role)
        return role

    changed = change(options.settings, "UpdateRole", f"role/{options.name}", update)
    print(_as_json(changed) if options.json else f"Changed the role {options.name}.")
    return 0


def run_show(options: Options) -> int:
    async def read(directory: StoredDirectory) -> str:
        found = _found(directory, options.name)
        return _as_json(found) if options.json else _as_text(found, directory.cluster_id)

    print(in_directory(options.settings, read))
    return 0


def run_list(options: DirectoryOptions) -> int:
    async def read(directory: StoredDirectory) -> list[Role]:
        return list(directory.roles())

    found = in_directory(options.settings, read)
    shown = [_as_record(role) for role in found]
    if options.json:
        print(as_json(shown))
    else:
        _print(found)
    return 0


def run_remove(options: Options) -> int:
    change(
        options.settings,
        "DeleteRole",
        f"role/{options.name}",
        partial(roles.remove, name=options.name),
    )
    print(as_json({"name": options.name}) if options.json else f"Removed the role {options.name}.")
    return 0


def _found(directory: StoredDirectory, name: str) -> Role:
    found = directory.role(name)
    if found is None:
        raise NoSuchRole(name)
    return found


def _without(role: Role, options: UpdateOptions, cluster_id: str) -> Role:
    """Return the role without the buckets and issuers that are to be removed."""
    for name in options.no_bucket:
        role = _without_bucket(role, name._replace(cluster=cluster_id))
    trust = tuple(each for each in role.trust if each.issuer not in options.no_trust)
    return dataclasses.replace(role, trust=trust)


def _changed(role: Role, options: ContentOptions, cluster_id: str) -> Role:
    """Return the role with the values that the options give."""
    if options.trust_issuer is None and (options.trust_audience or options.trust_subject != "*"):
        raise Refused("--trust-audience and --trust-subject need a --trust-issuer.")
    kept = role.trust
    if options.trust_issuer is not None:
        added = Trust(options.trust_issuer, options.trust_audience, options.trust_subject)
        kept = tuple(dict.fromkeys((*kept, added)))
    return dataclasses.replace(
        role,
        description=role.description if options.description is None else options.description,
        permissions=_permissions(role.permissions, options, cluster_id),
        trust=kept,
        max_session_s=options.max_session or role.max_session_s,
    )


def _permissions(before: Permissions, options: ContentOptions, cluster_id: str) -> Permissions:
    clusters = dict(before.clusters)
    if options.cluster is not None:
        clusters[cluster_id] = options.cluster
    named = {bucket._replace(cluster=cluster_id): bits for bucket, bits in options.bucket}
    admin = before.admin if options.admin is None else options.admin
    return Permissions(admin, clusters, {**before.buckets, **named})


def _without_bucket(role: Role, name: BucketName) -> Role:
    if name not in role.permissions.buckets:
        raise Refused(f"The role {role.name!r} does not name the bucket {name.name!r}.")
    kept = {each: bits for each, bits in role.permissions.buckets.items() if each != name}
    return dataclasses.replace(
        role, permissions=msgspec.structs.replace(role.permissions, buckets=kept)
    )


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


def _print(found: list[Role]) -> None:
    rows = [(role.name, _kind(role), role.description or "-") for role in found]
    print_table(("ROLE", "KIND", "DESCRIPTION"), rows)


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


COMMAND = Actions(
    "The roles of users: what they may do.",
    {
        "add": ("make a role", Command(ContentOptions, run_add, _ADD)),
        "update": ("change a role", Command(UpdateOptions, run_update, _UPDATE)),
        "show": ("show a role", Command(Options, run_show, _SHOW)),
        "remove": ("remove a role without users", Command(Options, run_remove, _REMOVE)),
        "list": ("list the roles", Command(DirectoryOptions, run_list, _LIST)),
    },
)
