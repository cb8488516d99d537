"""A bucket of the cloud that the server is in front of, as others use it: moto, with its log.

Standard library only.
"""

from __future__ import annotations

import os
import urllib.request
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

# moto would take urllib's own type for a form. It looks who asks, and checks no signature.
_HEADERS = {
    "Content-Type": "application/octet-stream",
    "Authorization": "AWS4-HMAC-SHA256 Credential=cloud/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=none",
}


class CloudBucket:
    """It is made there at once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ask("PUT")

    def put(self, key: str, content: bytes) -> None:
        self._ask("PUT", key, content)

    def delete(self, key: str) -> None:
        self._ask("DELETE", key)

    def get(self, key: str) -> bytes | None:
        """None where there is none."""
        try:
            return self._ask("GET", key)
        except HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def requests(self, words: str = "") -> int:
        """How many requests with these words were made of the bucket."""
        lines = Path(os.environ["COMPAT_CLOUD_LOG"]).read_text().splitlines()
        return sum(words in line and f"/{self.name}" in line for line in lines)

    def _ask(self, method: str, key: str = "", content: bytes | None = None) -> bytes:
        url = f"{os.environ['COMPAT_CLOUD']}/{self.name}/{key}".rstrip("/")
        request = urllib.request.Request(url, data=content, headers=_HEADERS, method=method)
        with urllib.request.urlopen(request) as answer:
            body: bytes = answer.read()
            return body
