"""Tags of a bucket."""

from __future__ import annotations

import msgspec

from s3gw.access import Access
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.ops.tagging import Tagging
from s3gw.s3.call import Call
from s3gw.s3.headers import check_tags
from s3gw.s3.routing import body, operation, path
from s3gw.s3.shared_elements import Tag
from s3gw.wire.errors import Code, S3Error

MAX_TAGS = 50


@operation("GET", Level.BUCKET, marker="tagging", access=Access.HEAD_BUCKET)
class GetBucketTagging:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        tags = call.bucket_info.tags
        if not tags:
            raise S3Error(Code.NoSuchTagSet, BucketName=self.bucket)
        return xml_reply(Tagging(tuple(Tag(key, value) for key, value in tags.items())))


@operation("PUT", Level.BUCKET, marker="tagging", access=Access.PATCH)
class PutBucketTagging:
    bucket: str = path("Bucket")
    tagging: Tagging = body()

    async def run(self, call: Call) -> Reply:
        await _replace_tags(call, self.bucket, check_bucket_tags(self.tagging.tag_set))
        return Reply(204)


@operation("DELETE", Level.BUCKET, marker="tagging", access=Access.PATCH)
class DeleteBucketTagging:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        await _replace_tags(call, self.bucket, {})
        return Reply(204)


def check_bucket_tags(tags: tuple[Tag, ...]) -> dict[str, str]:
    """Return the tags as a bucket keeps them. Raise `InvalidTag`, and `BadRequest` for too many."""
    if len(tags) > MAX_TAGS:
        raise S3Error(Code.BadRequest, f"Bucket tag count cannot be greater than {MAX_TAGS}")
    system_tag = "System tags cannot be added/updated by requester"
    return check_tags([(tag.key, tag.value) for tag in tags], MAX_TAGS, system_tag)


async def _replace_tags(call: Call, bucket: str, tags: dict[str, str]) -> None:
    await call.store.update_bucket(bucket, lambda info: msgspec.structs.replace(info, tags=tags))
