"""The backend for Azure Blob Storage, composed of its parts."""

from __future__ import annotations

from storage.backends.azure.buckets import Buckets
from storage.backends.azure.deleting import ObjectDeleter
from storage.backends.azure.listing import Lister
from storage.backends.azure.options import AzureOptions
from storage.backends.azure.place import PROVIDER
from storage.backends.azure.reading import ObjectReader
from storage.backends.azure.service import Service
from storage.backends.azure.uploads import Uploads
from storage.backends.azure.writing import ObjectWriter
from storage.backends.refusing import WithoutVersions
from storage.capabilities import Capability


class AzureBackend(WithoutVersions):
    """One storage account, with one set of credentials, on one event loop. Nothing is sent, and no
    client library is imported, before the first request."""

    capabilities = Capability.UPLOADS
    refuses_as = PROVIDER

    def __init__(self, options: AzureOptions) -> None:
        self.options = options
        self._service = service = Service(options)
        reader, lister = ObjectReader(service), Lister(service)
        buckets, uploads = Buckets(service, lister), Uploads(service, reader)
        writer, deleter = ObjectWriter(service, reader), ObjectDeleter(service, reader)

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
        self.delete_object = deleter.delete_object
        self.delete_objects = deleter.delete_objects

        self.create_upload = uploads.create_upload
        self.head_upload = uploads.head_upload
        self.put_part = uploads.put_part
        self.list_parts = uploads.list_parts
        self.complete_upload = uploads.complete_upload
        self.abort_upload = uploads.abort_upload
        self.list_uploads = uploads.list_uploads
        self.list_object_parts = uploads.list_object_parts

    async def aclose(self) -> None:
        """Close every connection; bodies that are still read break off."""
        await self._service.aclose()
