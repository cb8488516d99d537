"""AIStore's names: providers and their aliases, namespaces, buckets, objects.

A bucket is `provider://@uuid#namespace/name`; the global namespace of this cluster is left out. In
queries and unames a namespace is `@uuid#name`, and the global one `@#`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import quote

from msgspec import Struct

from s3gw.identity.namespaces import parted, stored_name
from s3gw.native.errors import NativeError, Tcode
from s3gw.objects.aistore_names import name_of
from storage.backends import hdfs
from storage.backends.ais import bucket_name as cluster_bucket
from storage.backends.ais import read_bucket_name as read_cluster_bucket
from storage.tier.remote import is_cloud
from storage.tier.remote import stored_name as remote_name

AIS = "ais"
PROVIDERS = ("ais", "aws", "azure", "gcp", "oci", "hdfs", "ht")
_ALIASES = {"": AIS, "s3": "aws", "az": "azure", "gs": "gcp", "oc": "oci"}
_NAMESPACE = re.compile(r"@?([A-Za-z0-9_-]{0,64})(?:#([A-Za-z0-9_-]{0,64}))?")
# AIStore's names of any remote cluster: of its command line, and of its API.
REMOTE = "@"
_ANY_REMOTE = frozenset({"@", "@@", "@@#"})
_BUCKET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
# The server's own paths, where S3 clients could not find a bucket.
_TAKEN = frozenset({"v1", "s3", "metrics"})


class Bck(Struct, frozen=True):
    """A bucket's full name. `uuid` and `namespace` are empty in this cluster's global namespace."""

    name: str
    provider: str = AIS
    uuid: str = ""
    namespace: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it can be a bucket of this server at all."""
        return self.provider == AIS and not self.uuid

    @property
    def is_cloud(self) -> bool:
        """Whether it can be a bucket of a backend of this server; an attached cluster is one."""
        if self.provider == AIS:
            return self.uuid not in ("", REMOTE)
        # A name with a colon would name a folder of HDFS, which only `buckets.folders` does.
        return not self.uuid and not self.namespace and ":" not in self.name

    @property
    def there(self) -> str:
        """Return the name at its backend."""
        if self.provider == AIS:
            return cluster_bucket(self.uuid, self.namespace, self.name)
        return self.name

    @property
    def stored(self) -> str:
        """Return the name in the store, and in access control."""
        if self.is_cloud:
            return remote_name(self.provider, self.there)
        return stored_name(self.name, self.namespace)

    @property
    def uname(self) -> str:
        """Return the bucket's part of a uname, without the object."""
        return f"{self.provider}/@{self.uuid}#{self.namespace}/{self.name}/"

    def cname(self, key: str = "") -> str:
        """Return the name as in messages; clients look for this very form in errors."""
        space = f"@{self.uuid}" if self.uuid else ""
        space += f"#{self.namespace}" if self.namespace else ""
        bucket = f"{self.provider}://{space}/{self.name}" if space else f"{self.provider}://{self}"
        return f"{bucket}/{name_of(key)}" if key else bucket

    def __str__(self) -> str:
        return self.name


def read_provider(text: str) -> str:
    """Return the provider that a query names; without one, `ais`. Raise 400."""
    provider = _ALIASES.get(text.lower(), text.lower())
    if provider not in PROVIDERS:
        raise NativeError(400, f'invalid bucket provider "{_plain(text)}"', Tcode.BCK_PROVIDER)
    return provider


def bck_of(stored: str) -> Bck:
    """Return the full name of a bucket of the store."""
    if is_cloud(stored):
        provider, _, name = stored.partition("/")
        return bck_there(provider, name)
    name, namespace = parted(stored)
    return Bck(name, namespace=namespace)


def bck_there(provider: str, name: str) -> Bck:
    """Return the full name of a bucket by its name at a backend."""
    if provider == AIS:
        uuid, namespace, name = read_cluster_bucket(name)
        return Bck(name, provider, uuid, namespace)
    if provider == hdfs.PROVIDER:
        return Bck(hdfs.read_bucket_name(name)[0], provider)
    return Bck(name, provider)


def is_asked(asked: Bck, bck: Bck) -> bool:
    """Whether a query without a bucket's name, by provider and namespace, is about the bucket. An
    empty namespace is all of them."""
    same = asked.uuid == bck.uuid or (asked.uuid == REMOTE and bool(bck.uuid))
    return same and asked.provider == bck.provider and asked.namespace in ("", bck.namespace)


class KnownClusters(Struct, frozen=True):
    """Names of clusters: ids and aliases of `ours`, and the ids of those that are attached by their
    aliases."""

    ours: Collection[str]
    attached: Mapping[str, str] = {}

    def id_of(self, name: str) -> str:
        """Return the id, which is empty for ours; what is not known stays."""
        return "" if name in self.ours else self.attached.get(name, name)


def read_namespace(text: str, known: KnownClusters) -> tuple[str, str]:
    """Return the cluster's id, empty for ours, and the name. Raise 400. `@` alone is any cluster
    but ours."""
    if text in _ANY_REMOTE:
        return REMOTE, ""
    match = _NAMESPACE.fullmatch(text)
    if match is None:
        raise NativeError(400, f'invalid namespace "{_plain(text)}"')
    uuid, name = match[1], match[2] or ""
    return known.id_of(uuid) if uuid else "", name


def read_bck(name: str, query: Mapping[str, str], known: KnownClusters) -> Bck:
    """Return the bucket that a path and its query name. Raise 400."""
    provider = read_provider(query.get("provider", ""))
    uuid, namespace = read_namespace(query.get("namespace", ""), known)
    if "/" in name:
        raise NativeError(400, f'bucket name "{_plain(name)}" is invalid')
    return Bck(name, provider, uuid, namespace)


def check_new_bucket(name: str) -> None:
    """Raise 400 unless AIStore and S3's clients could use a bucket of that name."""
    if not _BUCKET.fullmatch(name) or ".." in name:
        raise NativeError(
            400,
            f'bucket name "{_plain(name)}" is invalid: it may only contain letters, digits, dashes '
            "(-), underscores (_) and single dots (.), and at most 64 of them",
        )
    if name in _TAKEN:
        raise NativeError(400, f'bucket name "{name}" is invalid: the server itself answers there')


def _plain(text: str) -> str:
    return quote(text[:128], safe=" !#$&'()*+,/:;=?@[]~")
