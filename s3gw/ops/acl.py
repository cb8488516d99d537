"""The read side of ACLs: on a plain bucket the owner has full control, and nobody else has any."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access
from s3gw.documents import Owner, owner_of
from s3gw.message import Call, Level
from s3gw.operation import operation, path, query
from s3gw.reply import Reply, xml_reply
from s3gw.versions import named_version
from s3gw.xmldoc import document, within, xsi_type
from storage.values import ReadOptions


@dataclass(frozen=True, slots=True)
class Grantee:
    display_name: str | None
    id: str
    type: str = xsi_type(default="CanonicalUser")


@dataclass(frozen=True, slots=True)
class Grant:
    grantee: Grantee
    permission: str


@document("AccessControlPolicy")
@dataclass(frozen=True, slots=True)
class AccessControlPolicy:
    owner: Owner
    grants: tuple[Grant, ...] = within("AccessControlList", "Grant")


@operation("GET", Level.BUCKET, marker="acl", access=Access.HEAD_BUCKET)
class GetBucketAcl:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        return xml_reply(_full_control(call))


@operation("GET", Level.OBJECT, marker="acl", access=Access.HEAD_OBJECT)
class GetObjectAcl:
    bucket: str = path("Bucket")
    key: str = path("Key")
    version_id: str | None = query("versionId", default=None)

    async def run(self, call: Call) -> Reply:
        options = ReadOptions(version=named_version(self.version_id))
        await call.store.head_object(self.bucket, self.key, options)
        return xml_reply(_full_control(call))


def _full_control(call: Call) -> AccessControlPolicy:
    owner = owner_of(call, call.owner)
    grantee = Grantee(owner.display_name, owner.id)
    return AccessControlPolicy(owner, (Grant(grantee, "FULL_CONTROL"),))
