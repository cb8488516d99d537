"""Buckets of other AIStore clusters, through their native API.

Importing this package is cheap: aiohttp is imported at the first request.
"""

from storage.backends.ais.backend import AisBackend
from storage.backends.ais.clusters import Cluster, Clusters
from storage.backends.ais.options import AisOptions
from storage.backends.ais.place import PROVIDER, bucket_name, read_bucket_name

__all__ = [
    "PROVIDER",
    "AisBackend",
    "AisOptions",
    "Cluster",
    "Clusters",
    "bucket_name",
    "read_bucket_name",
]
