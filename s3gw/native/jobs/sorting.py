"""Dsort: `/v1/sort`.

    POST                 {"input_bck": {"name": "b"}, "input_format": {"template": "s-{0..9}"}, ...}
    GET                  ?uuid=srt-... for one, ?regex=... for a list
    DELETE  /abort       ?uuid=srt-...
    DELETE               ?uuid=srt-...

https://github.com/NVIDIA/aistore/blob/main/docs/dsort.md
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec.structs import replace

from cluster.jobs.dsort import KIND, Dsort
from cluster.jobs.job import JobStatus
from cluster.jobs.sorting import KeyMapSource, SortOrders
from s3gw.access import Access
from s3gw.config.schema import Dsort as Defaults
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply, text_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode
from s3gw.native.jobs.query import JobQuery, find_jobs
from s3gw.native.jobs.rights import require_reading, require_stopping, require_writing
from s3gw.native.jobs.selection import MAX_JUDGED, Selection
from s3gw.native.jobs.sort_message import SortMessage, read_names
from s3gw.native.jobs.sort_status import job_info
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.jobs.target import BckMessage, call_about, find_target
from s3gw.native.names import Bck, read_namespace, read_provider
from s3gw.native.object_names import key_of, prefix_of
from s3gw.native.operation import document, operation, query
from storage.archives import format_of_name
from storage.archives.selection import BadSelection, matching

_LONGEST_DESCRIPTION = 1024
_LONGEST_URL = 4096
_OBJECTS = "/v1/objects/"
_OURS = re.compile(r"([a-z]+)://([^/]+)/(.+)")
# A key map is kept in pieces of the job's list.
_PIECE = 32 << 10


@operation("POST", "sort", access=Access.GET, asks_itself=True)
class StartSort:
    """Needs GET on the input shards and on the key map, PUT on the output shards, and CREATE-BUCKET
    for an output bucket that does not exist; it is created with the properties of the other."""

    asked: SortMessage = document()

    async def run(self, call: NativeCall) -> Reply:
        asked = self.asked
        if not asked.input_bck.name:
            raise NativeError(400, '[dsort] parse-spec: "input_bck" missing source bucket')
        source = asked.input_bck.bck(call)
        target = source
        if asked.output_bck is not None and asked.output_bck.name:
            target = asked.output_bck.bck(call)
        job, names = _job(asked, source, target, call.native.settings.in_force.dsort)
        inside = await call_about(call, source, "GetObject")
        await require_reading(inside, _inputs(job, names))
        key_map = await _key_map(call, asked)
        described = await find_target(call, target, make=False)
        await require_writing(call, described, _outputs(job), "")
        await find_target(call, target, make=True, like=inside.bucket_info)
        orders = replace(job.orders, listed=len(names), key_map=key_map)
        text = asked.key_map_text
        pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
        return text_reply(await begin(call, replace(job, orders=orders), [*names, *pieces]))


@operation("GET", "sort", access=Access.SHOW_CLUSTER)
class ShowSorts:
    """One job under the target that runs it, or a list of those whose descriptions match."""

    xid: str = query("uuid", default="")
    regex: str = query("regex", default="")
    only_active: bool = query("only_active", default=False)

    async def run(self, call: NativeCall) -> Reply:
        now_ns = jobs_of(call).clock.now_ns()
        if self.xid:
            shown = job_info(await _find(call, self.xid), now_ns)
            return json_reply({call.native.members.jobs_target: shown})
        try:
            matches = matching(self.regex)
        except BadSelection as error:
            raise NativeError(400, str(error)) from None
        found = await find_jobs(call, JobQuery(kind=KIND.name))
        return json_reply(
            [
                job_info(each, now_ns)
                for each in sorted(found, key=lambda each: each.job.xid)
                if isinstance(each.job, Dsort)
                and matches(each.job.description)
                and not (self.only_active and each.is_over)
            ]
        )


@operation("DELETE", "sort/{what}", access=Access.SHOW_CLUSTER)
class AbortSort:
    """As other jobs, by administrators and by its owner."""

    xid: str = query("uuid", default="")

    async def run(self, call: NativeCall) -> Reply:
        if call.name != "abort":
            raise NativeError(400, f"invalid action {call.name[:32]!r}: abort is known")
        known = await _find(call, self.xid)
        await require_stopping(call, known.job)
        if known.is_over:
            raise NativeError(410, f"[dsort] {known.job.xid} is already archived")
        await jobs_of(call).stop(known.job.xid)
        return Reply()


@operation("DELETE", "sort", access=Access.SHOW_CLUSTER)
class RemoveSort:
    """Forget a job that is over."""

    xid: str = query("uuid", default="")

    async def run(self, call: NativeCall) -> Reply:
        known = await _find(call, self.xid)
        await require_stopping(call, known.job)
        if not known.is_over:
            message = f"dsort process {known.job.xid} still in progress and cannot be removed"
            raise NativeError(400, message)
        await jobs_of(call).remove(known.job)
        return Reply()


def _job(
    asked: SortMessage, source: Bck, target: Bck, defaults: Defaults
) -> tuple[Dsort, list[str]]:
    """Return the job and its list of input shards. Raise 400."""
    names = asked.input_format.objnames or []
    template, prefix = asked.input_format.template, ""
    if names or read_names(template, "input_format") is None:
        template, prefix = "", "" if template == "*" else prefix_of(template, "list-range")
    kind, output = asked.input_kind(), asked.output()
    if output is not None:
        key_of(output[0])
    job = Dsort(
        bucket=source.stored,
        target=target.stored,
        template="" if names else template,
        prefix="" if names else prefix,
        description=(asked.description or "")[:_LONGEST_DESCRIPTION],
        orders=SortOrders(
            algorithm=asked.algorithm.read(),
            reactions=asked.reactions(defaults),
            input_format=kind.value if kind else "",
            output=asked.output_format.strip() if output is not None else "",
            output_format=asked.output_kind().value,
            shard_bytes=asked.shard_bytes(),
            memory=asked.memory(defaults),
            readers=asked.readers(defaults),
            writers=asked.writers(defaults),
            dry_run=asked.dry_run,
        ),
    )
    return job, [key_of(name) for name in names]


def _inputs(job: Dsort, names: list[str]) -> Selection:
    if names or not job.template:
        return Selection(names=names, prefix=job.prefix)
    template = read_names(job.template, "input_format")
    assert template is not None, "it was read before"
    if len(template) > MAX_JUDGED:
        return Selection(prefix=template.texts[0])
    return Selection(names=[_with(name, job.orders.input_format) for name in template])


def _outputs(job: Dsort) -> Selection:
    """Return the names that the job may write, as far as they are few enough to be known."""
    template = read_names(job.orders.output, "output_format") if job.orders.output else None
    if template is None or len(template) > MAX_JUDGED:
        return Selection(prefix=template.texts[0] if template else "")
    return Selection(names=[_with(name, job.orders.output_format) for name in template])


def _with(name: str, extension: str) -> str:
    return name if format_of_name(name) else name + extension


async def _key_map(call: NativeCall, asked: SortMessage) -> KeyMapSource | None:
    """Return where the key map is; one of this server is read as an object. Raise 400, 403 and
    404."""
    if not asked.has_key_map:
        return None
    separator = asked.ekm_file_sep or "\t"
    if asked.ekm is not None:
        return KeyMapSource(separator=separator)
    url = asked.ekm_file
    if len(url) > _LONGEST_URL:
        raise NativeError(400, "failed to parse ekm file ('ekm_file') URL: it is too long")
    ours = _own_object(call, url)
    if ours is not None:
        bck, name = ours
        inside = await call_about(call, bck, "GetObject")
        await require_reading(inside, Selection(names=[name]))
        return KeyMapSource(bucket=bck.stored, name=name, separator=separator)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NativeError(
            400, "failed to parse ekm file ('ekm_file') URL: http:// or https:// is needed"
        )
    return KeyMapSource(url=url, separator=separator)


def _own_object(call: NativeCall, url: str) -> tuple[Bck, str] | None:
    """Return the bucket and the name where the URL is of an object here: as AIStore's clients make
    it, or as `ais://bucket/name`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        found = _OURS.fullmatch(url)
        if found is None:
            return None
        return BckMessage(found[2], found[1]).bck(call), key_of(found[3])
    if parts.netloc != urlsplit(call.endpoint).netloc or not parts.path.startswith(_OBJECTS):
        return None
    bucket, _, name = parts.path.removeprefix(_OBJECTS).partition("/")
    asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
    provider = read_provider(asked.get("provider", ""))
    uuid, space = read_namespace(asked.get("namespace", "@#"), call.known_clusters)
    return Bck(unquote(bucket), provider, uuid, space), key_of(unquote(name))


async def _find(call: NativeCall, xid: str) -> JobStatus:
    """Raise 404 for a job that the caller may not see, too."""
    found = await find_jobs(call, JobQuery(xid=xid, kind=KIND.name)) if xid else []
    if not found:
        message = f"[dsort] {xid[:64]} does not exist"
        raise NativeError(404, message, Tcode.NOT_FOUND)
    return found[0]
