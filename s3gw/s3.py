"""The S3 front end as one ASGI application.

One visible list of steps: read the call, authenticate it, find its operation, authorize it, decode
it, run it, answer. Whatever goes wrong on the way becomes S3's XML in one place.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from s3gw.access import authorize, hide_missing
from s3gw.error_document import error_document
from s3gw.errors import Code, S3Error, as_s3_error
from s3gw.headers import http_date, quoted
from s3gw.message import Addressing, Call, read_call
from s3gw.observe import Exchange, Observer
from s3gw.operation import OperationTable, decode
from s3gw.received import Received
from s3gw.reply import XML, Reply, write_reply
from s3gw.request_id import new_request_id
from storage.backend import Backend
from storage.errors import NotModified, ObjectNotFound, StorageError, VersionNotFound

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from s3gw.auth import Accounts, Principal

log = logging.getLogger(__name__)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NS = 1_000_000_000
_WITH_BODY = ("PUT", "POST")


class Authenticate(Protocol):
    async def authenticate(self, call: Call) -> Principal: ...


class S3App:
    """Answers every S3 request out of `store`."""

    def __init__(
        self,
        *,
        table: OperationTable,
        store: Backend,
        authenticator: Authenticate,
        addressing: Addressing,
        observer: Observer,
        accounts: Accounts | None = None,
        region: str = "us-east-1",
        new_bucket_settings: Mapping[str, str] | None = None,
    ) -> None:
        self._table = table
        self._store = store
        self._authenticator = authenticator
        self._addressing = addressing
        self._observer = observer
        self._accounts = accounts
        self._region = region
        self._new_bucket_settings = new_bucket_settings or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange.begin(scope, new_request_id())
        started = time.perf_counter()
        received = Received(receive)
        reply = Reply(499)
        try:
            reply = await self._reply(scope, received, exchange)
            reply.headers["x-amz-request-id"] = exchange.request_id
            if (
                reply.status >= 400
                and scope["method"] in _WITH_BODY
                and not await received.drained()
            ):
                reply.headers["Connection"] = "close"
            await write_reply(reply, scope["method"], received, send)
        except StorageError as error:
            # The head is out, so the length it promised is how the client learns: an answer that
            # ends early makes the server close the connection.
            exchange.error_code = as_s3_error(error).code.name
            _log_failure(error, exchange)
        finally:
            exchange.status = reply.status
            exchange.bytes_in = received.count
            exchange.bytes_out = reply.sent
            exchange.seconds = time.perf_counter() - started
            self._observer.record(exchange)

    async def _reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """The answer to one request, whatever happens."""
        try:
            call = read_call(scope, receive, self._store, exchange.request_id, self._addressing)
            call.region = self._region
            call.accounts = self._accounts
            call.new_bucket_settings = self._new_bucket_settings
            return await self._answer(call, exchange)
        except NotModified as error:
            return _not_modified(error)
        except Exception as error:
            return self._refuse(error, scope, exchange)

    async def _answer(self, call: Call, exchange: Exchange) -> Reply:
        exchange.bucket = call.bucket
        call.principal = await self._authenticator.authenticate(call)
        exchange.account = call.principal.account
        operation = self._table.resolve(call)
        exchange.operation = call.operation = operation.__name__
        await authorize(call, operation.access)
        try:
            return await (await decode(operation, call)).run(call)
        except (ObjectNotFound, VersionNotFound):
            await hide_missing(call, call.bucket, call.key)
            raise

    def _refuse(self, error: Exception, scope: Scope, exchange: Exchange) -> Reply:
        refusal = as_s3_error(error)
        exchange.error_code = refusal.code.name
        if refusal.code is Code.InternalError:
            _log_failure(error, exchange)
        return error_reply(refusal, exchange.path, exchange.request_id, self._region)


def _log_failure(error: Exception, exchange: Exchange) -> None:
    fields = {"request_id": exchange.request_id, "operation": exchange.operation}
    log.error("request failed", exc_info=error, extra=fields)


def error_reply(error: S3Error, resource: str, request_id: str, region: str) -> Reply:
    headers = {"Content-Type": XML, **error.headers}
    if error.code.status in (301, 400, 403, 404):
        headers["x-amz-bucket-region"] = region
    return Reply(error.code.status, headers, error_document(error, resource, request_id))


def _not_modified(error: NotModified) -> Reply:
    modified = http_date(error.modified_ns // _NS)
    return Reply(304, {"ETag": quoted(error.etag), "Last-Modified": modified})
