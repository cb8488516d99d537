"""`s3gw object cp`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import PLACE
from s3gw.cli.connection import connect
from s3gw.cli.copy_flags import CopyFlags
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, included
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.selection import TITLE, SelectionFlags, bucket_alone, selected
from s3gw.cli.tables import json_text
from s3gw.client.names import ObjectName, read_place
from s3gw.client.objects import copy_many, copy_object

_EXAMPLES = """\
  s3gw object cp ais://shards/0001.tar ais://backup                  under the same name
  s3gw object cp ais://shards/0001.tar ais://shards/copy.tar
  s3gw object cp ais://shards ais://backup --prefix train/
  s3gw object cp ais://shards ais://backup --template '{0001..0100}.tar' --prepend 2026/
  s3gw object cp ais://shards ais://backup --list names.txt --continue-on-error

The bytes do not leave the server. Many objects are copied by a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    source: ObjectName = argument(PLACE, read=read_place)
    target: ObjectName = argument(PLACE, read=read_place)
    selection: SelectionFlags = included(SelectionFlags, TITLE)
    copy: CopyFlags = included(CopyFlags, "how many objects are copied")


def run(options: Options) -> int:
    return _copy_many(options) if options.selection.is_given else _copy_one(options)


def _copy_one(options: Options) -> int:
    source = options.source
    target = target_for(source, options.target)
    with connect(options) as client:
        client.call(copy_object(source, target))
    document = {"source": str(source), "target": str(target)}
    print(json_text(document) if options.json else f"Copied {source} to {target}.")
    return 0


def _copy_many(options: Options) -> int:
    bck, objects = selected(options.selection, [options.source])
    target = options.target
    if target.key:
        raise Misused(
            f"Many objects are copied to a bucket, {target.bck}; --prepend sets the beginning of "
            "their names."
        )
    with connect(options) as client:
        job_id = client.call(copy_many(bck, target.bck, objects, options.copy.orders()))
        verb = "Would copy" if options.copy.dry_run else "Copied"
        done = f"{verb} from {bck} to {target}"
        return follow(client, options, job_id, done)


def target_for(source: ObjectName, target: ObjectName) -> ObjectName:
    """Return the name of the copy of one object. Raises `Misused`."""
    if not source.key:
        raise bucket_alone(source)
    if not target.key:
        return ObjectName(target.bck, source.key)
    if target.key.endswith("/"):
        return ObjectName(target.bck, target.key + source.base)
    return target


COMMAND = Command(Options, run, _EXAMPLES)
