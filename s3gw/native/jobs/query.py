"""Selection of jobs by id, kind, bucket and node; by default, all.

Names of fields are as Go reads them: in any case, and some in two spellings. Users see the jobs on
buckets that they may use, and their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from cluster.jobs.catalog import find_name
from cluster.jobs.job import JobStatus
from s3gw.access import usable
from s3gw.native.actmsg import json, read_value
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.starting import jobs_of
from s3gw.native.jobs.target import BckMessage

_NODE = ("node", "daemonid")
_MOST_IDS = 16


class JobQuery(Struct, frozen=True):
    """`kind` is as received, `buckets` are names in the store, `node` is a node's id. `xid` may be
    several separated by commas, as jobs on several nodes are answered."""

    xid: str = ""
    kind: str = ""
    node: str = ""
    buckets: frozenset[str] = frozenset()
    only_active: bool = False

    def kind_name(self) -> str | None:
        """Return AIStore's name of the kind; None without a kind. Raise 400 for an unknown one."""
        if not self.kind:
            return None
        found = find_name(self.kind)
        if found is None:
            raise NativeError(400, f'xaction kind (or name) "{self.kind[:64]}" not found')
        return found

    def missing(self) -> NativeError:
        what = f'"{self.xid[:64]}"' if self.xid else f'of kind "{self.kind[:64]}"'
        return NativeError(404, f"xaction {what} not found", Tcode.NOT_FOUND)


def read_query(call: NativeCall, document: dict[str, Any] | None) -> JobQuery:
    """Parse the query. Raise 400, and 404 for a bucket of another cluster."""
    folded = {name.lower(): given for name, given in (document or {}).items()}
    listed = folded.get("buckets") or []
    if not isinstance(listed, list):
        raise NativeError(400, "buckets must be a list")
    names = frozenset(_bucket(call, each) for each in [folded.get("bck"), *listed]) - {""}
    return JobQuery(
        _text(folded, "id"),
        _text(folded, "kind"),
        _text(folded, *_NODE),
        names,
        folded.get("show_active") is True,
    )


async def find_jobs(call: NativeCall, query: JobQuery) -> list[JobStatus]:
    """Return the jobs that the caller may see, the oldest first. Raise 400 for an unknown kind."""
    kind = query.kind_name()
    if query.node not in ("", *_nodes(call)):
        return []
    found = await _found(call, query)
    chosen = [
        each
        for each in found
        if (kind is None or each.job.kind == kind)
        and (not query.buckets or not query.buckets.isdisjoint((each.job.bucket, each.job.target)))
        and not (query.only_active and each.is_over)
    ]
    return await _visible(call, chosen)


async def _found(call: NativeCall, query: JobQuery) -> Sequence[JobStatus]:
    if not query.xid:
        return await jobs_of(call).all()
    several = [await jobs_of(call).find(xid) for xid in query.xid.split(",")[:_MOST_IDS] if xid]
    return [found for found in several if found is not None]


async def _visible(call: NativeCall, found: Sequence[JobStatus]) -> list[JobStatus]:
    """Leave out the jobs on buckets that the caller may not use. A bucket that is gone is not a
    secret: the creator of the next one of its name sees old jobs."""
    mine = call.caller.identity
    others = [each for each in found if each.job.requested_by.identity != mine]
    if not others or call.caller.is_root:
        return list(found)
    buckets = await call.store.list_buckets()
    shown = {bucket.name for bucket in await usable(call, buckets)}
    hidden = {bucket.name for bucket in buckets} - shown
    return [
        each
        for each in found
        if each.job.requested_by.identity == mine
        or hidden.isdisjoint((each.job.bucket, each.job.target))
    ]


def _nodes(call: NativeCall) -> tuple[str, ...]:
    """Return the nodes that jobs are shown under: gateways ask the target that runs them."""
    members = call.native.members
    return members.jobs_target, *members.smap(call.endpoint).pmap


def _text(document: dict[str, Any], *names: str) -> str:
    for name in names:
        given = document.get(name)
        if given:
            if not isinstance(given, str):
                raise NativeError(400, f"{name} must be a text")
            return given
    return ""


def _bucket(call: NativeCall, given: Any) -> str:
    """Return the store's name of a document's bucket; empty without one."""
    if not given:
        return ""
    if not isinstance(given, dict):
        raise NativeError(400, "a bucket must be an object with a name")
    folded = {name.lower(): value for name, value in given.items()}
    if not _text(folded, "name"):
        return ""
    bck = read_value(BckMessage, json(folded)).bck(call)
    if bck.uuid and not bck.is_cloud:
        message = f'bucket "{bck.cname()}" does not exist'
        raise NativeError(404, message, Tcode.REMOTE_BCK_NOT_FOUND)
    return bck.stored
