"""The native API: whatever is sent to it, each answer is one that AIStore's clients can read."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec

from cluster.coordination.memory import MemoryCoordination
from s3gw.config.runtime import RuntimeConfig
from s3gw.config.stored import StoredSettings
from s3gw.native.app import NativeApp
from storage.archives import ArchiveFormat
from storage.backends.memory import MemoryBackend
from tests.archives.made import made
from tests.asgi import Answer
from tests.fuzz.front_door import ACCOUNTS, Doorway, Spare, runner
from tests.fuzz.mutation import one_of, spliced
from tests.fuzz.written import Written, read
from tests.native.scene import CLUSTER, TOKENS, KnownTokens
from tests.s3.gateway import Quiet
from tests.services import new_native_services, new_services

BUCKET = "bucket"
# Stands for the id of an upload that has begun.
_UPLOAD = b"{upload}"
_MEMBERS = [("a/1.jpg", b"one"), ("a/1.txt", b"two"), ("b", bytes(600))]
_REFUSED_5XX = (501, 503, 507)
_ADMIN = "admin"
_MSGPACK = "application/msgpack"


def _message(action: str, value: object = None, name: str = "") -> str:
    return json.dumps({"action": action, "name": name, "value": value})


_TO_ANOTHER = {"tobck": {"name": "another"}, "prepend": "p/"}
_NAMES = {"objnames": ["key", "shard.tar"]}
_PROPS = {"versioning": {"enabled": True}, "checksum": {"type": "md5"}, "access": "1023"}
_LIST = {"prefix": "k", "props": "size,version,atime,custom", "pagesize": 2, "flags": "1"}
_BCK = {"name": BUCKET, "provider": "ais", "namespace": {"uuid": CLUSTER}}
_ROLE = {
    "name": "role",
    "clusters": [{"id": CLUSTER, "perm": "771"}],
    "buckets": [{"bck": _BCK, "perm": "5"}],
}
_ENTRIES = {"in": [{"objname": "key", "bucket": BUCKET, "provider": "ais", "start": 1, "length": 2},
                   {"objname": "shard.tar", "archpath": "b", "opaque": "AAE=", "bucket": BUCKET},
                   {"objname": "no", "bucket": BUCKET}],
            "mime": ".tar", "coer": True, "onob": False, "strm": True}  # fmt: skip
_GET_CLUSTER = """cluster_config smap node_stats sysinfo mountpaths remote backends target_ips bmd
qryxstats status status_all running_all"""
_GET_NODE = "smap snode bmd software_version config node_stats node_status sysinfo metrics log disk"

# Method, target below `/v1/`, body.
_WRITTEN: tuple[tuple[str, str, str], ...] = (
    ("GET", "buckets", _message("list")),
    ("GET", "buckets?provider=ais&namespace=@%23n&presence=2", _message("list")),
    ("GET", f"buckets/{BUCKET}", _message("list", _LIST)),
    ("GET", f"buckets/{BUCKET}", _message("list", {**_LIST, "flags": "8", "prefix": "sh"})),
    ("GET", f"buckets/{BUCKET}?bsumm_remote=false", _message("summary-bck", {"prefix": "k"})),
    ("HEAD", f"buckets/{BUCKET}?presence=2&dntadd=true", ""),
    ("HEAD", f"buckets/{BUCKET}/prefix", ""),
    ("POST", "buckets/newer", _message("create-bck", _PROPS)),
    ("POST", f"buckets/{BUCKET}?bck_to=ais/@%23/newer/", _message("copy-bck", {"prepend": "p"})),
    ("POST", f"buckets/{BUCKET}?bck_to=ais/@%23/newer/", _message("move-bck")),
    ("POST", f"buckets/{BUCKET}", _message("copy-listrange", {**_NAMES, **_TO_ANOTHER})),
    ("POST", f"buckets/{BUCKET}", _message("rechunk", {"prefix": "k"})),
    ("POST", f"buckets/{BUCKET}", _message("index-shard", {"prefix": "s"})),
    ("PUT", f"buckets/{BUCKET}", _message("archive", {**_NAMES, "archname": "x.tgz"})),
    ("PATCH", f"buckets/{BUCKET}", _message("set-bprops", _PROPS)),
    ("PATCH", f"buckets/{BUCKET}", _message("reset-bprops")),
    ("DELETE", f"buckets/{BUCKET}", _message("destroy-bck")),
    ("DELETE", f"buckets/{BUCKET}", _message("delete-listrange", {"template": "k{0..9}y"})),
    ("DELETE", f"buckets/{BUCKET}", _message("evict-listrange", _NAMES)),
    ("GET", f"objects/{BUCKET}/key?silent=true\nrange: bytes=1-2\nif-none-match: x", ""),
    ("GET", f"objects/{BUCKET}/shard.tar?archpath=a/1.jpg&archmime=.tar\nrange: bytes=-2", ""),
    ("GET", f"objects/{BUCKET}/shard.tar?archregx=a&archmode=prefix", ""),
    ("GET", f"objects/{BUCKET}/shard.tgz?archregx=a/1&archmode=wdskey", ""),
    ("HEAD", f"objects/{BUCKET}/key?props=size,version,checksum,custom&presence=1", ""),
    ("HEAD", f"objects/{BUCKET}/shard.zip?archpath=b", ""),
    ("PUT", f"objects/{BUCKET}/new\nais-checksum-type: xxhash2\nais-checksum-value: 0", "body"),
    ("PUT", f"objects/{BUCKET}/new?provider=ais\nais-custom-md: a=b,c=d", "body"),
    ("PUT", f"objects/{BUCKET}/shard.tar?archpath=c&archmime=.tar\nappend-type: append", "body"),
    ("PUT", f"objects/{BUCKET}/shard.zip?archpath=c&flt=append", "body"),
    ("PUT", f"objects/{BUCKET}/grown?append_type=append&append_handle=", "body"),
    ("PUT", f"objects/{BUCKET}/grown?append_type=flush&append_handle=x.1", ""),
    ("PUT", f"objects/{BUCKET}/key?object_to=ais/@%23/another/key", ""),
    ("PUT", f"objects/{BUCKET}/parts?uploadId={{upload}}&partNumber=1", "body"),
    ("POST", f"objects/{BUCKET}/parts", _message("mpt-upload")),
    ("POST", f"objects/{BUCKET}/parts?uploadId={{upload}}",
     _message("mpt-complete", [{"part-number": 1, "etag": "x"}])),
    ("DELETE", f"objects/{BUCKET}/parts?uploadId={{upload}}", _message("mpt-abort")),
    ("POST", f"objects/{BUCKET}/key", _message("rename-obj", None, "new name")),
    ("POST", f"objects/{BUCKET}/key", _message("check-lock")),
    ("POST", f"objects/{BUCKET}", _message("promote", {"src": "/x", "obj": "y", "rcr": True})),
    ("POST", f"objects/{BUCKET}", _message("blob-download", {}, "key")),
    ("PATCH", f"objects/{BUCKET}/key?set-new-custom=true", _message("", {"a": "b"})),
    ("DELETE", f"objects/{BUCKET}/key", ""),
    ("GET", f"ml/moss/{BUCKET}", json.dumps(_ENTRIES)),
    ("GET", "ml/moss", json.dumps({**_ENTRIES, "mime": ".zip", "strm": False})),
    ("POST", "users", json.dumps({"id": "ann", "pass": "long enough", "roles": []})),
    ("POST", "users/ann", json.dumps({"password": "long enough", "expires_in": 10**9})),
    ("PUT", "users/ann", json.dumps({"id": "ann", "pass": "longer than that"})),
    ("GET", "users/admin", ""),
    ("DELETE", "users/ann", ""),
    ("POST", "roles", json.dumps({**_ROLE, "name": "newer"})),
    ("PUT", "roles/role", json.dumps(_ROLE)),
    ("GET", "roles", ""),
    ("DELETE", "roles/Guest", ""),
    ("POST", "clusters", json.dumps({"id": "other", "alias": "o", "urls": ["http://x:1"]})),
    ("GET", "clusters/" + CLUSTER, ""),
    ("PUT", "clusters/" + CLUSTER, json.dumps({"id": CLUSTER, "alias": "o", "urls": []})),
    ("DELETE", "tokens", json.dumps({"token": "reader"})),
    ("PUT", "cluster/set-config?jobs.idle_time=60s&transient=true", ""),
    ("PUT", "cluster", _message("set-config", {"log": {"level": "3"}})),
    ("PUT", "daemon", _message("reset-config")),
    ("PUT", "cluster", _message("start", {"kind": "rechunk", "bck": {"name": BUCKET}})),
    ("PUT", "cluster", _message("stop", {"id": "x", "kind": "copy-bck"})),
    ("GET", "cluster?what=qryxstats", json.dumps({"kind": "copy-bck", "show_active": True})),
    ("GET", "cluster?what=status", json.dumps({"id": "x", "bck": {"name": BUCKET}})),
    *(("GET", f"cluster?what={what}", "") for what in _GET_CLUSTER.split()),
    *(("GET", f"daemon?what={what}", "") for what in _GET_NODE.split()),
    ("GET", "etl/x", ""),
    ("GET", "health", ""),
)  # fmt: skip


def _text(method: str, target: str, body: str) -> str:
    return f"{method} /v1/{target}\ncontent-type: application/json\n\n{body}"


REQUESTS = [_text(*each) for each in _WRITTEN]
_TOKENS = [*TOKENS, "old", "forged", ""]
SEEDS = [bytes([number]) + b"\0\0\0\0" for number in range(len(REQUESTS))] + [
    bytes([7, 2 * token]) + b"\0\0\0" for token in range(len(_TOKENS))
]
# What is still to be answered after any request that was taken.
_AFTERWARDS = [
    read(_text(method, target, body).encode())
    for method, target, body in (
        ("GET", f"buckets/{BUCKET}", _message("list", {**_LIST, "prefix": "", "pagesize": 0})),
        ("HEAD", f"buckets/{BUCKET}", ""),
        ("GET", f"objects/{BUCKET}/key", ""),
        ("HEAD", f"objects/{BUCKET}/new?props=all", ""),
        ("GET", "cluster?what=bmd", ""),
        ("GET", "cluster?what=cluster_config", ""),
        ("GET", "cluster?what=qryxstats", "{}"),
        ("GET", "roles", ""),
        ("GET", "users", ""),
    )
]


class NativeDoor(Doorway):
    """With a bucket, an object, three archives and an upload, everything in memory."""

    def __init__(self) -> None:
        settings = StoredSettings(MemoryCoordination(), RuntimeConfig())
        services = new_services(MemoryBackend(), ACCOUNTS, cluster_id=CLUSTER, settings=settings)
        native = new_native_services(services, KnownTokens())
        super().__init__(
            NativeApp(observer=Quiet(), services=services, native=native)  # type: ignore[arg-type]
        )
        self.upload = b""
        runner().run(settings.refresh())
        self._furnish()

    def send(self, asked: Written, token: str = _ADMIN) -> Answer:
        """Unless the request has a token of its own."""
        query, headers = asked.query.replace(_UPLOAD, self.upload), asked.headers
        if token and not any(name == b"authorization" for name, _ in headers):
            headers = [*headers, (b"authorization", f"Bearer {token}".encode())]
        answer = self.request(asked.method, asked.path, query, headers, asked.body)
        assert answer.status < 500 or answer.status in _REFUSED_5XX, (asked, answer)
        if answer.status >= 400 and answer.status != 405:
            head = asked.method == "HEAD"
            text = answer.headers["hdr-error"].encode() if head else answer.body
            error = json.loads(text)
            assert error["status"] == answer.status, (asked, answer)
            assert isinstance(error["message"], str)
        elif answer.headers.get("content-type") == "application/json" and answer.body:
            json.loads(answer.body)
        elif answer.headers.get("content-type") == _MSGPACK:
            msgspec.msgpack.decode(answer.body)
        return answer

    def _furnish(self) -> None:
        for bucket in (BUCKET, "another"):
            self._done("POST", f"buckets/{bucket}", _message("create-bck").encode())
        self._done("PUT", f"objects/{BUCKET}/key", b"body")
        for kind in (ArchiveFormat.TAR, ArchiveFormat.TGZ, ArchiveFormat.ZIP):
            self._done("PUT", f"objects/{BUCKET}/shard{kind.value}", made(kind, _MEMBERS))
        self._done("POST", "roles", json.dumps(_ROLE).encode())
        cluster = {"id": CLUSTER, "alias": "here", "urls": []}
        self._done("POST", "clusters", json.dumps(cluster).encode())
        answer = self._done("POST", f"objects/{BUCKET}/parts", _message("mpt-upload").encode())
        self.upload = answer.body

    def _done(self, method: str, target: str, body: bytes) -> Answer:
        answer = self.send(Written(method, f"/v1/{target}".encode(), b"", [], body))
        assert answer.status == 200, answer
        return answer


_DOORS = Spare(NativeDoor)


def one_input(data: bytes) -> None:
    """The first byte chooses the request, and the second who sends it."""
    asked, rest = one_of(REQUESTS, data)
    token = _TOKENS[rest[0] // 2 % len(_TOKENS) if rest else 0]
    written = read(spliced(asked.encode(), rest))
    if not written.path.startswith(b"/v1/"):
        written = replace(written, path=b"/v1/" + written.path.lstrip(b"/"))
    door = _DOORS.take()
    status = door.send(written, token).status
    if status < 400 and written.method != "GET":
        for each in _AFTERWARDS:
            door.send(each)
    _DOORS.give_back(door, written.method, status)
