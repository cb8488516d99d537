"""Native operations as types, and the table that routes requests to them.

The decorator says which requests an operation takes, and the right that it needs: AIStore's
permission bits, and the S3 operation under whose name bucket policies know it. Nothing else
registers it. What AIStore knows and no operation takes is refused by its name: an action, a `what`,
a query parameter that would change the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform, get_type_hints

from msgspec import Struct

from s3gw.access import Access
from s3gw.http.binding import (
    Binding,
    FieldReaders,
    OptionalField,
    fetcher,
    field_readers,
    header,
    operation_class,
    optional_field,
    query,
)
from s3gw.http.reply import Reply
from s3gw.native.actmsg import ACTIONS, read_value
from s3gw.native.call import NativeCall, NativeRequest
from s3gw.native.errors import NativeError, unsupported

__all__ = ["NativeOperation", "NativeTable", "document", "header", "operation", "query", "value"]

C = TypeVar("C")
Decode = Callable[[NativeCall], Any]

# No right of its own: any valid token is enough.
NO_RIGHT = Access(0)

# AIStore's paths, by their first segment and their number of segments, and their methods.
_PATHS: Mapping[tuple[str, int], frozenset[str]] = {
    (first, depth): frozenset(methods.split())
    for first, depth, methods in (
        ("buckets", 1, "GET"),
        ("buckets", 2, "GET HEAD POST PUT DELETE PATCH"),
        ("buckets", 3, "HEAD"),
        ("objects", 2, "POST DELETE"),
        ("objects", 3, "GET HEAD PUT POST DELETE PATCH"),
        ("cluster", 1, "GET PUT POST DELETE"),
        ("cluster", 2, "GET PUT POST DELETE"),
        ("cluster", 3, "PUT DELETE"),
        ("daemon", 1, "GET PUT POST DELETE"),
        ("daemon", 2, "GET PUT POST DELETE"),
        ("reverse", 2, "GET PUT POST DELETE"),
        ("reverse", 3, "GET PUT POST DELETE"),
        ("etl", 1, "GET PUT"),
        ("etl", 2, "GET POST DELETE"),
        ("etl", 3, "GET POST"),
        ("etl-objects", 3, "GET HEAD"),
        ("sort", 1, "GET POST DELETE"),
        ("sort", 2, "DELETE"),
        ("download", 1, "GET POST"),
        ("download", 2, "DELETE"),
        ("query", 1, "GET POST PUT"),
        ("query", 2, "GET POST PUT"),
        ("query", 3, "GET POST PUT"),
        ("ml", 2, "GET"),
        ("ml", 3, "GET"),
        ("users", 1, "GET POST"),
        ("users", 2, "GET POST PUT DELETE"),
        ("roles", 1, "GET POST"),
        ("roles", 2, "GET PUT DELETE"),
        ("clusters", 1, "GET POST"),
        ("clusters", 2, "GET PUT DELETE"),
        ("tokens", 1, "POST DELETE"),
    )
}
_WHATS_TEXT = """
    smap bmd config cluster_config backends node_stats node_status software_version disk metrics
    mountpaths remote smapvote sysinfo target_ips log status status_all getxstats qryxstats
    running_all snode ic_bundle tls_certificate
"""
_WHATS = frozenset(_WHATS_TEXT.split())
# Parameters that change the result: an operation that does not read them must not run.
_MEANINGFUL_TEXT = """
    append_handle append_type archmime archmode archpath archregx bck_to bsumm_remote etl_args
    etl_fqn etl_name etl_pipeline etl_secret keep_bck_md mountpath_label object_to offset
    original_url partNumber presence props set-new-custom transient uploadId uploads uuid
"""
_MEANINGFUL = frozenset(_MEANINGFUL_TEXT.split())
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off"})


def value(*, default: Any = ...) -> Any:
    """Declare the field as the action message's `value`, read as the field's type."""
    return _bound(Binding("value"), default)


def document(*, default: Any = ...) -> Any:
    """Declare the field as the whole body, read as the field's type."""
    return _bound(Binding("document"), default)


def _bound(binding: Binding, default: Any) -> Any:
    metadata = {"binding": binding}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


class Route(Struct, frozen=True):
    """`first` and `depth` are of the path; `action` and `what` are None without a condition on
    them. `needs` are parameters that must not be empty, `unless` is one that must; the route that
    needs more is tried first."""

    method: str
    first: str
    depth: int
    action: str | None = None
    what: str | None = None
    needs: tuple[str, ...] = ()
    unless: str = ""

    def takes(self, call: NativeCall) -> bool:
        query = call.query
        return (
            self.action in (None, call.message.action)
            and self.what in (None, query.get("what"))
            and all(query.get(name) for name in self.needs)
            and not (self.unless and query.get(self.unless))
        )


class NativeOperation(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]
    route: ClassVar[Route]
    access: ClassVar[Access]
    is_open: ClassVar[bool]
    needs_admin: ClassVar[bool]
    is_audited: ClassVar[bool]
    asks_itself: ClassVar[bool]
    reads_document: ClassVar[bool]
    known_as: ClassVar[str]

    async def run(self, call: NativeCall) -> Reply: ...


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def operation(
    method: str,
    path: str,
    *,
    access: Access,
    known_as: str = "",
    action: str | None = None,
    what: str | None = None,
    needs: Iterable[str] = (),
    unless: str = "",
    is_open: bool = False,
    needs_admin: bool = False,
    is_audited: bool = False,
    asks_itself: bool = False,
) -> Callable[[type[C]], type[C]]:
    """Declare a native operation on a path such as `buckets/{bucket}`.

    `action`, `what`, `needs` and `unless` are those of its route. `known_as` is the S3 operation
    that bucket policies decide about; empty for an operation without an existing bucket. `is_open`
    needs not even a token, `needs_admin` an administrator besides the right. `is_audited`: it
    changes access rights. `asks_itself`: its body names many buckets, and it checks the right to
    each of them.
    """
    first, *others = path.split("/")

    def declare(cls: type[C]) -> type[C]:
        made: Any = operation_class(cls)
        depth = len(others) + 1
        made.route = Route(method, first, depth, action, what, tuple(needs), unless)
        made.access, made.known_as, made.is_open = access, known_as, is_open
        made.needs_admin, made.is_audited = needs_admin, is_audited
        made.asks_itself = asks_itself
        places = [f.metadata["binding"].place for f in fields(made)]
        made.reads_document = "document" in places
        return made  # type: ignore[no-any-return]

    return declare


Operations = tuple[type[NativeOperation], ...]


class NativeTable:
    """Finds the operation of a request in two steps: by its head, then by its body."""

    def __init__(self, operations: Iterable[type[NativeOperation]]) -> None:
        self._by_kind: dict[tuple[str, str, int], Operations] = {}
        for op in operations:
            kind = (op.route.method, op.route.first, op.route.depth)
            there = self._by_kind.get(kind, ())
            if any(other.route == op.route for other in there):
                raise ValueError(f"two operations take the same {kind} requests")
            ops = sorted((*there, op), key=lambda op: -len(op.route.needs))
            self._by_kind[kind] = tuple(ops)
            fetchers(op)

    def find(self, call: NativeRequest) -> Operations:
        """Return the operations on the method and path; empty for a path of AIStore that has no
        operation here.

        Raise 404 and 405.
        """
        first = call.segments[0]
        depth = sum(1 for segment in call.segments if segment)
        found = self._by_kind.get((call.method, first, depth))
        if found is not None:
            return found
        methods = _PATHS.get((first, depth), frozenset())
        methods |= {m for m, f, d in self._by_kind if (f, d) == (first, depth)}
        if call.method in methods:
            return ()
        if methods:
            headers = {"Allow": ", ".join(sorted(methods))}
            raise NativeError(405, "Method Not Allowed", headers=headers)
        if any(path == first for path, _ in _PATHS):
            raise NativeError(400, f"invalid request path {_path_of(call)}")
        raise NativeError(404, f"there is no API {_path_of(call)}")

    def resolve(self, call: NativeCall, found: Operations) -> type[NativeOperation]:
        """Return the operation. Raise 501 for what AIStore has and this server does not, and 400
        for what AIStore does not know."""
        for op in found:
            if op.route.takes(call):
                return op
        what, action = call.query.get("what", ""), call.message.action
        if any(op.route.what is not None for op in found) or (not found and what):
            raise _unknown(f'query "what={what}"', known=what in _WHATS)
        if action:
            raise _unknown(f'action "{action[:64]}"', known=action in ACTIONS)
        if found:
            raise NativeError(400, "the action message names no action")
        raise unsupported(f"{call.method} {_path_of(call)}")


def reads_message(call: NativeCall, found: Operations) -> bool:
    """Whether the body is needed to choose the operation, or to refuse the request."""
    return not found or any(op.route.action is not None for op in found)


def _unknown(what: str, *, known: bool) -> NativeError:
    return unsupported(what) if known else NativeError(400, f"invalid {what}")


def _path_of(call: NativeCall | NativeRequest) -> str:
    return call.raw_path[:256].decode("latin-1")


def decode(op: type[NativeOperation], call: NativeCall) -> NativeOperation:
    """Build the operation's instance from the request. Raise 400, and 501 for a parameter that it
    does not read."""
    for name, text in call.query.items():
        if name in _MEANINGFUL and name not in bound(op) and text.lower() not in _FALSE:
            raise unsupported(f'query parameter "{name}" here')
    return op(**fetchers(op).values(call))


@cache
def bound(op: type[NativeOperation]) -> frozenset[str]:
    """Return the names on the wire that an operation reads."""
    return frozenset(f.metadata["binding"].name for f in fields(op))


@cache
def fetchers(op: type[NativeOperation]) -> FieldReaders:
    hints = get_type_hints(op)
    always: list[tuple[str, Any]] = []
    optional: list[OptionalField] = []
    for f in fields(op):
        hint, place = hints[f.name], f.metadata["binding"].place
        if place in ("value", "document"):
            always.append((f.name, _message_reader(f, hint)))
        elif f.default is MISSING:
            always.append((f.name, fetcher(f, hint)))
        else:
            optional.append(optional_field(f, hint))
    return field_readers(always, optional)


def _message_reader(f: Field[Any], hint: Any) -> Decode:
    if f.metadata["binding"].place == "value":
        return lambda call: _typed(f, hint, bytes(call.message.value))
    return lambda call: _typed(f, hint, call.document or b"")


def _typed(f: Field[Any], hint: Any, text: bytes) -> Any:
    missing = text.strip() in (b"", b"null")
    if missing and f.default is not f.default_factory:
        return f.default
    return read_value(hint, text or b"null")
