"""The gateway with a real directory of users, and tokens that it issues and verifies itself."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

from cluster.coordination.embedded import EmbeddedCoordination
from s3gw.accounts import Accounts
from s3gw.audit import Audit
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.vault import Vault
from s3gw.sections import Config
from s3gw.services import Services
from s3gw.throttle import Throttle, ThrottleOptions
from s3gw.tokens.configured import token_issuer, verifying
from s3gw.tokens.issuer import TokenIssuer
from storage.backends.memory import MemoryBackend
from storage.clock import SystemClock
from tests.asgi import AsgiServer
from tests.identity.places import MASTER, new_store
from tests.native.scene import Scene, gateway
from tests.s3.gateway import ROOT, Quiet

PASSWORD = "correct horse"


class Lines:
    """Where the audit log goes."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, block: bytes) -> None:
        self.written.append(block)

    def close_audit(self) -> None:
        """Returns when all its lines are written."""
        self.audit.close()

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
        self._open = AsyncExitStack()
        self.issuer: TokenIssuer = self.server.run(
            self._build(new_store(folder), config or Config())
        )
        self.admin = self.issuer.for_owner(3600).token

    async def _build(self, path: Path, config: Config) -> TokenIssuer:
        clock = SystemClock()
        coordination = self._open.enter_context(closing(EmbeddedCoordination(path)))
        directory = StoredDirectory(coordination, Vault(MASTER), clock=clock)
        await directory.load()
        tokens = await self._open.enter_async_context(verifying(config, directory, clock))
        issuer = await token_issuer(config.auth, directory, clock)
        services = Services(
            accounts=Accounts(ROOT),
            directory=directory,
            tokens=tokens,
            token_issuer=issuer,
            cluster_id=directory.cluster_id,
            audit=self.audit,
            throttle=Throttle(ThrottleOptions(burst=5)),
        )
        self._app = gateway(self.store, services, self.observer)
        return issuer

    async def _answer(self, *args: Any) -> None:
        await self._app(*args)

    def close(self) -> None:
        self.server.run(asyncio.wait_for(self._open.aclose(), 10))
        self.server.close()

    def add_user(self, name: str, *roles: str) -> None:
        document = {"id": name, "pass": PASSWORD, "roles": [{"name": role} for role in roles]}
        self.json("POST", "users", document, token=self.admin)

    def log_in(self, name: str, password: str = PASSWORD, **more: Any) -> str:
        answer = self.json("POST", f"users/{name}", {"password": password, **more}, token="")
        return str(answer["token"])
