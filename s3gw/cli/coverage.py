"""Coverage of AWS' operations: the table in `docs/s3.md`, generated from the code.

python -m s3gw.cli.coverage    writes it on standard output
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.ops.unimplemented import LEGACY, REFUSED
from s3gw.server.operations import all_operations

_NO_DSSE = "no `aws:kms:dsse`"
_UPLOAD = _NO_DSSE

# Documents that can be requested and deleted, but never exist.
_CANNOT_BE = """
    DeleteBucketAnalyticsConfiguration GetBucketAnalyticsConfiguration
    ListBucketAnalyticsConfigurations
    DeleteBucketIntelligentTieringConfiguration GetBucketIntelligentTieringConfiguration
    ListBucketIntelligentTieringConfigurations
    DeleteBucketMetadataConfiguration GetBucketMetadataConfiguration
    DeleteBucketMetadataTableConfiguration GetBucketMetadataTableConfiguration
    DeleteBucketMetricsConfiguration GetBucketMetricsConfiguration
    ListBucketMetricsConfigurations
    DeleteBucketReplication GetBucketReplication
"""
NEVER_THERE = frozenset(_CANNOT_BE.split())

# The missing parts of implemented operations; the others are complete.
LIMITS: Mapping[str, str] = {
    "CreateBucket": "no directory buckets",
    "CreateMultipartUpload": _UPLOAD,
    "CopyObject": _UPLOAD,
    "DeleteObject": "no conditions on time and size",
    "DeleteObjects": "no conditions on time and size",
    "GetBatch": "an operation of our own: [getbatch.md](getbatch.md)",
    "PostObject": _UPLOAD,
    "PutBucketInventoryConfiguration": "Parquet and ORC need an extra: "
    "[inventory.md](inventory.md)",
    "PutBucketLogging": "no grants on the log objects",
    "PutBucketNotificationConfiguration": "webhooks only, no EventBridge",
    "PutBucketEncryption": _NO_DSSE,
    "PutBucketVersioning": "no MFA delete",
    "PutObject": _UPLOAD + ", no appending (`x-amz-write-offset-bytes`)",
    "PutBucketLifecycleConfiguration": "no transitions: there is nowhere to move objects to",
    "GetBucketAbac": "always `Disabled`",
    "GetBucketRequestPayment": "always `BucketOwner`",
    "PutBucketAbac": "`Disabled` only: tags of buckets take no part in access control",
    "PutBucketAccelerateConfiguration": "`Suspended` only: there are no edge locations",
    "PutBucketRequestPayment": "`BucketOwner` only: nobody is billed for requests",
    "SelectObjectContent": "needs an extra: [query.md](query.md)",
    "RestoreObject": "nothing is archived: always `InvalidObjectState`",
    **dict.fromkeys(sorted(NEVER_THERE), "there is none, and none can be put"),
}


# Beside AWS' own.
OURS = frozenset({"GetBatch"})


def operations_table() -> str:
    """Return a Markdown table of all operations: first those that work, then those that are
    refused, and why."""
    implemented = sorted(op.__name__ for op in all_operations())
    rows = [(name, _state(name), LIMITS.get(name, "")) for name in implemented]
    rows += [(name, _state(new), f"the older name of {new}") for name, new in LEGACY.items()]
    rows += [(name, "refused", reason) for name, reason in sorted(REFUSED.items())]
    lines = [f"| {name} | {state} | {note} |" for name, state, note in rows]
    return "\n".join(["| operation | | |", "|---|---|---|", *lines]) + "\n"


def _state(name: str) -> str:
    if name in OURS:
        return "works"
    if name in REFUSED:
        return "refused"
    return "partly" if name in LIMITS else "works"


if __name__ == "__main__":
    print(operations_table(), end="")
