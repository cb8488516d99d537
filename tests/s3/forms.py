"""Forms as browsers post them, and policies that allow them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

from s3gw.identity.accounts import Account
from tests.asgi import Answer
from tests.s3.gateway import ALICE, Gateway

BOUNDARY = "----a-browsers-boundary"
FOREVER = "2099-01-01T00:00:00.000Z"
Fields = dict[str, str] | list[tuple[str, str]]


def part(name: str, value: bytes, more: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def form(
    fields: Fields, file: bytes | None = b"the file", filename: str = "f.txt", after: bytes = b""
) -> bytes:
    pairs = fields.items() if isinstance(fields, dict) else fields
    parts = [part(name, value.encode()) for name, value in pairs]
    if file is not None:
        parts.append(part("file", file, f'; filename="{filename}"'))
    return b"".join(parts) + after + f"--{BOUNDARY}--\r\n".encode()


def signed(conditions: Iterable[Any], account: Account = ALICE, **changes: Any) -> dict[str, str]:
    """The fields of a policy with these conditions, by Version 2."""
    document = {"expiration": FOREVER, "conditions": list(conditions), **changes}
    return signed_text(json.dumps(document), account)


def signed_text(document: str, account: Account = ALICE) -> dict[str, str]:
    access_key, secret = next(iter(account.secrets.items()))
    policy = base64.b64encode(document.encode()).decode()
    digest = hmac.digest(secret.encode(), policy.encode(), hashlib.sha1)
    signature = base64.b64encode(digest).decode()
    return {"AWSAccessKeyId": access_key, "policy": policy, "signature": signature}


def allowed(bucket: str, fields: dict[str, str], *more: Any, **changes: Any) -> dict[str, str]:
    """The fields, under a policy that allows exactly them."""
    conditions = [{"bucket": bucket}, *({name: value} for name, value in fields.items())]
    return {**fields, **signed([*conditions, *more], **changes)}


def post(
    gateway: Gateway,
    bucket: str,
    body: bytes,
    kind: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    kind = kind or f"multipart/form-data; boundary={BOUNDARY}"
    sent = {"content-type": kind, **(headers or {})}
    return gateway.send("POST", f"/{bucket}", sent, body, account=None)
