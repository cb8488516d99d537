"""Tags of objects."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from s3gw.access import Access
from s3gw.events.events import EventName
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.s3.call import Call
from s3gw.s3.delete_markers import refusing_markers
from s3gw.s3.headers import check_tags, named_version, read_version_header
from s3gw.s3.routing import body, operation, path, query
from s3gw.s3.shared_elements import Tag
from s3gw.wire.xmldoc import document, within
from storage.values import Attributes, ReadOptions, UpdateOptions


@document("Tagging")
@dataclass(frozen=True, slots=True)
class Tagging:
    tag_set: tuple[Tag, ...] = within("TagSet", "Tag")


@operation("GET", Level.OBJECT, marker="tagging", access=Access.HEAD_OBJECT)
class GetObjectTagging:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        options = ReadOptions(version=named_version(self.version_id))
        with refusing_markers():
            info = (await call.store.head_object(self.bucket, self.key, options)).info
        tags = sorted(info.attributes.tags.items())
        document = Tagging(tuple(Tag(key, value) for key, value in tags))
        return xml_reply(document, headers=read_version_header(call.bucket_info, info))


@operation("PUT", Level.OBJECT, marker="tagging", access=Access.UPDATE_OBJECT)
class PutObjectTagging:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    tagging: Tagging = body()

    async def run(self, call: Call) -> Reply:
        tags = check_tags([(tag.key, tag.value) for tag in self.tagging.tag_set])
        headers = await _replace_tags(call, self.version_id, tags, EventName.TAGGING_PUT)
        return Reply(headers=headers)


@operation("DELETE", Level.OBJECT, marker="tagging", access=Access.UPDATE_OBJECT)
class DeleteObjectTagging:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        headers = await _replace_tags(call, self.version_id, {}, EventName.TAGGING_DELETED)
        return Reply(204, headers)


async def _replace_tags(
    call: Call, version_id: str | None, tags: dict[str, str], event: EventName
) -> dict[str, str]:
    """Return the headers that name the version."""

    def change(attributes: Attributes) -> Attributes:
        return msgspec.structs.replace(attributes, tags=tags)

    options = UpdateOptions(version=named_version(version_id))
    with refusing_markers():
        info = await call.objects.change_attributes(
            call.context, call.bucket_info, call.key, change, event=event, options=options
        )
    return read_version_header(call.bucket_info, info)
