"""PUT of a bucket with the action `archive`: a job packs objects.

The objects of a list, a template or a prefix become the members of one archive.
"""

from __future__ import annotations

from msgspec import Struct, field

from cluster.jobs import archive_objects
from cluster.jobs.job_run import ArchiveOrders
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.jobs.rights import require_reading, require_writing
from s3gw.native.jobs.selection import Selection, read_selection
from s3gw.native.jobs.starting import begin
from s3gw.native.jobs.target import BckMessage, find_target
from s3gw.native.object_names import key_of
from s3gw.native.operation import operation, value
from s3gw.s3.archives.query import read_format
from storage.archives import format_of_name


class ArchiveMessage(Struct, frozen=True):
    """Orders for one archive. Without `tobck` it is created in the bucket of its members."""

    objnames: list[str] | None = None
    template: str | None = None
    archname: str = ""
    mime: str = ""
    tobck: BckMessage | None = None
    with_bucket: bool = field(default=False, name="isbn")
    bare: bool = field(default=False, name="bnonly")
    append: bool = field(default=False, name="aate")
    go_on: bool = field(default=False, name="coer")
    flat: bool = field(default=False, name="non-recurs")

    @property
    def orders(self) -> ArchiveOrders:
        """Parse the orders. Raise 400."""
        name = self.archname
        if not name or "\0" in name:
            raise NativeError(400, "archname is empty: name the archive")
        name = key_of(name)
        if read_format(self.mime) is None and format_of_name(name) is None and not self.append:
            message = f'"{name[:128]}" tells no format: name one with mime, .tar for example'
            raise NativeError(400, message)
        return ArchiveOrders(
            name=name,
            mime=self.mime,
            append=self.append,
            with_bucket=self.with_bucket,
            bare=self.bare,
            deep=not self.flat,
        )


@operation(
    "PUT",
    "buckets/{bucket}",
    action=archive_objects.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class ArchiveListRange:
    """Needs GET on the members, PUT on the archive, and CREATE-BUCKET for a target bucket that does
    not exist."""

    asked: ArchiveMessage = value(default=ArchiveMessage())

    async def run(self, call: NativeCall) -> Reply:
        asked, orders = self.asked, self.asked.orders
        chosen = await read_selection(asked.objnames, asked.template)
        target = asked.tobck.bck(call) if asked.tobck and asked.tobck.name else call.bck
        await require_reading(call, chosen)
        described = await find_target(call, target, make=False)
        await require_writing(call, described, Selection(names=[orders.name]), "")
        await find_target(call, target, make=True)
        job = archive_objects.ArchiveObjects(
            bucket=call.bucket,
            target=target.stored,
            template=chosen.template,
            prefix=chosen.prefix,
            archive=orders,
            go_on=asked.go_on,
        )
        return text_reply(await begin(call, job, chosen.names))
