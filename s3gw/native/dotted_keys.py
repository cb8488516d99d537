"""Dotted names, and the values that clients send for them.

AIStore's documents are nested; a query, and some clients' JSON, has `checksum.type` in one word.
Both become the same pairs here. A key that is absent or null is not changed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from s3gw.config.types import SettingType, Wire, same_on_wire
from s3gw.native.errors import NativeError, unsupported

_SHOWN = 128


def flat(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of every leaf that is not null."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        elif value is not None:
            yield above + name, value


def nested(pairs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that has those leaves."""
    made: dict[str, Any] = {}
    for name, value in pairs.items():
        *above, last = name.split(".")
        place = made
        for each in above:
            place = place.setdefault(each, {})
        place[last] = value
    return made


def read_value_of(what: str, name: str, type: SettingType, sent: object) -> object:
    """Parse a value. Raise 400 with the key, the value and what is allowed."""
    try:
        return type.from_wire(sent)
    except ValueError:
        raise invalid(what, name, sent, f"must be {type.allowed_on_wire}") from None


def require_unchanged(what: str, name: str, shown: Wire, sent: object) -> None:
    """Raise 501 for a value other than the server's fixed one, and 400 for one that is not even of
    its type."""
    try:
        if same_on_wire(sent, shown):
            return
    except ValueError:
        raise invalid(what, name, sent, f"must be like {shown!r}") from None
    raise unsupported(f'{what} "{name}" of another value than {shown!r}')


def invalid(what: str, name: str, sent: object, why: str) -> NativeError:
    return NativeError(400, f"invalid {what} {name[:_SHOWN]} = {repr(sent)[:_SHOWN]}: {why}")


def unknown(what: str, name: str, known: Mapping[str, object]) -> NativeError:
    """Return a 400 with the known name that may have been meant."""
    close = difflib.get_close_matches(name[:_SHOWN], known, n=1)
    hint = f", did you mean {close[0]}?" if close else ""
    return NativeError(400, f'unknown {what} "{name[:_SHOWN]}"{hint}')
