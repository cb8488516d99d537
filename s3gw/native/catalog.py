"""All native operations that the gateway answers."""

from __future__ import annotations

from typing import Any

from s3gw.native import get_batch
from s3gw.native.authn import clusters, roles, tokens, users
from s3gw.native.authn import config as authn_config
from s3gw.native.buckets import bucket, inventory, listing, renaming
from s3gw.native.cluster import config, daemon, maps, nothing_to_do, remote, views
from s3gw.native.etl import managing as etl_managing
from s3gw.native.jobs import (
    archiving,
    blob_download,
    copying,
    downloading,
    indexing,
    mirroring,
    multi_object,
    rechunking,
    sorting,
    summary,
    watching,
)
from s3gw.native.objects import (
    appending,
    custom,
    for_transformers,
    moving,
    promotion,
    reading,
    remote_only,
    uploads,
    writing,
)
from s3gw.native.queries import querying
from s3gw.s3.registry import operations_of

MODULES = (
    *(bucket, inventory, listing, renaming),
    *(
        appending,
        custom,
        for_transformers,
        moving,
        promotion,
        reading,
        remote_only,
        uploads,
        writing,
    ),
    *(archiving, blob_download, copying, downloading, indexing, mirroring),
    *(multi_object, rechunking, sorting, summary, watching),
    *(config, daemon, maps, nothing_to_do, remote, views),
    etl_managing,
    *(authn_config, clusters, roles, tokens, users),
    get_batch,
    querying,
)


def native_operations() -> list[type[Any]]:
    return [operation for module in MODULES for operation in operations_of(module)]
