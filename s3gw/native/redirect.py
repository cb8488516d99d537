"""First leg of a PUT in two.

AIStore's gateways send every PUT on to a target, and its Python client counts on that over https:
it first sends the head alone, with the true Content-Length, no body and `Connection: close`, and
sends the bytes only where it is redirected to. A server that waited for the body would wait for
ever, and an answer of 200 would be taken for success without a byte sent. So a PUT over https on a
connection that is to be closed is redirected to itself, before its body is read; the query's `pid`
marks the second leg. It is authorized like any other: a caller without the right learns it before
the bytes are sent, and no refusal waits for them.

A proxy in front that ends TLS must send the scheme in X-Forwarded-Proto, and must not wait for
bodies itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from s3gw.http.reply import Reply

if TYPE_CHECKING:
    from s3gw.native.call import NativeRequest

MARKER = "pid"


def is_first_leg(call: NativeRequest) -> bool:
    if call.method != "PUT" or call.segments[0] != "objects":
        return False
    closes = "close" in call.sent.get("connection", "").lower()
    return closes and call.endpoint.startswith("https:") and not _is_marked(call)


def to_itself(call: NativeRequest, gateway: str) -> Reply:
    marks = f"{MARKER}={gateway}&utm={time.time_ns()}&vpams=1"
    path = call.raw_path.decode("latin-1")
    query = call.query_string.decode("latin-1")
    target = f"{path}?{query}&{marks}" if query else f"{path}?{marks}"
    return Reply(307, {"Location": call.endpoint + target, "Connection": "close"})


def _is_marked(call: NativeRequest) -> bool:
    pairs = call.query_string.split(b"&")
    return any(pair.partition(b"=")[0] == MARKER.encode() for pair in pairs)
