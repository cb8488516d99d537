"""Promoting: files of the server's machine become objects of a bucket.

A bucket's policy lets others use the bucket, but cannot give them the machine's files: the caller
must have the right to promote, or be an administrator. A small file is promoted at once; folders
and large files are for a job, and its id is the answer.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct, field

from cluster.jobs.job_run import FileOrders
from cluster.jobs.promote import Promote
from s3gw.access import Access, authorize_key
from s3gw.access.every_key import may_with_every_key
from s3gw.access.request import Caller
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.starting import begin
from s3gw.native.object_names import key_of
from s3gw.native.operation import operation, value
from s3gw.objects.promotion.files import NotPromoted, Source, find_source, is_folder, open_file
from s3gw.objects.promotion.writing import Promotion, promote
from s3gw.s3.encryption_headers import read_encryption
from s3gw.s3.headers import read_attributes

AT_ONCE_BYTES = 16 << 20


class PromoteMessage(Struct, frozen=True):
    """AIStore's names. The machine that is asked reads the files, so the options about file shares
    make no difference."""

    target: str = field(default="", name="tid")
    source: str = field(default="", name="src")
    name: str = field(default="", name="obj")
    recursive: bool = field(default=False, name="rcr")
    overwrite: bool = field(default=False, name="ovw")
    delete_source: bool = field(default=False, name="dls")


@operation(
    "POST",
    "objects/{bucket}",
    action="promote",
    access=Access.PROMOTE,
    known_as="PutObject",
    is_audited=True,
)
class PromoteFiles:
    """A file's object is named `obj`, or if that ends with a slash or is empty, that and the file's
    name; of the files in a folder, `obj` and the path in the folder."""

    asked: PromoteMessage = value(default=PromoteMessage())

    async def run(self, call: NativeCall) -> Reply:
        _require_right(call)
        _require_here(call, self.asked.target)
        path = _path(call.message.name, self.asked.source)
        if self.asked.delete_source and not call.native.promotable.may_remove:
            message = "files are not removed with storage.durability = async: see the configuration"
            raise NativeError(400, message)
        try:
            source = find_source(call.native.promotable, path)
            return await self._promote(call, source, path)
        except NotPromoted as error:
            status = 404 if error.is_missing else 400
            message = f'cannot promote "{path[:1024]}": {error}'
            raise NativeError(status, message) from None

    async def _promote(self, call: NativeCall, source: Source, path: str) -> Reply:
        if await asyncio.to_thread(is_folder, source):
            return await self._begin(call, path, self.asked.name, call.bucket)
        name = self.asked.name
        if not name or name.endswith("/"):
            name += source.names[-1]
        name = key_of(name)
        await authorize_key(call, "PutObject", name, Access.PROMOTE)
        if await asyncio.to_thread(_size, source) > AT_ONCE_BYTES:
            return await self._begin(call, path, name)
        call.key = name
        promotion = Promotion(
            source,
            attributes=read_attributes(call),
            encryption=read_encryption(call),
            replaces=self.asked.overwrite,
            moves=self.asked.delete_source,
        )
        await promote(call.objects, call.context, call.bucket_info, name, promotion)
        return Reply()

    async def _begin(self, call: NativeCall, path: str, prefix: str, of_many: str = "") -> Reply:
        if of_many and not may_with_every_key(call, call.bucket_info, Access.PROMOTE, "PutObject"):
            raise _denied(call, "a policy tells its objects apart, so promote files one by one")
        asked = self.asked
        files = FileOrders(path, asked.recursive, asked.overwrite, asked.delete_source)
        job = Promote(bucket=call.bucket, prefix=prefix, files=files)
        return text_reply(await begin(call, job))


def _path(name: str, source: str) -> str:
    """Return the path, sent in two places. Raise 400 if they differ."""
    if name and source and name != source:
        raise NativeError(400, "the message names two different sources")
    return name or source


def _require_here(call: NativeCall, target: str) -> None:
    """Raise 400 for a target that is not this machine's: the files are on this one."""
    if target in ("", call.native.members.target):
        return
    where = call.native.members.smap(call.endpoint).tmap.get(target)
    if where is None:
        raise NativeError(400, f'there is no target "{target[:64]}"')
    raise NativeError(400, f"the files of {target} are promoted at {where.public_net.direct_url}")


def _require_right(call: NativeCall) -> None:
    caller = Caller(call.caller, call.site.cluster_id)
    if not caller.is_root and not caller.has(Access.PROMOTE.value, call.bucket):
        raise _denied(call, "PROMOTE needed")


def _denied(call: NativeCall, why: str) -> NativeError:
    message = f'bucket "{call.bck.cname()}": access denied: {why}'
    return NativeError(403, message, Tcode.BUCKET_DENIED)


def _size(source: Source) -> int:
    with open_file(source) as file:
        return file.facts.st_size
