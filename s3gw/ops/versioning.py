"""The read side of versioning: a bucket that was never versioned has an empty configuration."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.message import Call, Level
from s3gw.operation import operation, path
from s3gw.reply import Reply, xml_reply
from s3gw.xmldoc import document


@document("VersioningConfiguration")
@dataclass(frozen=True, slots=True)
class VersioningConfiguration:
    status: str | None = None


@operation("GET", Level.BUCKET, marker="versioning", access=Access.HEAD_BUCKET)
class GetBucketVersioning:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(VersioningConfiguration())
