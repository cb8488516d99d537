"""Reading an object through transformers: GET with `etl_name`."""

from __future__ import annotations

from s3gw.etl.errors import TransformFailed
from s3gw.etl.pipeline import read_pipeline
from s3gw.etl.talk.work import Piece, Work
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.etl.enabled import etl_of
from s3gw.objects.aistore_names import name_of
from s3gw.s3.encryption_headers import CUSTOMER, check_reader, checked, read_customer_key
from storage.values import ALWAYS, ReadOptions

_TYPE = "application/octet-stream"
_PARAMETERS = ("etl_name", "etl_pipeline", "etl_args")


def pipeline_of(name: str, more: str, args: str = "") -> list[str]:
    """Return the names of transformers, the first one first; none without a name. Raise
    `BadMessage`."""
    return read_pipeline(name, more, args, _PARAMETERS)


def work_of(call: NativeCall, options: ReadOptions, args: str, prefix: str = CUSTOMER) -> Work:
    """Return the object of the call as work for transformers; `args` are for them. The headers of
    a customer's key begin with `prefix`. An object under such a key, with a condition or from its
    backend is sent to those that pull, too: their own requests could not say so."""

    async def source() -> Piece:
        reading = await call.store.get_object(call.bucket, call.key, options)
        reading = await checked(call, reading, prefix)
        return Piece(reading.body, reading.info.size)

    name = name_of(call.key)
    plain = options.condition is ALWAYS and not options.latest
    return Work(
        f"{call.bck.name}/{name}",
        f"{call.bck.uname}{name}",
        source,
        args,
        pullable=plain and read_customer_key(call, prefix) is None,
    )


async def transformed(call: NativeCall, names: list[str], args: str, options: ReadOptions) -> Reply:
    """Return the whole object, transformed; nothing that is known of its source holds for it."""
    etl = etl_of(call, "etl_name")
    work = work_of(call, options, args)
    try:
        piece = await etl.transforming.transform(names, work, call.bck.cname(call.key))
    except TransformFailed:
        if work.pullable:
            # One that pulls may have failed because there is no such object, or no key for it.
            check_reader(call, (await call.store.head_object(call.bucket, call.key)).info)
        raise
    call.accessed_ns = call.objects.access_times.note(call.bucket_info.lasting_name, call.key)
    headers = {"Content-Type": _TYPE}
    if piece.size is not None:
        headers["Content-Length"] = str(piece.size)
    return Reply(200, headers, piece.body)
