"""Writing of whole objects."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.events.events import EventName
from s3gw.http.reply import Reply
from s3gw.http.request import Level
from s3gw.objects.service import WriteOptions
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import checksum_headers, read_payload
from s3gw.s3.encryption_headers import read_encryption, written_encryption_headers
from s3gw.s3.expiration import expiration_headers
from s3gw.s3.headers import quoted, read_attributes, read_write_condition, written_version_header
from s3gw.s3.routing import operation, path


@operation("PUT", Level.OBJECT, access=Access.PUT)
class PutObject:
    bucket: str = path("Bucket")
    key: str = path("Key")

    async def run(self, call: Call) -> Reply:
        return Reply(headers=await store_object(call, EventName.CREATED_PUT))


async def store_object(call: Call, event: EventName) -> dict[str, str]:
    """Store the call's body as its object, as its headers say; return the headers of the answer."""
    options = WriteOptions(
        encryption=read_encryption(call),
        payload=read_payload(call),
        # The fields of a form are not headers, and have no encoded words.
        attributes=read_attributes(call, words=event is not EventName.CREATED_POST),
        condition=read_write_condition(call.headers),
        size=call.decoded_length,
        event=event,
    )
    info = await call.objects.write(call.context, call.bucket_info, call.key, call.body, options)
    headers = {"ETag": quoted(info.etag), **checksum_headers(info.checksum)}
    headers |= written_encryption_headers(info.attributes.encryption)
    return headers | written_version_header(info) | expiration_headers(call, info)
