"""The S3 front end as one ASGI application.

One visible list of steps: read the call, authenticate it, find its operation, authorize it, decode
it, run it, tell browsers of other origins, answer. Whatever goes wrong on the way becomes S3's XML
in one place.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from s3gw.access import authorize, hide_missing
from s3gw.auth.form import is_form
from s3gw.auth.login_throttle import FORM, Attempt, named_key
from s3gw.http.front_end import FrontEnd, log_failure
from s3gw.http.head_limits import check_head
from s3gw.http.reply import XML, Reply
from s3gw.http.request import Addressing, Call, read_call
from s3gw.http.services import NO_SERVICES, Services
from s3gw.objects.archives.folders import find_folder
from s3gw.objects.object_lock import bypasses_governance
from s3gw.s3.error_document import error_document
from s3gw.s3.headers import http_date, quoted
from s3gw.s3.preflight import PREFLIGHT, cross_origin_headers, preflight
from s3gw.s3.routing import OperationTable, decode
from s3gw.telemetry.exchange import Exchange, Observer
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.backend import Backend
from storage.errors import NotModified, ObjectNotFound, StorageError, VersionNotFound

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.auth.throttle import Throttle
    from s3gw.identity.accounts import Principal

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NS = 1_000_000_000


class Authenticate(Protocol):
    async def authenticate(self, call: Call) -> Principal: ...


class S3App(FrontEnd):
    """Answers every S3 request out of `store`."""

    def __init__(
        self,
        *,
        table: OperationTable,
        store: Backend,
        authenticator: Authenticate,
        addressing: Addressing,
        observer: Observer,
        services: Services = NO_SERVICES,
    ) -> None:
        super().__init__(observer, services.limits)
        self._table = table
        self._store = store
        self._authenticator = authenticator
        self._addressing = addressing
        self._services = services

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """The answer to one request, whatever happens."""
        call: Call | None = None
        try:
            check_head(scope, self._limits)
            call = read_call(scope, receive, self._store, exchange.request_id, self._addressing)
            exchange.head = call
            call.services = self._services
            reply = await self._answer(call, exchange)
        except NotModified as error:
            reply = _not_modified(error)
        except Exception as error:
            await self._find_bucket(call)
            reply = self._refuse(error, scope, exchange)
        if call is not None:
            exchange.bucket_info = call.bucket_info
            if "origin" in call.headers:
                reply.headers |= await cross_origin_headers(call)
        return reply

    async def _answer(self, call: Call, exchange: Exchange) -> Reply:
        exchange.bucket = call.bucket
        if call.method == PREFLIGHT:
            exchange.operation = PREFLIGHT
            return await preflight(call)
        call.principal = await self._authenticate(call)
        exchange.principal, exchange.account = call.principal, call.principal.identity
        exchange.bypasses_lock = bypasses_governance(call.headers)
        operation = self._table.resolve(call)
        exchange.operation = call.operation = operation.__name__
        call.folder = await find_folder(call)
        await authorize(call, operation.access)
        try:
            return await (await decode(operation, call)).run(call)
        except (ObjectNotFound, VersionNotFound):
            await hide_missing(call, call.bucket, call.key)
            raise

    async def _authenticate(self, call: Call) -> Principal:
        throttle = self._services.throttle
        if throttle is None:
            return await self._authenticator.authenticate(call)
        if not throttle.is_idle:
            _attempt(throttle, call).check()
        try:
            return await self._authenticator.authenticate(call)
        except S3Error as error:
            _attempt(throttle, call).failed(error)
            raise

    async def _find_bucket(self, call: Call | None) -> None:
        """A bucket's log has the refused requests too, also those refused before the bucket was
        looked up. To ask for a name that is taken is no request to the bucket that has it."""
        if call is None or call.bucket_info is not None or call.operation == "CreateBucket":
            return
        if call.bucket:
            with suppress(StorageError):
                call.bucket_info = await self._store.head_bucket(call.bucket)

    def _refuse(self, error: Exception, scope: Scope, exchange: Exchange) -> Reply:
        return self._error_reply(self._noted(error, exchange), exchange)

    def _noted(self, error: Exception, exchange: Exchange) -> S3Error:
        """The error as S3 tells it; what is our own fault is logged."""
        refusal = as_s3_error(error)
        exchange.error_code = refusal.code.name
        if refusal.code is Code.InternalError:
            log_failure(error, exchange)
        return refusal

    def _error_reply(self, error: S3Error, exchange: Exchange) -> Reply:
        return error_reply(error, exchange.path, exchange.request_id, self._services.region)


def _attempt(throttle: Throttle, call: Call) -> Attempt:
    name = FORM if is_form(call) else named_key(call.headers, call.query)
    return Attempt(throttle, call.client, name)


def error_reply(error: S3Error, resource: str, request_id: str, region: str) -> Reply:
    headers = {"Content-Type": XML, **error.headers}
    if error.code.status in (301, 400, 403, 404):
        headers["x-amz-bucket-region"] = region
    return Reply(error.code.status, headers, error_document(error, resource, request_id))


def _not_modified(error: NotModified) -> Reply:
    modified = http_date(error.modified_ns // _NS)
    return Reply(304, {"ETag": quoted(error.etag), "Last-Modified": modified})
