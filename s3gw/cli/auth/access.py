"""`s3gw auth access`: the `access` attribute of a bucket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from s3gw.access.bucket_access import bucket_access, with_access
from s3gw.cli.auth.directory import DirectoryOptions
from s3gw.cli.parameters import argument
from s3gw.cli.parsing import Command
from s3gw.config.loading import ConfigError
from s3gw.config.schema import Config
from s3gw.identity.permissions import parse_permissions, show_permissions
from s3gw.server.deployment import deployment_of
from storage.values import BucketInfo

_EXAMPLES = """\
  s3gw auth access photos            what may be done in the bucket
  s3gw auth access photos ro         reading only, for all users
  s3gw auth access photos ro,PATCH   and its owner may configure it
  s3gw auth access photos su         no limits again

PERM is ro, rw or su, a number, or names of rights separated by commas. It grants nothing: it limits
what policies, ACLs and permissions can grant. The root account can always change it. A running
server applies the change at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(DirectoryOptions):
    bucket: str = argument("BUCKET")
    access: str | None = argument("PERM", default=None, help="the new value (default: show it)")


def run(options: Options) -> int:
    config = options.settings.load().config
    if options.access is not None:
        _check(options.access)
    mask = bucket_access(asyncio.run(_bucket(config, options.bucket, options.access)))
    if options.json:
        print(json.dumps({"bucket": options.bucket, "access": str(mask)}))
    else:
        print(f"{options.bucket}: {show_permissions(mask)}")
    return 0


def _check(text: str) -> None:
    try:
        parse_permissions(text)
    except ValueError as error:
        raise ConfigError(f"{error}; PERM is ro, rw, su, a number or names like GET,PUT") from None


async def _bucket(config: Config, name: str, access: str | None) -> BucketInfo:
    """Return the bucket, changed if `access` is given. Raises `BucketNotFound`."""
    async with deployment_of(config).open_store("access") as store:
        if access is None:
            return await store.head_bucket(name)
        return await store.update_bucket(name, lambda info: with_access(info, access))


COMMAND = Command(Options, run, _EXAMPLES)
