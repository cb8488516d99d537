"""Reading objects: GET and HEAD."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.etl.inline import pipeline_of, transformed
from s3gw.native.jobs.blob_download import record_download
from s3gw.native.objects.archive_read import member_head, member_query_of, member_reply
from s3gw.native.objects.object_headers import all_headers, chosen_headers, reader_headers
from s3gw.native.objects.range_checksums import has_own_checksums, with_checksum
from s3gw.native.operation import header, operation, query
from s3gw.native.parallel import read_parallel, read_threshold
from s3gw.native.presence import is_here, is_outside
from s3gw.native.remote_buckets import is_object_here, require_same_url
from s3gw.s3.encryption_headers import check_reader, checked, customer_key
from s3gw.s3.headers import http_date, quoted, read_condition
from s3gw.s3.range_headers import read_range, span_headers
from storage.backends.http import PROVIDER
from storage.conditions import wanted_part
from storage.errors import NotModified, ObjectNotFound
from storage.ranges import Between, From, Last
from storage.values import ObjectInfo, Parallel, ReadOptions

_TYPE = "application/octet-stream"
_NS = 1_000_000_000


@operation("GET", "objects/{bucket}/{object}", access=Access.GET, known_as="GetObject")
class GetObject:
    """An object that is not here is fetched as one stream; with `Ais-Blob-Download`, or from
    `Ais-Blob-Threshold` bytes on, in many ranges at once. With `latest-ver`, one that is here must
    be the backend's latest. With `etl_name`, it is transformed, always as a whole."""

    range: str | None = header("Range", default=None)
    archpath: str = query("archpath", default="")
    archmime: str = query("archmime", default="")
    archmode: str = query("archmode", default="")
    archregx: str = query("archregx", default="")
    latest: bool = query("latest-ver", default=False)
    blob: bool = header("Ais-Blob-Download", default=False)
    blob_chunk: str = header("Ais-Blob-Chunk", default="")
    blob_workers: str = header("Ais-Blob-Workers", default="")
    blob_threshold: str = header("Ais-Blob-Threshold", default="")
    original_url: str = query("original_url", default="")
    etl: str = query("etl_name", default="")
    etl_args: str = query("etl_args", default="")
    etl_pipeline: str = query("etl_pipeline", default="")

    async def run(self, call: NativeCall) -> Reply:
        require_same_url(call, self.original_url)
        if names := pipeline_of(self.etl, self.etl_pipeline, self.etl_args):
            return await self._transformed(call, names)
        if in_archive := member_query_of(self):
            return await member_reply(call, in_archive, wanted(self.range))
        options = ReadOptions(
            want=wanted(self.range),
            condition=read_condition(call.headers),
            unlock=call.objects.encryption.unlock(customer_key(call)),
            before_stream=call.before_stream,
            latest=self.latest,
            parallel=self._parallel(),
        )
        was_here = options.parallel is None or await is_object_here(call)
        opened = await call.store.get_object(call.bucket, call.key, options)
        if not was_here and options.parallel is not None:
            await record_download(call, options.parallel, opened.info)
        reading = await checked(call, opened)
        call.accessed_ns = call.objects.access_times.note(call.bucket_info.lasting_name, call.key)
        partial = wanted_part(options.want, options.condition, reading.info) is not None
        checksum = None
        if partial and has_own_checksums(call.bucket_info):
            reading, checksum = await with_checksum(call, options, reading)
        headers = {"Content-Type": _type_of(call, reading.info), "Accept-Ranges": "bytes"}
        headers |= span_headers(reading.info, reading.span, partial=partial)
        repeated = reader_headers(call, reading.info, checksum)
        return Reply(206 if partial else 200, headers, reading.body, repeated=repeated)

    async def _transformed(self, call: NativeCall, names: list[str]) -> Reply:
        if member_query_of(self):
            raise unsupported("transforming members of archives")
        options = ReadOptions(
            condition=read_condition(call.headers),
            unlock=call.objects.encryption.unlock(customer_key(call)),
            before_stream=call.before_stream,
            latest=self.latest,
        )
        return await transformed(call, names, self.etl_args, options)

    def _parallel(self) -> Parallel | None:
        if self.blob:
            return read_parallel(self.blob_chunk, self.blob_workers)
        return read_threshold(self.blob_threshold, self.blob_chunk, self.blob_workers, lowest=1)


@operation("HEAD", "objects/{bucket}/{object}", access=Access.HEAD_OBJECT, known_as="HeadObject")
class HeadObject:
    props: str | None = query("props", default=None)
    presence: int = query("presence", default=0)
    archpath: str = query("archpath", default="")
    archmime: str = query("archmime", default="")
    archmode: str = query("archmode", default="")
    archregx: str = query("archregx", default="")
    original_url: str = query("original_url", default="")

    async def run(self, call: NativeCall) -> Reply:
        require_same_url(call, self.original_url)
        here = await is_object_here(call)
        if here if is_outside(self.presence) else is_here(self.presence) and not here:
            raise ObjectNotFound(call.key)
        if in_archive := member_query_of(self):
            return await member_head(call, in_archive)
        options = ReadOptions(condition=read_condition(call.headers))
        reading = await call.store.head_object(call.bucket, call.key, options)
        info = reading.info
        check_reader(call, info)
        label = call.bucket_info.lasting_name
        call.accessed_ns = await call.objects.access_times.last(label, call.key)
        told = (
            all_headers(call, info, here=here)
            if self.props is None
            else chosen_headers(call, info, self.props, here=here)
        )
        headers = {"Content-Length": str(info.size), "Content-Type": _type_of(call, info)}
        return Reply(200, headers, repeated=told)


def _type_of(call: NativeCall, info: ObjectInfo) -> str:
    """Return the content type: of the web's objects their own, as proxies of the web answer."""
    if call.bck.provider != PROVIDER:
        return _TYPE
    return info.attributes.headers.get("content-type", _TYPE)


def wanted(text: str | None) -> Between | From | Last | None:
    """Parse one range of bytes. Raise 416 for an invalid one, and 501 for several."""
    if text is None:
        return None
    if "," in text:
        raise unsupported("reading several ranges at once")
    want = read_range(text)
    if want is None:
        raise NativeError(416, f"invalid range {text[:64]!r}", Tcode.RANGE)
    return want


def not_modified(error: NotModified) -> Reply:
    modified = http_date(error.modified_ns // _NS)
    return Reply(304, {"ETag": quoted(error.etag), "Last-Modified": modified})
