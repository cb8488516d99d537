"""Native front end as one ASGI application.

One visible list of steps: read the request, find the operations of its path, authenticate it, read
its message, find the operation, decode it, authorize it, run it, answer. Every failure on the way
becomes AIStore's JSON in one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.access import hide_missing
from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.etl.errors import EtlError
from s3gw.http.front_end import MANY_STREAMS, FrontEnd, log_failure
from s3gw.http.memory_room import TooBusy
from s3gw.http.reply import Reply
from s3gw.http.request import NO_BUCKET, check_head
from s3gw.identity.accounts import Principal
from s3gw.native import redirect
from s3gw.native.actmsg import read_message
from s3gw.native.auditing import note
from s3gw.native.authentication import BearerAuthenticator
from s3gw.native.authorization import explained, require, require_rate
from s3gw.native.call import (
    NativeCall,
    NativeRequest,
    known_clusters,
    name_bucket,
    new_native_call,
    read_native_request,
)
from s3gw.native.catalog import native_operations
from s3gw.native.cluster.daemon import check_node, turn_to_node
from s3gw.native.cluster.forwarding import of_other_machine
from s3gw.native.errors import NativeError, Tcode, as_native_error, error_reply
from s3gw.native.objects.reading import not_modified
from s3gw.native.operation import (
    NativeOperation,
    NativeTable,
    Operations,
    decode,
    reads_message,
)
from s3gw.native.remote_buckets import PLAIN
from s3gw.native.services import NativeServices
from s3gw.s3.call import Services
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.observer import Observer
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.errors import NotModified, ObjectNotFound, VersionNotFound
from storage.pacing import off_loop

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

# What a message that anybody may send may have: a login.
_OPEN_BYTES = 16 << 10


# What these paths answer from is in the index and the folder.
_DATA = ("objects", "ml")


class NativeApp(FrontEnd):
    """Answers every request below `/v1/`."""

    request_id_header = "Ais-Request-Id"

    def __init__(
        self,
        *,
        observer: Observer,
        services: Services,
        native: NativeServices,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(observer, limits)
        self._table = NativeTable(native_operations())
        root = services.site.accounts.unproven_root
        self._authenticator = BearerAuthenticator(native.authn, root, native.throttle)
        self._services = services
        self._native = native

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        """Return the answer to one request, also when it fails."""
        request: NativeRequest | None = None
        try:
            check_head(scope, self._limits)
            request = read_native_request(scope, receive, exchange.request_id, self._limits)
            exchange.head = request
            return await self._answer(request, exchange)
        except NotModified as error:
            return not_modified(error)
        except TooBusy:
            raise
        except Exception as error:
            return self._refuse(error, request, exchange)

    async def _answer(self, request: NativeRequest, exchange: Exchange) -> Reply:
        cluster = self._native.cluster
        if cluster is not None and request.segments[0] not in _DATA:
            # Another machine may have begun the job, or made the user, that is asked for now.
            await cluster.latest.wait()
        if self._native.remote is not None:
            await self._native.remote.clusters.refresh()
        await self._native.members.refresh()
        name_bucket(request, known_clusters(self._native))
        exchange.bucket = request.bucket
        turn_to_node(request)
        found = self._table.find(request)
        caller = await self._authenticate(request, found, exchange)
        call = new_native_call(request, caller, self._services, self._native)
        check_node(call)
        if (reply := await of_other_machine(call)) is not None:
            exchange.operation = "native.Forwarded"
            return reply
        await _read_body(call, found)
        operation = self._table.resolve(call, found)
        exchange.operation = f"native.{operation.__name__}"
        try:
            reply = await self._run(call, operation)
            reply.memory = call.stream_memory
        except NotModified as error:
            reply = not_modified(error)
        except TooBusy:
            raise
        except Exception as error:
            reply = self._refuse(error, call, exchange)
        finally:
            if call.bucket_info is not NO_BUCKET:
                exchange.bucket_info = call.bucket_info
        note(call, operation, exchange, reply.status)
        return reply

    async def _authenticate(
        self, request: NativeRequest, found: Operations, exchange: Exchange
    ) -> Principal:
        """Authenticate the caller; anonymous where the operation is open to anyone."""
        if any(op.is_open for op in found):
            return Principal.anonymous()
        caller = exchange.principal = await self._authenticator.authenticate(request)
        exchange.account = caller.identity
        return caller

    async def _run(self, call: NativeCall, kind: type[NativeOperation]) -> Reply:
        sent_bytes = len(call.document or call.message.value)
        operation = await off_loop(sent_bytes, decode, kind, call)
        # From here on the query is what S3's policies may ask for.
        call.query = getattr(operation, "s3_query", {})
        try:
            if not kind.is_open:
                await require(call, kind, getattr(operation, "reference", PLAIN))
            if redirect.is_first_leg(call.origin):
                return redirect.to_itself(call.origin, call.native.members.gateway)
            require_rate(call)
            try:
                return await operation.run(call)
            except (ObjectNotFound, VersionNotFound):
                await hide_missing(call, call.bucket, call.key)
                raise
        except S3Error as error:
            raise explained(error, call, kind) from error

    def busy(self, exchange: Exchange) -> Reply:
        headers = {"Retry-After": "1"}
        error = NativeError(503, MANY_STREAMS, Tcode.TOO_MANY, headers=headers)
        return self._refuse(error, None, exchange)

    def _refuse(
        self, error: Exception, about: NativeRequest | NativeCall | None, exchange: Exchange
    ) -> Reply:
        refusal = as_native_error(error, about)
        exchange.error_code = refusal.tcode.value or str(refusal.status)
        told = isinstance(error, NativeError | EtlError)
        if not told and as_s3_error(error).code is Code.InternalError:
            log_failure(error, exchange)
        node = self._native.members.gateway
        reply = error_reply(refusal, exchange.method, exchange.path, exchange.remote, node)
        request = about.origin if isinstance(about, NativeCall) else about
        if request is not None and redirect.is_first_leg(request):
            reply.headers["Connection"] = "close"
        return reply


async def _read_body(call: NativeCall, found: Operations) -> None:
    """Read the body of a request that carries no object: a message, or another document. What
    anybody may send is short."""
    if any(op.is_open for op in found):
        call.document = await call.read_body(_OPEN_BYTES)
    elif any(op.reads_document for op in found):
        call.document = await call.read_body()
    elif reads_message(call, found):
        text = await call.read_body()
        call.message = await off_loop(len(text), read_message, text)
