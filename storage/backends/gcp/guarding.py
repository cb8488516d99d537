"""Conditions of writes, in generations: the one condition that Cloud Storage keeps."""

from __future__ import annotations

from msgspec.structs import replace

from storage.backends.gcp.facts import Resource
from storage.backends.gcp.place import Place
from storage.backends.gcp.reading import ObjectReader
from storage.conditions import check_write
from storage.errors import ObjectNotFound, VersionNotFound
from storage.values import Condition

GENERATION = "ifGenerationMatch"
_NEW = Condition(if_none_match=("*",))
_NOTHING = "0"


async def write_guard(reader: ObjectReader, place: Place, condition: Condition) -> dict[str, str]:
    """Return the parameters that make Cloud Storage keep the condition of a write: the object is
    looked at, and must then still be that one. Raises `PreconditionFailed`, `ObjectNotFound`."""
    if condition == Condition():
        return {}
    if condition == _NEW:
        return {GENERATION: _NOTHING}
    current = await current_object(reader, place)
    check_write(condition, place.name, None if current is None else current.info)
    return {GENERATION: _NOTHING if current is None else str(current.generation)}


async def current_object(reader: ObjectReader, place: Place) -> Resource | None:
    try:
        return await reader.look(place)
    except (ObjectNotFound, VersionNotFound):
        return None


def guarded(place: Place, guard: dict[str, str]) -> Place:
    """The place with the condition that the request can fail by."""
    is_new = guard.get(GENERATION) == _NOTHING
    return replace(place, condition="If-None-Match" if is_new else "If-Match")
