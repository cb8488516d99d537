"""`s3gw bucket ls`"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s3gw.cli.arguments import ALIAS
from s3gw.cli.bucket.properties import shown
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text, moment, print_table
from s3gw.client.buckets import bucket_props, list_buckets
from s3gw.client.names import Bck

_EXAMPLES = """\
  s3gw bucket ls
  s3gw bucket ls --long                      with time of creation, versions, checksum, access
  s3gw bucket ls --cluster far               of a cluster that is attached with that alias
  s3gw bucket ls --json | jq -r '.[].name'

`s3gw bucket summary` counts their objects, `s3gw object ls BUCKET` lists them."""
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    long: bool = switch("-l", help="with their main properties")
    provider: str = option("NAME", default="", help="only of ais, aws, gcp, ...", exclusive="whose")
    cluster: str = option(
        ALIAS, default="", help="only of an attached cluster, all that it has", exclusive="whose"
    )


def run(options: Options) -> int:
    with connect(options) as client:
        found = client.call(list_buckets(options.provider, options.cluster))
        props = {bck: client.call(bucket_props(bck)) for bck in found} if options.long else {}
    if options.json:
        print(json_text([_document(bck, props.get(bck)) for bck in found]))
    elif options.long:
        head = ("BUCKET", "CREATED", "VERSIONS", "CHECKSUM", "ACCESS")
        print_table(head, [_row(bck, props[bck]) for bck in found], _NONE)
    else:
        print("\n".join(map(str, found)) or _NONE)
    return 0


_NONE = "There are no buckets. Make one with `s3gw bucket create NAME`."


def _document(bck: Bck, props: dict[str, Any] | None) -> dict[str, Any]:
    return {**bck.document, "uri": str(bck), **({"props": props} if props is not None else {})}


def _row(bck: Bck, props: dict[str, Any]) -> tuple[str, ...]:
    versions = (props.get("versioning") or {}).get("enabled", False)
    checksum = (props.get("checksum") or {}).get("type")
    created = int(props.get("created") or 0) // _NS
    return (str(bck), moment(created, "-"), shown(versions), shown(checksum), access_text(props))


def access_text(props: dict[str, Any]) -> str:
    """Return `all` without limits, else the bits."""
    access = str(props.get("access") or "")
    return "all" if access == str((1 << 64) - 1) else access or "-"


COMMAND = Command(Options, run, _EXAMPLES)
