"""Downloads from the web into a bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename
from typing import Any

from s3gw.client.call import Call, Request, Response
from s3gw.client.names import ObjectName


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """`connections` 0 is the server's choice, `bytes_per_hour` 0 is without a limit; one object may
    take `timeout`, such as `90s`. `headers` are sent with the requests for the links. Objects are
    what the transformer `etl` makes of them, with the arguments `etl_args`."""

    description: str = ""
    connections: int = 0
    bytes_per_hour: int = 0
    timeout: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    etl: str = ""
    etl_args: str = ""


def start_download(links: Sequence[str], place: ObjectName, options: DownloadOptions) -> Call[str]:
    """Return the job's id. One link with a range, `{0..9}`, is many. The name of the place is that
    of the one object, or the folder of all: then it ends with a slash."""
    limits = {"connections": options.connections, "bytes_per_hour": options.bytes_per_hour}
    message: dict[str, Any] = {"bucket": place.bck.document, "limits": limits}
    message |= {"description": options.description, "timeout": options.timeout}
    if options.headers:
        message["headers"] = dict(options.headers)
    if options.etl or options.etl_args:
        message |= {"etl_name": options.etl, "etl_args": options.etl_args}
    if len(links) > 1:
        objects = {f"{place.key}{basename(link.partition('?')[0])}": link for link in links}
        message |= {"type": "multi", "objects": objects}
    elif "{" in links[0]:
        message |= {"type": "range", "template": links[0], "subdir": place.key}
    else:
        message |= {"type": "single", "link": links[0], "object_name": place.key}
        if place.key.endswith("/"):
            message["object_name"] += basename(links[0].partition("?")[0])
    return Call(Request("POST", "download", {}, message), _id_of)


def _id_of(response: Response) -> str:
    return str(response.json()["id"])
