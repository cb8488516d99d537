"""Version ids on buckets that were never versioned: every object is its own `null` version."""

from __future__ import annotations

from s3gw.errors import Code, S3Error

NULL_VERSION = "null"


def check_version(version_id: str | None) -> None:
    """Raises `NoSuchVersion` for any version but the one a plain bucket has."""
    if version_id not in (None, "", NULL_VERSION):
        raise S3Error(Code.NoSuchVersion, VersionId=version_id or "")
