"""All native operations that the gateway answers."""

from __future__ import annotations

from typing import Any

from s3gw.declared import operations_of
from s3gw.native import (
    appending,
    buckets,
    cluster,
    cluster_views,
    config,
    custom,
    daemon,
    get_batch,
    listing,
    moving,
    object_states,
    promotion,
    read_objects,
    renaming,
    uploads,
    write_objects,
)
from s3gw.native.authn import clusters, roles, tokens, users
from s3gw.native.jobs import archiving, indexing, multi_object, rechunking, summary, watching

MODULES = (
    appending,
    archiving,
    buckets,
    cluster,
    cluster_views,
    clusters,
    config,
    custom,
    daemon,
    get_batch,
    indexing,
    listing,
    moving,
    multi_object,
    object_states,
    promotion,
    read_objects,
    rechunking,
    renaming,
    roles,
    summary,
    tokens,
    uploads,
    users,
    watching,
    write_objects,
)


def native_operations() -> list[type[Any]]:
    return [operation for module in MODULES for operation in operations_of(module)]
