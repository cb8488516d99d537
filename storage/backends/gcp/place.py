"""The subject of a request to Cloud Storage, as errors name it."""

from __future__ import annotations

from msgspec import Struct

PROVIDER = "gcp"


class Place(Struct, frozen=True):
    """A bucket, or an object in it; `version`, `upload_id` and `part` are what the request
    named besides, `condition` is the one that it can fail by."""

    bucket: str = ""
    name: str = ""
    version: str | None = None
    upload_id: str = ""
    part: int = 0
    condition: str = "If-Match"

    def __str__(self) -> str:
        return f"{PROVIDER}://{self.bucket}{'/' if self.name else ''}{self.name}"
