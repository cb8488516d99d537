"""Conditions of writes, as far as Azure keeps them itself."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from storage.backends.azure.facts import quoted
from storage.backends.azure.place import Place
from storage.backends.azure.reading import ObjectReader
from storage.conditions import check_write
from storage.errors import ObjectNotFound
from storage.values import Condition, ObjectInfo

Guard = Mapping[str, str]


async def write_guard(reader: ObjectReader, place: Place, condition: Condition) -> Guard:
    """Return the headers that make Azure keep the condition of a write. What it has no words for is
    checked here, and then the object must still be that one. Raises `PreconditionFailed`,
    `ObjectNotFound`."""
    match condition:
        case Condition((), (), None, None):
            return {}
        case Condition((), ("*",), None, None):
            return {"if-none-match": "*"}
    current = await current_object(reader, place)
    check_write(condition, place.name, current)
    return {"if-none-match": "*"} if current is None else {"if-match": quoted(current.etag)}


async def current_object(reader: ObjectReader, place: Place) -> ObjectInfo | None:
    try:
        return await reader.look(place)
    except ObjectNotFound:
        return None


def guarded(place: Place, guard: Guard) -> Place:
    """The place with the condition that the request can fail by."""
    return replace(place, condition="If-None-Match" if "if-none-match" in guard else "If-Match")
