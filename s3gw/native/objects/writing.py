"""Writing and removing whole objects."""

from __future__ import annotations

from msgspec.structs import replace

from s3gw.access import Access
from s3gw.config.bucket_properties import ETAG_CHECKSUM
from s3gw.http.reply import Reply
from s3gw.native.call import NativeCall
from s3gw.native.objects.archive_put import PINE_HEADER, PutInArchive, put_member
from s3gw.native.objects.checksums import TYPE_HEADER, VALUE_HEADER, read_promise
from s3gw.native.objects.custom import read_custom_header, with_custom
from s3gw.native.objects.object_headers import CUSTOM_HEADER, written_headers
from s3gw.native.operation import header, operation, query
from s3gw.objects.bucket_checksums import kept_in
from s3gw.objects.service import WriteOptions
from s3gw.s3.checksum_headers import read_payload
from s3gw.s3.encryption_headers import read_encryption
from s3gw.s3.headers import read_attributes, read_write_condition
from storage.values import DeleteRequest

_ANY = ("*",)


@operation("PUT", "objects/{bucket}/{object}", access=Access.PUT, known_as="PutObject")
class PutObject:
    checksum_type: str = header(TYPE_HEADER, default="")
    checksum: str = header(VALUE_HEADER, default="")
    custom: str = header(CUSTOM_HEADER, default="")
    archpath: str = query("archpath", default="")
    archmime: str = query("archmime", default="")
    pine: str = header(PINE_HEADER, default="")

    async def run(self, call: NativeCall) -> Reply:
        promises = read_promise(self.checksum_type, self.checksum)
        if self.archpath or self.archmime or self.pine:
            asked = PutInArchive(self.archpath, self.archmime, self.pine, self.custom, promises)
            return await put_member(call, asked)
        encryption = read_encryption(call)
        attributes = with_custom(read_attributes(call), read_custom_header(self.custom))
        options = WriteOptions(
            attributes=attributes,
            payload=read_payload(call, kept_in(call.bucket_info), promises, ETAG_CHECKSUM),
            condition=read_write_condition(call.headers),
            size=call.decoded_length,
            encryption=encryption,
        )
        info = await call.objects.write(
            call.context, call.bucket_info, call.key, call.body, options
        )
        return Reply(headers=written_headers(call, info))


@operation(
    "DELETE",
    "objects/{bucket}/{object}",
    action="",
    access=Access.DELETE_OBJECT,
    known_as="DeleteObject",
)
class DeleteObject:
    """Unlike S3's, it is an error if there was no object. A message with an action is another
    operation."""

    async def run(self, call: NativeCall) -> Reply:
        condition = read_write_condition(call.headers)
        if not condition.if_match:
            condition = replace(condition, if_match=_ANY)
        request = DeleteRequest(call.key, condition)
        await call.objects.delete(call.context, call.bucket_info, request)
        return Reply()
