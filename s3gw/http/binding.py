"""Fields of operations: their places in the request, and their decoding.

An operation of either front end is a class; its fields are bound to places in the request's head.
The function that reads a field is chosen once, when the table of operations is built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, TypeVar, Union, get_args, get_origin

from msgspec import Struct

from s3gw.http.request import Request
from s3gw.wire.errors import Code, S3Error
from storage.digits import read_digits

Fetch = Callable[[Request], Any]
C = TypeVar("C")

_MOST = 0x7FFFFFFF
# True in Go's strconv and AIStore's clients; everything else is false.
TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})


# What AWS says of some numbers instead of the usual text.
_TEXTS = {"partNumber": "Part number must be an integer between 1 and 10000, inclusive"}


class Binding(Struct, frozen=True):
    """The place of a field in the request, in the terms of AWS' model."""

    place: str
    name: str = ""


def path(name: str) -> Any:
    return field(metadata={"binding": Binding("uri", name)})


def query(name: str, *, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"binding": Binding("querystring", name)})


def header(name: str, *, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"binding": Binding("header", name)})


def operation_class(cls: type[C]) -> type[C]:
    """Make the class of an operation of its annotated fields.

    One is built for each request, and hundreds of classes at each start: no method is compiled, and
    the values are set in one step. That they are all there, and not set again, is for the type
    checker to say.
    """
    # Without a text, dataclass looks for the signature, which takes longer than all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclass(init=False, repr=False, eq=False, match_args=False)(cls)
    made.__init__ = _set_values
    return made  # type: ignore[no-any-return]


def _set_values(operation: Any, **values: Any) -> None:
    vars(operation).update(values)


def wire_name(binding: Binding) -> str:
    """Return the name by which requests have it."""
    return binding.name.lower() if binding.place == "header" else binding.name


def fetcher(f: Field[Any], hint: Any) -> Fetch:
    """Return the function that reads the field, a text, a number or a flag."""
    binding: Binding = f.metadata["binding"]
    kind, _ = without_none(hint)
    name = wire_name(binding)
    default = f.default
    if binding.place == "uri":
        return (
            (lambda request: request.bucket) if name == "Bucket" else (lambda request: request.key)
        )
    get: Callable[[Request], str | None] = (
        (lambda request: request.headers.get(name))
        if binding.place == "header"
        else (lambda request: request.query.get(name))
    )

    def fetch(request: Request) -> Any:
        text = get(request)
        if text is None or (kind is int and text == ""):
            return _absent(name, default)
        if kind is bool:
            return is_true(text)
        return text if kind is str else _number(name, text)

    return fetch


class OptionalField(Struct, frozen=True):
    """A field with a default, and the function that reads it. `wire` is its name in the request's
    headers, or in its query."""

    field: str
    in_headers: bool
    wire: str
    fetch: Fetch


class FieldReaders(Struct, frozen=True):
    """How the fields of an operation are read: those that `always` are, and those that have a
    default."""

    always: list[tuple[str, Fetch]]
    optional: list[OptionalField]
    queries: frozenset[str]
    headers: frozenset[str]

    def values(self, request: Request) -> dict[str, Any]:
        """Return the values of the fields that the request has. What it leaves out keeps its
        default, which is the class'."""
        values = {name: fetch(request) for name, fetch in self.always}
        query, headers = request.query, request.headers
        if not (self.queries.isdisjoint(query) and self.headers.isdisjoint(headers)):
            for each in self.optional:
                if each.wire in (headers if each.in_headers else query):
                    values[each.field] = each.fetch(request)
        return values


def field_readers(always: list[tuple[str, Fetch]], optional: list[OptionalField]) -> FieldReaders:
    queries = frozenset(each.wire for each in optional if not each.in_headers)
    headers = frozenset(each.wire for each in optional if each.in_headers)
    return FieldReaders(always, optional, queries, headers)


def optional_field(f: Field[Any], hint: Any) -> OptionalField:
    """Return how a field with a default is read."""
    binding: Binding = f.metadata["binding"]
    return OptionalField(f.name, binding.place == "header", wire_name(binding), fetcher(f, hint))


def is_true(text: str) -> bool:
    return text.strip().lower() in TRUE


def _absent(name: str, default: Any) -> Any:
    if default is MISSING:
        raise S3Error(Code.InvalidArgument, f"Missing {name}", ArgumentName=name)
    return default


def _number(name: str, text: str) -> int:
    """Parse a non-negative 32-bit integer, S3's range for numbers in queries."""
    number = read_digits(text)
    if number is not None and number <= _MOST:
        return number
    message = _TEXTS.get(name, f"Provided {name} not an integer or within integer range")
    raise S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue=text)


def without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) is Union or type(None) in get_args(hint):
        return next(arg for arg in get_args(hint) if arg is not type(None)), True
    return hint, False
