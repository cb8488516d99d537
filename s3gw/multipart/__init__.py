"""Multipart uploads: an object that comes in parts, and becomes visible when it is completed."""

from __future__ import annotations

from s3gw.multipart import complete, listing, part, upload

MODULES = (complete, listing, part, upload)
