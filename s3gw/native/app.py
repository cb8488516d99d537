"""The native front end as one ASGI application.

One visible list of steps: read the call, find the operations of its path, authenticate it, read its
message, find the operation, decode it, authorize it, run it, answer. Whatever goes wrong on the way
becomes AIStore's JSON in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.access import hide_missing
from s3gw.http.front_end import FrontEnd, log_failure
from s3gw.http.head_limits import check_head
from s3gw.http.reply import Reply
from s3gw.http.services import Services
from s3gw.native import redirect
from s3gw.native.actmsg import read_message
from s3gw.native.auditing import note
from s3gw.native.authentication import BearerAuthenticator
from s3gw.native.authorization import require
from s3gw.native.call import NativeCall, name_bucket, read_native_call
from s3gw.native.catalog import native_operations
from s3gw.native.cluster.daemon import check_node, turn_to_node
from s3gw.native.cluster.node import gateway_id
from s3gw.native.errors import NativeError, as_native_error, error_reply
from s3gw.native.objects.reading import not_modified
from s3gw.native.operation import NativeTable, Operations, decode, reads_message
from s3gw.telemetry.exchange import Exchange, Observer
from s3gw.wire.errors import Code, as_s3_error
from storage.backend import Backend
from storage.errors import NotModified, ObjectNotFound, VersionNotFound

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_ABOUT_BUCKETS = ("buckets", "objects")


class NativeApp(FrontEnd):
    """Answers every request below `/v1/` out of `store`."""

    request_id_header = "Ais-Request-Id"

    def __init__(
        self,
        *,
        store: Backend,
        observer: Observer,
        services: Services,
    ) -> None:
        super().__init__(observer, services.limits)
        self._table = NativeTable(native_operations())
        self._store = store
        self._authenticator = BearerAuthenticator(no_auth=not services.auth_enabled)
        self._services = services

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """The answer to one request, whatever happens."""
        call: NativeCall | None = None
        try:
            check_head(scope, self._limits)
            call = read_native_call(
                scope, receive, self._store, exchange.request_id, self._services
            )
            exchange.head = call
            reply = await self._answer(call, exchange)
        except NotModified as error:
            reply = not_modified(error)
        except Exception as error:
            reply = self._refuse(error, call, exchange)
        if call is not None:
            exchange.bucket_info = call.bucket_info
            note(call, exchange, reply.status)
        return reply

    async def _answer(self, call: NativeCall, exchange: Exchange) -> Reply:
        if call.segments[0] in _ABOUT_BUCKETS:
            name_bucket(call, *[*call.segments[1:], "", ""][:2])
            exchange.bucket = call.bucket
        turn_to_node(call)
        found = self._table.find(call)
        if not any(op.is_open for op in found):
            call.principal = await self._authenticator.authenticate(call)
            exchange.principal, exchange.account = call.principal, call.principal.identity
        check_node(call)
        await _read_body(call, found)
        kind = call.asked_for = self._table.resolve(call, found)
        exchange.operation = f"native.{kind.__name__}"
        operation = decode(kind, call)
        # From here on the query is what S3's policies may ask for.
        call.query = getattr(operation, "s3_query", {})
        if not kind.is_open:
            await require(call, kind)
        if redirect.is_first_leg(call):
            return redirect.to_itself(call)
        try:
            return await operation.run(call)
        except (ObjectNotFound, VersionNotFound):
            await hide_missing(call, call.bucket, call.key)
            raise

    def _refuse(self, error: Exception, call: NativeCall | None, exchange: Exchange) -> Reply:
        refusal = as_native_error(error, call)
        exchange.error_code = refusal.tcode.value or str(refusal.status)
        if not isinstance(error, NativeError) and as_s3_error(error).code is Code.InternalError:
            log_failure(error, exchange)
        node = gateway_id(self._services.cluster_id)
        reply = error_reply(refusal, exchange.method, exchange.path, exchange.remote, node)
        if call is not None and redirect.is_first_leg(call):
            reply.headers["Connection"] = "close"
        return reply


async def _read_body(call: NativeCall, found: Operations) -> None:
    """The body of a request that is no object's: a message, or a document of its own."""
    if any(op.reads_document for op in found):
        call.document = await call.read_body()
    elif reads_message(call, found):
        call.message = read_message(await call.read_body())
