"""Short ways to write policies and requests, for tests that need hundreds."""

from __future__ import annotations

import json
from typing import Any

from s3gw.access.request import AccessRequest, Caller
from s3gw.identity.accounts import Principal

BUCKET = "bucket"
ARN = f"arn:aws:s3:::{BUCKET}"
ALICE = "alice"
BOB = "bob"


def statement(**elements: Any) -> dict[str, Any]:
    """Anybody may get anything, but for the elements that are given; None takes one away."""
    whole = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{ARN}/*",
        **elements,
    }
    return {name: value for name, value in whole.items() if value is not None}


def policy(*statements: dict[str, Any], **elements: Any) -> str:
    whole = {"Version": "2012-10-17", "Statement": list(statements), **elements}
    return json.dumps({name: value for name, value in whole.items() if value is not None})


def request(
    caller: str = BOB, action: str = "s3:GetObject", key: str = "k", **more: Any
) -> AccessRequest:
    """`caller` is an account, or `nobody`."""
    return asked_by(account(caller), action, key, **more)


def account(name: str) -> Principal:
    return Principal.anonymous() if name == "nobody" else Principal(name, is_root=name == "root")


def asked_by(
    who: Principal, action: str = "s3:GetObject", key: str = "k", **more: Any
) -> AccessRequest:
    caller = Caller(who, cluster="here")
    return AccessRequest(caller, action, BUCKET, key, owner=ALICE, now_s=1_800_000_000, **more)
