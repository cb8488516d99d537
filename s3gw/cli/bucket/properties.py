"""Properties of buckets: AIStore's nested document, and flat names with dots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from s3gw.cli.parsing import Misused

# Numbers of 64 bits travel as texts.
_TEXTS = frozenset({"access", "features"})
_WORDS = {"true": True, "false": False}


def nested(pairs: Mapping[str, str]) -> dict[str, Any]:
    """Turn `{"versioning.enabled": "true"}` into `{"versioning": {"enabled": True}}`. Raises
    `Misused` for a name that is a section and a property."""
    document: dict[str, Any] = {}
    for name, text in pairs.items():
        *sections, last = name.split(".")
        inner = document
        for section in sections:
            inner = inner.setdefault(section, {})
            if not isinstance(inner, dict):
                raise Misused(f"{name}: {section} has a value already.")
        if last in inner:
            raise Misused(f"{name} is a section of properties.")
        inner[last] = text if name in _TEXTS else _value(text)
    return document


def flat(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Turn a document into flat names, in the document's order."""
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def chosen(document: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, Any]]:
    """Return the properties of these names and sections, or all without names. Raises `Misused`
    for a name that does not exist."""
    rows = list(flat(document))
    for name in names:
        if not any(key == name or key.startswith(f"{name}.") for key, _ in rows):
            known = ", ".join(document)
            raise Misused(f"{name!r} is not a property or section of {known}.")
    return [
        (key, value)
        for key, value in rows
        if not names or any(key == name or key.startswith(f"{name}.") for name in names)
    ]


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value) if value not in ("", None) else "-"


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if text.lstrip("-").isdigit() and text.isascii() else text
