"""The backend for S3 endpoints, composed of its parts."""

from __future__ import annotations

from storage.backends.aws.buckets import Buckets
from storage.backends.aws.deleting import ObjectDeleter
from storage.backends.aws.listing import Lister
from storage.backends.aws.options import AwsOptions
from storage.backends.aws.place import PROVIDER
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Remote
from storage.backends.aws.uploads import Uploads
from storage.backends.aws.writing import ObjectWriter
from storage.backends.refusing import FarBackend
from storage.capabilities import Capability


class AwsBackend(FarBackend):
    """One endpoint, with one set of credentials, on one event loop. Nothing is sent, and the client
    library is not imported, before the first request."""

    capabilities = Capability.VERSIONS | Capability.UPLOADS
    refuses_as = PROVIDER

    def __init__(self, options: AwsOptions) -> None:
        self.options = options
        self._remote = remote = Remote(options)
        buckets, reader, lister = Buckets(remote), ObjectReader(remote), Lister(remote)
        writer, deleter = ObjectWriter(remote, reader), ObjectDeleter(remote, reader)
        uploads = Uploads(remote, reader, lister)

        self.create_bucket = buckets.create_bucket
        self.update_bucket = buckets.update_bucket
        self.head_bucket = buckets.head_bucket
        self.delete_bucket = buckets.delete_bucket
        self.list_buckets = buckets.list_buckets

        self.list_objects = lister.list_objects
        self.show_objects = lister.show_objects
        self.list_versions = lister.list_versions
        self.show_versions = lister.show_versions
        self.list_uploads = lister.list_uploads

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
        self.list_object_parts = uploads.list_object_parts

    async def aclose(self) -> None:
        """Close every connection; bodies that are still read break off."""
        await self._remote.aclose()
