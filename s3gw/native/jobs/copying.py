"""Copies of many objects at once, as they are or as transformers make them.

The objects are those of a list, a template or a prefix, or of a whole bucket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct, field

from cluster.jobs import copy_objects, etl_objects
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.etl.enabled import etl_of
from s3gw.native.etl.inline import pipeline_of
from s3gw.native.jobs.rights import require_deleting_in, require_reading, require_writing
from s3gw.native.jobs.selection import Selection, read_selection
from s3gw.native.jobs.starting import begin
from s3gw.native.jobs.target import BckMessage, find_target, read_uname
from s3gw.native.names import Bck
from s3gw.native.object_names import prefix_of
from s3gw.native.operation import operation, query, value
from s3gw.native.presence import is_outside
from s3gw.native.remote_buckets import is_remote

DEFAULT_WORKERS = 4
_PLAIN = (copy_objects.CopyObjects, copy_objects.CopyBucket)


class CopyMessage(Struct, frozen=True):
    """`force` holds for every copy here, and `flat` is of a prefix. `etl` and `pipeline` are the
    transformers of an action that transforms; how long one may take was said when it was
    started."""

    objnames: list[str] | None = None
    template: str | None = None
    tobck: BckMessage = BckMessage()
    prefix: str = ""
    prepend: str = ""
    dry_run: bool = False
    force: bool = False
    latest_ver: bool = field(default=False, name="latest-ver")
    synchronize: bool = False
    flat: bool = field(default=False, name="non-recurs")
    go_on: bool = field(default=False, name="coer")
    num_workers: int = field(default=0, name="num-workers")
    ext: dict[str, str] | None = None
    etl: str | None = field(default=None, name="id")
    pipeline: list[str] | None = None
    request_timeout: Any = None

    @property
    def workers(self) -> int:
        """Return how many objects are copied at once."""
        asked_for = self.num_workers or DEFAULT_WORKERS
        return min(max(asked_for, 1), copy_objects.MAX_WORKERS)

    def check(self) -> None:
        """Raise 400 for options that exclude each other."""
        if self.synchronize and self.prepend:
            message = (
                f"prepend option ({json.dumps(self.prepend)}) is incompatible with the request"
            )
            raise NativeError(400, f"{message} to synchronize buckets")
        if self.synchronize and self.ext:
            raise NativeError(400, "ext is incompatible with the request to synchronize buckets")


@operation(
    "POST",
    "buckets/{bucket}",
    action=copy_objects.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class CopyListRange:
    """Needs GET on the sources, PUT on the copies, and CREATE-BUCKET for a target bucket that does
    not exist."""

    asked: CopyMessage = value(default=CopyMessage())
    presence: int = query("presence", default=0)

    async def run(self, call: NativeCall) -> Reply:
        _check_presence(self.presence)
        if self.asked.prefix:
            raise NativeError(400, "a prefix beside a list or a template: make it the template")
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        target = self.asked.tobck.bck(call)
        return await _copy(call, copy_objects.CopyObjects, chosen, target, self.asked)


@operation(
    "POST",
    "buckets/{bucket}",
    action=copy_objects.BUCKET_KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class CopyBucket:
    """Needs the same rights, for the whole bucket or for the keys with the prefix."""

    to: str = query("bck_to", default="")
    asked: CopyMessage = value(default=CopyMessage())
    presence: int = query("presence", default=0)

    async def run(self, call: NativeCall) -> Reply:
        _check_presence(self.presence)
        target = read_uname(self.to, call)
        chosen = Selection(prefix=prefix_of(self.asked.prefix, "copy-bucket"))
        return await _copy(call, copy_objects.CopyBucket, chosen, target, self.asked)


@operation(
    "POST",
    "buckets/{bucket}",
    action=etl_objects.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class TransformListRange:
    """Needs the rights of a copy. Any reader of the objects may send them through a transformer
    that an administrator has started."""

    asked: CopyMessage = value(default=CopyMessage())

    async def run(self, call: NativeCall) -> Reply:
        etls = await _etls(call, self.asked)
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        target = self.asked.tobck.bck(call)
        kind = partial(etl_objects.EtlObjects, etls=etls)
        return await _copy(call, kind, chosen, target, self.asked)


@operation(
    "POST",
    "buckets/{bucket}",
    action=etl_objects.BUCKET_KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class TransformBucket:
    """Needs the same rights, for the whole bucket or for the keys with the prefix."""

    to: str = query("bck_to", default="")
    asked: CopyMessage = value(default=CopyMessage())
    presence: int = query("presence", default=0)

    async def run(self, call: NativeCall) -> Reply:
        _check_presence(self.presence)
        etls = await _etls(call, self.asked)
        target = read_uname(self.to, call)
        chosen = Selection(prefix=prefix_of(self.asked.prefix, "etl-bucket"))
        kind = partial(etl_objects.EtlBucket, etls=etls)
        return await _copy(call, kind, chosen, target, self.asked)


async def _etls(call: NativeCall, asked: CopyMessage) -> tuple[str, ...]:
    """Return the names of the transformers. Raise 400 without one, and 404."""
    etl = etl_of(call, call.message.action)
    if not asked.etl:
        raise NativeError(400, "the message names no transformer: its id is empty")
    names = pipeline_of(asked.etl, ",".join(asked.pipeline or ()))
    await etl.transforming.check(names)
    return tuple(names)


async def _copy(
    call: NativeCall,
    kind: Callable[..., copy_objects.CopyObjects],
    chosen: Selection,
    target: Bck,
    asked: CopyMessage,
) -> Reply:
    asked.check()
    inspects = kind not in _PLAIN and asked.dry_run
    if not inspects and not (is_remote(call) and (asked.latest_ver or asked.synchronize)):
        _check_same(call, chosen, target, asked.prepend)
    await require_reading(call, chosen)
    if not inspects:
        await _require_target(call, target, chosen, asked)
    job = kind(
        bucket=call.bucket,
        target=target.stored,
        template=chosen.template,
        prefix=chosen.prefix,
        prepend=asked.prepend,
        ext=asked.ext or {},
        flat=asked.flat,
        dry_run=asked.dry_run,
        synchronize=asked.synchronize,
        latest=asked.latest_ver,
        go_on=asked.go_on,
        workers=asked.workers,
    )
    return text_reply(await begin(call, job, chosen.names))


async def _require_target(
    call: NativeCall, target: Bck, chosen: Selection, asked: CopyMessage
) -> None:
    """Raise 403 unless the caller may write all copies; a bucket that does not exist is created.
    Copies with other extensions may have any name."""
    described = await find_target(call, target, make=False)
    await require_writing(call, described, Selection() if asked.ext else chosen, asked.prepend)
    if asked.synchronize:
        await require_deleting_in(call, described, chosen)
    if not asked.dry_run:
        await find_target(call, target, make=True, like=call.bucket_info)


def _check_presence(presence: int) -> None:
    """Raise 501 for what is outside of the cluster only; all that is known here is here."""
    if is_outside(presence):
        raise unsupported("copying what is outside of the cluster")


def _check_same(call: NativeCall, chosen: Selection, target: Bck, prepend: str) -> None:
    """Refuse to copy a prefix into the same bucket where the job would find its own copies
    again."""
    if target == call.bck and (not prepend or chosen.all_names() is None):
        raise NativeError(400, f'cannot copy bucket "{call.bck.cname()}" onto itself')
