"""Queries of objects by conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s3gw.client.call import Call, Request, Response, text_of
from s3gw.client.listing import RFC3339, Entry, entry_of
from s3gw.client.names import ObjectName

# A query that finds little goes through many objects before it answers.
_PATIENCE_S = 600.0
FINISHED = 410


@dataclass(frozen=True, slots=True)
class Condition:
    """A function of `/v1/query` and its arguments."""

    name: str
    args: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        return {"type": "F", "filter_name": self.name, "args": list(self.args)}


def begin_query(
    place: ObjectName, conditions: Sequence[Condition], props: Sequence[str]
) -> Call[str]:
    """Return the handle of a query for the objects below the place that meet all conditions."""
    documents = [each.document for each in conditions]
    every: Any = {"type": "AND", "inner_filters": documents}
    query: dict[str, Any] = {
        "outer_select": {"prefix": place.key},
        "inner_select": {"props": ",".join(props), "time_format": RFC3339},
        "from": {"bucket": place.bck.document},
    }
    if documents:
        query["where"] = {"filter": every if len(documents) > 1 else documents[0]}
    return Call(Request("POST", "query/init", {}, {"query": query}), text_of)


def next_found(handle: str, size: int) -> Call[list[Entry]]:
    """Return the next objects, up to `size`: each is given out once. The error at the end has the
    status `FINISHED`."""
    message = {"handle": handle, "size": size}
    request = Request("GET", "query/next", {}, message, read_timeout_s=_PATIENCE_S, once=True)

    def entries(response: Response) -> list[Entry]:
        return [entry_of(each) for each in response.json() or ()]

    return Call(request, entries)
