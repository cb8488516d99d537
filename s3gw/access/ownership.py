"""Object ownership: the owner of new objects, and whether ACLs apply.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from storage.settings import Setting, setting
from storage.values import BucketInfo


class Ownership(Enum):
    OBJECT_WRITER = "ObjectWriter"
    BUCKET_OWNER_PREFERRED = "BucketOwnerPreferred"
    BUCKET_OWNER_ENFORCED = "BucketOwnerEnforced"


class OwnershipControls(Setting, frozen=True):
    """A bucket without these has `ObjectWriter`."""

    setting_name: ClassVar[str] = "ownership"

    ownership: Ownership


class HoldsForeignObjects(Setting, frozen=True):
    """A note that some object of the bucket may belong to another account than the bucket.

    It is written before the first such object, and never removed. Without it the owner of an object
    is known without a look at the object.
    """

    setting_name: ClassVar[str] = "foreign_objects"


def ownership_of(bucket: BucketInfo) -> Ownership:
    controls = setting(bucket, OwnershipControls)
    return controls.ownership if controls else Ownership.OBJECT_WRITER


def enforces_owner(bucket: BucketInfo) -> bool:
    """Whether the bucket's owner owns every object, and ACLs are ignored."""
    return ownership_of(bucket) is Ownership.BUCKET_OWNER_ENFORCED
