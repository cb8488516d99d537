"""The backend for HDFS, composed of its parts."""

from __future__ import annotations

from storage.backends.hdfs.buckets import Buckets
from storage.backends.hdfs.files import Files
from storage.backends.hdfs.listing import Lister
from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.place import PROVIDER
from storage.backends.hdfs.reading import ObjectReader
from storage.backends.hdfs.service import Service
from storage.backends.hdfs.writing import ObjectWriter
from storage.backends.refusing import WithoutUploads, WithoutVersions
from storage.capabilities import NO_CAPABILITIES


class HdfsBackend(WithoutVersions, WithoutUploads):
    """One HDFS, as one user, on one event loop. Nothing is sent, and no client library is imported,
    before the first request."""

    capabilities = NO_CAPABILITIES
    refuses_as = PROVIDER

    def __init__(self, options: HdfsOptions) -> None:
        self.options = options
        self._service = service = Service(options)
        files = Files(service)
        reader, lister = ObjectReader(service, files), Lister(options, files)
        buckets, writer = Buckets(options, files), ObjectWriter(service, files, reader)

        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.head_object = reader.head_object
        self.get_object = reader.get_object
        self.put_object = writer.put_object
        self.update_object = writer.update_object
        self.delete_object = writer.delete_object
        self.delete_objects = writer.delete_objects

    async def aclose(self) -> None:
        """Close every connection; bodies that are still read break off."""
        await self._service.aclose()
