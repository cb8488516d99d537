"""S3 front end as one ASGI application.

One visible list of steps: read the request, authenticate it, find its operation, authorize it,
decode it, run it, add CORS headers, answer. Every failure on the way becomes S3's XML in one place.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from s3gw.access import authorize, hide_missing
from s3gw.auth import Proof
from s3gw.auth.form import is_form
from s3gw.auth.login_throttle import FORM, Attempt, named_key
from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.http.front_end import MANY_STREAMS, FrontEnd, log_failure
from s3gw.http.memory_room import TooBusy
from s3gw.http.reply import XML, Reply
from s3gw.http.request import NO_BUCKET, Addressing, Request, check_head, read_request
from s3gw.s3.archives.folders import find_folder
from s3gw.s3.call import Call, Services, new_call
from s3gw.s3.error_document import error_document
from s3gw.s3.headers import http_date, quoted
from s3gw.s3.lock_headers import bypasses_governance
from s3gw.s3.preflight import PREFLIGHT, cross_origin_headers, preflight
from s3gw.s3.routing import OperationTable, checked, decode, not_a_form
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.observer import Observer
from s3gw.telemetry.request_id import host_id
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.errors import NotModified, ObjectNotFound, StorageError, VersionNotFound

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.auth.throttle import Throttle

_NS = 1_000_000_000
REGION = "x-amz-bucket-region"
# Every answer of AWS names its server; nothing may be concluded from this name, so no version.
SERVER = "s3gw"


class Authenticate(Protocol):
    async def authenticate(self, request: Request, *, by_form: bool) -> Proof: ...


class S3FrontEnd(FrontEnd):
    """Answers requests for buckets and objects; errors are written as S3 writes them."""

    def __init__(
        self,
        *,
        addressing: Addressing,
        observer: Observer,
        services: Services,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(observer, limits)
        self._store = services.objects.store
        self._addressing = addressing
        self._services = services

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """Return the answer to one request, also when it fails."""
        request: Request | None = None
        try:
            check_head(scope, self._limits)
            request = read_request(
                scope, receive, exchange.request_id, self._addressing, self._limits
            )
            exchange.head, exchange.bucket = request, request.bucket
            reply = await self._answer(request, exchange)
        except NotModified as error:
            reply = _not_modified(error)
        except TooBusy:
            raise
        except Exception as error:
            await self._find_bucket(request, exchange)
            reply = self._refuse(_with_request(error, request), scope, exchange)
        if request is not None and "origin" in request.headers:
            bucket = exchange.bucket_info or NO_BUCKET
            reply.headers |= await cross_origin_headers(request, self._store, bucket)
        reply.headers["x-amz-id-2"] = host_id(exchange.request_id)
        reply.headers["Server"] = SERVER
        return reply

    @abstractmethod
    async def _answer(self, request: Request, exchange: Exchange) -> Reply:
        """Return the answer to a readable request; raise for a refused one."""

    async def _find_bucket(self, request: Request | None, exchange: Exchange) -> None:
        """Find the bucket for its log, which has the refused requests too, also those refused
        before the bucket was looked up. A request to create a bucket whose name is taken is not a
        request to that bucket."""
        if request is None or exchange.bucket_info or exchange.operation == "CreateBucket":
            return
        if request.bucket:
            with suppress(StorageError):
                exchange.bucket_info = await self._store.head_bucket(request.bucket)

    def _refuse(self, error: Exception, scope: Scope, exchange: Exchange) -> Reply:
        return self._error_reply(self._noted(error, exchange), exchange)

    def _noted(self, error: Exception, exchange: Exchange) -> S3Error:
        """Return the error as S3's; log it if it is an internal error."""
        refusal = as_s3_error(error)
        exchange.error_code = refusal.code.name
        if refusal.code is Code.InternalError:
            log_failure(error, exchange)
            # Which object it is about: it may be damaged.
            refusal.details = {**refusal.details, "Resource": exchange.path}
        return refusal

    def busy(self, exchange: Exchange) -> Reply:
        headers = {"Retry-After": "1"}
        return self._error_reply(S3Error(Code.SlowDown, MANY_STREAMS, headers=headers), exchange)

    def _error_reply(self, error: S3Error, exchange: Exchange) -> Reply:
        reply = error_reply(error, exchange.request_id, self._services.site.region)
        if exchange.operation == PREFLIGHT:
            reply.headers.pop(REGION, None)
        return reply


class S3App(S3FrontEnd):
    """Answers every S3 request."""

    def __init__(
        self,
        *,
        table: OperationTable,
        authenticator: Authenticate,
        throttle: Throttle,
        addressing: Addressing,
        observer: Observer,
        services: Services,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(addressing=addressing, observer=observer, services=services, limits=limits)
        self._table = table
        self._authenticator = authenticator
        self._throttle = throttle

    async def _answer(self, request: Request, exchange: Exchange) -> Reply:
        if request.method == PREFLIGHT:
            exchange.operation = PREFLIGHT
            return await preflight(request, self._store)
        found = self._table.find(request)
        by_form = found is not None and found.by_form and is_form(request)
        call = await self._authenticated(request, exchange, by_form=by_form)
        operation = checked(found, request)
        exchange.operation = call.operation = operation.__name__
        if operation.by_form and call.form is None:
            raise not_a_form()
        call.folder = await find_folder(call)
        try:
            archive = call.folder.archive if call.folder is not None else None
            await authorize(call, operation.access, archive)
        finally:
            _note_bucket(call, exchange)
        self._services.rates.check(call.bucket_info, call.operation)
        try:
            reply = await (await decode(operation, call)).run(call)
        except (ObjectNotFound, VersionNotFound):
            await hide_missing(call, call.bucket, call.key)
            raise
        reply.memory = call.stream_memory
        return reply

    async def _authenticated(self, request: Request, exchange: Exchange, *, by_form: bool) -> Call:
        """Return the call of the request, with its authenticated caller."""
        if not self._throttle.is_idle:
            _attempt(self._throttle, request, by_form=by_form).check()
        try:
            proof = await self._authenticator.authenticate(request, by_form=by_form)
        except S3Error as error:
            _attempt(self._throttle, request, by_form=by_form).failed(error)
            raise
        caller = exchange.principal = proof.principal
        exchange.account = caller.identity
        exchange.bypasses_lock = bypasses_governance(request.headers)
        return new_call(request, caller, self._services, proof.form)


def _note_bucket(call: Call, exchange: Exchange) -> None:
    if call.bucket_info is not NO_BUCKET:
        exchange.bucket_info = call.bucket_info


def _attempt(throttle: Throttle, request: Request, *, by_form: bool) -> Attempt:
    name = FORM if by_form else named_key(request.headers, request.query)
    return Attempt(throttle, request.client, name)


def _with_request(error: Exception, request: Request | None) -> Exception:
    """Return the error with what S3 repeats of the request in it."""
    if request is None:
        return error
    refusal = as_s3_error(error)
    match refusal.code:
        case Code.InvalidRange:
            told = {"RangeRequested": request.headers.get("range", "")}
        case Code.MethodNotAllowed:
            told = {"Method": request.method}
        case Code.NoSuchVersion:
            told = {"Key": request.key}
        case _:
            return error
    refusal.details = {**told, **refusal.details}
    return refusal


def error_reply(error: S3Error, request_id: str, region: str) -> Reply:
    headers = {"Content-Type": XML, **error.headers}
    if error.status in (301, 400, 403, 404):
        headers[REGION] = region
    return Reply(error.status, headers, error_document(error, request_id))


def _not_modified(error: NotModified) -> Reply:
    modified = http_date(error.modified_ns // _NS)
    return Reply(304, {"ETag": quoted(error.etag), "Last-Modified": modified})
