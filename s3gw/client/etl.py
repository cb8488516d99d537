"""ETL: transformations that run beside the targets. What `/v1/etl` is asked is AIStore's contract;
a server without them refuses by name."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from s3gw.client.transport import Client, Request


@dataclass(frozen=True, slots=True)
class Etl:
    """One transformation, and what it has done so far."""

    name: str
    stage: str
    job: str
    objects: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class EtlOrders:
    """A container that transforms; `communication` is how it is reached, such as `hpush`."""

    name: str
    image: str
    communication: str = "hpush"
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    init_timeout: str = "5m"
    obj_timeout: str = "45s"

    @property
    def document(self) -> dict[str, Any]:
        runtime: dict[str, Any] = {"image": self.image}
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


def list_etls(client: Client) -> list[Etl]:
    told = client.send(Request("GET", "etl")).json() or []
    return [_etl(each) for each in told]


def show_etl(client: Client, name: str) -> Mapping[str, Any]:
    """The server's document. Raises `ClientError`, with 404 where there is none."""
    document: Mapping[str, Any] = client.send(Request("GET", _path(name))).json() or {}
    return document


def init_etl(client: Client, orders: EtlOrders) -> str:
    """The id of its job."""
    return client.send(Request("PUT", "etl", message=orders.document)).text.strip()


def start_etl(client: Client, name: str) -> None:
    client.send(Request("POST", f"{_path(name)}/start"))


def stop_etl(client: Client, name: str) -> None:
    client.send(Request("POST", f"{_path(name)}/stop"))


def remove_etl(client: Client, name: str) -> None:
    client.send(Request("DELETE", _path(name)))


def etl_logs(client: Client, name: str) -> dict[str, str]:
    """What its containers wrote, by target."""
    told = client.send(Request("GET", f"{_path(name)}/logs")).json() or []
    return {
        each["target_id"]: base64.b64decode(each.get("logs") or "").decode(errors="replace")
        for each in told
    }


def _path(name: str) -> str:
    return f"etl/{quote(name, safe='')}"


def _etl(told: Mapping[str, Any]) -> Etl:
    return Etl(
        told["id"],
        told.get("stage", ""),
        told.get("xaction_id", ""),
        int(told.get("obj_count") or 0),
        int(told.get("in_bytes") or 0),
        int(told.get("out_bytes") or 0),
    )
