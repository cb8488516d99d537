"""Buckets. Each function is one request, but for `summarize`, which waits."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bck
from s3gw.client.transport import Client, Request

# The server works on these within the request.
_FOR_EVER = 0.0
_FIRST_POLL_S = 0.02
_LONGEST_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class CopyOrders:
    """How objects are copied. `prepend` begins the names of the copies."""

    prefix: str = ""
    prepend: str = ""
    dry_run: bool = False
    force: bool = False
    latest: bool = False
    sync: bool = False
    goes_on: bool = False
    workers: int = 0

    @property
    def document(self) -> dict[str, Any]:
        return {
            "prepend": self.prepend,
            "dry_run": self.dry_run,
            "force": self.force,
            "latest-ver": self.latest,
            "synchronize": self.sync,
            "coer": self.goes_on,
            **({"num-workers": self.workers} if self.workers else {}),
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """Sizes in bytes. `document` is the server's own."""

    bck: Bck
    objects: int
    size: int
    smallest: int
    largest: int
    document: Mapping[str, Any]


def action(name: str, value: Any = None, *, about: str = "") -> dict[str, Any]:
    """AIStore's message; `about` is its name field."""
    return {"action": name, "name": about, "value": value}


def list_buckets(client: Client, provider: str = "") -> list[Bck]:
    query = {"provider": provider} if provider else {}
    answer = client.send(Request("GET", "buckets", query, action("list")))
    return sorted((read_bck(each) for each in answer.json() or ()), key=str)


def create_bucket(client: Client, bck: Bck, props: Mapping[str, Any]) -> None:
    message = action("create-bck", dict(props) or None)
    client.send(Request("POST", bck.path, bck.query, message))


def destroy_bucket(client: Client, bck: Bck) -> None:
    """With everything in it."""
    message = action("destroy-bck")
    client.send(Request("DELETE", bck.path, bck.query, message, patience_s=_FOR_EVER))


def bucket_props(client: Client, bck: Bck) -> dict[str, Any]:
    """AIStore's Bprops. Raises `ClientError`, with 404 for a bucket that is not there."""
    answer = client.send(Request("HEAD", bck.path, bck.query))
    props = answer.headers.get("Ais-Bucket-Props", "")
    try:
        document = json.loads(props)
    except ValueError:
        raise ClientError("the server told no properties: is it s3gw?") from None
    return dict(document)


def set_bucket_props(client: Client, bck: Bck, props: Mapping[str, Any]) -> str:
    """A job's id, if one has to bring the objects up to the change."""
    message = action("set-bprops", dict(props))
    return client.send(Request("PATCH", bck.path, bck.query, message)).text.strip()


def reset_bucket_props(client: Client, bck: Bck) -> str:
    message = action("reset-bprops")
    return client.send(Request("PATCH", bck.path, bck.query, message)).text.strip()


def rename_bucket(client: Client, bck: Bck, to: Bck) -> str:
    """The job's id."""
    query = {**bck.query, "bck_to": to.uname}
    return client.send(Request("POST", bck.path, query, action("move-bck"))).text.strip()


def copy_bucket(client: Client, bck: Bck, to: Bck, orders: CopyOrders) -> str:
    """The job's id."""
    query = {**bck.query, "bck_to": to.uname}
    message = action("copy-bck", {"prefix": orders.prefix, **orders.document})
    return client.send(Request("POST", bck.path, query, message)).text.strip()


def evict_bucket(client: Client, bck: Bck, *, keeps_props: bool) -> str:
    """Forget the local copies of a cloud bucket."""
    query = {**bck.query, "keep_bck_md": str(keeps_props).lower()}
    return client.send(Request("DELETE", bck.path, query, action("evict-remote-bck"))).text.strip()


def summarize(client: Client, bck: Bck, prefix: str = "") -> Summary:
    """Count what is in a bucket. Asks until it is counted."""
    uuid, pause_s = "", _FIRST_POLL_S
    while True:
        asked = {"uuid": uuid, "prefix": prefix, "cached": False, "present": False}
        message = action("summary-bck", asked)
        answer = client.send(Request("GET", bck.path, bck.query, message))
        if answer.status == 200:
            return _summary(bck, answer.json())
        uuid = uuid or answer.text.strip(' "\n')
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_POLL_S)


def _summary(bck: Bck, documents: list[dict[str, Any]] | None) -> Summary:
    if not documents:
        raise ClientError("the server told no summary")
    told = documents[0]
    sizes = told.get("ObjSize", {})
    return Summary(
        bck,
        int(told["ObjCount"]["obj_count_present"]),
        int(told["TotalSize"]["size_all_present_objs"]),
        int(sizes.get("obj_min_size", 0)),
        int(sizes.get("obj_max_size", 0)),
        told,
    )
