"""Beginning and aborting a multipart upload."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.checksums import ALGORITHMS, DEFAULT_ALGORITHM, algorithm_named
from s3gw.objects.service import UploadRequest
from s3gw.s3.call import Call
from s3gw.s3.encryption_headers import read_encryption, written_encryption_headers
from s3gw.s3.expiration import abort_headers
from s3gw.s3.headers import read_attributes
from s3gw.s3.routing import header, operation, path, query
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document
from storage.values import ChecksumType


@document("InitiateMultipartUploadResult")
@dataclass(frozen=True, slots=True)
class InitiateMultipartUploadResult:
    bucket: str
    key: str
    upload_id: str


@operation("POST", Level.OBJECT, marker="uploads", access=Access.PUT)
class CreateMultipartUpload:
    bucket: str = path("Bucket")
    key: str = path("Key")
    checksum_algorithm: str | None = header("x-amz-checksum-algorithm", default=None)
    checksum_type: str | None = header("x-amz-checksum-type", default=None)

    async def run(self, call: Call) -> Reply:
        algorithm, kind = read_upload_checksum(self.checksum_algorithm, self.checksum_type)
        request = UploadRequest(
            encryption=read_encryption(call),
            attributes=read_attributes(call),
            checksum_algorithm=algorithm,
            checksum_type=kind,
        )
        upload = await call.objects.create_upload(call.context, call.bucket_info, self.key, request)
        headers = abort_headers(call, upload)
        headers |= written_encryption_headers(upload.attributes.encryption)
        if algorithm:
            headers["x-amz-checksum-algorithm"] = algorithm
            headers["x-amz-checksum-type"] = kind.value
        result = InitiateMultipartUploadResult(self.bucket, self.key, upload.id)
        return xml_reply(result, headers=headers)


def read_upload_checksum(algorithm: str | None, kind: str | None) -> tuple[str, ChecksumType]:
    """Return the upload's checksum: (algorithm or empty, type).

    CRC64NVME is always of the full object, SHA of the parts' values; CRC32 and CRC32C can be both
    and are composite by default.
    """
    if algorithm is None:
        if kind is not None:
            message = (
                "The x-amz-checksum-type header can only be used with the "
                "x-amz-checksum-algorithm header."
            )
            raise S3Error(Code.InvalidRequest, message)
        return "", ChecksumType.FULL_OBJECT
    name = algorithm_named(algorithm).name
    whole = name == DEFAULT_ALGORITHM
    kind = kind and kind.upper()
    if kind is None:
        return name, ChecksumType.FULL_OBJECT if whole else ChecksumType.COMPOSITE
    if kind not in ChecksumType.__members__:
        message = "Value for x-amz-checksum-type header is invalid."
        raise S3Error(Code.InvalidRequest, message)
    if (whole and kind == "COMPOSITE") or (kind == "FULL_OBJECT" and not ALGORITHMS[name].combine):
        message = (
            f"The {kind} checksum type cannot be used with the {name.lower()} checksum algorithm."
        )
        raise S3Error(Code.InvalidRequest, message)
    return name, ChecksumType[kind]


@operation("DELETE", Level.OBJECT, needs=("uploadId",), access=Access.PUT)
class AbortMultipartUpload:
    bucket: str = path("Bucket")
    key: str = path("Key")
    upload_id: str = query("uploadId")

    async def run(self, call: Call) -> Reply:
        await call.store.abort_upload(self.bucket, self.key, self.upload_id)
        return Reply(204)
