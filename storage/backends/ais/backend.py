"""The backend for other AIStore clusters, composed of its parts."""

from __future__ import annotations

from storage.backends.ais.buckets import Buckets
from storage.backends.ais.clusters import Cluster, Clusters
from storage.backends.ais.listing import Lister
from storage.backends.ais.options import AisOptions
from storage.backends.ais.place import PROVIDER
from storage.backends.ais.reading import ObjectReader
from storage.backends.ais.service import Service, Smap
from storage.backends.ais.writing import ObjectWriter
from storage.backends.refusing import WithoutUploads, WithoutVersions
from storage.capabilities import NO_CAPABILITIES

DEFAULTS = AisOptions()


class AisBackend(WithoutVersions, WithoutUploads):
    """All attached clusters, on one event loop. Nothing is sent, and no client library is
    imported, before the first request."""

    capabilities = NO_CAPABILITIES
    refuses_as = PROVIDER

    def __init__(self, clusters: Clusters, options: AisOptions = DEFAULTS) -> None:
        self.clusters = clusters
        self._service = service = Service(options, clusters)
        reader, lister = ObjectReader(service), Lister(service)
        buckets, writer = Buckets(service, clusters, lister), ObjectWriter(service, reader)

        self.create_bucket = buckets.create_bucket
        self.create_with = buckets.create_with
        self.destroy_bucket = buckets.destroy_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets
        self.buckets_of = buckets.buckets_of

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.head_object = reader.head_object
        self.get_object = reader.get_object
        self.put_object = writer.put_object
        self.update_object = writer.update_object
        self.delete_object = writer.delete_object
        self.delete_objects = writer.delete_objects

    async def look_at(self, cluster: Cluster, url: str) -> Smap:
        """Return the map of the cluster at that URL, which need not be attached."""
        return await self._service.look_at(cluster, url)

    async def aclose(self) -> None:
        """Close every connection; bodies that are still read break off."""
        await self._service.aclose()
