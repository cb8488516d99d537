"""The backend for Google Cloud Storage, composed of its parts."""

from __future__ import annotations

from storage.backends.gcp.buckets import Buckets
from storage.backends.gcp.deleting import ObjectDeleter
from storage.backends.gcp.listing import Lister
from storage.backends.gcp.options import GcpOptions
from storage.backends.gcp.place import PROVIDER
from storage.backends.gcp.reading import ObjectReader
from storage.backends.gcp.remote import Remote
from storage.backends.gcp.uploads import Uploads
from storage.backends.gcp.writing import ObjectWriter
from storage.backends.refusing import WithoutVersions
from storage.capabilities import Capability


class GcpBackend(WithoutVersions):
    """One endpoint, with one set of credentials, on one event loop. Nothing is sent, and no library
    is imported, before the first request.

    `VERSIONS` is not declared, since Cloud Storage has no delete markers. A generation that it has
    named can be read and deleted nevertheless, as a `version`.
    """

    capabilities = Capability.UPLOADS
    refuses_as = PROVIDER

    def __init__(self, options: GcpOptions) -> None:
        self.options = options
        self._remote = remote = Remote(options)
        buckets, reader, lister = Buckets(remote), ObjectReader(remote), Lister(remote)
        writer, deleter = ObjectWriter(remote, reader), ObjectDeleter(remote, reader)
        uploads = Uploads(remote, reader)

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
        await self._remote.aclose()
