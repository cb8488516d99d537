"""`s3gw archive create`"""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.cli.arguments import BUCKET, OBJECT
from s3gw.cli.connection import connect
from s3gw.cli.job_wait import JobOptions, follow
from s3gw.cli.parameters import argument, included, option, switch
from s3gw.cli.parsing import Command, Misused
from s3gw.cli.selection import HELP, TITLE, SelectionFlags, selected
from s3gw.client.names import Bck, ObjectName, read_bucket, read_object
from s3gw.client.objects import ArchiveOptions, archive_many

_EXAMPLES = f"""\
  s3gw archive create ais://samples ais://shards/0001.tar --template 'img-{{0000..0999}}.jpg'
  s3gw archive create ais://samples ais://shards/all.tar --prefix train/ --no-wait
  s3gw archive create ais://samples ais://shards/0001.tar --list names.txt --append

{HELP}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    source: Bck = argument(BUCKET, read=read_bucket)
    archive: ObjectName = argument(OBJECT, read=read_object)
    selection: SelectionFlags = included(SelectionFlags, TITLE)
    mime: str = option("FORMAT", default="", help=".tar, .tgz, .zip, .tar.lz4")
    append: bool = switch(help="to an archive that exists")
    bare: bool = switch(help="names of members without folders", exclusive="names")
    with_bucket: bool = switch(
        help="names of members begin with the bucket's name", exclusive="names"
    )
    flat: bool = switch(help="of a prefix, leave out what is in folders")
    continue_on_error: bool = switch(help="skip objects that are missing")


def run(options: Options) -> int:
    if not options.selection.is_given:
        raise Misused("Select objects with --prefix, --template, --list or --all.")
    bck, objects = selected(options.selection, [ObjectName(options.source)])
    orders = ArchiveOptions(
        mime=options.mime,
        with_bucket=options.with_bucket,
        appends=options.append,
        continue_on_error=options.continue_on_error,
        bare=options.bare,
        flat=options.flat,
    )
    with connect(options) as client:
        job_id = client.call(archive_many(bck, options.archive, objects, orders))
        done = f"Archived from {bck} in {options.archive}"
        return follow(client, options, job_id, done)


COMMAND = Command(Options, run, _EXAMPLES)
