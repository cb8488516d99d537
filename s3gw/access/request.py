"""Access requests: a caller, an action, a resource, and their facts.

Some facts cost a look into the store, or the request's body, and are missing at first. Code that
needs a missing one raises `FactRequired`; the fact is fetched and the decision repeated. Most
requests are decided without.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from msgspec import Struct, field

from s3gw.access.acl import Grants
from s3gw.identity.accounts import Principal
from s3gw.identity.namespaces import in_arns, parted
from s3gw.identity.permissions import ALL, BucketName

ARN = "arn:aws:s3:::"
_NO_ACCOUNT = Principal("")

T = TypeVar("T")


class Fact(Enum):
    """Facts that have to be fetched."""

    OBJECT = "object"
    DOCUMENT = "document"
    INITIATOR = "initiator"


class FactRequired(Exception):
    """The decision depends on a fact that has not been fetched."""

    def __init__(self, fact: Fact) -> None:
        super().__init__(fact.value)
        self.fact = fact


class Caller(Struct, frozen=True):
    """The caller, in the cluster with that id; `service` is a service of the server itself."""

    principal: Principal = _NO_ACCOUNT
    cluster: str = ""
    service: str = ""

    @property
    def account(self) -> str:
        """The canonical id; empty for a service."""
        return self.principal.account

    @property
    def is_root(self) -> bool:
        return self.principal.is_root

    @property
    def is_anonymous(self) -> bool:
        return self.principal.is_anonymous

    @property
    def is_user(self) -> bool:
        return self.principal.is_user

    @property
    def signed(self) -> bool:
        """Whether the caller has an account, and so is not anonymous."""
        return bool(self.principal.account) and not self.principal.is_anonymous

    def has(self, access: int, bucket: str) -> bool:
        """Whether a user's permissions hold all of those bits for a bucket, or for the cluster if
        no bucket is named."""
        return bool(access) and access & ~self._bits(bucket) == 0

    def has_any(self, access: int, bucket: str) -> bool:
        return access & self._bits(bucket) != 0

    def _bits(self, bucket: str) -> int:
        permissions = self.principal.permissions
        if permissions is None:
            return 0
        if permissions.admin:
            return ALL
        name, namespace = parted(bucket)
        named = BucketName(name, namespace=namespace) if bucket else None
        return permissions.bits(self.cluster, named)


class ObjectFacts(Struct, frozen=True):
    """Facts about the object that the request names; `owner` is empty when it is the bucket's.

    `grants` is None when no ACL was set: all for the owner, nothing for others.
    """

    owner: str = ""
    grants: Grants | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


NO_OBJECT = ObjectFacts()


class AccessRequest(Struct, frozen=True):
    """One action on one resource.

    `access` are AIStore's bits for it, the right that the operation declares. `key` is empty for an
    action on a bucket, `version` None for the current one. Header names are lower-case. `client` is
    an address, empty when unknown. `source_*` are the bucket that a service acts for, `owner` is
    the bucket's.
    """

    caller: Caller
    action: str
    bucket: str
    key: str = ""
    access: int = 0
    version: str | None = None
    operation: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    is_secure: bool = False
    now_s: int = 0
    region: str = ""
    source_arn: str = ""
    source_account: str = ""
    owner: str = ""
    found_object: ObjectFacts | None = None
    found_document: bytes | None = None
    found_initiator: str | None = None

    @property
    def resource(self) -> str:
        bucket = ARN + in_arns(self.bucket)
        return f"{bucket}/{self.key}" if self.key else bucket

    @property
    def object(self) -> ObjectFacts:
        return _there(self.found_object, Fact.OBJECT)

    @property
    def document(self) -> bytes:
        return _there(self.found_document, Fact.DOCUMENT)

    @property
    def initiator(self) -> str:
        """Return the initiator of the multipart upload; empty when the request has no upload."""
        return _there(self.found_initiator, Fact.INITIATOR)


def _there(value: T | None, fact: Fact) -> T:
    if value is None:
        raise FactRequired(fact)
    return value
