"""Buckets themselves: create, find, list and delete them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from s3gw.access import Access, usable
from s3gw.access.acl import BucketAcl
from s3gw.access.acl_headers import OWNERSHIP, new_bucket_settings
from s3gw.http.addresses import bucket_url
from s3gw.http.reply import XML, Reply, xml_reply
from s3gw.http.request import Level
from s3gw.identity.namespaces import is_in_namespace, parted
from s3gw.objects.object_lock import ObjectLockSetting
from s3gw.ops.bucket_tagging import check_bucket_tags
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import refuse_any
from s3gw.s3.headers import refuse_unsupported
from s3gw.s3.page_tokens import new_token, read_token
from s3gw.s3.routing import body, operation, path, query
from s3gw.s3.shared_elements import Owner, Tag, owner_of
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import TimeNs, document, text_value, within
from storage.backends.ais import PROVIDER as OTHER_CLUSTERS
from storage.errors import BucketExists, BucketNotEmpty
from storage.settings import encoded
from storage.tier.remote import is_cloud, provider_of
from storage.values import BucketInfo, BucketOptions, Versioning

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
# Labels of a host name are not empty, and neither begin nor end with a hyphen.
_ODD_DOTS = re.compile(r"\.\.|-\.|\.-")
_LOCATION = re.compile(r"[A-Za-z0-9-]{1,63}")
_RESERVED_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
MAX_BUCKETS = 10_000
# The one region where creating one's own bucket again is not an error.
_IDEMPOTENT_IN = "us-east-1"
_LOCK = "x-amz-bucket-object-lock-enabled"
BUCKET_ARN = "x-amz-bucket-arn"
BUCKET_REGION = "x-amz-bucket-region"


def region_of(call: Call, bucket: BucketInfo) -> str:
    """Return the bucket's region; `EU` is the old name of one."""
    return _region(call, bucket.location)


def _region(call: Call, location: str) -> str:
    return "eu-west-1" if location == "EU" else location or call.site.region


def bucket_arn(name: str) -> str:
    return f"arn:aws:s3:::{name}"


def check_bucket_name(name: str) -> None:
    """Raise `InvalidBucketName` unless AWS would let a new bucket have this name."""
    valid = (
        _NAME.fullmatch(name)
        and not _ODD_DOTS.search(name)
        and not _ADDRESS.fullmatch(name)
        and not name.startswith(_RESERVED_STARTS)
        and not name.endswith(_RESERVED_ENDS)
    )
    if not valid:
        raise S3Error(Code.InvalidBucketName, BucketName=name)


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a directory bucket is."""

    type: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class BucketKind:
    """How the bucket differs from a general purpose one."""

    data_redundancy: str | None = None
    type: str | None = None


@document("CreateBucketConfiguration")
@dataclass(frozen=True, slots=True)
class CreateBucketConfiguration:
    location_constraint: str | None = None
    location: Zone | None = None
    bucket: BucketKind | None = None
    tags: tuple[Tag, ...] = within("Tags", "Tag", default=())


@operation("PUT", Level.BUCKET, access=Access.CREATE_BUCKET)
class CreateBucket:
    bucket: str = path("Bucket")
    configuration: CreateBucketConfiguration | None = body()

    async def run(self, call: Call) -> Reply:
        check_bucket_name(self.bucket)
        refuse_unsupported(call)
        refuse_any(call)
        _refuse_other_kinds(call, self.configuration)
        location = (self.configuration and self.configuration.location_constraint) or ""
        if location and not _LOCATION.fullmatch(location):
            raise S3Error(Code.InvalidLocationConstraint, LocationConstraint=location)
        tags = _new_tags(self.configuration)
        settings = new_bucket_settings(call, await call.services.new_buckets.current())
        options = BucketOptions(call.caller.account, location, settings=settings, tags=tags)
        options = _locking(call, options)
        try:
            await call.store.create_bucket(self.bucket, options)
        except BucketExists as error:
            if error.owner != options.owner:
                raise S3Error(Code.BucketAlreadyExists) from error
            there = await call.store.head_bucket(self.bucket)
            if _asks_for_more(call, options, there):
                raise S3Error(Code.BucketAlreadyOwnedByYou, BucketName=self.bucket) from error
        return Reply(
            headers={"Location": self._location(call), BUCKET_ARN: bucket_arn(self.bucket)}
        )

    def _location(self, call: Call) -> str:
        """Return the new bucket's place: its host, if it was asked for there with a location."""
        asked = self.configuration
        if call.host_bucket is None or asked is None or asked.location_constraint is None:
            return f"{call.root}/{self.bucket}"
        return f"{bucket_url(call)}/"


def _new_tags(configuration: CreateBucketConfiguration | None) -> dict[str, str]:
    if configuration is None:
        return {}
    for tag in configuration.tags:
        if tag.key.startswith("aws:"):
            message = (
                'User-defined tag keys can\'t start with "aws:". This prefix is reserved for '
                'system tags. Remove "aws:" from your tag keys and try again.'
            )
            raise S3Error(Code.InvalidTag, message)
    return check_bucket_tags(configuration.tags)


def _locking(call: Call, options: BucketOptions) -> BucketOptions:
    """Return the options with versioning, if the bucket is to lock objects."""
    asked = call.headers.get(_LOCK, "false")
    if asked.lower() not in ("true", "false"):
        message = f"Invalid {_LOCK} header: {asked}"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=_LOCK, ArgumentValue=asked)
    if asked.lower() == "false":
        return options
    lock = ObjectLockSetting()
    settings = {**options.settings, lock.setting_name: encoded(lock)}
    return replace(options, versioning=Versioning.ENABLED, settings=settings)


def _refuse_other_kinds(call: Call, configuration: CreateBucketConfiguration | None) -> None:
    """Refuse directory buckets, and names that are unique only within an account."""
    if configuration and (configuration.location or configuration.bucket):
        raise S3Error(Code.NotImplemented, "There are general purpose buckets only.")
    if call.headers.get("x-amz-bucket-namespace", "global") != "global":
        raise S3Error(Code.NotImplemented, Header="x-amz-bucket-namespace")


def _asks_for_more(call: Call, options: BucketOptions, there: BucketInfo) -> bool:
    """Whether a request to create one's own bucket again is an error.

    It is accepted in us-east-1, for a bucket there, if it asks for nothing else: the bucket stays
    as it is, and the caller must not believe otherwise. AWS counts what is asked for, whether or
    not the bucket has it. The ACL may be that of the bucket.
    """
    regions = {call.site.region, _region(call, options.location), region_of(call, there)}
    is_elsewhere = regions != {_IDEMPOTENT_IN}
    locks = options.versioning is Versioning.ENABLED
    name = BucketAcl.setting_name
    other_acl = there.settings.get(name) != options.settings.get(name)
    return is_elsewhere or bool(options.tags) or locks or OWNERSHIP in call.headers or other_acl


@operation("HEAD", Level.BUCKET, access=Access.HEAD_BUCKET)
class HeadBucket:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        info = await call.store.head_bucket(self.bucket)
        region = region_of(call, info)
        return Reply(
            headers={
                "Content-Type": XML,
                BUCKET_ARN: bucket_arn(self.bucket),
                BUCKET_REGION: region,
                "x-amz-access-point-alias": "false",
            }
        )


@operation("DELETE", Level.BUCKET, access=Access.DESTROY_BUCKET)
class DeleteBucket:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        try:
            await call.store.delete_bucket(self.bucket)
        except BucketNotEmpty as error:
            if call.bucket_info.versioning is Versioning.NEVER:
                raise
            message = f"{Code.BucketNotEmpty.message}. You must delete all versions in the bucket."
            raise S3Error(Code.BucketNotEmpty, message, BucketName=self.bucket) from error
        return Reply(204)


@document("LocationConstraint")
@dataclass(frozen=True, slots=True)
class LocationConstraint:
    location_constraint: str = text_value()


@operation("GET", Level.BUCKET, marker="location", access=Access.HEAD_BUCKET)
class GetBucketLocation:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        info = await call.store.head_bucket(self.bucket)
        region = info.location or call.site.region
        return xml_reply(LocationConstraint("" if region == "us-east-1" else region))


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    creation_date: TimeNs
    bucket_region: str
    bucket_arn: str


@document("ListAllMyBucketsResult")
@dataclass(frozen=True, slots=True)
class ListAllMyBucketsResult:
    owner: Owner
    buckets: tuple[Bucket, ...] = within("Buckets", "Bucket")
    continuation_token: str | None = None
    prefix: str | None = None


@operation("GET", Level.SERVICE, access=Access.LIST_BUCKETS)
class ListBuckets:
    prefix: str = query("prefix", default="")
    max_buckets: int = query("max-buckets", default=MAX_BUCKETS)
    continuation_token: str = query("continuation-token", default="")
    bucket_region: str = query("bucket-region", default="")

    async def run(self, call: Call) -> Reply:
        if not 1 <= self.max_buckets <= MAX_BUCKETS:
            raise S3Error(Code.InvalidArgument, ArgumentName="max-buckets")
        token = self.continuation_token
        after = read_token(token) if token else ""
        every = named_by_s3(await call.store.list_buckets())
        wanted = {b.name: name for name, b in every if name > after and self._wants(name, b, call)}
        allowed = await usable(call, [b for _, b in every if b.name in wanted])
        found = [(wanted[b.name], b) for b in allowed]
        page = found[: self.max_buckets]
        return xml_reply(
            ListAllMyBucketsResult(
                owner=owner_of(call, call.caller.account),
                buckets=tuple(
                    Bucket(name, TimeNs(b.created_ns), region_of(call, b), bucket_arn(name))
                    for name, b in page
                ),
                continuation_token=new_token(page[-1][0]) if len(found) > len(page) else None,
                prefix=self.prefix or None,
            )
        )

    def _wants(self, name: str, bucket: BucketInfo, call: Call) -> bool:
        return name.startswith(self.prefix) and self.bucket_region in ("", region_of(call, bucket))


def named_by_s3(buckets: Sequence[BucketInfo]) -> list[tuple[str, BucketInfo]]:
    """Return the buckets that S3's clients can name, with those names and in their order: a bucket
    of our own before a backend's of that name, and none of two backends', or of another cluster."""
    own = {b.name: b for b in buckets if not is_in_namespace(b.name) and not is_cloud(b.name)}
    remote: dict[str, list[BucketInfo]] = {}
    for each in buckets:
        if is_cloud(each.name) and provider_of(each.name) != OTHER_CLUSTERS:
            remote.setdefault(parted(each.name)[0], []).append(each)
    only = {name: several[0] for name, several in remote.items() if len(several) == 1}
    return sorted((only | own).items())
