"""A WebHDFS in memory: what of it the backend uses, with a namenode and a datanode.

As Hadoop's documentation and MiniDFSCluster have it. `interfere` of a test comes before every
request, and may answer it instead.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from unicodedata import normalize
from urllib.parse import quote, unquote

from aiohttp import web

from storage.backends.hdfs import HdfsOptions

PREFIX = "/webhdfs/v1"
NAMENODE, DATANODE = "namenode", "datanode"
_LONGEST_NAME = 255
_LONGEST_NAME = 255
# As Hadoop's servers take it.
_LONGEST_HEAD = 64 << 10
_ids = itertools.count(16_386)


@dataclass
class Node:
    """A file, or a folder without content."""

    content: bytes | None = None
    xattrs: dict[str, bytes] = field(default_factory=dict)
    id: int = field(default_factory=lambda: next(_ids))
    modified_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


@dataclass(frozen=True)
class Asked:
    """A request. `at` is the kind of the server that has it."""

    at: str
    op: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Refused(Exception):
    """The name of a Java exception, and its message."""

    def __init__(self, name: str, message: str = "", status: int = 403) -> None:
        super().__init__(message)
        self.name, self.message, self.status = name, message, status

    def answer(self) -> web.Response:
        said = {"exception": self.name, "javaClassName": self.name, "message": self.message}
        return web.json_response({"RemoteException": said}, status=self.status)


Interference = Callable[[Asked, web.Request], Awaitable[web.StreamResponse | None]]


async def _no_interference(asked: Asked, request: web.Request) -> web.StreamResponse | None:
    return None


def missing(path: str) -> Refused:
    return Refused("FileNotFoundException", f"File does not exist: {path}", 404)


class WebHdfs:
    """`limit` is how many entries a batch has. As `httpfs` it has no datanode, and does not know
    the options of RENAME."""

    def __init__(self, *, limit: int = 1000, httpfs: bool = False) -> None:
        self.nodes: dict[str, Node] = {"/": Node()}
        self.asked: list[Asked] = []
        self.interfere: Interference = _no_interference
        self.endpoint = self.datanode = ""
        self._limit = limit
        self._httpfs = httpfs
        self._runners: list[web.AppRunner] = []

    async def __aenter__(self) -> Self:
        self.endpoint = await self._listen(NAMENODE)
        self.datanode = await self._listen(DATANODE)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def options(self, **others: Any) -> HdfsOptions:
        known = {"namenodes": (self.endpoint,), "root": "/", "user": "tester", "pause_s": 0.001}
        return HdfsOptions(**{**known, **others})

    def put(self, path: str, content: bytes) -> Node:
        """Put a file, as another program does."""
        self._make_folders(path.rpartition("/")[0])
        self.nodes[path] = made = Node(content)
        return made

    def files(self) -> list[str]:
        return sorted(path for path, node in self.nodes.items() if node.content is not None)

    async def _listen(self, at: str) -> str:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(at, request)

        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=0.1,
            max_line_size=_LONGEST_HEAD,
            max_field_size=_LONGEST_HEAD,
        )
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return f"http://{host}:{port}"

    async def _handle(self, at: str, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(PREFIX) or "/"
        headers = {name.lower(): value for name, value in request.headers.items()}
        op = request.query.get("op", "")
        asked = Asked(at, op, path, dict(request.query), headers)
        self.asked.append(asked)
        try:
            answer = await self.interfere(asked, request)
            if answer is not None:
                return answer
            made: web.Response = await getattr(self, f"_{op.lower()}")(asked, request)
            return made
        except Refused as refused:
            return refused.answer()

    def _redirect(self, asked: Asked, request: web.Request) -> web.Response | None:
        """Return a redirect to where the content is, unless this is there."""
        # Java composes characters there.
        path = normalize("NFC", unquote(request.raw_path.partition("?")[0]))
        where = f"{quote(path)}?{request.query_string}"
        if self._httpfs:
            if asked.op == "OPEN" or asked.query.get("data") == "true":
                return None
            target = f"{self.endpoint}{where}&data=true"
        elif asked.at == DATANODE:
            return None
        else:
            target = f"{self.datanode}{where}"
        return web.Response(status=307, headers={"Location": target})

    # What a namenode answers.

    async def _getfilestatus(self, asked: Asked, request: web.Request) -> web.Response:
        return web.json_response({"FileStatus": self._status(asked.path, "")})

    def _status(self, path: str, suffix: str) -> dict[str, Any]:
        node = self._node(path)
        is_folder = node.content is None
        return {
            "pathSuffix": suffix,
            "type": "DIRECTORY" if is_folder else "FILE",
            "length": len(node.content or b""),
            "modificationTime": node.modified_ms,
            "fileId": node.id,
            "childrenNum": len(self._children(path)) if is_folder else 0,
            "permission": "755",
        }

    def _node(self, path: str) -> Node:
        if path in self.nodes:
            return self.nodes[path]
        above = path.rpartition("/")[0]
        while above:
            if above in self.nodes and self.nodes[above].content is not None:
                raise Refused("ParentNotDirectoryException", f"{above} (is not a directory)")
            above = above.rpartition("/")[0]
        raise missing(path)

    def _children(self, path: str) -> list[str]:
        base = path.rstrip("/") + "/"
        names = (each[len(base) :] for each in self.nodes if each.startswith(base))
        return sorted((name for name in names if name and "/" not in name), key=signed)

    async def _liststatus_batch(self, asked: Asked, request: web.Request) -> web.Response:
        node = self._node(asked.path)
        if node.content is not None:
            statuses, remaining = [self._status(asked.path, "")], 0
        else:
            after = signed(asked.query.get("startAfter", ""))
            names = [name for name in self._children(asked.path) if signed(name) > after]
            base = asked.path.rstrip("/") + "/"
            statuses = [self._status(base + name, name) for name in names[: self._limit]]
            remaining = len(names) - len(statuses)
        partial = {"FileStatuses": {"FileStatus": statuses}}
        listing = {"partialListing": partial, "remainingEntries": remaining}
        return web.json_response({"DirectoryListing": listing})

    async def _mkdirs(self, asked: Asked, request: web.Request) -> web.Response:
        self._make_folders(asked.path)
        return web.json_response({"boolean": True})

    def _make_folders(self, path: str) -> None:
        above = ""
        for element in filter(None, path.split("/")):
            above += f"/{element}"
            if self.nodes.setdefault(above, Node()).content is not None:
                raise Refused("ParentNotDirectoryException", f"{above} (is not a directory)")

    async def _delete(self, asked: Asked, request: web.Request) -> web.Response:
        if asked.path not in self.nodes:
            return web.json_response({"boolean": False})
        if self.nodes[asked.path].content is None and self._children(asked.path):
            name = "PathIsNotEmptyDirectoryException"
            raise Refused(name, f"`{asked.path} is non empty': Directory is not empty")
        del self.nodes[asked.path]
        return web.json_response({"boolean": True})

    async def _rename(self, asked: Asked, request: web.Request) -> web.Response:
        target = asked.query["destination"]
        if len(target.rpartition("/")[2].encode()) > _LONGEST_NAME:
            raise Refused("PathComponentTooLongException", "the limit is 255")
        if asked.path not in self.nodes:
            raise missing(asked.path)
        there = self.nodes.get(target)
        if self._httpfs:
            if there is not None and there.content is None:
                target = f"{target}/{asked.path.rpartition('/')[2]}"
                there = None
            if there is None:
                self.nodes[target] = self.nodes.pop(asked.path)
            return web.json_response({"boolean": there is None})
        self._node(target.rpartition("/")[0] or "/")
        if there is not None and asked.query.get("renameoptions") != "OVERWRITE":
            raise Refused("FileAlreadyExistsException", f"rename destination {target} exists")
        if there is not None and there.content is None:
            raise Refused("IOException", f"Source {asked.path} and destination {target} differ")
        self.nodes[target] = self.nodes.pop(asked.path)
        return web.Response()

    async def _getxattrs(self, asked: Asked, request: web.Request) -> web.Response:
        xattrs = self._node(asked.path).xattrs.items()
        shown = [{"name": name, "value": f"0s{b64encode(v).decode()}"} for name, v in xattrs]
        return web.json_response({"XAttrs": shown})

    async def _setxattr(self, asked: Asked, request: web.Request) -> web.Response:
        value = b64decode(asked.query["xattr.value"].removeprefix("0s"))
        self._node(asked.path).xattrs[asked.query["xattr.name"]] = value
        return web.Response()

    async def _settimes(self, asked: Asked, request: web.Request) -> web.Response:
        self._node(asked.path).modified_ms = int(asked.query["modificationtime"])
        return web.Response()

    # What a datanode answers, after the redirect.

    async def _open(self, asked: Asked, request: web.Request) -> web.Response:
        content = self._node(asked.path).content
        if content is None:
            raise missing(asked.path)
        offset = int(asked.query.get("offset", 0))
        if offset >= len(content):
            reason = f"Offset={offset} out of the range [0, {len(content)}); OPEN, {asked.path}"
            raise Refused("IOException", reason)
        if redirect := self._redirect(asked, request):
            return redirect
        length = int(asked.query.get("length", len(content)))
        return web.Response(body=content[offset : offset + length])

    async def _create(self, asked: Asked, request: web.Request) -> web.Response:
        if redirect := self._redirect(asked, request):
            return redirect
        if len(asked.path.rpartition("/")[2].encode()) > _LONGEST_NAME:
            raise Refused("PathComponentTooLongException", "the limit is 255")
        if asked.path in self.nodes and asked.query.get("overwrite") != "true":
            raise Refused("FileAlreadyExistsException", asked.path)
        above = asked.path.rpartition("/")[0] or "/"
        if asked.query.get("createparent") == "true":
            self._make_folders(above)
        self._node(above)
        node = Node(b"")
        self.nodes[asked.path] = node
        received = bytearray()
        try:
            async for block in request.content.iter_any():
                received += block
        finally:
            # A client that leaves ends the file, too.
            node.content = bytes(received)
            node.modified_ms = time.time_ns() // 1_000_000
        return web.Response(status=201, headers={"Location": f"hdfs://here{quote(asked.path)}"})


def signed(name: str) -> bytes:
    """What HDFS sorts a name by: bytes with a sign."""
    return bytes((byte + 128) % 256 for byte in name.encode())


async def breaking(request: web.Request, content: bytes, sent: int) -> web.StreamResponse:
    """Send the first bytes of a content, under the length of all, and break the connection off."""
    answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
    await answer.prepare(request)
    await answer.write(content[:sent])
    assert request.transport is not None
    # What was written gets there before the connection breaks.
    await asyncio.sleep(0)
    request.transport.close()
    return answer
