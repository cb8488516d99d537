"""Reading an object through transformers: GET with `etl_name`."""

from __future__ import annotations

from s3gw.etl.talk.work import Piece, Work
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError
from s3gw.native.etl.enabled import etl_of
from s3gw.native.object_names import name_of
from s3gw.s3.encryption_headers import checked
from storage.values import ReadOptions

_TYPE = "application/octet-stream"
_MOST_STAGES = 16


def pipeline_of(name: str, more: str, args: str = "") -> list[str]:
    """Return the names of transformers, the first one first; none without a name. Raise 400."""
    if not name:
        if more or args:
            given = "etl_pipeline" if more else "etl_args"
            raise NativeError(400, f"{given} without etl_name: name the first transformer")
        return []
    names = [name, *(each.strip() for each in more.split(",") if each.strip())]
    if len(names) > _MOST_STAGES:
        raise NativeError(400, f"a pipeline has at most {_MOST_STAGES} transformers")
    return names


def work_of(call: NativeCall, options: ReadOptions, args: str) -> Work:
    """Return the object of the call as work for transformers; `args` are for them."""

    async def source() -> Piece:
        reading = await checked(call, await call.store.get_object(call.bucket, call.key, options))
        return Piece(reading.body, reading.info.size)

    name = name_of(call.key)
    return Work(f"{call.bck.name}/{name}", f"{call.bck.uname}{name}", source, args)


async def transformed(call: NativeCall, names: list[str], args: str, options: ReadOptions) -> Reply:
    """Return the whole object, transformed; nothing that is known of its source holds for it."""
    etl = etl_of(call, "etl_name")
    work = work_of(call, options, args)
    piece = await etl.transforming.transform(names, work, call.bck.cname(call.key))
    headers = {"Content-Type": _TYPE}
    if piece.size is not None:
        headers["Content-Length"] = str(piece.size)
    return Reply(200, headers, piece.body)
