"""Requests that other machines answer: about one of their nodes, or about all nodes.

They are sent on with the caller's token, to the URL that the machine announces. There they are
authenticated and authorized again, and one that was sent on once is not sent on a second time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from s3gw.http.reply import Reply
from s3gw.native.actmsg import json
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.smap import Machine
from s3gw.outbound.fetch import Fetch, Fetched, OutboundError

# AIStore's name for the node that sends a request on.
_CALLER = "ais-caller-id"
_SENT = ("authorization", "accept", "content-type", "ais-node-id", "user-agent")
_KEPT = (
    "Content-Type",
    "Content-Encoding",
    "Hdr-Error",
    "WWW-Authenticate",
    "Allow",
    "Retry-After",
)
# Logs are the longest answers: each process keeps a MiB.
_MOST_BYTES = 32 << 20


async def of_other_machine(call: NativeCall) -> Reply | None:
    """Return the answer of the machine that has the node of the request; None for this machine.
    Raise 404 for one that is missing, 502 and 503."""
    machine = _machine_of(call, call.node_id)
    if machine is None:
        return None
    if call.sent.get(_CALLER):
        message = f"node {call.node_id} is on another machine: the map has just changed"
        raise NativeError(503, message, headers={"Retry-After": "1"})
    if machine.is_missing:
        message = f"node {call.node_id} is missing: there is no news from {machine.url}"
        raise NativeError(404, message, Tcode.NODE_NOT_FOUND)
    answer = await _ask(call, machine, await call.read_body())
    headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
    return Reply(answer.status, headers, answer.body)


async def of_all_others(call: NativeCall) -> Sequence[Fetched]:
    """Return what the other machines answer to the same request, each for itself; none where it
    was sent on. Missing machines are not asked. Raise 502, or the error of a machine."""
    if call.sent.get(_CALLER):
        return ()
    asked = [each for each in call.native.members.others() if not each.is_missing]
    body = json(call.message) if call.method != "GET" else b""
    tasks = [asyncio.ensure_future(_good(call, machine, body)) for machine in asked]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def documents_of_all_others(call: NativeCall) -> Sequence[Mapping[str, Any]]:
    """Return the JSON of their answers. Raises as `of_all_others`."""
    return [msgspec.json.decode(each.body) for each in await of_all_others(call)]


def _machine_of(call: NativeCall, node_id: str) -> Machine | None:
    others = call.native.members.others() if node_id else ()
    return next((each for each in others if node_id in (each.gateway, each.target)), None)


async def _good(call: NativeCall, machine: Machine, body: bytes) -> Fetched:
    answer = await _ask(call, machine, body)
    if answer.status != 200:
        said = answer.body[:512].decode(errors="replace")
        raise NativeError(answer.status, f"{machine.url} answers with an error: {said}")
    return answer


async def _ask(call: NativeCall, machine: Machine, body: bytes) -> Fetched:
    cluster = call.native.cluster
    assert cluster is not None, "a machine that is alone knows no others"
    path, query = call.raw_path.decode("latin-1"), call.query_string.decode("latin-1")
    headers = {name: call.sent[name] for name in _SENT if name in call.sent}
    wanted = Fetch(
        f"{machine.url}{path}?{query}" if query else f"{machine.url}{path}",
        call.method,
        {**headers, _CALLER: cluster.members.gateway},
        as_sent=True,
        max_redirects=0,
        body=body,
    )
    try:
        return await cluster.peers.get(wanted, limit_bytes=_MOST_BYTES)
    except OutboundError as error:
        raise NativeError(502, f"{machine.url} does not answer: {error}") from None
