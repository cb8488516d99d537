"""Default encryption of a bucket; without it, objects are stored as received."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.keys.setting import BucketEncryption
from s3gw.objects.encryption import AES256, KMS
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import key_of_arn
from s3gw.s3.routing import body, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.settings import setting, with_setting, without_setting
from storage.values import BucketInfo


class EncryptionType(Enum):
    NONE = "NONE"
    SSE_C = "SSE-C"


@dataclass(frozen=True, slots=True)
class ServerSideEncryptionByDefault:
    sse_algorithm: str = named("SSEAlgorithm")
    kms_master_key_id: str | None = named("KMSMasterKeyID", default=None)


@dataclass(frozen=True, slots=True)
class BlockedEncryptionTypes:
    encryption_types: tuple[EncryptionType, ...] = named("EncryptionType", default=())


@dataclass(frozen=True, slots=True)
class ServerSideEncryptionRule:
    apply_server_side_encryption_by_default: ServerSideEncryptionByDefault | None = None
    bucket_key_enabled: bool | None = None
    blocked_encryption_types: BlockedEncryptionTypes | None = None


@document("ServerSideEncryptionConfiguration")
@dataclass(frozen=True, slots=True)
class ServerSideEncryptionConfiguration:
    rules: tuple[ServerSideEncryptionRule, ...] = named("Rule")


@operation("PUT", Level.BUCKET, marker="encryption", access=Access.PATCH)
class PutBucketEncryption:
    bucket: str = path("Bucket")
    configuration: ServerSideEncryptionConfiguration = body()

    async def run(self, call: Call) -> Reply:
        document = _read(call, self.configuration)
        await call.store.update_bucket(self.bucket, lambda info: with_setting(info, document))
        return Reply()


@operation("GET", Level.BUCKET, marker="encryption", access=Access.HEAD_BUCKET)
class GetBucketEncryption:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        found = setting(call.bucket_info, BucketEncryption)
        if found is None:
            raise S3Error(
                Code.ServerSideEncryptionConfigurationNotFoundError, BucketName=self.bucket
            )
        return xml_reply(_written(found))


@operation("DELETE", Level.BUCKET, marker="encryption", access=Access.PATCH)
class DeleteBucketEncryption:
    """Back to what new buckets have."""

    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        name = BucketEncryption.setting_name
        default = (await call.services.new_buckets.current()).get(name)

        def change(info: BucketInfo) -> BucketInfo:
            plain = without_setting(info, BucketEncryption)
            return replace(plain, settings={**plain.settings, name: default}) if default else plain

        await call.store.update_bucket(self.bucket, change)
        return Reply(204)


def _read(call: Call, configuration: ServerSideEncryptionConfiguration) -> BucketEncryption:
    """Return the one rule, as AWS takes it. Raise `MalformedXML`, `InvalidArgument`,
    `NotImplemented`."""
    if len(configuration.rules) != 1:
        raise S3Error(Code.MalformedXML)
    rule = configuration.rules[0]
    blocked = rule.blocked_encryption_types
    types = set(blocked.encryption_types) if blocked else set()
    if len(types) > 1:
        raise S3Error(Code.MalformedXML)
    default = rule.apply_server_side_encryption_by_default
    return BucketEncryption(
        _scheme(call, default) if default else "",
        key_of_arn(default.kms_master_key_id or "") if default else "",
        rule.bucket_key_enabled,
        tuple(sorted(each.value for each in types)),
    )


def _scheme(call: Call, default: ServerSideEncryptionByDefault) -> str:
    scheme = default.sse_algorithm
    if scheme not in (AES256, KMS):
        if scheme.startswith("aws:"):
            raise S3Error(Code.NotImplemented, f"Encryption with {scheme} is not implemented.")
        raise S3Error(Code.MalformedXML)
    if default.kms_master_key_id is not None and scheme != KMS:
        message = (
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
            "aws:kms:dsse"
        )
        argument = "ApplyServerSideEncryptionByDefault"
        raise S3Error(Code.InvalidArgument, message, ArgumentName=argument)
    call.objects.encryption.require_ring()
    return scheme


def _written(found: BucketEncryption) -> ServerSideEncryptionConfiguration:
    default = (
        ServerSideEncryptionByDefault(found.scheme, found.key_id or None) if found.scheme else None
    )
    blocked = (
        BlockedEncryptionTypes(tuple(map(EncryptionType, found.blocked))) if found.blocked else None
    )
    rule = ServerSideEncryptionRule(default, bool(found.bucket_key), blocked)
    return ServerSideEncryptionConfiguration((rule,))
