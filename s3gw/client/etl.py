"""ETL: transformers beside the server, or in the containers of AIStore.

A server with ETL turned off refuses these calls with status 501.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from s3gw.client.buckets import CopyOptions, action
from s3gw.client.call import Call, Request, Response, document_of, no_result, text_of
from s3gw.client.names import Bck


@dataclass(frozen=True, slots=True)
class Etl:
    """One transformation and its counters."""

    name: str
    stage: str
    job: str
    objects: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class EtlSpec:
    """A transformer: a `command`, an `image` for AIStore, or a `url` where one runs already.
    `communication` says how it gets objects, such as `hpush`."""

    name: str
    image: str = ""
    communication: str = "hpush"
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    init_timeout: str = "5m"
    obj_timeout: str = "45s"
    url: str = ""

    @property
    def document(self) -> dict[str, Any]:
        runtime: dict[str, Any] = {"image": self.image}
        if self.url:
            runtime["url"] = self.url
        if self.command:
            runtime["command"] = list(self.command)
        if self.env:
            runtime["env"] = [{"name": name, "value": text} for name, text in self.env.items()]
        return {
            "name": self.name,
            "communication": f"{self.communication}://",
            "init_timeout": self.init_timeout,
            "obj_timeout": self.obj_timeout,
            "runtime": runtime,
        }


def list_etls() -> Call[list[Etl]]:
    return Call(Request("GET", "etl"), _etls)


def show_etl(name: str) -> Call[dict[str, Any]]:
    """Return the server's document. The error of an unknown name has status 404."""
    return Call(Request("GET", _path(name)), document_of)


def init_etl(spec: EtlSpec) -> Call[str]:
    """Return the job's id."""
    return Call(Request("PUT", "etl", message=spec.document), text_of)


def start_etl(name: str) -> Call[None]:
    return Call(Request("POST", f"{_path(name)}/start"), no_result)


def stop_etl(name: str) -> Call[None]:
    return Call(Request("POST", f"{_path(name)}/stop"), no_result)


def remove_etl(name: str) -> Call[None]:
    return Call(Request("DELETE", _path(name)), no_result)


def transform_bucket(
    bck: Bck, to: Bck, etls: Sequence[str], options: CopyOptions, ext: Mapping[str, str]
) -> Call[str]:
    """Copy a bucket through transformers, one after the other. Return the job's id."""
    value = {
        "id": etls[0],
        "pipeline": list(etls[1:]),
        "prefix": options.prefix,
        "ext": dict(ext),
        **options.document,
    }
    query = {**bck.query, "bck_to": to.uname}
    return Call(Request("POST", bck.path, query, action("etl-bck", value)), text_of)


def etl_logs(name: str) -> Call[dict[str, str]]:
    """Return the output of its containers, by target."""
    return Call(Request("GET", f"{_path(name)}/logs"), _logs)


def _path(name: str) -> str:
    return f"etl/{quote(name, safe='')}"


def _etls(response: Response) -> list[Etl]:
    return [_etl(each) for each in response.json() or []]


def _logs(response: Response) -> dict[str, str]:
    return {
        each["target_id"]: base64.b64decode(each.get("logs") or "").decode(errors="replace")
        for each in response.json() or []
    }


def _etl(document: Mapping[str, Any]) -> Etl:
    return Etl(
        document["id"],
        document.get("stage", ""),
        document.get("xaction_id", ""),
        int(document.get("obj_count") or 0),
        int(document.get("in_bytes") or 0),
        int(document.get("out_bytes") or 0),
    )
