"""Names of buckets and objects: `ais://bucket/object`, `ais://#namespace/bucket`, `bucket/object`.

A bucket is `provider://@uuid#namespace/name`; what is left out is this cluster's global namespace
of the provider `ais`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_ALIASES = {"s3": "aws", "az": "azure", "gs": "gcp", "oc": "oci"}
_PROVIDERS = ("ais", "aws", "azure", "gcp", "oci", "hdfs", "ht")
_NAME = re.compile(
    r"(?:(?P<provider>[A-Za-z0-9]+)://)?(?:(?P<space>[@#][^/]*)/)?(?P<bucket>[^/:]+)(?:/(?P<key>.*))?",
    re.DOTALL,
)
_SPACE = re.compile(r"(?:@(?P<uuid>[A-Za-z0-9_-]+))?(?:#(?P<name>[A-Za-z0-9_-]+))?")


class BadName(ValueError):
    """The text is not the name of a bucket, or of an object."""


@dataclass(frozen=True, slots=True)
class Bck:
    """A bucket's full name."""

    name: str
    provider: str = "ais"
    uuid: str = ""
    namespace: str = ""

    @property
    def path(self) -> str:
        return f"buckets/{quote(self.name, safe='')}"

    @property
    def query(self) -> dict[str, str]:
        space = {"namespace": self._space} if self.uuid or self.namespace else {}
        return {"provider": self.provider, **space}

    @property
    def uname(self) -> str:
        """As `bck_to` has it."""
        return f"{self.provider}/{self._space}/{self.name}/"

    @property
    def document(self) -> dict[str, Any]:
        space = {"uuid": self.uuid, "name": self.namespace}
        return {"name": self.name, "provider": self.provider, "namespace": space}

    @property
    def _space(self) -> str:
        return f"@{self.uuid}#{self.namespace}"

    def __str__(self) -> str:
        space = f"@{self.uuid}" if self.uuid else ""
        space += f"#{self.namespace}" if self.namespace else ""
        return (
            f"{self.provider}://{space}/{self.name}" if space else f"{self.provider}://{self.name}"
        )


@dataclass(frozen=True, slots=True)
class ObjectName:
    """An object, or all whose names begin with `key`; an empty one is the whole bucket."""

    bck: Bck
    key: str = ""

    @property
    def path(self) -> str:
        return f"objects/{quote(self.bck.name, safe='')}/{quote(self.key, safe='/~')}"

    @property
    def uname(self) -> str:
        """As `object_to` has it."""
        return f"{self.bck.uname}{self.key}"

    @property
    def base(self) -> str:
        """The last part of the name, for a file."""
        return self.key.rstrip("/").rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.bck}/{self.key}" if self.key else str(self.bck)


def read_bck(document: dict[str, Any]) -> Bck:
    """Parse the server's document."""
    space = document.get("namespace") or {}
    name, provider = document.get("name", ""), document.get("provider", "") or "ais"
    return Bck(name, provider, space.get("uuid", ""), space.get("name", ""))


def read_place(text: str) -> ObjectName:
    """Parse a bucket, or a name or prefix in it. Raises `BadName`."""
    match = _NAME.fullmatch(text)
    space = _SPACE.fullmatch(match["space"] or "") if match else None
    if match is None or space is None:
        raise BadName(f"{text!r} is not the name of a bucket: use ais://BUCKET, or BUCKET")
    provider = (match["provider"] or "ais").lower()
    provider = _ALIASES.get(provider, provider)
    if provider not in _PROVIDERS:
        raise BadName(
            f"{text!r}: the provider {provider!r} is unknown; use {', '.join(_PROVIDERS)}"
        )
    bck = Bck(match["bucket"], provider, space["uuid"] or "", space["name"] or "")
    return ObjectName(bck, match["key"] or "")


def read_bucket(text: str) -> Bck:
    """Raises `BadName`."""
    place = read_place(text)
    if place.key:
        raise BadName(f"{text!r} is more than a bucket; the bucket is {place.bck}")
    return place.bck


def read_object(text: str) -> ObjectName:
    """Raises `BadName`."""
    place = read_place(text)
    if not place.key:
        raise BadName(
            f"{text!r} is not the name of an object: use ais://BUCKET/OBJECT, or BUCKET/OBJECT"
        )
    return place
