"""Buckets: creation, properties, copies and summaries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.client.call import Call, Pause, Request, Response, Steps, no_result, text_of, whole
from s3gw.client.errors import ClientError
from s3gw.client.names import Bck, read_bck

# The server removes a bucket's objects within the request.
_NO_TIMEOUT = 0.0
_FIRST_POLL_S = 0.02
_LONGEST_POLL_S = 2.0


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How many objects are copied. `prepend` is put before their names."""

    prefix: str = ""
    prepend: str = ""
    dry_run: bool = False
    force: bool = False
    latest: bool = False
    sync: bool = False
    continue_on_error: bool = False
    workers: int = 0

    @property
    def document(self) -> dict[str, Any]:
        return {
            "prepend": self.prepend,
            "dry_run": self.dry_run,
            "force": self.force,
            "latest-ver": self.latest,
            "synchronize": self.sync,
            "coer": self.continue_on_error,
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
    """Return AIStore's message; `about` is its name field."""
    return {"action": name, "name": about, "value": value}


def list_buckets(provider: str = "", cluster: str = "") -> Call[list[Bck]]:
    """`cluster` is the alias or UUID of an attached cluster, for its buckets."""
    query = {"provider": provider} if provider else {}
    if cluster:
        query = {"provider": "ais", "namespace": f"@{cluster}"}
    return Call(Request("GET", "buckets", query, action("list")), _buckets)


def create_bucket(bck: Bck, props: Mapping[str, Any], *, skip_lookup: bool = False) -> Call[None]:
    """Create a bucket, or add one of a cloud: with `skip_lookup` without a request to the cloud."""
    message = action("create-bck", dict(props) or None)
    query = {**bck.query, **({"dont_head_remote_bck": "true"} if skip_lookup else {})}
    return Call(Request("POST", bck.path, query, message), no_result)


def destroy_bucket(bck: Bck) -> Call[None]:
    """Remove a bucket with everything in it."""
    message = action("destroy-bck")
    request = Request("DELETE", bck.path, bck.query, message, read_timeout_s=_NO_TIMEOUT)
    return Call(request, no_result)


def bucket_props(bck: Bck, *, dont_add: bool = False) -> Call[dict[str, Any]]:
    """Return AIStore's Bprops. The error of a bucket that does not exist has status 404. One of a
    cloud becomes known, unless with `dont_add`."""
    query = {**bck.query, **({"dont_add_remote_bck_md": "true"} if dont_add else {})}
    return Call(Request("HEAD", bck.path, query), _props)


def set_bucket_props(bck: Bck, props: Mapping[str, Any]) -> Call[str]:
    """Return the id of the job that applies the change to the objects, or an empty text."""
    message = action("set-bprops", dict(props))
    return Call(Request("PATCH", bck.path, bck.query, message), text_of)


def reset_bucket_props(bck: Bck) -> Call[str]:
    return Call(Request("PATCH", bck.path, bck.query, action("reset-bprops")), text_of)


def rename_bucket(bck: Bck, to: Bck) -> Call[str]:
    """Return the job's id."""
    query = {**bck.query, "bck_to": to.uname}
    return Call(Request("POST", bck.path, query, action("move-bck")), text_of)


def copy_bucket(bck: Bck, to: Bck, options: CopyOptions) -> Call[str]:
    """Return the job's id."""
    query = {**bck.query, "bck_to": to.uname}
    message = action("copy-bck", {"prefix": options.prefix, **options.document})
    return Call(Request("POST", bck.path, query, message), text_of)


def summarize(bck: Bck, prefix: str = "") -> Steps[Summary]:
    """Count the objects of a bucket. The server answers 202 with an id until it has counted."""
    uuid, pause_s = "", _FIRST_POLL_S
    while True:
        value = {"uuid": uuid, "prefix": prefix, "cached": False, "present": False}
        request = Request("GET", bck.path, bck.query, action("summary-bck", value))
        response: Response = yield Call(request, whole)
        if response.status == 200:
            return _summary(bck, response.json())
        uuid = uuid or response.text.strip(' "\n')
        yield Pause(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_POLL_S)


def _buckets(response: Response) -> list[Bck]:
    return sorted((read_bck(each) for each in response.json() or ()), key=str)


def _props(response: Response) -> dict[str, Any]:
    try:
        return dict(json.loads(response.headers.get("Ais-Bucket-Props")))
    except ValueError:
        raise ClientError("the server sent no bucket properties: is it s3gw?") from None


def _summary(bck: Bck, documents: list[dict[str, Any]] | None) -> Summary:
    if not documents:
        raise ClientError("the server sent no summary")
    document = documents[0]
    sizes = document.get("ObjSize", {})
    return Summary(
        bck,
        int(document["ObjCount"]["obj_count_present"]),
        int(document["TotalSize"]["size_all_present_objs"]),
        int(sizes.get("obj_min_size", 0)),
        int(sizes.get("obj_max_size", 0)),
        document,
    )
