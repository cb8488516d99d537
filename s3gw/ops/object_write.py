"""Writing whole objects."""

from __future__ import annotations

from s3gw.access import Access
from s3gw.events.events import EventName, created
from s3gw.http.reply import Reply
from s3gw.http.request import Call, Level
from s3gw.objects.checksums import checksum_headers
from s3gw.objects.chunk_sizes import chunking_of
from s3gw.objects.payload import payload_digest
from s3gw.objects.sealing import sealing_for
from s3gw.s3.encryption_answer import written_encryption_headers
from s3gw.s3.expiration import expiration_headers
from s3gw.s3.headers import quoted, read_attributes, read_write_condition
from s3gw.s3.routing import operation, path
from s3gw.s3.versions import written_version_header
from storage.values import PutOptions


@operation("PUT", Level.OBJECT, access=Access.PUT)
class PutObject:
    bucket: str = path("Bucket")
    key: str = path("Key")

    async def run(self, call: Call) -> Reply:
        sealing = await sealing_for(call)
        options = PutOptions(
            digest=sealing.digest(payload_digest(call)),
            attributes=sealing.mark(read_attributes(call)),
            condition=read_write_condition(call.headers),
            size=call.decoded_length,
            data_key=sealing.data_key,
            chunks=chunking_of(call.bucket_facts),
        )
        info = await call.store.put_object(self.bucket, self.key, call.body, options)
        await call.announce(created(EventName.CREATED_PUT, info))
        headers = {"ETag": quoted(info.etag), **checksum_headers(info.checksum)}
        headers |= written_encryption_headers(sealing.record) | written_version_header(info)
        return Reply(headers=headers | expiration_headers(call, info))
