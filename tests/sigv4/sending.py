"""Requests to authenticate: as the server reads them, signed by hand where botocore will not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote, urlsplit

from s3gw.auth import Authenticator, AuthOptions
from s3gw.http.request import Request, content_length, read_query
from s3gw.identity.accounts import Account, Accounts, Principal
from s3gw.sigv4.canonical import canonical_request, parse_signed_headers
from s3gw.sigv4.scope import EMPTY_SHA256, sign, signing_key
from tests.storage.fake_clock import FakeClock

# The examples of AWS' documentation.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
NOW_S = 1_369_353_600
TIMESTAMP = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
ROOT = Account("root-id", "root", "root@example.com", {ACCESS_KEY: SECRET})


async def body_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def call_for(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    *pieces: bytes,
    host_bucket: str | None = None,
) -> Request:
    """A request as the front end reads it; the target is a URL or what follows the host."""
    parts = urlsplit(target)
    path, query = parts.path.encode(), parts.query.encode()
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    sent.setdefault("host", parts.netloc or "s3.example.com")
    return Request(
        method=method,
        raw_path=path,
        query_string=query,
        headers=sent,
        body=body_of(*pieces),
        request_id="request",
        host_bucket=host_bucket,
        query=read_query(query),
        decoded_length=content_length(sent.get("content-length")),
    )


def authenticate(
    call: Request, options: AuthOptions | None = None, *others: Account, now_s: int = NOW_S
) -> Principal:
    options = options or AuthOptions(clock=FakeClock(now_s))
    return asyncio.run(Authenticator(Accounts(ROOT, others), options).authenticate(call)).principal


def drained(call: Request) -> bytes:
    async def drain() -> bytes:
        return b"".join([piece async for piece in call.body])

    return asyncio.run(drain())


def signature_of(call: Request, signed: str, payload: str, path: str | None = None) -> str:
    """What a client calculates at `TIMESTAMP`; AWS' vectors vouch for the functions used. `path` is
    another spelling of the request's."""
    request = canonical_request(call, parse_signed_headers(signed), payload, path)
    digest = hashlib.sha256(request.encode("latin-1")).hexdigest()
    key = signing_key(SECRET, *SCOPE.split("/")[:2])
    return sign(key, f"AWS4-HMAC-SHA256\n{TIMESTAMP}\n{SCOPE}\n{digest}")


def signed_headers(
    method: str,
    target: str,
    headers: Mapping[str, str] | None = None,
    payload: str = EMPTY_SHA256,
    path: str | None = None,
) -> dict[str, str]:
    """The headers with an Authorization that covers all of them."""
    sent = {
        "host": "s3.example.com",
        "x-amz-content-sha256": payload,
        "x-amz-date": TIMESTAMP,
        **(headers or {}),
    }
    names = ";".join(sorted(sent))
    signature = signature_of(call_for(method, target, sent), names, payload, path)
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return {**sent, "authorization": authorization}


def presigned_target(target: str, expires: str = "3600", **changed: str) -> str:
    """A target with the parameters of Version 4; `changed` replaces some before they are signed."""
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ACCESS_KEY}/{SCOPE}",
        "X-Amz-Date": TIMESTAMP,
        "X-Amz-Expires": expires,
        "X-Amz-SignedHeaders": "host",
        **{f"X-Amz-{name}": value for name, value in changed.items()},
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    unsigned = f"{target}{'&' if '?' in target else '?'}{query}"
    payload = changed.get("Content-Sha256", "UNSIGNED-PAYLOAD")
    signature = signature_of(call_for("GET", unsigned), "host", payload)
    return f"{unsigned}&X-Amz-Signature={signature}"
