"""S3's XML documents as dataclasses.

A dataclass decorated with `@document("Root")` can be read and written; its field names give the
element names (`part_number` is `<PartNumber>`), its annotations give the types, and tuples are
repeated elements. Only S3's irregular names are given explicitly.

Documents are untrusted, so they are read by lxml with entities, DTDs and the network off. Writing
is the hot direction (1,000 rows a page) and works column by column: a template per class is built
once, each field of all rows is converted to text in one step, and the template is filled from the
columns. Python then does a step for each column instead of for each cell. The entries of listings
are written by `s3gw.ops.list_entries`, without an object for each row.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import MISSING, field, fields
from enum import Enum
from functools import cache, lru_cache, partial
from operator import attrgetter
from time import gmtime, strftime
from typing import Any, NamedTuple, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from lxml import etree

from s3gw.wire.errors import Code, S3Error
from storage.digits import LARGEST, read_digits

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_XSI = "http://www.w3.org/2001/XMLSchema-instance"

# Nanoseconds since the epoch, written as `2026-11-21T09:30:00.000Z`.
TimeNs = NewType("TimeNs", int)
# Elements as they are in the document.
Written = NewType("Written", str)

_SPELLINGS = {
    "crc32": "CRC32",
    "crc32c": "CRC32C",
    "crc64nvme": "CRC64NVME",
    "csv": "CSV",
    "etag": "ETag",
    "json": "JSON",
    "sha1": "SHA1",
    "sha256": "SHA256",
    "sha512": "SHA512",
    "md5": "MD5",
    "xxhash64": "XXHASH64",
    "xxhash3": "XXHASH3",
    "xxhash128": "XXHASH128",
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
_MARKUP_BYTES = b'&<>"\x7f' + bytes(range(0x20))
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

_SCALARS = frozenset({str, int, bool})

# The default limit on nested elements in a document.
MAX_DEPTH = 20
# The most elements of a document, unless it declares another number.
MAX_ELEMENTS = 30_000
# The most attributes: documents of S3 have hardly any. Thousands of them leave thousands of free
# pieces of memory, and the C library joins them in the thread that needs a large one next.
MAX_ATTRIBUTES = 20_000

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
# Converts the values of one field of several rows, in order.
Column = Callable[[Sequence[Any]], Iterable[object]]


class _Cell(NamedTuple):
    """The output of one field: a template with one `%s`, and its values for the rows."""

    template: str
    column: Column

    def texts(self, values: Sequence[Any]) -> Iterable[str]:
        return map(self.template.__mod__, self.column(values))


def document(
    root: str,
    *,
    elements: int = MAX_ELEMENTS,
    malformed: Code = Code.MalformedXML,
    empty: Code = Code.MissingRequestBodyError,
) -> Callable[[type[T]], type[T]]:
    """Mark a dataclass as a whole document whose root element is `root`, with so many `elements` at
    most when it is read. `malformed` is the error for one of another shape, `empty` for a request
    without any."""

    def mark(cls: type[T]) -> type[T]:
        cls.__xml_root__ = root  # type: ignore[attr-defined]
        cls.__xml_elements__ = elements  # type: ignore[attr-defined]
        cls.__xml_error__ = malformed  # type: ignore[attr-defined]
        cls.__xml_empty__ = empty  # type: ignore[attr-defined]
        return cls

    return mark


def named(name: str, *, default: Any = MISSING) -> Any:
    """Declare a field whose element name is not its own name in CamelCase."""
    return field(default=default, metadata={"element": name})


def within(wrapper: str, name: str, *, default: Any = MISSING) -> Any:
    """Declare a tuple field whose elements `name` are inside one element `wrapper`."""
    return field(default=default, metadata={"wrapper": wrapper, "element": name})


def xsi_type(*, default: str) -> Any:
    """Declare a field that is the element's `xsi:type` attribute."""
    return field(default=default, metadata={"xsi_type": True})


def text_value() -> Any:
    """Declare a field that is the text of its own element (`<LocationConstraint>eu</…>`)."""
    return field(metadata={"text": True})


def fields_of(cls: Any) -> dict[str, Mapping[str, Any]]:
    """Return the explicit declarations by field name."""
    return {f.name: f.metadata for f in fields(cls)}


def element_names(cls: type) -> dict[str, str]:
    """Return the element names by field name, in document order."""
    return {name: how.get("element", _camel(name)) for name, how in fields_of(cls).items()}


def to_xml(document: Any, namespace: str = NAMESPACE) -> bytes:
    root: str = document.__xml_root__
    cls: Any = type(document)
    (inside,) = _rows(cls)((document,))
    if not inside:
        return f'{DECLARATION}<{root} xmlns="{namespace}"/>'.encode()
    return f'{DECLARATION}<{root} xmlns="{namespace}">{inside}</{root}>'.encode()


def from_xml(cls: type[T], body: bytes, max_depth: int = MAX_DEPTH, *, any_root: bool = False) -> T:
    """Read a request document; anything but the declared shape is the document's error. Its tags
    and attributes are counted before anything is built of them."""
    code: Code = cls.__xml_error__  # type: ignore[attr-defined]
    if body.count(b"<") > 2 * cls.__xml_elements__:  # type: ignore[attr-defined]
        raise S3Error(code)
    if _most_attributes(body) > MAX_ATTRIBUTES:
        raise S3Error(code)
    try:
        root = etree.fromstring(body, _PARSER)
        if root.getroottree().docinfo.internalDTD is not None:
            raise ValueError("a document type could hide text in entities")
        if _deeper_than(max_depth)(root):
            raise ValueError("too many elements within one another")
        if not any_root and _local(root) != cls.__xml_root__:  # type: ignore[attr-defined]
            raise ValueError(f"unexpected root <{_local(root)}>")
        read: T = _read(cls, root)
        return read
    except (etree.XMLSyntaxError, ValueError, TypeError, LookupError) as error:
        raise S3Error(code) from error


def _most_attributes(body: bytes) -> int:
    """Return how many there are at most: each has an equals sign and two quotation marks."""
    return min(body.count(b"="), (body.count(b'"') + body.count(b"'")) // 2)


@cache
def _deeper_than(depth: int) -> etree.XPath:
    """Return a search for an element at that depth; a thousand times as fast as Python code."""
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")


def escape(text: str) -> str:
    """Escape text between tags, with control characters as references, as S3 does."""
    if _MARKUP.search(text) is None:
        return text
    return _MARKUP.sub(lambda m: _NAMED.get(m[0]) or f"&#x{ord(m[0]):x};", text)


def escaped(texts: Sequence[str]) -> Iterable[str]:
    """Escape a column after one search in all of it: escapes are rare. Removing bytes takes a third
    of the time that the expression takes to find none."""
    joined = "".join(texts).encode("utf-8", "surrogatepass")
    is_clean = len(joined.translate(None, _MARKUP_BYTES)) == len(joined)
    return texts if is_clean else map(escape, texts)


class Texts(dict[K, str]):
    """The texts of a few values, each converted once: for a page, and quicker than a function with
    a cache."""

    def __init__(self, convert: Callable[[K], str]) -> None:
        self._convert = convert

    def __missing__(self, value: K) -> str:
        text = self[value] = self._convert(value)
        return text


def element(name: str, value: Any) -> str:
    """Write one element: a text, a number or a document."""
    (text,) = _element(name, type(value)).texts((value,))
    return text


@lru_cache(maxsize=4096)
def iso_time(seconds: int) -> str:
    """Format whole seconds, as S3 does: a listing and a HEAD then show the same time."""
    return strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(seconds))


def _camel(name: str) -> str:
    if name == "id":
        return "ID"
    return "".join(_SPELLINGS.get(word, word.capitalize()) for word in name.split("_"))


# Writing


@cache
def _rows(cls: type) -> Column:
    """Return a function from instances to the texts between their tags."""
    hints, names = get_type_hints(cls), element_names(cls)
    shown = {name: how for name, how in fields_of(cls).items() if "xsi_type" not in how}
    texts = [name for name, how in shown.items() if "text" in how]
    if texts:
        get_text = attrgetter(texts[0])
        return lambda rows: escaped([get_text(row) for row in rows])
    cells = [_cell(names[name], hints[name], how) for name, how in shown.items()]
    # attrgetter of one name does not return a tuple; with the first name twice it always does.
    get = attrgetter(next(iter(shown)), *shown)
    return partial(_fill, "".join(cell.template for cell in cells), get, cells)


def _fill(
    template: str, get: Callable[[Any], Any], cells: Sequence[_Cell], rows: Sequence[Any]
) -> Iterable[str]:
    if not rows:
        return ()
    _, *columns = zip(*map(get, rows), strict=True)
    filled = [cell.column(values) for cell, values in zip(cells, columns, strict=True)]
    return map(template.__mod__, zip(*filled, strict=True))


def _cell(name: str, hint: Any, how: Mapping[str, Any]) -> _Cell:
    """Return the cell of a field: an element, nothing for None, or one element for each item."""
    element, wrapper = _element(name, _item_kind(hint)), how.get("wrapper")
    if get_origin(hint) is tuple:
        template = f"<{wrapper}>%s</{wrapper}>" if wrapper else "%s"
        return _Cell(template, lambda rows: ["".join(element.texts(items)) for items in rows])
    if hint is _required(hint):
        return element
    return _Cell("%s", partial(_present, element))


def _present(element: _Cell, values: Sequence[Any]) -> Iterable[str]:
    texts = iter(element.texts([value for value in values if value is not None]))
    return ["" if value is None else next(texts) for value in values]


def _element(name: str, kind: Any) -> _Cell:
    template = f"<{name}>%s</{name}>"
    if kind is str:
        return _Cell(template, escaped)
    if kind is int:
        return _Cell(template, iter)
    if kind is Written:
        return _Cell("%s", iter)
    if kind is bool:
        return _Cell(template, lambda values: ["true" if value else "false" for value in values])
    if kind is TimeNs:
        return _Cell(template, lambda values: [iso_time(ns // 1_000_000_000) for ns in values])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _Cell(template, lambda values: escaped([value.value for value in values]))
    return _nested(name, kind)


def _nested(name: str, kind: type) -> _Cell:
    inside = _rows(kind)
    types_ = [field for field, how in fields_of(kind).items() if "xsi_type" in how]
    if not types_:
        return _Cell(f"<{name}>%s</{name}>", inside)
    get = attrgetter(types_[0])
    return _Cell(
        f'<{name} xmlns:xsi="{_XSI}" xsi:type="%s</{name}>',
        lambda rows: [
            f'{escape(get(row))}">{text}' for row, text in zip(rows, inside(rows), strict=True)
        ],
    )


def _item_kind(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is tuple else _required(hint)


# Reading


def _read(cls: Any, element: etree._Element) -> Any:
    values: dict[str, Any] = {}
    children = _by_name(element)
    for field_ in _shape(cls):
        if field_.is_text:
            values[field_.name] = element.text or ""
            continue
        if field_.is_xsi_type:
            if (kind := element.get(f"{{{_XSI}}}type")) is not None:
                values[field_.name] = kind
            continue
        found = children.get(field_.element, ())
        if field_.wrapper:
            holders = children.get(field_.wrapper, ())
            found = [one for holder in holders for one in _by_name(holder).get(field_.element, ())]
        if field_.is_repeated:
            values[field_.name] = tuple([_read_one(field_.kind, one) for one in found])
        elif len(found) > 1:
            raise ValueError(f"<{field_.element}> is repeated")
        elif found:
            values[field_.name] = _read_one(field_.kind, found[0])
    return cls(**values)


class _Field(NamedTuple):
    """How one field is read."""

    name: str
    element: str
    kind: Any
    wrapper: str
    is_repeated: bool
    is_text: bool
    is_xsi_type: bool


@cache
def _shape(cls: Any) -> tuple[_Field, ...]:
    hints, names = get_type_hints(cls), element_names(cls)
    return tuple(
        _Field(
            name,
            names[name],
            _item_kind(hints[name]),
            how.get("wrapper", ""),
            get_origin(hints[name]) is tuple,
            "text" in how,
            "xsi_type" in how,
        )
        for name, how in fields_of(cls).items()
    )


def _by_name(element: etree._Element) -> dict[str, list[etree._Element]]:
    """Return the children by their names, without namespaces."""
    found: dict[str, list[etree._Element]] = {}
    for child in element:
        found.setdefault(_local(child), []).append(child)
    return found


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
    number = read_digits(text)
    if number is None or number == LARGEST:
        raise ValueError("not an integer")
    return number


def _required(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return next(arg for arg in get_args(hint) if arg is not type(None))
    return hint


def _local(element: etree._Element) -> str:
    # Without comments and instructions, every tag is a text.
    return str(element.tag).rpartition("}")[2]
