"""Query objects: `/v1/query`.

    POST  /init      {"query": {"from": {"bucket": {"name": "b"}}, "where": {"filter": ...}}}
    GET   /next      {"handle": "...", "size": 100}
    GET   /worker    {"handle": "...", "worker_id": 1}

AIStore had this API until January 2022; besides its filters there are `mtime`, `name` and `regexp`.

https://github.com/NVIDIA/aistore/blob/401bc6ac7%5E/objwalk/query/msg.go
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from msgspec import Struct, field

from cluster.jobs.template import BadTemplate, Template, read_template
from cluster.query_handles import FilterMessage, Found, Query, TooManyQueries
from s3gw.access import Access, authorize
from s3gw.http.reply import Reply
from s3gw.native.answers import text_reply
from s3gw.native.buckets.archive_listing import NO_MARKS
from s3gw.native.buckets.list_properties import MAX_PAGE, ListFlag, ListMessage
from s3gw.native.buckets.listing import AS_JSON, Columns
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.target import BckMessage, call_about
from s3gw.native.names import bck_of
from s3gw.native.object_names import key_of, prefix_of
from s3gw.native.operation import document, operation
from s3gw.native.queries.filters import read_filter
from s3gw.native.queries.scanning import Scan
from storage.pacing import off_loop
from storage.values import ListedPage

# The names of a template are looked for in the index.
MOST_NAMES = 100_000
_NAME_BYTES = 64
_LONGEST_TEMPLATE = 4096
_ENCODER = msgspec.json.Encoder()


class OuterSelect(Struct, frozen=True):
    prefix: str = ""
    template: str = field(default="", name="objects_source")


class InnerSelect(Struct, frozen=True):
    """`time_format` is that of a listing, besides what AIStore has."""

    props: str = ""
    time_format: str = ""


class From(Struct, frozen=True):
    bucket: BckMessage = BckMessage()


class Where(Struct, frozen=True):
    filter: FilterMessage | None = None


class QueryMessage(Struct, frozen=True, kw_only=True):
    """`fast` makes no difference: the index is always asked."""

    outer_select: OuterSelect = OuterSelect()
    inner_select: InnerSelect = InnerSelect()
    source: From = field(default=From(), name="from")
    where: Where = Where()
    fast: bool = False


class InitMessage(Struct, frozen=True):
    query: QueryMessage = QueryMessage()
    workers: int = 0


class NextMessage(Struct, frozen=True):
    handle: str = ""
    size: int = 0
    worker_id: int = 0


@operation("POST", "query/{what}", access=Access.LIST_OBJECTS, asks_itself=True)
class BeginQuery:
    """Needs the right to list the bucket. The answer is the handle, bare text."""

    asked: InitMessage = document()

    async def run(self, call: NativeCall) -> Reply:
        _require_known(call, "init")
        asked = self.asked.query
        if not asked.source.bucket.name:
            raise NativeError(400, "failed to parse query message: missing 'from.bucket.name'")
        bck = asked.source.bucket.bck(call)
        workers, targets = self.asked.workers, len(_targets(call))
        if workers and workers < targets:
            raise NativeError(400, f"expected WorkersCnt to be at least {targets}")
        template = _read_template(asked.outer_select.template)
        query = Query(
            bucket=bck.stored,
            identity=call.caller.identity,
            prefix=prefix_of(asked.outer_select.prefix, "query-objects"),
            template=asked.outer_select.template if template is not None else "",
            props=asked.inner_select.props,
            time_format=asked.inner_select.time_format,
            filter=asked.where.filter,
            workers=workers,
        )
        read_filter(query.filter)
        inside = await _allowed(call, query)
        _columns(inside, query)
        try:
            return text_reply(await call.native.queries.begin(query))
        except TooManyQueries as error:
            raise NativeError(429, str(error), Tcode.TOO_MANY) from None


@operation("GET", "query/{what}", access=Access.LIST_OBJECTS, asks_itself=True)
class ContinueQuery:
    """`next` gives the next objects in the order of their names, 410 when there are no more;
    `worker` the target that a worker should ask."""

    asked: NextMessage = document(default=NextMessage())

    async def run(self, call: NativeCall) -> Reply:
        _require_known(call, "next", "worker")
        if not self.asked.handle:
            raise NativeError(400, "handle cannot be empty")
        if call.name == "worker":
            return text_reply(self._worker(call, (await _find(call, self.asked.handle)).query))
        size = min(max(self.asked.size, 0) or MAX_PAGE, MAX_PAGE)
        while True:
            found = await _find(call, self.asked.handle)
            inside = await _allowed(call, found.query)
            if found.query.is_over:
                raise _finished(found)
            scan = await _scan(inside, found.query)
            entries, after = await scan.next(found.query.after, size)
            is_over = after is None
            if await call.native.queries.advance(found, after or "", is_over=is_over):
                if not entries:
                    raise _finished(found)
                body = await off_loop(_NAME_BYTES * len(entries), _ENCODER.encode, entries)
                return Reply(headers={"Content-Type": "application/json"}, body=body)

    def _worker(self, call: NativeCall, query: Query) -> str:
        if not query.workers:
            raise NativeError(400, "query registered with 0 workers")
        if self.asked.worker_id <= 0:
            raise NativeError(400, "workerID cannot be empty")
        targets = _targets(call)
        return targets[self.asked.worker_id % len(targets)]


def _require_known(call: NativeCall, *names: str) -> None:
    if call.name not in names:
        known = " and ".join(names)
        raise NativeError(400, f"invalid action {call.name[:32]!r}: {known} are known")


async def _find(call: NativeCall, handle: str) -> Found:
    """Return the caller's query. Raise 404, also for one of others."""
    found = await call.native.queries.find(handle) if handle.isalnum() else None
    mine = found is not None and found.query.identity == call.caller.identity
    if found is None or not (mine or call.caller.is_root):
        raise NativeError(404, f'query handle "{handle[:64]}" not found', Tcode.NOT_FOUND)
    return found


async def _allowed(call: NativeCall, query: Query) -> NativeCall:
    """Return the call as one about the query's bucket. Raise 403 and 404."""
    inside = await call_about(call, bck_of(query.bucket), "ListObjectsV2")
    inside.query = {"prefix": query.prefix, "max-keys": str(MAX_PAGE)}
    await authorize(inside, Access.LIST_OBJECTS)
    return inside


async def _scan(inside: NativeCall, query: Query) -> Scan:
    template = _read_template(query.template)
    names, prefix = None, query.prefix
    if template is not None:
        names = await off_loop(_NAME_BYTES * len(template), _names_of, template)
        prefix = template.texts[0]
    columns = _columns(inside, query)
    return Scan(
        store=inside.store,
        bucket=query.bucket,
        prefix=prefix,
        filter=read_filter(query.filter),
        names=names,
        accessed=partial(_accessed, inside),
        shown=partial(_entries, columns),
    )


def _columns(inside: NativeCall, query: Query) -> Columns:
    """Return the properties that entries show. Raise 400 for unknown ones."""
    asked = ListMessage(props=query.props, time_format=query.time_format)
    flags = ListFlag(0)
    return Columns.chosen(inside, asked, asked.chosen(flags), flags)


def _accessed(inside: NativeCall, page: ListedPage) -> Any:
    return inside.objects.access_times.of(inside.bucket_info.lasting_name, page.names)


def _entries(columns: Columns, page: ListedPage) -> list[Any]:
    return list(map(AS_JSON.entry, *columns.of(page, NO_MARKS, AS_JSON.size)))


def _read_template(text: str) -> Template | None:
    """Parse a template; None without one. Raise 400."""
    if not text:
        return None
    if len(text) > _LONGEST_TEMPLATE:
        raise NativeError(400, f"a template has at most {_LONGEST_TEMPLATE} letters")
    try:
        template = read_template(text)
    except BadTemplate as error:
        raise NativeError(400, f"failed to parse query message: {error}") from None
    if template is None:
        raise NativeError(400, "failed to parse query message: not a 'bash' template")
    if len(template) > MOST_NAMES:
        raise NativeError(400, f"a query's template has at most {MOST_NAMES} names")
    return template


def _names_of(template: Template) -> frozenset[str]:
    return frozenset(map(key_of, template))


def _targets(call: NativeCall) -> list[str]:
    return sorted(call.native.members.smap(call.endpoint).tmap)


def _finished(found: Found) -> NativeError:
    return NativeError(410, f'"{found.handle}" finished')
