"""Permissions as text, and values as JSON."""

from __future__ import annotations

import msgspec

from s3gw.identity.permissions import ALL, OF_THE_CLUSTER, BucketName, Permissions, show_permissions


def as_json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def permission_rows(permissions: Permissions, cluster_id: str) -> list[tuple[str, str]]:
    """Return what is allowed, as rows for `facts`."""
    if permissions.admin:
        return [("admin", "yes: everything")]
    clusters = [("this cluster", permissions.bits(cluster_id))] + [
        (f"cluster {name}", bits)
        for name, bits in sorted(permissions.clusters.items())
        if name not in ("", cluster_id)
    ]
    rows = [(name, show_permissions(bits)) for name, bits in clusters if bits]
    for bucket, bits in sorted(permissions.buckets.items()):
        ours = bucket._replace(cluster=cluster_id)
        if bucket.cluster or ours not in permissions.buckets:
            shown = bits if bits == ALL else bits & ~OF_THE_CLUSTER.value
            rows.append((_bucket(bucket, cluster_id), show_permissions(shown)))
    return rows


def _bucket(bucket: BucketName, cluster_id: str) -> str:
    provider = "" if bucket.provider == "ais" else f"{bucket.provider}://"
    namespace = f"#{bucket.namespace}/" if bucket.namespace else ""
    elsewhere = f" of {bucket.cluster}" if bucket.cluster not in ("", cluster_id) else ""
    return f"bucket {provider}{namespace}{bucket.name}{elsewhere}"
