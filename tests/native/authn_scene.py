"""The gateway with a real directory of users, and tokens that it issues and verifies itself."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from cluster.coordination.embedded import EmbeddedCoordination
from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.config.schema import Config
from s3gw.identity.accounts import Accounts
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.tokens.configured import token_issuer, verifying
from s3gw.identity.tokens.issuer import TokenIssuer
from s3gw.identity.vault import Vault
from s3gw.native.services import AuthN
from s3gw.telemetry.audit import Audit
from storage.backends.memory import MemoryBackend
from storage.clock import SystemClock
from tests.asgi import AsgiServer
from tests.identity.places import MASTER, new_store
from tests.native.scene import Everything, Scene, gateway
from tests.s3.gateway import ROOT, Quiet
from tests.services import new_native_services, new_services
from tests.storage.fake_clock import FakeClock

PASSWORD = "correct horse"


class Lines:
    """Where the audit log goes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, block: bytes) -> None:
        self.written.append(block)

    def close(self) -> None:
        pass


class AuthnScene(Scene):
    """`admin` is a token that may do everything."""

    def __init__(self, folder: Path, config: Config | None = None) -> None:
        self.observer = Quiet()
        self.lines = Lines()
        self.audit = Audit(self.lines)
        self.store = MemoryBackend()
        self.server = AsgiServer(self._answer)
        self._s3: Any = None
        self._app: Any = None
        self._stop = asyncio.Event()
        built: Future[TokenIssuer] = Future()
        path, config = new_store(folder), config or Config()
        self._life = self.server.start(self._live(path, config, built))
        self.issuer = built.result(60)
        self.admin = self.issuer.for_owner(3600).token

    async def _live(self, path: Path, config: Config, built: Future[TokenIssuer]) -> None:
        """What is opened is closed by the same task."""
        clock = SystemClock()
        with closing(EmbeddedCoordination(path)) as coordination:
            directory = StoredDirectory(coordination, Vault(MASTER), clock=clock)
            await directory.load()
            async with verifying(config, directory, clock) as tokens:
                issuer = await token_issuer(config.auth, directory, clock)
                s3 = new_services(self.store, Accounts(ROOT), cluster_id=directory.cluster_id)
                native = replace(
                    new_native_services(s3, tokens),
                    authn=AuthN(directory, tokens, issuer, enabled=True),
                    audit=self.audit,
                    throttle=Throttle(ThrottleOptions(burst=5), FakeClock()),
                )
                self._app = gateway(Everything(s3, native), self.observer)
                built.set_result(issuer)
                await self._stop.wait()

    async def _answer(self, *args: Any) -> None:
        await self._app(*args)

    def close(self) -> None:
        self.server.run(self._end())
        self._life.result(60)
        self.server.close()

    def __enter__(self) -> AuthnScene:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def audited(self) -> list[bytes]:
        """All lines of the audit log; it takes no more."""
        self.audit.close()
        return self.lines.written

    async def _end(self) -> None:
        self._stop.set()

    def add_user(self, name: str, *roles: str) -> None:
        document = {"id": name, "pass": PASSWORD, "roles": [{"name": role} for role in roles]}
        self.json("POST", "users", document, token=self.admin)

    def log_in(self, name: str, password: str = PASSWORD, **more: Any) -> str:
        answer = self.json("POST", f"users/{name}", {"password": password, **more}, token="")
        return str(answer["token"])
