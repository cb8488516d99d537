"""What AIStore's roles and tokens allow: bits for a cluster, and bits for single buckets.

A bucket that is named has its own bits, and those of the cluster do not count for it. Numbers are
64 bits wide, as AIStore's are: bits that mean nothing here are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from s3gw.access.rights import Access

ALL = (1 << 64) - 1
READ_ONLY = Access.GET | Access.HEAD_OBJECT | Access.HEAD_BUCKET | Access.LIST_OBJECTS
READ_WRITE = READ_ONLY | Access.PUT | Access.APPEND | Access.DELETE_OBJECT | Access.MOVE_OBJECT
# What is about the cluster, whatever bucket a request names.
OF_THE_CLUSTER = (
    Access.LIST_BUCKETS
    | Access.SHOW_CLUSTER
    | Access.CREATE_BUCKET
    | Access.DESTROY_BUCKET
    | Access.MOVE_BUCKET
    | Access.ADMIN
)


class BucketName(NamedTuple):
    """A bucket as AIStore names it: `provider` is `ais` for ours, `namespace` is empty or a name,
    `cluster` the id of the cluster, empty for whichever is asked."""

    name: str
    provider: str = "ais"
    namespace: str = ""
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Permissions:
    """`clusters` are bits by cluster id, where the empty id is every cluster."""

    admin: bool = False
    clusters: Mapping[str, int] = field(default_factory=dict)
    buckets: Mapping[BucketName, int] = field(default_factory=dict)


NO_PERMISSIONS = Permissions()
