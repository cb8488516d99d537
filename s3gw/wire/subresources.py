"""Names in a request that select its operation, or change its answer.

One list for all who have to agree: the router reads these names, and every signature must cover
them. A name that one of them did not know could be added to somebody else's signed request.
"""

from __future__ import annotations

# Query names that select an operation; one without an operation must not be ignored.
_SUBRESOURCES = """
    abac accelerate acl analytics annotation annotations append archmime archmode archpath archregx
    attributes cors delete encryption etl etl_args etl_pipeline get-batch
    intelligent-tiering inventory legal-hold lifecycle list-type location logging
    metadataAnnotationTable metadataConfiguration metadataInventoryTable metadataJournalTable
    metadataTable metrics notification object-lock ownershipControls partNumber policy policyStatus
    max-directory-buckets publicAccessBlock renameObject replication requestPayment restore
    retention select select-type session tagging torrent uploadId uploads versioning versions
    website
"""
SUBRESOURCES = frozenset(_SUBRESOURCES.split())
# Query names that change what an operation answers.
_CHANGES = """
    defaultObjectAcl response-cache-control response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires storageClass versionId
"""
# What clients leave out of a signature of Version 2, as AWS does: these select which part of a
# listing is shown, never more than the signer's rights to that bucket show anyway.
_LISTING = """
    bucket-region continuation-token delimiter encoding-type fetch-owner id key-marker list-type
    marker max-buckets max-keys max-parts max-uploads part-number-marker prefix start-after
    upload-id-marker version-id-marker
"""
LEFT_OUT_BY_V2 = frozenset(_LISTING.split())
SIGNED_BY_V2 = (SUBRESOURCES | frozenset(_CHANGES.split())) - LEFT_OUT_BY_V2
# Selects a member of an archive, as `archpath` in the query does.
ARCHPATH_HEADER = "x-s3gw-archpath"
