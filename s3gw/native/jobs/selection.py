"""Objects that a message selects: names, a template, or a prefix.

A template without braces is a prefix, and an empty one is the whole bucket. A message that names
nothing, or an empty list, does not mean the whole bucket.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from cluster.jobs.template import BadTemplate, read_template
from s3gw.http.request import MAX_KEY
from s3gw.native.errors import NativeError
from s3gw.native.object_names import key_of, prefix_of
from storage.pacing import off_loop

# The most names that are checked one by one, for callers whose rights depend on them.
MAX_JUDGED = 10_000
# About how many bytes a name has.
_NAME_BYTES = 32


class Selection(Struct, frozen=True):
    """One of the three; `prefix` without names and template."""

    names: Sequence[str] = ()
    template: str = ""
    prefix: str = ""

    def all_names(self) -> Sequence[str] | None:
        """Return the names; None for a prefix."""
        return self.names or (read_template(self.template) if self.template else None)


async def read_selection(names: list[str] | None, template: str | None) -> Selection:
    """Parse a selection. Raise 400."""
    return await off_loop(_NAME_BYTES * len(names or ()), _read, names, template)


def _read(names: list[str] | None, template: str | None) -> Selection:
    if names is not None:
        if not names:
            raise NativeError(400, "the list of object names is empty")
        return Selection(names=_keys_of(names))
    if template is None:
        raise NativeError(400, "neither a list of object names nor a template is given")
    try:
        found = read_template(template)
    except BadTemplate as error:
        raise NativeError(400, f"invalid template: {error}") from None
    if found is None:
        prefix = prefix_of(template, "list-range")
        if len(prefix.encode()) > MAX_KEY:
            raise NativeError(400, f"an object's name is longer than {MAX_KEY} bytes")
        return Selection(prefix=prefix)
    _keys_of([found[0], found[-1]])
    return Selection(template=template)


def _keys_of(names: Sequence[str]) -> Sequence[str]:
    if not all(names):
        raise NativeError(400, "an object's name is empty")
    return [key_of(name) for name in names]
