"""Conditions of writes, as far as S3 keeps them itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from storage.backends.aws.facts import exact_condition, quoted
from storage.backends.aws.place import Place
from storage.backends.aws.reading import ObjectReader
from storage.backends.aws.remote import Use
from storage.conditions import check_write
from storage.errors import ObjectNotFound, VersionNotFound
from storage.values import Condition, ObjectInfo


async def write_guard(reader: ObjectReader, place: Place, condition: Condition) -> dict[str, Any]:
    """Return the parameters that make S3 keep the condition of a write. What S3 has no words for is
    checked here, and then the object must still be that one. Raises `PreconditionFailed`,
    `ObjectNotFound`."""
    exact = exact_condition(condition)
    if exact is not None:
        return exact
    current = await current_object(reader, place)
    check_write(condition, place.name, current)
    return {"IfNoneMatch": "*"} if current is None else {"IfMatch": quoted(current.etag)}


async def current_object(reader: ObjectReader, place: Place) -> ObjectInfo | None:
    try:
        return await reader.look(place)
    except (ObjectNotFound, VersionNotFound):
        return None


def guarded(place: Place, guard: Mapping[str, Any]) -> Place:
    """The place with the condition that the request can fail by."""
    return replace(place, condition="If-None-Match" if "IfNoneMatch" in guard else "If-Match")


def use_of(params: Mapping[str, Any]) -> Use:
    """A request with a condition is not repeated: the first one may have made it untrue."""
    return Use.ONCE if {"IfMatch", "IfNoneMatch"} & params.keys() else Use.REPEATED
