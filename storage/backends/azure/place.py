"""The subject of a request to Azure, as errors name it."""

from __future__ import annotations

from msgspec import Struct

PROVIDER = "azure"


class Place(Struct, frozen=True):
    """A container, or a blob in it; `upload_id` and `part` are what the call named besides,
    `condition` is the one that the request can fail by."""

    bucket: str = ""
    name: str = ""
    upload_id: str = ""
    part: int = 0
    condition: str = "If-Match"

    def __str__(self) -> str:
        return f"{PROVIDER}://{self.bucket}{'/' if self.name else ''}{self.name}"
