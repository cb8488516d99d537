"""Short ways to write policies and requests, for tests that need hundreds."""

from __future__ import annotations

import json
from typing import Any

from s3gw.access.request import Caller, Request

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
) -> Request:
    """`caller` is an account, or `nobody`."""
    who = Caller(caller, is_anonymous=caller == "nobody", is_root=caller == "root")
    return Request(who, action, BUCKET, key, owner=ALICE, now_s=1_800_000_000, **more)
