"""S3's XML documents as dataclasses.

A dataclass decorated with `@document("Root")` can be read and written; its field names give the
element names (`part_number` is `<PartNumber>`), its annotations give the types, and tuples are
repeated elements. Only what S3 spells irregularly is said by hand.

Documents come from strangers, so reading goes through lxml with entities, DTDs and the network
off. Writing is the hot direction (1,000 rows a list page): a plan per class is made once, and rows
become text without a tree node for each cell.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator
from dataclasses import MISSING, field, fields
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from time import gmtime, strftime
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from lxml import etree

from s3gw.errors import Code, S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

# Nanoseconds since the epoch, written as `2026-11-21T09:30:00.000Z`.
TimeNs = NewType("TimeNs", int)
# An ETag without its quotes; they are added on the way out.
ETag = NewType("ETag", str)
# A word out of a fixed vocabulary, such as a storage class: never in need of escaping.
Word = NewType("Word", str)

_SPELLINGS = {
    "crc32": "CRC32",
    "crc32c": "CRC32C",
    "crc64nvme": "CRC64NVME",
    "etag": "ETag",
    "sha1": "SHA1",
    "sha256": "SHA256",
}

_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)

_MARKUP = re.compile('[&<>"\r\n\t\x00-\x1f\x7f]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

_SCALARS = frozenset({str, int, bool})

T = TypeVar("T")
Render = Callable[[Any], str]


def document(root: str) -> Callable[[type[T]], type[T]]:
    """Mark a dataclass as a whole document whose root element is `root`."""

    def mark(cls: type[T]) -> type[T]:
        cls.__xml_root__ = root  # type: ignore[attr-defined]
        return cls

    return mark


def named(name: str, *, default: Any = MISSING) -> Any:
    """A field whose element name is not its own name in CamelCase."""
    return field(default=default, metadata={"element": name})


def within(wrapper: str, name: str, *, default: Any = MISSING) -> Any:
    """A tuple field whose elements `name` stand inside one element `wrapper`."""
    return field(default=default, metadata={"wrapper": wrapper, "element": name})


def xsi_type(*, default: str) -> Any:
    """A field that is the element's `xsi:type` attribute."""
    return field(default=default, metadata={"xsi_type": True})


def text_value() -> Any:
    """A field that is the text of its own element (`<LocationConstraint>eu</…>`)."""
    return field(metadata={"text": True})


def element_names(cls: type) -> dict[str, str]:
    """Field name to element name, in document order."""
    return {f.name: f.metadata.get("element", _camel(f.name)) for f in fields(cls)}


def to_xml(document: Any) -> bytes:
    root: str = document.__xml_root__
    cls: Any = type(document)
    inside = _renderer(cls)(document)
    return f'{DECLARATION}<{root} xmlns="{NAMESPACE}">{inside}</{root}>'.encode()


def from_xml(cls: type[T], body: bytes) -> T:
    """Read a request document; anything but the declared shape is MalformedXML."""
    try:
        root = etree.fromstring(body, _PARSER)
        if root.getroottree().docinfo.internalDTD is not None:
            raise ValueError("a document type could hide text in entities")
        if _local(root) != cls.__xml_root__:  # type: ignore[attr-defined]
            raise ValueError(f"unexpected root <{_local(root)}>")
        read: T = _read(cls, root)
        return read
    except (etree.XMLSyntaxError, ValueError, TypeError, LookupError) as error:
        raise S3Error(Code.MalformedXML) from error


def escape(text: str) -> str:
    """Text for between tags; control characters as references, which is what S3 sends."""
    if _MARKUP.search(text) is None:
        return text
    return _MARKUP.sub(lambda m: _NAMED.get(m[0]) or f"&#x{ord(m[0]):x};", text)


@lru_cache(maxsize=4096)
def iso_time(seconds: int) -> str:
    """S3 lists whole seconds, so that a listing and a HEAD tell the same time."""
    return strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(seconds))


def _camel(name: str) -> str:
    if name == "id":
        return "ID"
    return "".join(_SPELLINGS.get(word, word.capitalize()) for word in name.split("_"))


# Writing


@cache
def _renderer(cls: type) -> Render:
    """What turns an instance into the text between its tags."""
    hints = get_type_hints(cls)
    names = element_names(cls)
    texts = [f.name for f in fields(cls) if "text" in f.metadata]
    if texts:
        get_text = attrgetter(texts[0])
        return lambda value: escape(get_text(value))
    shown = [f for f in fields(cls) if "xsi_type" not in f.metadata]
    renders = [
        _field_renderer(names[f.name], hints[f.name], f.metadata.get("wrapper")) for f in shown
    ]
    # attrgetter of one name gives no tuple; asking for the first twice always does.
    get = attrgetter(*(f.name for f in shown[:1]), *(f.name for f in shown))
    return lambda value: "".join(
        [render(item) for render, item in zip(renders, get(value)[1:], strict=True)]
    )


def _field_renderer(name: str, hint: Any, wrapper: str | None) -> Render:
    """Render one field's value: nothing for None, an element, or one for each of a tuple."""
    element = _element_renderer(name, _item_kind(hint))
    if get_origin(hint) is tuple:
        return _wrapped(lambda items: "".join(map(element, items)), wrapper)
    if hint is _required(hint):
        return element
    return lambda item: "" if item is None else element(item)


def _wrapped(render: Render, wrapper: str | None) -> Render:
    if wrapper is None:
        return render
    return lambda value: f"<{wrapper}>{render(value)}</{wrapper}>"


def _element_renderer(name: str, kind: Any) -> Render:
    start, end = f"<{name}>", f"</{name}>"
    if kind is str:
        search = _MARKUP.search
        return lambda item: start + (escape(item) if search(item) else item) + end
    if kind in (int, Word):
        return lambda item: f"{start}{item}{end}"
    if kind is ETag:
        return lambda item: f"{start}&quot;{item}&quot;{end}"
    if kind is bool:
        return lambda item: start + ("true" if item else "false") + end
    if kind is TimeNs:
        return lambda item: start + iso_time(item // 1_000_000_000) + end
    if isinstance(kind, type) and issubclass(kind, Enum):
        return lambda item: start + escape(item.value) + end
    return _nested(name, kind)


def _nested(name: str, kind: type) -> Render:
    inside = _renderer(kind)
    types_ = [f.name for f in fields(kind) if "xsi_type" in f.metadata]
    if not types_:
        return lambda item: f"<{name}>{inside(item)}</{name}>"
    get = attrgetter(types_[0])
    return lambda item: (
        f'<{name} xmlns:xsi="{_XSI}" xsi:type="{escape(get(item))}">{inside(item)}</{name}>'
    )


def _item_kind(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is tuple else _required(hint)


# Reading


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _read(cls: Any, element: etree._Element) -> Any:
    hints = _hints(cls)
    names = element_names(cls)
    values: dict[str, Any] = {}
    for f in fields(cls):
        if "text" in f.metadata:
            values[f.name] = element.text or ""
            continue
        found = list(_find(element, f.metadata.get("wrapper"), names[f.name]))
        if get_origin(hints[f.name]) is tuple:
            values[f.name] = tuple(_read_one(get_args(hints[f.name])[0], one) for one in found)
        elif len(found) > 1:
            raise ValueError(f"<{names[f.name]}> is repeated")
        elif found:
            values[f.name] = _read_one(_required(hints[f.name]), found[0])
    return cls(**values)


def _find(element: etree._Element, wrapper: str | None, name: str) -> Iterator[etree._Element]:
    for holder in _children(element, wrapper) if wrapper else (element,):
        yield from _children(holder, name)


def _read_one(kind: Any, element: etree._Element) -> Any:
    if kind in _SCALARS and len(element):
        raise ValueError(f"<{_local(element)}> holds elements")
    text = element.text or ""
    if kind is str:
        return text
    if kind is int:
        return _read_int(text.strip())
    if kind is bool:
        return {"true": True, "false": False}[text.strip().lower()]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(text.strip())
    return _read(kind, element)


def _read_int(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    raise ValueError("not an integer")


def _required(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return next(arg for arg in get_args(hint) if arg is not type(None))
    return hint


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in element if _local(child) == name)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname
