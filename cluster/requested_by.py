"""The requester of a change, for events, logs and jobs."""

from __future__ import annotations

from msgspec import Struct, field


class RequestedBy(Struct, frozen=True):
    """`identity` is the caller as documents and logs name it, `client` the address that the request
    came from. Written down with jobs as `by`, `client` and `request_id`."""

    identity: str = field(default="", name="by")
    client: str = ""
    request_id: str = ""
