"""Rows of Azure's listings, read from their XML."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote
from xml.etree import ElementTree

from msgspec import Struct

from storage.backends.azure.facts import listed_class, ns_of, unquoted
from storage.values import NO_ATTRIBUTES, Attributes, ObjectInfo


class Row(Struct, frozen=True):
    """A name, or a common prefix without `info`."""

    name: str
    info: ObjectInfo | None = None

    @property
    def order(self) -> bytes:
        return self.name.encode()


class Answer(Struct, frozen=True):
    """Rows of one answer. `seen` are the last names of it, in either order, also of rows that are
    not objects; `hierarchical` is None if no row says it."""

    rows: Sequence[Row]
    seen: Sequence[str]
    marker: str
    hierarchical: bool | None


def read_rows(body: bytes) -> Answer:
    """Raise `ParseError` or `ValueError` for what is not a listing."""
    root = ElementTree.fromstring(body)
    if root.tag != "EnumerationResults":
        raise ValueError(root.tag)
    rows: list[Row] = []
    names: list[str] = []
    kinds: set[str | None] = set()
    for element in root.find("Blobs") or ():
        name = _name(element.find("Name"))
        names.append(name)
        if element.tag == "BlobPrefix":
            rows.append(Row(name))
        elif element.tag == "Blob":
            kind = element.findtext("Properties/ResourceType")
            kinds.add(kind)
            # A directory is not an object.
            if kind != "directory":
                rows.append(Row(name, _info(name, element)))
    seen = [max(names, key=order) for order in (_utf8, _utf16, _tree)] if names else []
    marker = root.findtext("NextMarker") or ""
    return Answer(rows, seen, marker, kinds != {None} if kinds else None)


def _utf8(name: str) -> bytes:
    return name.encode()


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _tree(name: str) -> bytes:
    return name.replace("/", "\0").encode("utf-16-be")


def _name(element: ElementTree.Element | None) -> str:
    """Names that XML has no way to write are encoded as in a URL."""
    if element is None:
        raise ValueError("a row without a name")
    text = element.text or ""
    return unquote(text) if element.get("Encoded") == "true" else text


def _info(name: str, element: ElementTree.Element) -> ObjectInfo:
    """A listing says less than a HEAD: name, size, ETag, time, storage class."""
    said = {each.tag: each.text or "" for each in element.find("Properties") or ()}
    storage_class = listed_class(
        said.get("AccessTier", ""), inferred=said.get("AccessTierInferred") == "true"
    )
    return ObjectInfo(
        name=name,
        size=int(said.get("Content-Length", "")),
        etag=unquoted(said.get("Etag", "")),
        modified_ns=ns_of(said.get("Last-Modified", "")),
        attributes=NO_ATTRIBUTES
        if storage_class == "STANDARD"
        else Attributes(storage_class=storage_class),
    )
