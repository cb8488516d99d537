"""`s3gw auth access`: what a bucket leaves to anybody, its `access` attribute."""

from __future__ import annotations

import argparse
import asyncio
import json
from contextlib import closing

from s3gw.access.bucket_access import bucket_access, with_access
from s3gw.cli.auth.place import add_place
from s3gw.cli.commands import Parser, describe
from s3gw.cli.settings import load_settings
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.identity.permissions import parse_permissions, show_permissions
from s3gw.server.compose import folders
from storage.backends.local import LocalStore
from storage.values import BucketInfo

_EXAMPLES = """\
  s3gw auth access photos            what may be done in the bucket
  s3gw auth access photos ro         nothing but reading, for whomever
  s3gw auth access photos ro,PATCH   and its owner may configure it
  s3gw auth access photos su         no limits again

PERM is ro, rw or su, a number, or names of rights with commas between. It allows nobody anything:
it is what policies, ACLs and permissions can allow at most. The root account can always change it.
A server that runs there knows of the change at once."""


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    parser.add_argument("bucket", metavar="BUCKET")
    parser.add_argument("access", metavar="PERM", nargs="?", help="none only shows it")
    add_place(parser)


def run(args: argparse.Namespace) -> int:
    config = load_settings(args).config
    if args.access is not None:
        _check(args.access)
    mask = bucket_access(asyncio.run(_ask(config, args.bucket, args.access)))
    if args.json:
        print(json.dumps({"bucket": args.bucket, "access": str(mask)}))
    else:
        print(f"{args.bucket}: {show_permissions(mask)}")
    return 0


def _check(text: str) -> None:
    try:
        parse_permissions(text)
    except ValueError as error:
        raise ConfigError(f"{error}; PERM is ro, rw, su, a number or names like GET,PUT") from None


async def _ask(config: Config, name: str, access: str | None) -> BucketInfo:
    """The bucket, with that attribute if one is given. Raises `BucketNotFound`."""
    with closing(LocalStore.open(folders(config), slot="access")) as store:
        if access is None:
            return await store.head_bucket(name)
        return await store.update_bucket(name, lambda info: with_access(info, access))
