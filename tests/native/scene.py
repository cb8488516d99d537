"""A whole gateway in the test's process: the native API beside S3, and tokens to talk to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from s3gw.auth import Authenticator, AuthOptions
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.http.request import Addressing
from s3gw.identity.accounts import Accounts
from s3gw.identity.permissions import READ_ONLY, READ_WRITE, Permissions
from s3gw.identity.rights import Access
from s3gw.identity.tokens.protocol import TokenError, Verified
from s3gw.keys.provider import KeyProvider
from s3gw.native.app import NativeApp
from s3gw.native.services import NativeServices
from s3gw.s3.app import S3App
from s3gw.s3.call import Services
from s3gw.s3.routing import OperationTable
from s3gw.server.app import App
from s3gw.server.health import HealthApp, State
from s3gw.server.operations import all_operations
from storage.backend import Backend
from tests.asgi import Answer, AsgiServer, send_through
from tests.s3.gateway import ENDPOINT, ROOT, Quiet
from tests.services import new_native_services, new_services

CLUSTER = "testcluster1"
HOST = "127.0.0.1:8080"
_CLUSTER_READ = Access.LIST_BUCKETS | Access.SHOW_CLUSTER
_names = itertools.count()


def _on_cluster(access: Access) -> Permissions:
    return Permissions(clusters={CLUSTER: access.value})


# Who the tests' tokens are of; the token is the name.
TOKENS: Mapping[str, Permissions] = {
    "admin": Permissions(admin=True),
    "reader": _on_cluster(READ_ONLY | _CLUSTER_READ),
    "writer": _on_cluster(READ_WRITE | _CLUSTER_READ),
    "owner": _on_cluster(~Access.ADMIN),
    "patcher": _on_cluster(Access.PATCH),
    "destroyer": _on_cluster(READ_ONLY | Access.DESTROY_BUCKET),
    "nobody": Permissions(),
}


class KnownTokens:
    """Knows the tests' tokens, and an old one."""

    async def verify(self, token: str) -> Verified:
        if token == "old":
            raise TokenError("it expired long ago", expired=True)
        if token not in TOKENS:
            raise TokenError("nobody signed it")
        return Verified(token, "", (), 2**40, TOKENS[token])


@dataclass(frozen=True)
class Everything:
    """The services of both front ends."""

    s3: Services
    native: NativeServices


def services(
    store: Backend, keys: KeyProvider | None = None, *, auth_enabled: bool = True, **more: Any
) -> Everything:
    s3 = new_services(store, Accounts(ROOT), cluster_id=CLUSTER, keys=keys, **more)
    return Everything(s3, new_native_services(s3, KnownTokens(), auth_enabled=auth_enabled))


@dataclass
class Told:
    """An error as it was told."""

    status: int
    tcode: str
    message: str


def gateway(services: Everything, observer: Quiet) -> App:
    """The whole application, with accounts' keys on its S3 side."""
    health = HealthApp()
    health.state = State.READY
    s3 = S3App(
        table=OperationTable(all_operations()),
        authenticator=Authenticator(services.s3.site.accounts, AuthOptions()),
        throttle=Throttle(ThrottleOptions()),
        addressing=Addressing(),
        observer=observer,  # type: ignore[arg-type]
        services=services.s3,
    )
    native = NativeApp(
        observer=observer,  # type: ignore[arg-type]
        services=services.s3,
        native=services.native,
    )
    return App(s3=s3, native=native, health=health, metrics=health)


class Scene:
    def __init__(self, store: Backend, services: Everything) -> None:
        self.observer = Quiet()
        self.store = store
        self.server = AsgiServer(gateway(services, self.observer))
        self._s3: Any = None

    def close(self) -> None:
        self.server.close()

    @property
    def s3(self) -> Any:
        """The root account's boto3 client."""
        if self._s3 is None:
            self._s3 = boto3.client(
                "s3",
                endpoint_url=ENDPOINT,
                region_name="us-east-1",
                aws_access_key_id="ROOT-KEY",
                aws_secret_access_key="root-secret",
                config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
            )
            send_through(self._s3, self.server)
        return self._s3

    def send(
        self,
        method: str,
        target: str,
        message: Any = None,
        *,
        body: bytes = b"",
        token: str = "admin",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request as AIStore's clients make it; `target` is what follows `/v1/`."""
        sent = {"host": HOST, "content-type": "application/json", **(headers or {})}
        if token:
            sent["authorization"] = f"Bearer {token}"
        if message is not None:
            body = json.dumps(message).encode()
        if body or method in ("PUT", "POST"):
            sent.setdefault("content-length", str(len(body)))
        raw = [(name, text) for name, text in sent.items() if text]
        return self.server.request(method, f"/v1/{target}", raw, body)

    def json(self, method: str, target: str, message: Any = None, **more: Any) -> Any:
        """The JSON of an answer; it must be a good one."""
        answer = self.send(method, target, message, **more)
        assert answer.status == 200, answer.body
        return json.loads(answer.body) if answer.body else None

    def new_bucket(self) -> str:
        name = f"native-{next(_names)}"
        assert self.act("POST", f"buckets/{name}", "create-bck").status == 200
        return name

    def act(self, method: str, target: str, action: str, value: Any = None, **more: Any) -> Answer:
        """A request with an action message."""
        message = {"action": action, "name": more.pop("name", ""), "value": value}
        return self.send(method, target, message, **more)

    def put(self, bucket: str, key: str, body: bytes = b"x", **more: Any) -> Answer:
        answer = self.send("PUT", f"objects/{bucket}/{key}", body=body, **more)
        assert answer.status == 200, answer.body
        return answer

    def listing(self, bucket: str, **asked: Any) -> dict[str, Any]:
        """A page in msgpack."""
        headers = {"accept": "application/msgpack"}
        answer = self.act("GET", f"buckets/{bucket}", "list", asked, headers=headers)
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "application/msgpack"
        page: dict[str, Any] = msgspec.msgpack.decode(answer.body)
        return page


def told(answer: Answer) -> Told:
    """The error of an answer: its body, or for HEAD its header."""
    text = answer.body or answer.headers["hdr-error"].encode()
    error = json.loads(text)
    assert error["status"] == answer.status
    return Told(error["status"], error["tcode"], error["message"])
