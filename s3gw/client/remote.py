"""Other clusters whose buckets a cluster reads: attach, detach, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s3gw.client.call import Call, Request, Response, no_result

_WHAT = {"what": "remote"}
_ALIAS, _URL = "Ais-Remote-Ais-Alias", "Ais-Remote-Ais-Url"
# As AIStore calls one that was never reached.
_NEVER_REACHED = "defunct"


@dataclass(frozen=True, slots=True)
class RemoteCluster:
    """`uuid` is empty for a cluster that was never reached; `document` is the server's own."""

    alias: str
    uuid: str
    url: str
    is_online: bool
    targets: int
    document: Mapping[str, Any]


def remote_clusters() -> Call[list[RemoteCluster]]:
    return Call(Request("GET", "cluster", _WHAT), _clusters)


def attach_cluster(alias: str, urls: Sequence[str]) -> Call[None]:
    """Attach a cluster, or add URLs to an attached one."""
    headers = {_ALIAS: alias, _URL: ",".join(urls)}
    return Call(Request("PUT", "cluster/attach", _WHAT, headers=headers), no_result)


def detach_cluster(alias: str) -> Call[None]:
    """Detach a cluster, by its alias or UUID."""
    return Call(Request("PUT", "cluster/detach", _WHAT, headers={_ALIAS: alias}), no_result)


def _clusters(response: Response) -> list[RemoteCluster]:
    return [_cluster(each) for each in (response.json() or {}).get("a") or ()]


def _cluster(document: Mapping[str, Any]) -> RemoteCluster:
    smap = document.get("smap") or {}
    uuid = document.get("uuid") or ""
    return RemoteCluster(
        str(document.get("alias") or ""),
        "" if uuid == _NEVER_REACHED else str(uuid),
        str(document.get("url") or ""),
        bool(smap),
        len(smap.get("tmap") or {}),
        document,
    )
