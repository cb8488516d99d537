"""Permissions of AIStore's roles and tokens, as bits.

They are for a cluster or for a bucket. A bucket that is listed has its own bits, and those of the
cluster do not count for it. Numbers are 64 bits wide, as AIStore's are: bits without a meaning here
are kept.

The first AIStore had five bits: GET 1, HEAD 2, PUT and APPEND 4, cold GET 8, DELETE 16. It wrote a
number as all 64 bits less some of those five. So a number with bits 5 to 63 all set, and some of
the low five clear, is an old one; it is translated to today's bits when it is read, and never to
more than its own bits. `0xffffffffffffffe3` is `ro` that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct, field

from s3gw.identity.rights import Access
from storage.digits import read_digits

ALL = (1 << 64) - 1
READ_ONLY = Access.GET | Access.HEAD_OBJECT | Access.HEAD_BUCKET | Access.LIST_OBJECTS
READ_WRITE = READ_ONLY | Access.PUT | Access.APPEND | Access.DELETE_OBJECT | Access.MOVE_OBJECT
# Rights about the cluster, even if a request names a bucket.
OF_THE_CLUSTER = (
    Access.LIST_BUCKETS
    | Access.SHOW_CLUSTER
    | Access.CREATE_BUCKET
    | Access.DESTROY_BUCKET
    | Access.MOVE_BUCKET
    | Access.ADMIN
)

_CLUSTER_BITS = OF_THE_CLUSTER.value
_WORDS = {"ro": READ_ONLY.value, "rw": READ_WRITE.value, "su": ALL, "all": ALL}
_NAMES = {each.name.replace("_", "-"): each.value for each in Access if each.name}
_SHOWN = {bits: word for word, bits in _WORDS.items() if word != "all"}
_HEXADECIMAL = re.compile(r"0[xX]0*([0-9a-fA-F]{1,17})[0-9a-fA-F]*")

_LEGACY = 0x1F
# Today's rights for each of the old bits. Cold GET does not have its own bit today: it is a GET.
_OF_LEGACY = {
    1: Access.GET,
    2: Access.HEAD_OBJECT | Access.HEAD_BUCKET | Access.LIST_OBJECTS,
    4: Access.PUT | Access.APPEND | Access.PROMOTE | Access.UPDATE_OBJECT,
    16: Access.DELETE_OBJECT,
    4 | 16: Access.MOVE_OBJECT,
}


class BucketName(NamedTuple):
    """A bucket as AIStore names it: `provider` is `ais` for ours, `namespace` is empty or a name,
    `cluster` the id of the cluster, empty for the one that receives the request."""

    name: str
    provider: str = "ais"
    namespace: str = ""
    cluster: str = ""


class Permissions(Struct, frozen=True):
    """`clusters` are bits by cluster id; the empty id means every cluster that is not listed."""

    admin: bool = False
    clusters: Mapping[str, int] = field(default_factory=dict)
    buckets: Mapping[BucketName, int] = field(default_factory=dict)

    def allow(self, access: Access, cluster: str, bucket: BucketName | None = None) -> bool:
        """Whether all rights of `access` are granted: those about the cluster by the cluster's
        bits, the others by the bucket's if it is listed, else by the cluster's too. The bucket's
        own `cluster` is ignored: it is a bucket of `cluster`."""
        return self.admin or access.value & ~self.bits(cluster, bucket) == 0

    def bits(self, cluster: str, bucket: BucketName | None = None) -> int:
        """Return all rights in the cluster; a listed bucket's bits replace those that are not about
        the cluster."""
        of_cluster = self._of_cluster(cluster)
        named = None if bucket is None else self._of_bucket(cluster, bucket)
        return of_cluster if named is None else _in_place(of_cluster, named)

    def _of_cluster(self, cluster: str) -> int:
        found = self.clusters.get(cluster)
        return self.clusters.get("", 0) if found is None else found

    def _of_bucket(self, cluster: str, bucket: BucketName) -> int | None:
        if not self.buckets:
            return None
        found = self.buckets.get(bucket._replace(cluster=cluster))
        return self.buckets.get(bucket._replace(cluster="")) if found is None else found


NO_PERMISSIONS = Permissions()


def merged(several: Iterable[Permissions]) -> Permissions:
    """Return the union: for each cluster and bucket, the rights in any of the permissions."""
    parts = tuple(several)
    if len(parts) == 1:
        return parts[0]
    clusters = {cluster for each in parts for cluster in each.clusters}
    clusters |= {bucket.cluster for each in parts for bucket in each.buckets} | {""}
    named = {bucket._replace(cluster="") for each in parts for bucket in each.buckets}
    buckets = (bucket._replace(cluster=cluster) for bucket in named for cluster in clusters)
    return Permissions(
        admin=any(each.admin for each in parts),
        clusters={cluster: _any_of(parts, cluster) for cluster in clusters},
        buckets={bucket: _any_of(parts, bucket.cluster, bucket) for bucket in buckets},
    )


def _any_of(parts: Iterable[Permissions], cluster: str, bucket: BucketName | None = None) -> int:
    found = 0
    for each in parts:
        found |= each.bits(cluster, bucket)
    return found


def _in_place(of_cluster: int, of_bucket: int) -> int:
    return (of_cluster & _CLUSTER_BITS) | (of_bucket & ~_CLUSTER_BITS)


# Reading and showing


def parse_permissions(value: str | int) -> int:
    """Return the bits of `ro`, `rw`, `su` (or `all`), of a decimal or `0x` number, or of a list of
    these and of AIStore's names of rights, separated by commas (`GET,LIST-OBJECTS`).

    A single number may be an old one. Raises `ValueError` for anything else.
    """
    if isinstance(value, int):
        if isinstance(value, bool) or not 0 <= value <= ALL:
            raise ValueError("permissions are a number of 64 bits")
        return _today(value)
    text = value.strip()
    number = _number(text)
    if number is not None:
        return _today(number)
    bits = 0
    for item in text.split(","):
        bits |= _named(item.strip())
    return bits


def show_permissions(bits: int) -> str:
    """Return a text for `parse_permissions`: a word, or names, and a number for unnamed bits."""
    if bits in _SHOWN:
        return _SHOWN[bits]
    return ",".join(_shown(bits)) or "0"


def _shown(bits: int) -> Iterator[str]:
    unknown = bits
    for name, bit in _NAMES.items():
        if bits & bit:
            unknown &= ~bit
            yield name
    if unknown:
        yield hex(unknown)


def _named(item: str) -> int:
    number = _number(item)
    if number is not None:
        return number
    found = _WORDS.get(item.lower(), _NAMES.get(item.upper()))
    if found is None:
        raise ValueError(f"no permission is called {item[:64]!r}")
    return found


def _number(text: str) -> int | None:
    number = read_digits(text, ALL + 1)
    if number is None and (found := _HEXADECIMAL.fullmatch(text)):
        number = int(found[1], 16)
    if number is None:
        return None
    if number > ALL:
        raise ValueError("permissions are a number of 64 bits")
    return number


def _today(number: int) -> int:
    """Return today's bits of a number that may be an old one."""
    if number == ALL or number | _LEGACY != ALL:
        return number
    bits = 0
    for old, meaning in _OF_LEGACY.items():
        if number & old == old:
            bits |= meaning.value
    return bits & number
