"""Presigned URLs, Signature Version 4: an independent hand, so that ours is tested against it.

A presigned URL is a fixed string: load of any rate can be sent without paying for signatures.
Standard library only. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

EXPIRES_S = 86_400


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs for one host (`name:port`) with one pair of keys."""

    host: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def url(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str:
        """The request target: `path`, quoted here, and the signed query."""
        now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        scope = f"{now[:8]}/{self.region}/s3/aws4_request"
        target = quote(path, safe="/-._~")
        sent = _encoded({**(query or {}), **self._parameters(now, scope)})
        canonical = f"{method}\n{target}\n{sent}\nhost:{self.host}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        return f"{target}?{sent}&X-Amz-Signature={self._sign(now[:8], text)}"

    def _parameters(self, now: str, scope: str) -> dict[str, str]:
        return {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": now,
            "X-Amz-Expires": str(EXPIRES_S),
            "X-Amz-SignedHeaders": "host",
        }

    def _sign(self, date: str, text: str) -> str:
        key = b"AWS4" + self.secret_key.encode()
        for part in (date, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text.encode(), "sha256").hex()


def _encoded(query: Mapping[str, str]) -> str:
    pairs = sorted(
        (quote(name, safe="-._~"), quote(value, safe="-._~")) for name, value in query.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)
