"""Operations as types: one class is one S3 operation.

The class is named as AWS names the operation. Its decorator says which requests it takes and which
right it needs, its fields say what it reads from them, and its `run` says what it does. Nothing
else registers it. How fields are read is compiled once, when the table is built.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from functools import cache
from types import MappingProxyType
from typing import (
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeVar,
    dataclass_transform,
    get_type_hints,
)

from msgspec import Struct

from s3gw.access import Access
from s3gw.http.binding import (
    Binding,
    Fetch,
    FieldReaders,
    OptionalField,
    fetcher,
    field_readers,
    header,
    operation_class,
    optional_field,
    path,
    query,
    without_none,
)
from s3gw.http.reply import Reply
from s3gw.http.request import Level, Request
from s3gw.s3.call import Call
from s3gw.s3.checksum_headers import verify_document
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.subresources import ARCHPATH_HEADER, SUBRESOURCES
from s3gw.wire.xmldoc import from_xml
from storage.pacing import off_loop

__all__ = ["Operation", "OperationTable", "Route", "body", "header", "operation", "path", "query"]

C = TypeVar("C")

# Read by GetObject and HeadObject too, where they select nothing.
_OPTIONAL = frozenset(
    {
        "archmime",
        "archmode",
        "archpath",
        "archregx",
        "etl",
        "etl_args",
        "etl_pipeline",
        "partNumber",
    }
)
# S3 has no POST there; forms of STS are answered before they come here.
_UNSUPPORTED = frozenset([("POST", Level.SERVICE)])
_NONE: frozenset[str] = frozenset()
_LIST_TYPE = frozenset({"list-type"})


def body(*, checksum_of: Literal["document", "object"] = "document") -> Any:
    """Declare the field as the request's XML document, read as the field's type.

    An `x-amz-checksum-*` header is of the document, except for CompleteMultipartUpload, where it is
    of the object that the document assembles.
    """
    return field(metadata={"binding": Binding("body", checksum_of)})


class Route(Struct, frozen=True):
    """The requests that an operation takes; the route with the most demands is tried first."""

    method: str
    level: Level
    query: Mapping[str, str | None]
    source: str | None

    @property
    def demands(self) -> int:
        return len(self.query) + (self.source is not None)

    def takes(self, request: Request) -> bool:
        for name, value in self.query.items():
            if name not in request.query or value not in (None, request.query[name]):
                return False
        return self.source is None or self.source in request.headers


def not_a_form() -> S3Error:
    """Return the error for a POST to a bucket with neither a sub-resource nor a form. It comes
    before all questions of rights."""
    condition = "Bucket POST must be of the enclosure-type multipart/form-data"
    return S3Error(Code.PreconditionFailed, Condition=condition)


class Operation(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    route: ClassVar[Route]
    access: ClassVar[Access]
    by_form: ClassVar[bool]

    async def run(self, call: Call) -> Reply: ...


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def operation(
    method: str,
    level: Level,
    *,
    access: Access,
    marker: str | None = None,
    needs: Iterable[str] = (),
    source: str | None = None,
    by_form: bool = False,
) -> Callable[[type[C]], type[C]]:
    """Declare an S3 operation.

    `marker` is its sub-resource (`tagging`, `list-type=2`), `needs` further query names that must
    be there, `source` a header that must. With `by_form`, its caller is proven by the fields of a
    form that it is sent; for all others by the head of the request.
    """
    demanded: dict[str, str | None] = dict.fromkeys(needs)
    if marker is not None:
        name, equals, value = marker.partition("=")
        demanded[name] = value if equals else None

    def declare(cls: type[C]) -> type[C]:
        cls = operation_class(cls)
        cls.route = Route(method, level, MappingProxyType(demanded), source)  # type: ignore[attr-defined]
        cls.access = access  # type: ignore[attr-defined]
        cls.by_form = by_form  # type: ignore[attr-defined]
        return cls

    return declare


class OperationTable:
    """Finds the operation of a request."""

    def __init__(self, operations: Iterable[type[Operation]]) -> None:
        self._by_kind: dict[tuple[str, Level], list[type[Operation]]] = {}
        # The operation of each kind of request that names nothing besides.
        self._plain: dict[tuple[str, Level], type[Operation]] = {}
        queries, sources = {"versionId"}, {ARCHPATH_HEADER}
        for op in operations:
            kind = op.route.method, op.route.level
            self._by_kind.setdefault(kind, []).append(op)
            if not op.route.demands:
                self._plain[kind] = op
            queries |= op.route.query.keys()
            sources |= {op.route.source} if op.route.source is not None else set()
            fetchers(op)
        self._telling_queries = SUBRESOURCES | queries
        self._telling_headers = frozenset(sources)
        for kind, ops in self._by_kind.items():
            ops.sort(key=lambda op: -op.route.demands)
            routes = [op.route for op in ops]
            if any(routes.count(route) > 1 for route in routes):
                raise ValueError(f"two operations take the same {kind} requests")

    def find(self, request: Request) -> type[Operation] | None:
        """Return the operation that takes the request. It is found before the caller is known: it
        decides what proves the caller, so that no proof is good for another operation."""
        if self.is_plain(request):
            plain = self._plain.get((request.method, request.level))
            if plain is not None:
                return plain
        asked = _subresources(request)
        for op in self._by_kind.get((request.method, request.level), ()):
            if op.route.takes(request) and asked <= op.route.query.keys() | _optional(op):
                return op
        return None

    def is_plain(self, request: Request) -> bool:
        """Whether the request names nothing that could select an operation or a version."""
        return self._telling_queries.isdisjoint(request.query) and self._telling_headers.isdisjoint(
            request.headers
        )

    def resolve(self, request: Request) -> type[Operation]:
        """Return the operation, as `checked` does."""
        return checked(self.find(request), request)


def checked(op: type[Operation] | None, request: Request) -> type[Operation]:
    """Return the operation that was found. Raise `NotImplemented` for a sub-resource without one,
    else `MethodNotAllowed`. Raise if it would ignore a version or a member of an archive: a write
    to one must not become a write to the object or the archive."""
    if op is None:
        level = request.level
        if _subresources(request) or (request.method, level) in _UNSUPPORTED:
            raise S3Error(Code.NotImplemented)
        raise S3Error(Code.MethodNotAllowed, Method=request.method, ResourceType=level.name)
    if ARCHPATH_HEADER in request.headers and "archpath" not in _bound(op):
        raise S3Error(Code.NotImplemented)
    if (
        "versionId" not in request.query
        or request.level is not Level.OBJECT
        or "versionId" in _bound(op)
    ):
        return op
    message = "This operation does not accept a version-id."
    raise S3Error(Code.InvalidArgument, message, ArgumentName="versionId")


def _subresources(request: Request) -> frozenset[str]:
    """Return the sub-resources that the request names; `list-type=1` is the list without a type."""
    if not request.query:
        return _NONE
    named = SUBRESOURCES.intersection(request.query)
    return named - _LIST_TYPE if request.query.get("list-type") == "1" else named


@cache
def _optional(op: type[Operation]) -> frozenset[str]:
    """Return the sub-resource names that an operation reads without demanding them."""
    return _OPTIONAL & _bound(op)


@cache
def _bound(op: type[Operation]) -> frozenset[str]:
    """Return the names on the wire that an operation reads."""
    return frozenset(f.metadata["binding"].name for f in fields(op))


async def decode(op: type[Operation], call: Call) -> Operation:
    """Build the operation's instance from the request, field by field."""
    fields_of, documents = fetchers(op)
    values = fields_of.values(call)
    for name, read in documents:
        values[name] = await read(call)
    return op(**values)


_DocumentReaders = list[tuple[str, Callable[[Call], Awaitable[Any]]]]


@cache
def fetchers(op: type[Operation]) -> tuple[FieldReaders, _DocumentReaders]:
    """Return how the fields in the head of a request are read, and those that are its document."""
    hints = get_type_hints(op)
    always: list[tuple[str, Fetch]] = []
    optional: list[OptionalField] = []
    documents: _DocumentReaders = []
    for f in fields(op):
        binding: Binding = f.metadata["binding"]
        if binding.place == "body":
            of_document = binding.name == "document"
            documents.append((f.name, _document_reader(hints[f.name], checksummed=of_document)))
        elif f.default is MISSING:
            always.append((f.name, fetcher(f, hints[f.name])))
        else:
            optional.append(optional_field(f, hints[f.name]))
    return field_readers(always, optional), documents


def _document_reader(hint: Any, *, checksummed: bool) -> Callable[[Call], Awaitable[Any]]:
    kind, optional = without_none(hint)

    async def read(call: Call) -> Any:
        text = await call.read_document()
        return await off_loop(len(text), parse, call, text)

    def parse(call: Call, text: bytes) -> Any:
        verify_document(call, text, checksummed=checksummed)
        if not text and optional:
            return None
        if not text:
            raise S3Error(kind.__xml_empty__)
        return from_xml(kind, text, call.limits.document_depth)

    return read
