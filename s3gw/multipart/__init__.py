"""S3's operations on multipart uploads, one class each."""

from __future__ import annotations

from s3gw.multipart import complete, listing, part, upload

MODULES = (complete, listing, part, upload)
