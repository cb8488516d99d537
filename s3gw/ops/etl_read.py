"""Objects through transformers in GetObject, in buckets that allow it.

    GET /bucket/key?etl=NAME
    GET /bucket/key?etl=NAME&etl_args=ARGS&etl_pipeline=SECOND,THIRD

The whole object is transformed. Conditions, version and customer's key are those of the source, and
nothing that is known of the source is said of the result: it has no ETag. A range or a part of
the result is refused, so that no client takes the whole of it for one.
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.config.bucket_properties import properties_of
from s3gw.etl import errors as etl
from s3gw.etl.pipeline import read_pipeline
from s3gw.etl.talk.work import Piece, Work
from s3gw.etl.transforming import Transforming
from s3gw.http.reply import Reply
from s3gw.objects.aistore_names import bucket_names
from s3gw.objects.attributes import DEFAULT_TYPE
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import (
    check_reader,
    checked,
    customer_key,
    read_customer_key,
    refuse_on_reads,
)
from s3gw.s3.headers import named_version, override_headers, read_condition
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import ARCHPATH_HEADER
from storage.values import ALWAYS, ReadOptions

_NAME, _ARGS, _PIPELINE = "etl", "etl_args", "etl_pipeline"
ETL_QUERIES = frozenset({_NAME, _ARGS, _PIPELINE})
# What selects less than the object, or something in it.
_PARTIAL = ("range", "if-range", ARCHPATH_HEADER)
_PARTIAL_QUERIES = ("partNumber", "archpath", "archregx")
_CODES: Mapping[type[etl.EtlError], Code] = {
    etl.BadMessage: Code.InvalidArgument,
    etl.NoSuchEtl: Code.NoSuchConfiguration,
    etl.Unavailable: Code.SlowDown,
}


def names_etl(call: Call) -> bool:
    return not ETL_QUERIES.isdisjoint(call.query)


async def transformed_reply(call: Call) -> Reply:
    """Return what transformers make of the object. Raise `S3Error`."""
    try:
        return await _transformed(call)
    except etl.EtlError as error:
        raise _refused(error) from None


async def _transformed(call: Call) -> Reply:
    get = call.query.get
    names = read_pipeline(
        get(_NAME, ""), get(_PIPELINE, ""), get(_ARGS, ""), (_NAME, _PIPELINE, _ARGS)
    )
    if not names:
        raise etl.BadMessage(f"{_NAME} names no transformer: its value is empty")
    transforming = _allowed(call)
    _refuse_parts(call)
    overrides = override_headers(call)
    named = bucket_names(call.bucket_info.name)
    work = _work(call)
    try:
        piece = await transforming.transform(names, work, named.cname(call.key))
    except etl.TransformFailed:
        if work.pullable:
            # One that pulls may have failed because there is no such object, or no key for it.
            check_reader(call, (await call.store.head_object(call.bucket, call.key)).info)
        raise
    call.objects.access_times.note(call.bucket_info.lasting_name, call.key)
    headers = {"Content-Type": DEFAULT_TYPE}
    if piece.size is not None:
        headers["Content-Length"] = str(piece.size)
    return Reply(200, headers | overrides, piece.body)


def _work(call: Call) -> Work:
    refuse_on_reads(call)
    options = ReadOptions(
        condition=read_condition(call.headers),
        version=named_version(call.query.get("versionId")),
        unlock=call.objects.encryption.unlock(customer_key(call)),
        before_stream=call.before_stream,
    )

    async def source() -> Piece:
        reading = await checked(call, await call.store.get_object(call.bucket, call.key, options))
        return Piece(reading.body, reading.info.size)

    named = bucket_names(call.bucket_info.name)
    plain = options.condition is ALWAYS and options.version is None
    return Work(
        named.path(call.key),
        named.uname(call.key),
        source,
        call.query.get(_ARGS, ""),
        pullable=plain and read_customer_key(call) is None,
    )


def _allowed(call: Call) -> Transforming:
    """Raise `NotImplemented` where transformers are turned off, and `InvalidRequest` for a bucket
    whose objects S3's clients may not send through them."""
    transforming = call.services.etl
    if transforming is None:
        raise S3Error(
            Code.NotImplemented,
            "ETL is turned off: start the server with --etl (etl.enabled = true).",
        )
    if not properties_of(call.bucket_info).etl_by_s3:
        message = (
            "The bucket does not allow transformers in S3's GetObject: set its property etl.s3 to "
            f"true (s3gw bucket props set {bucket_names(call.bucket_info.name).url} etl.s3=true)."
        )
        raise S3Error(Code.InvalidRequest, message)
    return transforming


def _refuse_parts(call: Call) -> None:
    """Raise `NotImplemented` for less than the whole, and for members of archives."""
    named = [name for name in _PARTIAL if name in call.headers]
    named += [name for name in _PARTIAL_QUERIES if name in call.query]
    if not named and call.folder is None:
        return
    what = f"with {named[0]}" if named else "that is a member of an archive"
    raise S3Error(
        Code.NotImplemented,
        f"An object {what} cannot be transformed: request it as a whole, or without {_NAME}.",
    )


def _refused(error: etl.EtlError) -> S3Error:
    code = _CODES.get(type(error), Code.TransformationFailed)
    text = error.message if error.message.endswith(".") else f"{error.message}."
    if code is Code.SlowDown:
        return S3Error(code, text, headers={"Retry-After": str(etl.RETRY_AFTER_S)})
    if code is Code.InvalidArgument:
        return S3Error(code, text, ArgumentName=_NAME)
    refusal = S3Error(code, text)
    refusal.status = error.status
    return refusal
