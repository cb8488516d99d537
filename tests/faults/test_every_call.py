"""Each system call of each operation, in both APIs, finds no room in turn: the answer is 507 and
nothing has changed, or the operation was done all the same."""

from __future__ import annotations

import http.client
import json
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import tracing
from tests.faults.data_folder import s3gw
from tests.faults.objects import content
from tests.faults.tracing import failing
from tests.server_process import ServerProcess

SMALL, LARGE = content(61, 900), content(62, 700_000)
MOST_CALLS = 12
# What makes room is tried again once, so that one refusal does no harm.
TRIED_AGAIN = ("DELETE", "mpt-abort")
_FILE_CALLS = "fsync,link,linkat,rename,ftruncate,mkdir"

needs_strace = pytest.mark.skipif(bool(tracing.why_not()), reason=tracing.why_not())


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: http.client.HTTPMessage


class Server(ServerProcess):
    """Without authentication: anybody may send anything."""

    def send(self, method: str, path: str, body: bytes | object = b"", **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(), answer.headers)
        finally:
            connection.close()

    def good(self, method: str, path: str, body: bytes | object = b"", **headers: str) -> Answer:
        answer = self.send(method, path, body, **headers)
        assert answer.status < 300, answer
        return answer

    def act(self, method: str, path: str, action: str, value: object = None) -> Answer:
        return self.send(method, path, {"action": action, "value": value})


Run = Callable[[Server, str], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """Each try has a name of its own: `before` makes what it needs, `look` shows the outcome."""

    run: Run
    look: Callable[[Server, str], object]
    before: Callable[[Server, str], object] = lambda server, name: None


def _bytes(server: Server, path: str) -> object:
    answer = server.send("GET", path)
    return answer.status, answer.body if answer.status == 200 else b""


def _object(server: Server, name: str) -> object:
    head = server.send("HEAD", f"/bucket/{name}")
    properties = sorted(each for each in head.headers.items() if "custom" in each[0].lower())
    return _bytes(server, f"/bucket/{name}"), _bytes(server, f"/bucket/{name}-2"), properties


def _custom(server: Server, name: str) -> object:
    return server.send("HEAD", f"/v1/objects/bucket/{name}").headers.get("Ais-Custom-Md")


def _bucket(server: Server, name: str) -> object:
    head = server.send("HEAD", f"/v1/buckets/{name}")
    return head.status, head.headers.get("Ais-Bucket-Props")


def _uploads(server: Server, name: str) -> object:
    found = server.send("GET", f"/bucket?uploads&prefix={name}").body
    upload = found.partition(b"<UploadId>")[2].partition(b"</UploadId>")[0].decode()
    parts = server.send("GET", f"/bucket/{name}?uploadId={upload}").body.count(b"<Part>")
    return found.count(b"<Upload>"), parts if upload else 0, _bytes(server, f"/bucket/{name}")


def _put(server: Server, name: str, body: bytes = SMALL) -> Answer:
    return server.good("PUT", f"/v1/objects/bucket/{name}", body)


def _begin(server: Server, name: str) -> str:
    upload = (
        server.act("POST", f"/v1/objects/bucket/{name}", "mpt-upload").body.decode().strip('"\n')
    )
    server.good("PUT", f"/v1/objects/bucket/{name}?uploadId={upload}&partNumber=1", LARGE)
    UPLOADS[name] = upload
    return upload


def _begin_append(server: Server, name: str) -> None:
    answer = server.good("PUT", f"/v1/objects/bucket/{name}?append_type=append", SMALL)
    UPLOADS[name] = answer.headers["Ais-Append-Handle"]


def _append(server: Server, name: str) -> Answer:
    """And flush it: until then nothing is seen."""
    where = f"/v1/objects/bucket/{name}"
    appended = server.send("PUT", f"{where}?append_type=append", SMALL)
    if appended.status >= 300:
        return appended
    handle = appended.headers["Ais-Append-Handle"]
    return server.send("PUT", f"{where}?append_type=flush&append_handle={handle}")


def _complete(server: Server, name: str) -> Answer:
    path, value = f"/v1/objects/bucket/{name}?uploadId={UPLOADS[name]}", [{"part-number": 1}]
    return server.act("POST", path, "mpt-complete", value)


UPLOADS: dict[str, str] = {}
MARKED = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"

OPERATIONS = {
    "PUT small": Operation(lambda s, n: s.send("PUT", f"/v1/objects/bucket/{n}", SMALL), _object),
    "PUT large": Operation(lambda s, n: s.send("PUT", f"/v1/objects/bucket/{n}", LARGE), _object),
    "DELETE": Operation(lambda s, n: s.send("DELETE", f"/v1/objects/bucket/{n}"), _object, _put),
    "rename": Operation(
        lambda s, n: s.send(
            "POST", f"/v1/objects/bucket/{n}", {"action": "rename-obj", "name": f"{n}-2"}
        ),
        _object,
        _put,
    ),
    "copy": Operation(
        lambda s, n: s.send("PUT", f"/v1/objects/bucket/{n}?object_to=ais/@%23/bucket/{n}-2"),
        _object,
        lambda s, n: _put(s, n, LARGE),
    ),
    "custom": Operation(
        lambda s, n: s.send(
            "PATCH", f"/v1/objects/bucket/{n}", {"action": "", "value": {"a": "1"}}
        ),
        _custom,
        _put,
    ),
    "append": Operation(_append, _object),
    "flush": Operation(
        lambda s, n: s.send(
            "PUT", f"/v1/objects/bucket/{n}?append_type=flush&append_handle={UPLOADS[n]}"
        ),
        _object,
        _begin_append,
    ),
    "mpt-upload": Operation(
        lambda s, n: s.act("POST", f"/v1/objects/bucket/{n}", "mpt-upload"), _uploads
    ),
    "part": Operation(
        lambda s, n: s.send(
            "PUT", f"/v1/objects/bucket/{n}?uploadId={UPLOADS[n]}&partNumber=2", LARGE
        ),
        _uploads,
        _begin,
    ),
    "mpt-complete": Operation(_complete, _uploads, _begin),
    "mpt-abort": Operation(
        lambda s, n: s.act("DELETE", f"/v1/objects/bucket/{n}?uploadId={UPLOADS[n]}", "mpt-abort"),
        _uploads,
        _begin,
    ),
    "create-bck": Operation(lambda s, n: s.act("POST", f"/v1/buckets/{n}", "create-bck"), _bucket),
    "destroy-bck": Operation(
        lambda s, n: s.act("DELETE", f"/v1/buckets/{n}", "destroy-bck"),
        _bucket,
        lambda s, n: s.act("POST", f"/v1/buckets/{n}", "create-bck"),
    ),
    "set-bprops": Operation(
        lambda s, n: s.act(
            "PATCH", f"/v1/buckets/{n}", "set-bprops", {"checksum": {"type": "md5"}}
        ),
        _bucket,
        lambda s, n: s.act("POST", f"/v1/buckets/{n}", "create-bck"),
    ),
    "S3 PutObject": Operation(lambda s, n: s.send("PUT", f"/bucket/{n}", LARGE), _object),
    "S3 tagging": Operation(
        lambda s, n: s.send("PUT", f"/bucket/{n}?tagging", MARKED.encode()),
        lambda s, n: s.send("GET", f"/bucket/{n}?tagging").body,
        _put,
    ),
    "S3 CreateBucket": Operation(lambda s, n: s.send("PUT", f"/{n}"), _bucket),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"S3GW_STORAGE_HOUSEKEEPING_INTERVAL_S": "3600"}
    folder = tmp_path_factory.mktemp("calls")
    with Server(folder, flags=["--no-auth"], environment=environment) as server:
        assert isinstance(server, Server)
        server.good("PUT", "/bucket")
        yield server
        server.stop()
        report = s3gw("fsck", server.data)
        assert report.returncode == 0, report.stdout + report.stderr


def _word(name: str) -> str:
    return "".join(each for each in name.lower() if each.isalpha())


@needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_call_of_an_operation_may_find_no_room(
    server: Server, tmp_path: Path, name: str, error: str
) -> None:
    operation, (pid,) = OPERATIONS[name], server.worker_pids()
    logs = list(server.data[0].glob("*.db-wal"))
    refused = 0
    for calls, files in (("pwrite64", logs), (_FILE_CALLS, []), ("openat", [])):
        for number in range(1, MOST_CALLS):
            key = f"{_word(name)}-{error.lower()}-{calls[0]}-{number}"
            operation.before(server, key)
            before = operation.look(server, key)
            when = str(number)
            with failing(pid, calls, error, tmp_path, when=when, files=files) as fault:
                answer = operation.run(server, key)
                hits = fault.hits
            after = operation.look(server, key)
            assert answer.status == 507 or answer.status < 300, answer
            assert (answer.status == 507) == (before == after), (number, before, after)
            refused += answer.status == 507
            if not hits:
                break
    assert (refused > 0) == (name not in TRIED_AGAIN)


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_file_may_grow(server: Server, name: str) -> None:
    """A limit on the size of files stops every write beyond it with EFBIG."""
    operation, (pid,) = OPERATIONS[name], server.worker_pids()
    key = f"{_word(name)}-limited"
    operation.before(server, key)
    before = operation.look(server, key)
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        answer = operation.run(server, key)
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
    assert answer.status == 507, answer
    assert operation.look(server, key) == before
    assert operation.run(server, key).status < 300
