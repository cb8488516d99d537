"""Names of buckets of other clusters, and what errors name.

One backend is all clusters. The name of a bucket there has its cluster and namespace:
`@uuid/bucket`, or `@uuid#namespace/bucket`.
"""

from __future__ import annotations

from msgspec import Struct

from storage.errors import BucketNotFound

PROVIDER = "ais"


class Place(Struct, frozen=True):
    """A bucket of the cluster with that UUID, or an object in it; of a cluster alone the bucket is
    empty."""

    cluster: str
    namespace: str = ""
    bucket: str = ""
    name: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Return the parameters that name the bucket's provider and namespace there."""
        space = {"namespace": f"#{self.namespace}"} if self.namespace else {}
        return {"provider": PROVIDER, **space}

    def __str__(self) -> str:
        bucket = bucket_name(self.cluster, self.namespace, self.bucket)
        return f"{PROVIDER}://{bucket}{'/' if self.name else ''}{self.name}"


def bucket_name(cluster: str, namespace: str, bucket: str) -> str:
    space = f"#{namespace}" if namespace else ""
    return f"@{cluster}{space}/{bucket}"


def read_bucket_name(name: str) -> tuple[str, str, str]:
    """Return cluster, namespace and bucket. Raise `ValueError`."""
    space, slash, bucket = name.partition("/")
    if not space.startswith("@") or not slash or not bucket:
        raise ValueError(f"{name!r} is not a bucket of another cluster")
    cluster, _, namespace = space[1:].partition("#")
    return cluster, namespace, bucket


def place_of(bucket: str, name: str = "") -> Place:
    """Raise `BucketNotFound` for a name that no bucket of another cluster has."""
    try:
        return Place(*read_bucket_name(bucket), name)
    except ValueError:
        raise BucketNotFound(bucket) from None
