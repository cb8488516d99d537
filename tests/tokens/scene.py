"""A verifier with a directory, a clock that the test moves, and whatever keys it wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import jwt

from cluster.coordination.embedded import EmbeddedCoordination, prepare
from s3gw.config.loading import load
from s3gw.config.schema import Config
from s3gw.identity.directory import StoredDirectory
from s3gw.identity.tokens.configured import token_issuer, verifying
from s3gw.identity.tokens.issuer import TokenIssuer
from s3gw.identity.tokens.protocol import TokenError, Verified
from s3gw.identity.tokens.verifier import Verifier
from s3gw.identity.vault import Vault
from tests.storage.fake_clock import FakeClock

SECRET = "a secret of more than sixty-four bytes, so that no hash finds it to be too short"
P = ParamSpec("P")
START_S = 1_700_000_000


@dataclass
class Scene:
    verifier: Verifier
    issuer: TokenIssuer
    directory: StoredDirectory
    clock: FakeClock

    async def refusal(self, token: str) -> str:
        """Why it is refused; it must be."""
        try:
            await self.verifier.verify(token)
        except TokenError as error:
            return str(error)
        raise AssertionError("the token was taken")

    async def taken(self, token: str) -> Verified:
        return await self.verifier.verify(token)


def claims(**more: Any) -> dict[str, Any]:
    """Good ones for an hour; None takes one away."""
    given = {"sub": "john", "exp": START_S + 3600, **more}
    return {name: value for name, value in given.items() if value is not None}


def signed(given: dict[str, Any], key: Any = SECRET, method: str = "HS256", **header: Any) -> str:
    return jwt.encode(given, key, method, header or None)


def configured(folder: Path, text: str) -> Config:
    file = folder / "s3gw.toml"
    file.write_text(text)
    return load(file=file, environ={}, flags={}).config


def with_secret(more: str = "") -> str:
    return f'[auth]\n{more}\n[auth.signature]\nkey = "{SECRET}"\nmethod = "HS256"\n'


@asynccontextmanager
async def opened(folder: Path, text: str = "") -> AsyncIterator[Scene]:
    """With the settings of that text."""
    config, clock = configured(folder, text), FakeClock(START_S)
    async with open_directory(folder, clock) as directory:
        async with verifying(config, directory, clock) as verifier:
            issuer = await token_issuer(config.auth, directory, clock)
            yield Scene(verifier, issuer, directory, clock)


@asynccontextmanager
async def open_directory(folder: Path, clock: FakeClock) -> AsyncIterator[StoredDirectory]:
    file = folder / "coordination.db"
    if not file.exists():
        prepare(file)
    with closing(EmbeddedCoordination(file)) as coordination:
        directory = StoredDirectory(coordination, Vault(bytes(32)), clock=clock)
        await directory.load()
        yield directory


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Runs a test in an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run
