"""STS as one ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from s3gw.auth.login_throttle import Attempt, named_key
from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.http.front_end import FrontEnd, log_failure
from s3gw.http.reply import Reply
from s3gw.http.request import Addressing, bucket_of_host, check_head
from s3gw.sts.actions import ACTIONS, AUDITED, UNSIGNED, ActionRequest, StsService
from s3gw.sts.authentication import ANONYMOUS, StsAuthenticator, StsCaller
from s3gw.sts.documents import error_response, response
from s3gw.sts.errors import StsCode, StsError, as_sts_error
from s3gw.sts.parameters import Parameters
from s3gw.sts.request import FORM, StsRequest, read_request
from s3gw.telemetry.audit import NO_AUDIT, Action, Audit
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.observer import Observer
from s3gw.wire.errors import S3Error

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from s3gw.auth.throttle import Throttle

VERSION = "2011-06-15"

_XML = "text/xml"
_BELOW_S3 = frozenset({b"/s3", b"/s3/"})
_PATHS = _BELOW_S3 | {b"", b"/"}


class StsApp(FrontEnd):
    request_id_header = "x-amzn-RequestId"

    def __init__(
        self,
        service: StsService,
        authenticator: StsAuthenticator,
        addressing: Addressing,
        observer: Observer,
        throttle: Throttle | None = None,
        audit: Audit = NO_AUDIT,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(observer, limits)
        self._throttle = throttle
        self._audit = audit
        self._desk = service
        self._authenticator = authenticator
        self._domains = addressing.domains
        self._paths = _PATHS if addressing.root_access else _BELOW_S3

    def serves(self, scope: Scope) -> bool:
        """Whether a request is for STS: at the root, with an action in its query or in a form."""
        if scope["raw_path"] not in self._paths:
            return False
        if b"Action=" not in scope["query_string"] and not _posts_form(scope):
            return False
        return not self._domains or bucket_of_host(_header(scope, b"host"), self._domains) is None

    async def reply(self, scope: Scope, receive: Receive, exchange: Exchange) -> Reply:
        try:
            check_head(scope, self._limits)
            request = await read_request(scope, receive)
            body = await self._answer(request, exchange)
            return Reply(200, {"Content-Type": _XML}, body)
        except Exception as error:
            refusal = as_sts_error(error)
            exchange.error_code = refusal.code.name
            if refusal.code is StsCode.InternalFailure:
                log_failure(error, exchange)
            body = error_response(refusal, exchange.request_id)
            return Reply(refusal.code.status, {"Content-Type": _XML, **refusal.headers}, body)

    async def _answer(self, request: StsRequest, exchange: Exchange) -> bytes:
        name = _action(request)
        exchange.operation = name
        caller = ANONYMOUS if name in UNSIGNED else await self._signer(request, exchange.remote)
        exchange.account = caller.principal.account
        asked = ActionRequest(caller, Parameters(request.parameters))
        try:
            result = await ACTIONS[name](self._desk, asked)
        except StsError as error:
            self._write_down(exchange, asked, f"{error.code.status} {error.code.name}")
            raise
        self._write_down(exchange, asked, "200")
        return response(result, exchange.request_id)

    async def _signer(self, request: StsRequest, remote: str) -> StsCaller:
        caller = await self._authenticate(request, remote)
        if caller.principal.is_anonymous:
            raise StsError(StsCode.MissingAuthenticationToken)
        return caller

    async def _authenticate(self, request: StsRequest, remote: str) -> StsCaller:
        if self._throttle is None:
            return await self._authenticator.authenticate(request)
        attempt = Attempt(self._throttle, remote, named_key(request.headers, request.query))
        attempt.check()
        try:
            return await self._authenticator.authenticate(request)
        except S3Error as error:
            attempt.failed(error)
            raise

    def _write_down(self, exchange: Exchange, asked: ActionRequest, outcome: str) -> None:
        """Write the request to the audit log, successful or not."""
        if exchange.operation not in AUDITED:
            return
        principal = asked.principal
        self._audit.record(
            Action(
                action=exchange.operation,
                resource=asked.resource,
                outcome=outcome,
                source="sts",
                request_id=exchange.request_id,
                account="" if principal.is_anonymous else principal.account,
                user=principal.user,
                access_key=principal.access_key,
                remote=exchange.remote,
            )
        )


def _action(request: StsRequest) -> str:
    name, version = (request.parameters.get(each, "") for each in ("Action", "Version"))
    if not name:
        raise StsError(StsCode.MissingAction)
    if name not in ACTIONS or version != VERSION:
        message = (
            f"Could not find operation {name[:128]} for version {version[:128] or 'NO_VERSION'}"
        )
        raise StsError(StsCode.InvalidAction, message)
    return name


def _posts_form(scope: Scope) -> bool:
    if scope["method"] != "POST":
        return False
    return _header(scope, b"content-type").partition(";")[0].strip().lower() == FORM


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return ""
