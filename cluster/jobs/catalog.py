"""Catalog of jobs: kinds of this server, names of AIStore's others.

A new kind is a module with its `KIND`, and a line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

import msgspec

from cluster.jobs import (
    archive_objects,
    blob_download,
    cleanup,
    copy_objects,
    create_inventory,
    delete_objects,
    download,
    dsort,
    etl_inline,
    etl_objects,
    evict,
    get_batch,
    index_shards,
    lru,
    mirroring,
    move_bucket,
    placement,
    prefetch,
    promote,
    rechunk,
    summary,
    warm_up,
)
from cluster.jobs.job import Job
from cluster.jobs.kinds import AnyKind

KINDS: tuple[AnyKind, ...] = (
    delete_objects.KIND,
    evict.KIND,
    prefetch.KIND,
    blob_download.KIND,
    download.KIND,
    dsort.KIND,
    copy_objects.KIND,
    copy_objects.BUCKET_KIND,
    summary.KIND,
    move_bucket.KIND,
    mirroring.KIND,
    cleanup.KIND,
    lru.KIND,
    promote.KIND,
    rechunk.KIND,
    warm_up.KIND,
    placement.REBALANCE_KIND,
    placement.RESILVER_KIND,
    index_shards.KIND,
    archive_objects.KIND,
    get_batch.KIND,
    etl_inline.KIND,
    etl_objects.KIND,
    etl_objects.BUCKET_KIND,
    create_inventory.KIND,
)
# AIStore's kinds that are not run here, with their other names.
_OTHERS = """
    election/elect-primary summary-shard/shard-summary
    ec-get ec-put ec-resp put-copies
    evict-remote-bck/evict-remote-bucket ec-encode/ec-bucket
    list
"""

BY_NAME: Mapping[str, AnyKind] = {kind.name: kind for kind in KINDS}
_DISPLAYED = {kind.display: kind.name for kind in KINDS if kind.display}
_ABSENT = {
    spelling: name
    for name, _, display in (each.partition("/") for each in _OTHERS.split())
    for spelling in (name, display or name)
}
NAMES = _ABSENT | _DISPLAYED | {name: name for name in BY_NAME}
_AnyJob: Any = Union[tuple(kind.job for kind in KINDS)]  # noqa: UP007
_DECODER = msgspec.json.Decoder(_AnyJob)


def find_name(text: str) -> str | None:
    """AIStore's name of a kind, by either name; None for an unknown one."""
    return NAMES.get(text)


def decode_job(text: bytes) -> Job:
    """Raises `msgspec.DecodeError` for a damaged record, and for a kind that is not run here."""
    job: Job = _DECODER.decode(text)
    return job
