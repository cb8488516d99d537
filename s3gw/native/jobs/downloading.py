"""The downloader: `/v1/download`.

    POST             {"type": "single", "bucket": {"name": "b"}, "link": "https://..."}
    GET              {"id": "dnl-..."}, or {"regex": "..."} for a list
    DELETE  /abort   {"id": "dnl-..."}
    DELETE  /remove  {"id": "dnl-..."}

https://github.com/NVIDIA/aistore/blob/main/docs/downloader.md
"""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import basename
from typing import Any
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from cluster.jobs.download import KIND, Download, Source, listed_link, templated_link
from cluster.jobs.job import JobStatus
from cluster.jobs.job_run import Link
from cluster.jobs.template import BadTemplate, read_template
from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.jobs.download_headers import sealed_headers
from s3gw.jobs.downloading import web_url
from s3gw.native.answers import json_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.etl.enabled import etl_of
from s3gw.native.etl.inline import pipeline_of
from s3gw.native.jobs.download_message import DownloadMessage
from s3gw.native.jobs.download_status import download_job, download_status
from s3gw.native.jobs.query import JobQuery, find_jobs
from s3gw.native.jobs.rights import (
    require_deleting,
    require_reading,
    require_stopping,
    require_writing,
)
from s3gw.native.jobs.selection import Selection
from s3gw.native.jobs.starting import begin, jobs_of
from s3gw.native.jobs.target import call_about, find_target
from s3gw.native.names import Bck
from s3gw.native.object_names import key_of
from s3gw.native.operation import document, operation
from s3gw.native.remote_buckets import is_remote
from storage.archives.selection import BadSelection, matching
from storage.backends.http import PROVIDER, BadUrl
from storage.pacing import off_loop
from storage.values import BucketInfo

_LONGEST_DESCRIPTION = 1024
# About how many bytes of a list are read in a moment.
_LINK_BYTES = 200


class DownloadQuery(Struct, frozen=True):
    id: str = ""
    regex: str = ""
    only_active_tasks: bool = False


@operation("POST", "download", access=Access.PUT, asks_itself=True)
class StartDownload:
    """Needs PUT on the objects to be, and CREATE-BUCKET for a bucket that does not exist; for
    objects of a backend GET, and DELETE-OBJECT to synchronize. With `etl_name`, objects of links
    are what the transformer makes of them."""

    asked: DownloadMessage = document()

    async def run(self, call: NativeCall) -> Reply:
        asked, source = self.asked, self.asked.source()
        if not asked.bucket.name:
            raise NativeError(400, "missing 'bucket.name'")
        bck = asked.bucket.bck(call)
        if transformers := pipeline_of(asked.etl_name, "", asked.etl_args):
            await etl_of(call, "etl_name").transforming.check(transformers)
        job = Download(
            bucket=bck.stored,
            source=source,
            connections=asked.connections(),
            bytes_per_hour=asked.limits.bytes_per_hour,
            timeout_s=asked.timeout_s(),
            sealed_headers=sealed_headers(asked.read_headers(), call.native.authn.directory.vault),
            description=(asked.description or _description(asked, bck))[:_LONGEST_DESCRIPTION],
            etl=asked.etl_name,
            etl_args=asked.etl_args,
        )
        if source is Source.BACKEND or (source is Source.SINGLE and asked.from_remote):
            return await _from_backend(call, bck, job, asked)
        if source is Source.RANGE:
            job, names = await _templated(job, asked)
            await _require_target(call, bck, names)
            return _begun(await begin(call, job))
        links = await off_loop(_LINK_BYTES * len(asked.objects or ()), _links_of, asked)
        await _require_target(call, bck, [each.name for each in links])
        job = replace(job, count=len(links))
        return _begun(await begin(call, job, [listed_link(each) for each in links]))


@operation("GET", "download", access=Access.SHOW_CLUSTER)
class ShowDownloads:
    """One job with its objects, or a list of the jobs whose descriptions match."""

    asked: DownloadQuery = document(default=DownloadQuery())

    async def run(self, call: NativeCall) -> Reply:
        asked = self.asked
        if asked.id and asked.regex:
            raise NativeError(400, "regex and job ID cannot be defined together: choose one")
        if asked.id:
            known = await _find(call, asked.id)
            return json_reply(download_status(known, only_active=asked.only_active_tasks))
        try:
            matches = matching(asked.regex)
        except BadSelection as error:
            raise NativeError(400, str(error)) from None
        found = [download_job(each) for each in await find_jobs(call, JobQuery(kind=KIND.name))]
        return json_reply(
            [
                each
                for each in found
                if matches(each.description) and not (asked.only_active_tasks and each.is_over)
            ]
        )


@operation("DELETE", "download/{what}", access=Access.SHOW_CLUSTER)
class EndDownload:
    """`abort` stops a job, `remove` forgets one that has ended. As other jobs, by administrators
    and by its owner."""

    asked: DownloadQuery = document(default=DownloadQuery())

    async def run(self, call: NativeCall) -> Reply:
        what = call.name
        if what not in ("abort", "remove"):
            raise NativeError(400, f"invalid action {what[:32]!r}: abort and remove are known")
        if not self.asked.id:
            raise NativeError(400, "UUID not specified")
        known = await _find(call, self.asked.id)
        await require_stopping(call, known.job)
        has_ended = known.is_over or known.is_idle
        if what == "abort":
            if not has_ended:
                await jobs_of(call).stop(known.job.xid)
        elif has_ended:
            await jobs_of(call).remove(known.job)
        else:
            message = f"download job {known.job.xid} is still running: abort it first"
            raise NativeError(400, message)
        return Reply()


async def _from_backend(call: NativeCall, bck: Bck, job: Download, asked: DownloadMessage) -> Reply:
    inside = await call_about(call, bck, "GetObject")
    if not is_remote(inside):
        raise NativeError(400, f"bucket {bck.cname()}: a bucket download requires a remote bucket")
    if job.source is Source.BACKEND:
        chosen = Selection(prefix=asked.prefix)
        await require_reading(inside, chosen)
        if asked.synchronizes:
            inside.operation = "DeleteObjects"
            await require_deleting(inside, chosen)
        job = replace(job, prefix=asked.prefix, suffix=asked.suffix, synchronize=asked.synchronizes)
        return _begun(await begin(call, job))
    link = Link(_key(asked.object_name, ""), "")
    await require_reading(inside, Selection(names=[link.name]))
    return _begun(await begin(call, replace(job, count=1), [listed_link(link)]))


async def _require_target(call: NativeCall, bck: Bck, names: Sequence[str]) -> None:
    """Raise 403 unless the caller may write all of the objects, and create the bucket if it does
    not exist; then it is created."""
    if bck.provider == PROVIDER:
        raise unsupported(f"downloading into {bck.cname()}, which is only read,")
    chosen = Selection(names=names)
    if not bck.is_ours:
        inside = await call_about(call, bck, "PutObject")
        await require_writing(inside, inside.bucket_info, chosen, "")
        return
    described: BucketInfo = await find_target(call, bck, make=False)
    await require_writing(call, described, chosen, "")
    await find_target(call, bck, make=True)


async def _templated(job: Download, asked: DownloadMessage) -> tuple[Download, Sequence[str]]:
    """Return the job of a template, and the names of its objects."""
    if not asked.template:
        raise NativeError(400, "missing 'template' in the request body")
    try:
        template = read_template(asked.template)
    except BadTemplate as error:
        raise NativeError(400, f"invalid template: {error}") from None
    if template is None:
        raise NativeError(400, "invalid template: it has no range, like {0..9}")
    job = replace(job, template=asked.template, folder=asked.subdir, count=len(template))
    for url in (template[0], template[-1]):
        _checked(url)
        key_of(templated_link(job, url).name)
    if not basename(templated_link(job, template[0]).name):
        raise NativeError(400, "invalid template: its links name directories")
    return job, _TemplatedNames(job)


class _TemplatedNames(Sequence[str]):
    """Names of a template's objects, each made when it is read."""

    def __init__(self, job: Download) -> None:
        template = read_template(job.template)
        assert template is not None, "it was read before"
        self._job, self._template = job, template

    def __len__(self) -> int:
        return len(self._template)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [templated_link(self._job, url).name for url in self._template[at]]
        return templated_link(self._job, self._template[at]).name


def _links_of(asked: DownloadMessage) -> list[Link]:
    """Return what a request names one by one. Raise 400."""
    if asked.type == Source.SINGLE.value:
        if not asked.link:
            raise NativeError(400, "missing 'link' in the request body")
        return [Link(_key(asked.object_name, asked.link), _checked(asked.link))]
    if not asked.objects:
        raise NativeError(400, "missing 'objects' in the request body")
    if isinstance(asked.objects, dict):
        pairs = list(asked.objects.items())
    else:
        pairs = [("", link) for link in asked.objects]
    # The last of several links with one name counts.
    named = {_key(name, link): _checked(link) for name, link in pairs}
    return [Link(name, link) for name, link in named.items()]


def _key(name: str, link: str) -> str:
    """Return the key of an object: of its name, or else of the last part of its link."""
    named = name or _last_part(link)
    if not named or "\n" in named:
        raise NativeError(400, f"cannot name an object after the link {_shown(link)!r}")
    return key_of(named)


def _last_part(link: str) -> str:
    """Return the last part of a link's path; empty for a link without a path."""
    plain = link.partition("?")[0].partition("#")[0]
    _, mark, rest = plain.partition("://")
    path = (rest if mark else plain).partition("/")[2]
    return unquote(basename(path))


def _checked(link: str) -> str:
    try:
        web_url(link)
    except BadUrl as error:
        raise NativeError(400, f"invalid link {_shown(link)!r}: {error}") from None
    return link


def _shown(link: str) -> str:
    """Return a link without its query, which may hold a secret, and without a password."""
    scheme, mark, rest = link.partition("?")[0][:256].partition("://")
    authority, slash, path = rest.partition("/")
    return scheme + mark + authority.rpartition("@")[2] + slash + path


def _description(asked: DownloadMessage, bck: Bck) -> str:
    """Return AIStore's description of a request without one."""
    if asked.type == Source.SINGLE.value:
        return f"{_shown(asked.link)} -> {bck.cname(asked.object_name)}"
    if asked.type == Source.RANGE.value:
        return f"{_shown(asked.template)} -> {bck.cname()}"
    if asked.type == Source.BACKEND.value:
        return f"remote bucket prefetch -> {bck.cname()}"
    return f"multi-download -> {bck.cname()}"


async def _find(call: NativeCall, xid: str) -> JobStatus:
    """Raise 404 for a job that the caller may not see, too."""
    found = await find_jobs(call, JobQuery(xid=xid, kind=KIND.name))
    if not found:
        message = f"download job {xid[:64]} does not exist"
        raise NativeError(404, message, Tcode.NOT_FOUND)
    return found[0]


def _begun(xid: str) -> Reply:
    return json_reply({"id": xid})
