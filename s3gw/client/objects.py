"""Objects, one at a time and many by a list, a template or a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any

from s3gw.client.buckets import CopyOrders, action
from s3gw.client.names import Bck, ObjectName
from s3gw.client.transport import Body, Client, Request, Stream

_ALL_PROPS = "checksum,atime,version,copies,custom,location,chunked,last-modified,etag"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of an object is read. `range` is as HTTP has it after `bytes=`; `mode` says how
    `pattern` selects members of an archive."""

    range: str = ""
    member: str = ""
    pattern: str = ""
    mode: str = ""
    mime: str = ""

    @property
    def query(self) -> dict[str, str]:
        query = {"archpath": self.member} if self.member else {}
        if self.pattern or self.mode:
            query |= {"archregx": self.pattern, "archmode": self.mode}
        return query | ({"archmime": self.mime} if self.mime else {})

    @property
    def headers(self) -> dict[str, str]:
        return {"Range": f"bytes={self.range}"} if self.range else {}

    @property
    def is_whole(self) -> bool:
        """Whether the checksum of the object is that of the answer."""
        return not (self.range or self.query)


@dataclass(frozen=True, slots=True)
class Selection:
    """Many objects: one of the two is given. A template without braces is a prefix."""

    names: tuple[str, ...] = ()
    template: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        if self.template is not None:
            return {"template": self.template}
        return {"objnames": list(self.names)}


@dataclass(frozen=True, slots=True)
class ArchiveOrders:
    """How objects become an archive. An empty `mime` goes by the name's extension; `bare` members
    have the last parts of names, `flat` leaves out what is in folders."""

    mime: str = ""
    with_bucket: bool = False
    appends: bool = False
    goes_on: bool = False
    bare: bool = False
    flat: bool = False


@dataclass(frozen=True, slots=True)
class PromoteOrders:
    recursive: bool = False
    overwrites: bool = False
    deletes_source: bool = False


def open_object(
    client: Client, name: ObjectName, wanted: Wanted | None = None
) -> AbstractContextManager[Stream]:
    wanted = wanted or Wanted()
    query = {**name.bck.query, **wanted.query}
    return client.open(Request("GET", name.path, query, headers=wanted.headers))


def head_object(client: Client, name: ObjectName, wanted: Wanted | None = None) -> dict[str, str]:
    """What the server tells of it: headers by lower-case names. Properties that come in several
    headers are joined with commas."""
    query = {**name.bck.query, **(wanted.query if wanted else {"props": _ALL_PROPS})}
    told: dict[str, str] = {}
    for header, text in client.send(Request("HEAD", name.path, query)).headers.items():
        text = text.encode("latin-1", "replace").decode(errors="replace")
        lower = header.lower()
        told[lower] = f"{told[lower]}, {text}" if lower in told else text
    return told


def put_object(
    client: Client, name: ObjectName, body: Body, headers: Mapping[str, str]
) -> HTTPMessage:
    """The headers of the answer, the checksum that is kept among them."""
    request = Request("PUT", name.path, name.bck.query, body=body, headers=headers)
    return client.send(request).headers


def append_member(
    client: Client,
    name: ObjectName,
    member: str,
    body: Body,
    headers: Mapping[str, str],
    *,
    creates: bool,
) -> None:
    """Add a file to an archive; one that is not there is made, if `creates`."""
    query = {**name.bck.query, "archpath": member}
    headers = {**headers, "Ais-Pine": "2" if creates else "1"}
    once = Body(body.blocks, body.size, once=True)
    client.send(Request("PUT", name.path, query, body=once, headers=headers))


def delete_object(client: Client, name: ObjectName) -> None:
    client.send(Request("DELETE", name.path, name.bck.query))


def rename_object(client: Client, name: ObjectName, new_key: str) -> None:
    """Within its bucket."""
    message = action("rename-obj", about=new_key)
    client.send(Request("POST", name.path, name.bck.query, message))


def copy_object(client: Client, name: ObjectName, to: ObjectName) -> None:
    query = {**name.bck.query, "object_to": to.uname}
    client.send(Request("PUT", name.path, query))


def set_custom(
    client: Client, name: ObjectName, pairs: Mapping[str, str], *, replaces: bool
) -> None:
    query = {**name.bck.query, **({"set-new-custom": "true"} if replaces else {})}
    client.send(Request("PATCH", name.path, query, action("", dict(pairs))))


def promote(client: Client, source: str, to: ObjectName, orders: PromoteOrders) -> str:
    """Take in files of the server's machine. A job's id, or nothing when it is done."""
    value = {
        "tid": "",
        "src": source,
        "obj": to.key,
        "rcr": orders.recursive,
        "ovw": orders.overwrites,
        "dls": orders.deletes_source,
        "notshr": False,
    }
    message = action("promote", value, about=source)
    path = to.bck.path.replace("buckets/", "objects/", 1)
    return client.send(Request("POST", path, to.bck.query, message)).text.strip()


def delete_many(client: Client, bck: Bck, chosen: Selection) -> str:
    """The job's id, as of all that follow."""
    message = action("delete-listrange", chosen.document)
    return client.send(Request("DELETE", bck.path, bck.query, message)).text.strip()


def evict_many(client: Client, bck: Bck, chosen: Selection) -> str:
    message = action("evict-listrange", chosen.document)
    return client.send(Request("DELETE", bck.path, bck.query, message)).text.strip()


def prefetch_many(client: Client, bck: Bck, chosen: Selection, orders: CopyOrders) -> str:
    how: dict[str, Any] = {"coer": orders.goes_on, "latest-ver": orders.latest}
    if orders.workers:
        how["num-workers"] = orders.workers
    message = action("prefetch-listrange", {**chosen.document, **how})
    return client.send(Request("POST", bck.path, bck.query, message)).text.strip()


def copy_many(client: Client, bck: Bck, to: Bck, chosen: Selection, orders: CopyOrders) -> str:
    value = {**chosen.document, **orders.document, "tobck": to.document}
    message = action("copy-listrange", value)
    return client.send(Request("POST", bck.path, bck.query, message)).text.strip()


def archive_many(
    client: Client, bck: Bck, to: ObjectName, chosen: Selection, orders: ArchiveOrders
) -> str:
    value = {
        **chosen.document,
        "archname": to.key,
        "tobck": to.bck.document,
        "isbn": orders.with_bucket,
        "aate": orders.appends,
        "coer": orders.goes_on,
        "bnonly": orders.bare,
        "non-recurs": orders.flat,
        **({"mime": orders.mime} if orders.mime else {}),
    }
    return client.send(Request("PUT", bck.path, bck.query, action("archive", value))).text.strip()
