"""Which of AWS' operations work here: the table in `docs/s3.md`, made from the code.

python -m s3gw.coverage    writes it on standard output
"""

from __future__ import annotations

from collections.abc import Mapping

from s3gw.catalog import all_operations
from s3gw.ops.unimplemented import REFUSED

_NO_SSE = "no encryption headers"
_UPLOAD = "no object lock, " + _NO_SSE

# What an implemented operation leaves out; the rest works whole.
LIMITS: Mapping[str, str] = {
    "CreateBucket": "no object lock, no directory buckets",
    "CreateMultipartUpload": _UPLOAD,
    "CopyObject": _UPLOAD,
    "DeleteObject": "no versions but `null`, no conditions on time and size",
    "DeleteObjects": "no versions but `null`, no conditions on time and size",
    "GetBucketVersioning": "always empty: the bucket was never versioned",
    "GetObject": "no versions but `null`, " + _NO_SSE,
    "GetObjectAcl": "no versions but `null`",
    "GetObjectAttributes": "no versions but `null`",
    "HeadObject": "no versions but `null`, " + _NO_SSE,
    "ListObjectVersions": "every object is its own `null` version",
    "PutObjectAcl": "no versions but `null`",
    "PutObject": _UPLOAD + ", no appending (`x-amz-write-offset-bytes`)",
    "UploadPart": _NO_SSE,
    "UploadPartCopy": _NO_SSE,
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
