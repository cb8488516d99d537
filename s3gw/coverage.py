"""Which of AWS' operations work here: the table in `docs/s3.md`, made from the code.

python -m s3gw.coverage    writes it on standard output
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.catalog import all_operations
from s3gw.ops.unimplemented import REFUSED

_NO_DSSE = "no `aws:kms:dsse`"
_UPLOAD = "no ACL but the private ones, " + _NO_DSSE

# What an implemented operation leaves out; the rest works whole.
LIMITS: Mapping[str, str] = {
    "CreateBucket": "no ACL but the private ones, no directory buckets",
    "CreateMultipartUpload": _UPLOAD,
    "CopyObject": _UPLOAD,
    "DeleteObject": "no conditions on time and size",
    "DeleteObjects": "no conditions on time and size",
    "GetBucketAcl": "always the owner's full control",
    "GetObjectAcl": "always the owner's full control",
    "PostObject": _UPLOAD,
    "PutBucketEncryption": _NO_DSSE,
    "PutBucketVersioning": "no MFA delete",
    "PutObject": _UPLOAD + ", no appending (`x-amz-write-offset-bytes`)",
    "RenameObject": "`x-amz-client-token` is ignored; with several mountpaths only where both "
    "names live on the same one",
}


def operations_table() -> str:
    """A Markdown table of all operations: what works first, then what is refused and why."""
    implemented = sorted(op.__name__ for op in all_operations())
    rows = [(name, _state(name), LIMITS.get(name, "")) for name in implemented]
    rows += [(name, "refused", reason) for name, reason in sorted(REFUSED.items())]
    lines = [f"| {name} | {state} | {note} |" for name, state, note in rows]
    return "\n".join(["| operation | | |", "|---|---|---|", *lines]) + "\n"


def _state(name: str) -> str:
    return "partly" if name in LIMITS else "works"


if __name__ == "__main__":
    print(operations_table(), end="")
