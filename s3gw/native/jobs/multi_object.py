"""Many objects at once: deleting, copying, evicting and prefetching.

The objects are those of a list, a template or a prefix, or of a whole bucket. Evicting and
prefetching are refused for a bucket without a backend.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct, field

from cluster.jobs import copy_objects, delete_objects, evict, prefetch
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, unsupported
from s3gw.native.jobs.rights import (
    require_deleting,
    require_deleting_in,
    require_reading,
    require_writing,
)
from s3gw.native.jobs.selection import Selection, read_selection
from s3gw.native.jobs.starting import begin
from s3gw.native.jobs.target import BckMessage, find_target, read_uname
from s3gw.native.names import Bck
from s3gw.native.object_names import prefix_of
from s3gw.native.operation import operation, query, value
from s3gw.native.parallel import read_threshold
from s3gw.native.presence import is_outside
from s3gw.native.remote_buckets import is_folder, is_remote, require_backend

DEFAULT_WORKERS = 4


class DeleteMessage(Struct, frozen=True):
    objnames: list[str] | None = None
    template: str | None = None
    flat: bool = field(default=False, name="non-recurs")


class CopyMessage(Struct, frozen=True):
    """`force` holds for every copy here, and `flat` is of a prefix; `ext` and `id`
    need more than a copy."""

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
    ext: dict[str, Any] | None = None
    etl: str | None = field(default=None, name="id")

    @property
    def workers(self) -> int:
        """Return how many objects are copied at once."""
        asked_for = self.num_workers or DEFAULT_WORKERS
        return min(max(asked_for, 1), copy_objects.MAX_WORKERS)

    def check(self) -> None:
        """Raise 400 for options that exclude each other, and 501 for those that are not
        supported."""
        if self.synchronize and self.prepend:
            message = (
                f"prepend option ({json.dumps(self.prepend)}) is incompatible with the request"
            )
            raise NativeError(400, f"{message} to synchronize buckets")
        for asked, what in (
            (self.ext, "changing the extensions of copies"),
            (self.etl, "transforming copies"),
        ):
            if asked:
                raise unsupported(what)


@operation(
    "DELETE",
    "buckets/{bucket}",
    action=delete_objects.KIND.name,
    access=Access.DELETE_OBJECT,
    known_as="DeleteObjects",
)
class DeleteListRange:
    asked: DeleteMessage = value(default=DeleteMessage())

    async def run(self, call: NativeCall) -> Reply:
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_deleting(call, chosen)
        job = delete_objects.DeleteObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=chosen.prefix,
            flat=self.asked.flat,
        )
        return text_reply(await begin(call, job, chosen.names))


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


async def _copy(
    call: NativeCall,
    kind: type[copy_objects.CopyObjects],
    chosen: Selection,
    target: Bck,
    asked: CopyMessage,
) -> Reply:
    asked.check()
    if not (is_remote(call) and (asked.latest_ver or asked.synchronize)):
        _check_same(call, chosen, target, asked.prepend)
    await require_reading(call, chosen)
    described = await find_target(call, target, make=False)
    await require_writing(call, described, chosen, asked.prepend)
    if asked.synchronize:
        await require_deleting_in(call, described, chosen)
    if not asked.dry_run:
        await find_target(call, target, make=True, like=call.bucket_info)
    job = kind(
        bucket=call.bucket,
        target=target.stored,
        template=chosen.template,
        prefix=chosen.prefix,
        prepend=asked.prepend,
        flat=asked.flat,
        dry_run=asked.dry_run,
        synchronize=asked.synchronize,
        latest=asked.latest_ver,
        go_on=asked.go_on,
        workers=asked.workers,
    )
    return text_reply(await begin(call, job, chosen.names))


def _check_presence(presence: int) -> None:
    """Raise 501 for what is outside of the cluster only; all that is known here is here."""
    if is_outside(presence):
        raise unsupported("copying what is outside of the cluster")


def _check_same(call: NativeCall, chosen: Selection, target: Bck, prepend: str) -> None:
    """Refuse to copy a prefix into the same bucket where the job would find its own copies
    again."""
    if target == call.bck and (not prepend or chosen.all_names() is None):
        raise NativeError(400, f'cannot copy bucket "{call.bck.cname()}" onto itself')


class FetchMessage(Struct, frozen=True):
    """`latest_ver` replaces what is older than the backend's. An object of `blob_threshold` bytes
    or more is fetched in many ranges at once."""

    objnames: list[str] | None = None
    template: str | None = None
    prefix: str = ""
    latest_ver: bool = field(default=False, name="latest-ver")
    flat: bool = field(default=False, name="non-recurs")
    go_on: bool = field(default=False, name="coer")
    num_workers: int = field(default=0, name="num-workers")
    blob_threshold: int | str = field(default=0, name="blob-threshold")
    blob_chunk: int | str = field(default=0, name="blob-chunk-size")
    blob_workers: int | str = field(default=0, name="blob-num-workers")

    @property
    def workers(self) -> int:
        """Return how many objects are fetched at once."""
        asked_for = self.num_workers or prefetch.DEFAULT_WORKERS
        return min(max(asked_for, 1), prefetch.MAX_WORKERS)


@operation(
    "DELETE",
    "buckets/{bucket}",
    action=evict.KIND.name,
    access=Access.DELETE_OBJECT,
    known_as="DeleteObjects",
)
class EvictListRange:
    """Removes objects here; the backend keeps them."""

    asked: DeleteMessage = value(default=DeleteMessage())

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "evict")
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_deleting(call, chosen)
        job = evict.EvictObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=chosen.prefix,
            flat=self.asked.flat,
        )
        return text_reply(await begin(call, job, chosen.names))


@operation(
    "DELETE",
    "buckets/{bucket}",
    action="evict-remote-bck",
    access=Access.DESTROY_BUCKET,
    known_as="DeleteBucket",
    is_audited=True,
)
class EvictBucket:
    """Removes here all that is of the bucket; with `keep_bck_md`, the bucket stays known. One of
    HDFS always does: only its properties say which folder it is."""

    keep_bck_md: bool = query("keep_bck_md", default=False)
    keep_md: bool = query("keep_md", default=False)

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "evict")
        keep = self.keep_bck_md or self.keep_md or is_folder(call.bucket_info)
        await call.native.tier.forget(call.bucket_info, keep=keep)
        return Reply()


@operation(
    "POST",
    "buckets/{bucket}",
    action=prefetch.KIND.name,
    access=Access.GET,
    known_as="GetObject",
)
class PrefetchListRange:
    asked: FetchMessage = value(default=FetchMessage())

    async def run(self, call: NativeCall) -> Reply:
        require_backend(call, "prefetch")
        asked = self.asked
        parallel = read_threshold(asked.blob_threshold, asked.blob_chunk, asked.blob_workers)
        chosen = await read_selection(self.asked.objnames, self.asked.template)
        await require_reading(call, chosen)
        job = prefetch.PrefetchObjects(
            bucket=call.bucket,
            template=chosen.template,
            prefix=self.asked.prefix or chosen.prefix,
            flat=self.asked.flat,
            go_on=self.asked.go_on,
            latest=self.asked.latest_ver,
            at_once=self.asked.workers,
            parallel=parallel,
        )
        return text_reply(await begin(call, job, chosen.names))
