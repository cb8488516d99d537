"""Orders about transformers: `/v1/etl`.

    PUT                          an InitMessage: start a new one; the answer is the id of its job
    GET                          all of them
    GET     /name[?uuid=job]     its message, and what it could not transform
    GET     /name/logs[/target]  also /health and /metrics: of each machine
    POST    /name/start  /stop
    DELETE  /name

https://github.com/NVIDIA/aistore/blob/main/docs/etl.md
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from cluster.jobs.registry import TooManyJobs
from s3gw.access import Access
from s3gw.etl.message import InitMessage, read_init
from s3gw.etl.records import Instance, ObjectError, Record
from s3gw.etl.service import EtlService
from s3gw.etl.usage import usage_of
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.call import NativeCall
from s3gw.native.cluster.forwarding import of_all_others, of_other_machine
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.etl.enabled import etl_of, targets_of
from s3gw.native.names import bck_of
from s3gw.native.operation import document, operation, query


class EtlInfo(Struct, frozen=True):
    id: str
    stage: str
    xaction_id: str
    obj_count: int
    in_bytes: int
    out_bytes: int


class EtlDetails(Struct, frozen=True):
    init_msg: InitMessage
    obj_errors: Sequence[ObjectError] | None


@operation("PUT", "etl", access=Access.ADMIN, needs_admin=True)
class InitEtl:
    """Answers when it runs on all machines."""

    message: Raw = document()

    async def run(self, call: NativeCall) -> Reply:
        etl = etl_of(call)
        message = read_init(bytes(self.message))
        try:
            xid = await etl.init(message, call.requested_by, targets_of(call))
        except TooManyJobs as error:
            raise NativeError(429, str(error), Tcode.TOO_MANY) from None
        return text_reply(xid)


@operation("GET", "etl", access=Access.ADMIN, needs_admin=True)
class ListEtls:
    async def run(self, call: NativeCall) -> Reply:
        shown = await etl_of(call).list(targets_of(call))
        return json_reply(
            [
                EtlInfo(
                    each.record.name,
                    each.stage.value,
                    each.record.xid,
                    each.counts.objects,
                    each.counts.bytes_in,
                    each.counts.bytes_out,
                )
                for each in shown
            ]
        )


@operation("GET", "etl/{etl}", access=Access.ADMIN, needs_admin=True)
class ShowEtl:
    """With the id of a job, the objects that the job could not transform; else those that requests
    could not."""

    job: str = query("uuid", default="")

    async def run(self, call: NativeCall) -> Reply:
        etl = etl_of(call)
        record = await etl.find(call.name)
        errors = await etl.errors(record, self.job, lambda bucket: bck_of(bucket).cname)
        return json_reply(EtlDetails(record.message, errors or None))


@operation("GET", "etl/{etl}/{what}", access=Access.ADMIN, needs_admin=True)
class WatchEtl:
    """Each machine has its own part of the answer."""

    async def run(self, call: NativeCall) -> Reply:
        etl = etl_of(call)
        what, _, target = call.segments[2].partition("/")
        if target:
            call.origin.node_id = target
            if (answer := await of_other_machine(call)) is not None:
                return answer
            if target != etl.target:
                raise NativeError(404, f'unknown target "{target[:64]}"', Tcode.NODE_NOT_FOUND)
        record = await etl.find(call.name)
        match what:
            case "logs":
                here = await _logs(etl, record)
            case "health":
                here = {"target_id": etl.target, "health_status": _health(etl.instance(record))}
            case "metrics":
                here = await _metrics(etl, record)
            case _:
                raise NativeError(400, f'invalid "{what[:32]}": logs, health and metrics are known')
        others = [] if target else await of_all_others(call)
        parts = [here, *(part for each in others for part in msgspec.json.decode(each.body))]
        return json_reply(sorted(parts, key=lambda part: str(part["target_id"])))


@operation("POST", "etl/{etl}/{action}", access=Access.ADMIN, needs_admin=True)
class ActOnEtl:
    async def run(self, call: NativeCall) -> Reply:
        etl = etl_of(call)
        match call.segments[2]:
            case "start":
                try:
                    xid = await etl.start(call.name, call.requested_by, targets_of(call))
                except TooManyJobs as error:
                    raise NativeError(429, str(error), Tcode.TOO_MANY) from None
                return text_reply(xid)
            case "stop":
                await etl.stop(call.name)
                return Reply()
        message = f'invalid operation "{call.segments[2][:32]}": start and stop are known'
        raise NativeError(400, message)


@operation("DELETE", "etl/{etl}", access=Access.ADMIN, needs_admin=True)
class RemoveEtl:
    async def run(self, call: NativeCall) -> Reply:
        await etl_of(call).remove(call.name)
        return Reply()


async def _logs(etl: EtlService, record: Record) -> Mapping[str, Any]:
    text = base64.b64encode(await etl.logs(record)).decode()
    return {"target_id": etl.target, "logs": text}


def _health(instance: Instance) -> str:
    """Return one of Kubernetes' phases, as AIStore does."""
    if instance.failed:
        return "Failed"
    return "Running" if instance.ready else "Pending"


async def _metrics(etl: EtlService, record: Record) -> Mapping[str, Any]:
    """One that somebody else runs uses nothing of this machine."""
    pid = etl.instance(record).pid
    if not pid:
        return {"target_id": etl.target, "cpu": 0.0, "mem": 0}
    usage = await asyncio.to_thread(usage_of, pid)
    return {"target_id": etl.target, "cpu": usage.cores, "mem": usage.memory}
