"""How commands show users, roles and keys: tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from s3gw.permissions import ALL, OF_THE_CLUSTER, BucketName, Permissions, show_permissions


def as_json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    """Columns as wide as they need to be; without rows the sentence `empty`."""
    if not rows:
        return empty
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = (
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """One a line, with its name before it."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}".rstrip() for name, value in rows)


def moment(time_s: int, never: str = "never") -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M}Z" if time_s else never


def yes(value: bool) -> str:
    return "yes" if value else "no"


def permission_rows(permissions: Permissions, cluster_id: str) -> list[tuple[str, str]]:
    """What is allowed, as rows of `facts`."""
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
