"""Object tags."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from s3gw.access import Access
from s3gw.documents import Tag
from s3gw.headers import check_tags
from s3gw.message import Call, Level
from s3gw.notifications.events import EventName, changed
from s3gw.operation import body, operation, path, query
from s3gw.reply import Reply, xml_reply
from s3gw.versions import check_version
from s3gw.xmldoc import document, within
from storage.values import Attributes


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
        check_version(self.version_id)
        reading = await call.store.head_object(self.bucket, self.key)
        tags = sorted(reading.info.attributes.tags.items())
        return xml_reply(Tagging(tuple(Tag(key, value) for key, value in tags)))


@operation("PUT", Level.OBJECT, marker="tagging", access=Access.UPDATE_OBJECT)
class PutObjectTagging:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)
    tagging: Tagging = body()

    async def run(self, call: Call) -> Reply:
        check_version(self.version_id)
        tags = check_tags([(tag.key, tag.value) for tag in self.tagging.tag_set])
        await _replace_tags(call, EventName.TAGGING_PUT, tags)
        return Reply()


@operation("DELETE", Level.OBJECT, marker="tagging", access=Access.UPDATE_OBJECT)
class DeleteObjectTagging:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        check_version(self.version_id)
        await _replace_tags(call, EventName.TAGGING_DELETED, {})
        return Reply(204)


async def _replace_tags(call: Call, event: EventName, tags: dict[str, str]) -> None:
    def change(attributes: Attributes) -> Attributes:
        return msgspec.structs.replace(attributes, tags=tags)

    info = await call.store.update_object(call.bucket, call.key, change)
    await call.announce(changed(event, info))
