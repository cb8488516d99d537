"""Objects: one, or many by a list, a template or a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.client.buckets import CopyOptions, action
from s3gw.client.call import (
    Body,
    Call,
    Headers,
    Request,
    Response,
    headers_of,
    no_result,
    text_of,
)
from s3gw.client.names import Bck, ObjectName

_ALL_PROPS = "checksum,atime,version,copies,custom,location,chunked,last-modified,etag"


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """The part of an object that is read. `range` is HTTP's, after `bytes=`; `mode` says how
    `pattern` selects members of an archive. With `etls` it is read through these transformers, one
    after the other."""

    range: str = ""
    member: str = ""
    pattern: str = ""
    mode: str = ""
    mime: str = ""
    etls: tuple[str, ...] = ()
    etl_args: str = ""

    @property
    def query(self) -> dict[str, str]:
        query = {"archpath": self.member} if self.member else {}
        if self.etls:
            query |= {"etl_name": self.etls[0]}
        if self.etls[1:]:
            query |= {"etl_pipeline": ",".join(self.etls[1:])}
        if self.etl_args:
            query |= {"etl_args": self.etl_args}
        if self.pattern or self.mode:
            query |= {"archregx": self.pattern, "archmode": self.mode}
        return query | ({"archmime": self.mime} if self.mime else {})

    @property
    def headers(self) -> dict[str, str]:
        return {"Range": f"bytes={self.range}"} if self.range else {}

    @property
    def is_whole(self) -> bool:
        """Whether the answer has the object's checksum."""
        return not (self.range or self.query)


@dataclass(frozen=True, slots=True)
class Selection:
    """Many objects: `names`, or a `template`. A template without braces is a prefix."""

    names: tuple[str, ...] = ()
    template: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        if self.template is not None:
            return {"template": self.template}
        return {"objnames": list(self.names)}


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """How objects become an archive. Without `mime` the name's extension decides; `bare` members
    have the last parts of names, `flat` leaves out what is in folders."""

    mime: str = ""
    with_bucket: bool = False
    appends: bool = False
    continue_on_error: bool = False
    bare: bool = False
    flat: bool = False


@dataclass(frozen=True, slots=True)
class PromoteOptions:
    recursive: bool = False
    overwrites: bool = False
    deletes_source: bool = False


def get_object(name: ObjectName, read: ObjectRead | None = None) -> Request:
    """Return the request alone: a driver streams its response."""
    read = read or ObjectRead()
    query = {**name.bck.query, **read.query}
    return Request("GET", name.path, query, headers=read.headers)


def head_object(name: ObjectName, read: ObjectRead | None = None) -> Call[dict[str, str]]:
    """Return headers by their names in lower case. Properties that come in several headers are
    joined with commas."""
    query = {**name.bck.query, **(read.query if read else {"props": _ALL_PROPS})}
    return Call(Request("HEAD", name.path, query), _joined_headers)


def put_object(name: ObjectName, body: Body, headers: Mapping[str, str]) -> Call[Headers]:
    """Return the headers of the response, which have the stored checksum."""
    request = Request("PUT", name.path, name.bck.query, body=body, headers=headers)
    return Call(request, headers_of)


def append_member(
    name: ObjectName, member: str, body: Body, headers: Mapping[str, str], *, creates: bool
) -> Call[None]:
    """Add a file to an archive; an archive that does not exist is created if `creates`."""
    query = {**name.bck.query, "archpath": member}
    headers = {**headers, "Ais-Pine": "2" if creates else "1"}
    once = Body(body.blocks, body.size, once=True)
    return Call(Request("PUT", name.path, query, body=once, headers=headers), no_result)


def delete_object(name: ObjectName) -> Call[None]:
    return Call(Request("DELETE", name.path, name.bck.query), no_result)


def rename_object(name: ObjectName, new_key: str) -> Call[None]:
    """Rename within the bucket."""
    message = action("rename-obj", about=new_key)
    return Call(Request("POST", name.path, name.bck.query, message), no_result)


def copy_object(name: ObjectName, to: ObjectName) -> Call[None]:
    query = {**name.bck.query, "object_to": to.uname}
    return Call(Request("PUT", name.path, query), no_result)


def set_custom(name: ObjectName, pairs: Mapping[str, str], *, replaces: bool) -> Call[None]:
    query = {**name.bck.query, **({"set-new-custom": "true"} if replaces else {})}
    return Call(Request("PATCH", name.path, query, action("", dict(pairs))), no_result)


def promote(source: str, to: ObjectName, options: PromoteOptions) -> Call[str]:
    """Make objects from files of the server's machine. Return a job's id, or an empty text when it
    is done already."""
    value = {
        "tid": "",
        "src": source,
        "obj": to.key,
        "rcr": options.recursive,
        "ovw": options.overwrites,
        "dls": options.deletes_source,
        "notshr": False,
    }
    message = action("promote", value, about=source)
    path = to.bck.path.replace("buckets/", "objects/", 1)
    return Call(Request("POST", path, to.bck.query, message), text_of)


def delete_many(bck: Bck, selection: Selection) -> Call[str]:
    """Return the job's id, as all that follow."""
    return _many("DELETE", bck, "delete-listrange", selection.document)


def evict_many(bck: Bck, selection: Selection) -> Call[str]:
    return _many("DELETE", bck, "evict-listrange", selection.document)


def prefetch_many(
    bck: Bck, selection: Selection, options: CopyOptions, blob_threshold: str = ""
) -> Call[str]:
    """Objects from that size on, such as `64MiB`, are fetched in many ranges at once."""
    how: dict[str, Any] = {"coer": options.continue_on_error, "latest-ver": options.latest}
    if options.workers:
        how["num-workers"] = options.workers
    if blob_threshold:
        how["blob-threshold"] = blob_threshold
    return _many("POST", bck, "prefetch-listrange", {**selection.document, **how})


def copy_many(bck: Bck, to: Bck, selection: Selection, options: CopyOptions) -> Call[str]:
    value = {**selection.document, **options.document, "tobck": to.document}
    return _many("POST", bck, "copy-listrange", value)


def archive_many(
    bck: Bck, to: ObjectName, selection: Selection, options: ArchiveOptions
) -> Call[str]:
    value = {
        **selection.document,
        "archname": to.key,
        "tobck": to.bck.document,
        "isbn": options.with_bucket,
        "aate": options.appends,
        "coer": options.continue_on_error,
        "bnonly": options.bare,
        "non-recurs": options.flat,
        **({"mime": options.mime} if options.mime else {}),
    }
    return _many("PUT", bck, "archive", value)


def _many(method: str, bck: Bck, name: str, value: Mapping[str, Any]) -> Call[str]:
    return Call(Request(method, bck.path, bck.query, action(name, value)), text_of)


def _joined_headers(response: Response) -> dict[str, str]:
    joined: dict[str, str] = {}
    for header, text in response.headers.items():
        lower = header.lower()
        joined[lower] = f"{joined[lower]}, {text}" if lower in joined else text
    return joined
