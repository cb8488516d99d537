"""The contract of `storage.backend.Backend`, executable: a backend runs what it declares of it.

Subclass `BackendContract` in a module of its own, name the class `Test...`, and give it a fixture
`backend` that returns an empty backend whose clock is the fixture `clock`.
"""

from __future__ import annotations

from tests.storage.contract_bucket_renaming import BucketRenamingContract
from tests.storage.contract_buckets import BucketContract
from tests.storage.contract_capabilities import CapabilityContract
from tests.storage.contract_chunks import ChunksContract
from tests.storage.contract_completion import CompletionContract
from tests.storage.contract_listing import ListingContract
from tests.storage.contract_objects import ObjectContract
from tests.storage.contract_reading import ReadingContract
from tests.storage.contract_reading_many import ReadingManyContract
from tests.storage.contract_renaming import RenamingContract
from tests.storage.contract_uploads import UploadContract
from tests.storage.contract_version_listing import VersionListingContract
from tests.storage.contract_versions import VersionContract


class BackendContract(
    BucketContract,
    BucketRenamingContract,
    ObjectContract,
    ReadingContract,
    ReadingManyContract,
    ListingContract,
    UploadContract,
    CompletionContract,
    VersionContract,
    VersionListingContract,
    RenamingContract,
    ChunksContract,
    CapabilityContract,
):
    """All claims in one class."""
