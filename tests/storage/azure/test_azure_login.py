"""Logins: a token of the machine's identity, as azure-identity gets it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from storage.backends.azure import AzureBackend, AzureOptions
from storage.errors import BackendDenied
from storage.values import ListQuery
from tests.storage.aws.double import Answerer, Asked, Double
from tests.storage.event_loop import run

_LISTING = b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"
_HOUR_S = 3600


class Login:
    """A service for the tokens of a machine, and a storage that takes the latest one."""

    def __init__(self, lasts_s: int = _HOUR_S, *, refuses: bool = False) -> None:
        self.lasts_s = lasts_s
        self.refuses = refuses
        self.tokens = 0

    async def give(self, asked: Asked, to: Answerer) -> None:
        assert "resource=https://storage.azure.com" in unquote(asked.target)
        self.tokens += 1
        document = {
            "access_token": f"token-{self.tokens}",
            "expires_on": str(int(time.time()) + self.lasts_s),
            "resource": "https://storage.azure.com",
            "token_type": "Bearer",
        }
        if self.refuses:
            document = {"error": "invalid_request", "error_description": "no such identity"}
        status, json_type = 400 if self.refuses else 200, {"content-type": "application/json"}
        await to.send(status, json.dumps(document).encode(), json_type)

    async def store(self, asked: Asked, to: Answerer) -> None:
        assert asked.headers["authorization"] == f"Bearer token-{self.tokens}"
        await to.send(200, _LISTING)


@pytest.fixture(autouse=True)
def _no_other_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    # Tokens are kept for the whole process by this id.
    monkeypatch.setenv("AZURE_CLIENT_ID", str(uuid4()))
    # Azure's command line is not asked.
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("IDENTITY_HEADER", "header")


def through(
    login: Login,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[AzureBackend], Awaitable[Any]],
) -> None:
    async def act() -> None:
        async with Double(login.give) as identity, Double(login.store) as storage:
            monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.endpoint}/token")
            async with AzureBackend(AzureOptions(endpoint=f"{storage.endpoint}/acc")) as backend:
                await use(backend)

    run(act())


async def look(backend: AzureBackend) -> None:
    await backend.list_objects("bucket", ListQuery())


def test_one_token_serves_many_requests_and_is_never_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    login = Login()

    async def use(backend: AzureBackend) -> None:
        for _ in range(3):
            await look(backend)

    with caplog.at_level(logging.DEBUG):
        through(login, monkeypatch, use)
    assert login.tokens == 1
    assert "token-1" not in caplog.text


def test_a_token_that_has_ended_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(lasts_s=0)

    async def use(backend: AzureBackend) -> None:
        await look(backend)
        await look(backend)

    through(login, monkeypatch, use)
    assert login.tokens == 2


def test_without_any_identity_it_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login(refuses=True)

    async def use(backend: AzureBackend) -> None:
        with pytest.raises(BackendDenied, match="azure://bucket: ClientAuthenticationError"):
            await look(backend)

    through(login, monkeypatch, use)


def test_a_token_is_not_sent_over_http_to_another_machine() -> None:
    async def act() -> None:
        async with AzureBackend(AzureOptions(endpoint="http://storage.example/acc")) as backend:
            with pytest.raises(BackendDenied, match="https only"):
                await look(backend)

    run(act())
