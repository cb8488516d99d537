"""Sub-resources: the query names that select an S3 operation."""

from __future__ import annotations

# Query names that select an operation; one without an operation must not be ignored.
_SUBRESOURCES = """
    abac accelerate acl analytics annotation annotations append archmime archmode archpath archregx
    attributes cors delete encryption get-batch
    intelligent-tiering inventory legal-hold lifecycle list-type location logging
    metadataAnnotationTable metadataConfiguration metadataInventoryTable metadataJournalTable
    metadataTable metrics notification object-lock ownershipControls partNumber policy policyStatus
    max-directory-buckets publicAccessBlock renameObject replication requestPayment restore
    retention select select-type session tagging torrent uploadId uploads versioning versions
    website
"""
SUBRESOURCES = frozenset(_SUBRESOURCES.split())
# Selects a member of an archive, as `archpath` in the query does.
ARCHPATH_HEADER = "x-s3gw-archpath"
