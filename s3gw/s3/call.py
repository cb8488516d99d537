"""Call of an operation: an authenticated request, and its services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from cluster.requested_by import RequestedBy
from s3gw.access.rate_limits import RateLimits
from s3gw.config.runtime import Settings
from s3gw.etl.transforming import Transforming
from s3gw.http.request import AuthenticatedRequest, Request
from s3gw.http.site import Site
from s3gw.objects.batch.service import BatchService
from s3gw.objects.context import Context
from s3gw.objects.service import ObjectService
from s3gw.select.running import Queries, default_queries

if TYPE_CHECKING:
    from s3gw.auth.form import Form
    from s3gw.identity.accounts import Principal


class NewBuckets(Struct, frozen=True):
    """The settings of a new bucket: the server's `documents`, and the cluster's current
    configuration."""

    settings: Settings
    documents: Mapping[str, str]

    async def current(self) -> dict[str, str]:
        await self.settings.refresh()
        return {**self.documents, **self.settings.in_force.new_buckets.documents()}


class Services(Struct, frozen=True):
    """Services of operations; the composition root fills in all of it. `etl` is None where
    transformers are turned off."""

    site: Site
    objects: ObjectService
    batches: BatchService
    new_buckets: NewBuckets
    rates: RateLimits = field(default_factory=RateLimits)
    queries: Queries = field(default_factory=default_queries)
    etl: Transforming | None = None


class ArchiveMember(Struct, frozen=True):
    """The key names `inner` in the object `archive`, whether or not that is an archive."""

    archive: str
    inner: str


class Call(AuthenticatedRequest, kw_only=True):
    """A request on its way to an S3 operation. `form` is there if the request posts one to a
    bucket; `folder` means that the key is read as a member of an archive."""

    services: Services
    form: Form | None = None
    folder: ArchiveMember | None = None

    @property
    def objects(self) -> ObjectService:
        return self.services.objects

    @property
    def requested_by(self) -> RequestedBy:
        return RequestedBy(self.caller.identity, self.client, self.request_id)

    @property
    def context(self) -> Context:
        """Return the context in which the operation changes objects."""
        return Context(self.requested_by)

    def about(
        self,
        key: str,
        *,
        headers: Mapping[str, str],
        method: str = "",
        body: AsyncIterator[bytes] | None = None,
    ) -> Call:
        """Return the same caller's call about another object of the bucket, with those headers and
        no query: for a form's file, or for the document that a website shows."""
        length = self.decoded_length if body is None else None
        return replace(
            self,
            key=key,
            headers=headers,
            query={},
            method=method or self.method,
            body=body or self.body,
            decoded_length=length,
        )


def new_call(
    request: Request, caller: Principal, services: Services, form: Form | None = None
) -> Call:
    """Build the call of a request whose caller is authenticated."""
    return Call(
        method=request.method,
        raw_path=request.raw_path,
        query_string=request.query_string,
        headers=request.headers,
        body=request.body,
        request_id=request.request_id,
        bucket=request.bucket,
        key=request.key,
        host_bucket=request.host_bucket,
        query=request.query,
        decoded_length=request.decoded_length,
        content_sha256=request.content_sha256,
        trailers=request.trailers,
        scheme=request.scheme,
        client=request.client,
        limits=request.limits,
        document=request.document,
        receive=request.receive,
        caller=caller,
        store=services.objects.store,
        site=services.site,
        services=services,
        form=form,
    )
