"""Buckets as websites for browsers: pages, redirects, and readable errors.

A website endpoint is another host, `bucket.<website domain>`. It knows two operations, GetObject
and HeadObject, its requests are not signed, and access control decides what anonymous visitors may
read. The steps of a page: redirects without a condition on errors; the object, or the index
document of a folder; from a name that is a folder to the name with its slash; redirects for the
error; the bucket's document for errors; a page that explains the error.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from s3gw.access import authorize, hide_missing
from s3gw.config.limits import DEFAULT_LIMITS, Limits
from s3gw.http.addresses import scheme_of
from s3gw.http.reply import Reply
from s3gw.http.request import Addressing, Request, bucket_of_host
from s3gw.identity.accounts import Principal
from s3gw.objects.attributes import REDIRECT_LOCATION
from s3gw.ops.object_read import GetObject, HeadObject
from s3gw.s3.app import S3FrontEnd
from s3gw.s3.call import Call, Services, new_call
from s3gw.s3.preflight import PREFLIGHT, preflight
from s3gw.s3.routing import OperationTable, decode
from s3gw.s3.website_configuration import (
    Place,
    Redirection,
    WebsiteConfiguration,
    WebsiteSetting,
    find_redirection,
    index_key,
    location_of,
    redirect_all,
    safe_location,
)
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.observer import Observer
from s3gw.telemetry.request_id import host_id
from s3gw.wire.errors import Code, S3Error, as_s3_error
from storage.errors import NotModified, ObjectNotFound, StorageError, VersionNotFound
from storage.settings import setting

if TYPE_CHECKING:
    from starlette.types import Scope

OPERATIONS: Sequence[type[Any]] = (GetObject, HeadObject)
_READING = ("GET", "HEAD")
# Conditions and ranges of the requested page, not valid for another object in its place.
_ABOUT_ONE_OBJECT = frozenset(
    ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]
)


class _Visit(Struct, frozen=True):
    """One request for a page: the call, the bucket's configuration, and the requested place."""

    call: Call
    website: WebsiteConfiguration
    place: Place


class WebsiteApp(S3FrontEnd):
    """Answers for every bucket below one of the `domains`; requests are not signed."""

    def __init__(
        self,
        *,
        domains: tuple[str, ...],
        observer: Observer,
        services: Services,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        super().__init__(
            addressing=Addressing(domains), observer=observer, services=services, limits=limits
        )
        self._table = OperationTable(OPERATIONS)
        self._domains = domains

    def serves(self, scope: Scope) -> bool:
        """Whether the request is for one of the website hosts."""
        for name, value in scope["headers"]:
            if name == b"host":
                return bucket_of_host(value.decode("latin-1"), self._domains) is not None
        return False

    async def _answer(self, request: Request, exchange: Exchange) -> Reply:
        if request.method == PREFLIGHT:
            exchange.operation = PREFLIGHT
            return await preflight(request, self._store)
        if request.method not in _READING:
            raise S3Error(Code.MethodNotAllowed, Method=request.method, ResourceType="OBJECT")
        caller = exchange.principal = Principal.anonymous()
        exchange.account = caller.account
        call = new_call(request, caller, self._services)
        exchange.operation = f"Website{call.method.capitalize()}Object"
        visit = await self._visit(call, exchange)
        # Only the path of a page counts; `versionId` and its like are for S3.
        call.query = {}
        return await self._page(visit, exchange)

    async def _visit(self, call: Call, exchange: Exchange) -> _Visit:
        """Return the visit. Raise `BucketNotFound` and `NoSuchWebsiteConfiguration`."""
        call.bucket_info = exchange.bucket_info = await self._store.head_bucket(call.bucket)
        found = setting(call.bucket_info, WebsiteSetting)
        if found is None:
            raise S3Error(Code.NoSuchWebsiteConfiguration, BucketName=call.bucket)
        place = Place(scheme_of(call.headers, call.scheme), call.headers["host"], call.key)
        return _Visit(call, found.configuration, place)

    async def _page(self, visit: _Visit, exchange: Exchange) -> Reply:
        website, place = visit.website, visit.place
        if website.redirect_all_requests_to is not None:
            query = visit.call.query_string.decode("latin-1")
            return _moved(redirect_all(website.redirect_all_requests_to, place, query))
        if found := find_redirection(website.routing_rules, place):
            return _moved(found)
        try:
            key = index_key(website, place.key)
            return await self._read(visit.call.about(key, headers=visit.call.headers))
        except NotModified:
            raise
        except (S3Error, StorageError) as error:
            if await self._is_folder(visit):
                return _moved(Redirection(302, location_of(place.key + "/")))
            return await self._error_page(visit, self._noted(error, exchange), exchange)

    async def _read(self, call: Call) -> Reply:
        """Return one object as S3 gives it, or its own redirect."""
        operation = self._table.resolve(call)
        call.operation = operation.__name__
        await authorize(call, operation.access)
        try:
            reply = await (await decode(operation, call)).run(call)
        except (ObjectNotFound, VersionNotFound):
            await hide_missing(call, call.bucket, call.key)
            raise
        reply.memory = call.stream_memory
        location = reply.headers.get(REDIRECT_LOCATION)
        return reply if location is None else _moved(Redirection(301, safe_location(location)))

    async def _is_folder(self, visit: _Visit) -> bool:
        """Whether there is an index document under the name with a slash."""
        key = visit.place.key
        if not key or key.endswith("/"):
            return False
        try:
            await self._read(_instead(visit.call, index_key(visit.website, key + "/"), "HEAD"))
        except (S3Error, StorageError):
            return False
        return True

    async def _error_page(self, visit: _Visit, error: S3Error, exchange: Exchange) -> Reply:
        status = error.code.status
        if found := find_redirection(visit.website.routing_rules, visit.place, status):
            return _moved(found)
        document = visit.website.error_document
        if document is None or not 400 <= status < 500:
            return self._error_reply(error, exchange)
        try:
            reply = await self._read(_instead(visit.call, document.key, visit.call.method))
        except (S3Error, StorageError) as failure:
            return _error_html(error, exchange.request_id, as_s3_error(failure))
        if reply.status == 200:
            reply.status = status
            reply.headers |= _error_headers(error)
        return reply

    def _error_reply(self, error: S3Error, exchange: Exchange) -> Reply:
        return _error_html(error, exchange.request_id)


def _instead(call: Call, key: str, method: str) -> Call:
    """Return the call for another object than the requested one."""
    headers = {name: text for name, text in call.headers.items() if name not in _ABOUT_ONE_OBJECT}
    return call.about(key, method=method, headers=headers)


def _moved(redirection: Redirection) -> Reply:
    return Reply(redirection.status, {"Location": redirection.location})


def _error_headers(error: S3Error) -> dict[str, str]:
    message = error.message.encode("ascii", "replace").decode()
    return {**error.headers, "x-amz-error-code": error.code.name, "x-amz-error-message": message}


def _error_html(error: S3Error, request_id: str, second: S3Error | None = None) -> Reply:
    """Return a page for people; `second` is why the bucket's own error page could not be shown."""
    title = f"{error.code.status} {HTTPStatus(error.code.status).phrase}"
    ids = {"RequestId": request_id, "HostId": host_id(request_id)}
    parts = [f"<h1>{title}</h1>\n", _facts({**_named(error), **ids})]
    if second is not None:
        why = "An Error Occurred While Attempting to Retrieve a Custom Error Document"
        parts += [f"<h3>{why}</h3>\n", _facts(_named(second))]
    head = f"<html>\n<head><title>{title}</title></head>\n<body>\n"
    page = f"{head}{''.join(parts)}<hr/>\n</body>\n</html>\n"
    headers = {"Content-Type": "text/html; charset=utf-8", **_error_headers(error)}
    return Reply(error.code.status, headers, page.encode("utf-8", "replace"))


def _named(error: S3Error) -> dict[str, str]:
    return {"Code": error.code.name, "Message": error.message, **error.details}


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<li>{name}: {escape(text)}</li>\n" for name, text in facts.items())
    return f"<ul>\n{rows}</ul>\n"
