"""Where credentials come from, what their tokens are sent to, and that nothing shows them."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from storage.backends.gcp import GcpBackend, GcpOptions
from storage.errors import BackendDenied, BackendUnavailable
from storage.values import BucketOptions, PutOptions
from tests.server_process import ROOT, clean_environment
from tests.storage.aws.double import Answerer, Asked, Double
from tests.storage.bodies import body_of, content_of, pattern
from tests.storage.digests import Md5Digest
from tests.storage.event_loop import run
from tests.storage.gcp.answers import refuse, resource, send_media, serving

CONTENT = pattern(200_000)
PIECE = 256 << 10
_LIST = """
import asyncio, sys
from storage.backends.gcp import GcpBackend, GcpOptions

async def main():
    async with GcpBackend(GcpOptions(sys.argv[1], attempts=1)) as backend:
        assert await backend.list_buckets() == []

asyncio.run(main())
"""
VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine: no variables, no files of gcloud, no metadata server."""
    for name in (VARIABLE, "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.fixture(scope="module")
def private_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


class Google:
    """Gives tokens, and serves an object to those who bring the newest one."""

    def __init__(self, private_key: str, folder: Path, use_file: Callable[[str], None]) -> None:
        self._private_key = private_key
        self._path = folder / "account.json"
        self._use_file = use_file
        self.tokens = 0
        self.refused = 0
        self.refuses_all = False
        self.lives_s = 3600
        self.fails = ""

    def write(self, endpoint: str) -> None:
        document = {
            "type": "service_account",
            "project_id": "project-of-the-account",
            "private_key_id": "1",
            "private_key": self._private_key,
            "client_email": "me@p.iam.gserviceaccount.com",
            "token_uri": f"{endpoint}/token",
        }
        self._path.write_text(json.dumps(document))
        self._use_file(str(self._path))

    async def answer(self, asked: Asked, to: Answerer) -> None:
        if asked.target == "/token":
            await self._give(to)
        elif asked.target.startswith("/session"):
            assert "authorization" not in asked.headers
            await to.send(200 if asked.headers["content-range"].endswith("8") else 308)
        elif asked.headers.get("authorization") != f"Bearer ya29.{self.tokens}" or self.refuses_all:
            self.refused += 1
            await refuse(to, 401, "authError", "Invalid Credentials")
        elif asked.method == "POST":
            await to.send(200, json.dumps({"name": "made"}).encode())
        else:
            await serving(CONTENT, lambda asked, to: send_media(to, asked, CONTENT))(asked, to)

    async def _give(self, to: Answerer) -> None:
        if self.fails:
            document = {"error": self.fails, "error_description": "Invalid JWT Signature."}
            await to.send(400, json.dumps(document).encode())
            return
        self.tokens += 1
        token = {"access_token": f"ya29.{self.tokens}", "expires_in": self.lives_s}
        await to.send(200, json.dumps(token).encode(), {"content-type": "application/json"})


@pytest.fixture
def google(private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Google:
    return Google(private_key, tmp_path, lambda path: monkeypatch.setenv(VARIABLE, path))


def asking(google: Google, use: Callable[[GcpBackend, Double], Awaitable[Any]]) -> Any:
    async def act() -> Any:
        async with Double(google.answer) as double:
            google.write(double.endpoint)
            options = GcpOptions(double.endpoint, attempts=2, first_pause_s=0.01)
            async with GcpBackend(options) as backend:
                return await use(backend, double)

    return run(act())


async def read(backend: GcpBackend, double: Double) -> bytes:
    return await content_of(await backend.get_object("bucket", "a"))


def test_a_token_of_a_service_account_is_fetched_once_for_all_requests(google: Google) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        readings = await asyncio.gather(*(read(backend, double) for _ in range(10)))
        assert readings == [CONTENT] * 10
        assert (google.tokens, google.refused) == (1, 0)

    asking(google, use)


def test_a_token_that_is_about_to_end_is_renewed(google: Google) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        google.lives_s = 60
        await backend.head_object("bucket", "a")
        await backend.head_object("bucket", "a")
        assert google.tokens == 2

    asking(google, use)


def test_a_token_that_is_still_good_is_used_while_no_other_can_be_had(google: Google) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        google.lives_s = 60
        await backend.head_object("bucket", "a")
        google.fails = "invalid_grant"
        await backend.head_object("bucket", "a")

    asking(google, use)


def test_a_refused_token_is_fetched_again_once(google: Google) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        await backend.head_object("bucket", "a")
        google.tokens += 1  # the one that was given is worth nothing now
        await backend.head_object("bucket", "a")
        assert (google.tokens, google.refused) == (3, 1)
        google.refuses_all = True
        with pytest.raises(BackendDenied):
            await backend.head_object("bucket", "a")
        assert google.refused == 3

    asking(google, use)


def test_credentials_that_are_not_accepted_any_more_are_denied(google: Google) -> None:
    google.fails = "invalid_grant"

    async def use(backend: GcpBackend, double: Double) -> None:
        with pytest.raises(BackendDenied, match=r"invalid_grant.*GOOGLE_APPLICATION_CREDENTIALS"):
            await backend.head_object("bucket", "a")

    asking(google, use)


def test_the_project_is_that_of_the_account_where_none_is_said(google: Google) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        await backend.create_bucket("made", BucketOptions(""))
        assert "project=project-of-the-account" in double.asked[-1].target

    asking(google, use)


def test_the_address_of_an_upload_gets_no_token(google: Google) -> None:
    """It is a secret itself, and could be anywhere."""
    endpoint = ""

    async def answer(asked: Asked, to: Answerer) -> None:
        if asked.target == "/token":
            await google.answer(asked, to)
        elif asked.method == "POST":
            assert "authorization" in asked.headers
            await to.send(200, headers={"location": f"{endpoint}/session"})
        elif asked.headers["content-range"].endswith("*"):
            await to.send(308, headers={"range": f"bytes=0-{PIECE - 1}"})
        else:
            await to.send(200, resource(pattern(2 * PIECE)))

    async def act() -> None:
        nonlocal endpoint
        async with Double(answer) as double:
            endpoint = double.endpoint
            google.write(double.endpoint)
            async with GcpBackend(GcpOptions(double.endpoint, piece_bytes=PIECE)) as backend:
                body = body_of(pattern(2 * PIECE))
                await backend.put_object("bucket", "a", body, PutOptions(Md5Digest()))
            sent = [asked for asked in double.asked if asked.target == "/session"]
            assert len(sent) == 2
            assert not any("authorization" in asked.headers for asked in sent)

    run(act())


def test_no_token_is_logged_or_shown(google: Google, caplog: pytest.LogCaptureFixture) -> None:
    async def use(backend: GcpBackend, double: Double) -> None:
        assert await read(backend, double) == CONTENT
        wire = await backend._remote.wire()
        assert "ya29" not in repr((backend, backend.options, wire, wire.tokens, vars(wire)))

    with caplog.at_level(logging.DEBUG):
        asking(google, use)
    assert "ya29" not in caplog.text
    assert "PRIVATE KEY" not in caplog.text


@pytest.mark.parametrize("content", [None, "{", "{}", '{"type": "service_account"}'])
def test_a_file_that_cannot_be_used_is_denied_and_names_the_variable(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(VARIABLE, str(path))

    async def look() -> None:
        async with GcpBackend(GcpOptions("http://127.0.0.1:1", attempts=1)) as backend:
            for call in (backend.head_bucket("bucket"), backend.list_buckets()):
                with pytest.raises(BackendDenied, match=VARIABLE):
                    await call

    run(look())


def test_a_file_of_gcloud_that_cannot_be_used_is_denied(tmp_path: Path) -> None:
    """It is not the same as none."""
    folder = tmp_path / "gcloud"
    folder.mkdir()
    (folder / "application_default_credentials.json").write_text("{}")

    async def look() -> None:
        async with GcpBackend(GcpOptions("http://127.0.0.1:1", attempts=1)) as backend:
            with pytest.raises(BackendDenied):
                await backend.head_bucket("bucket")

    run(look())


@pytest.mark.parametrize("by_variable", [True, False])
def test_an_authorized_user_is_known_by_a_file(
    by_variable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks Google itself for such a user's tokens, so that none is fetched here."""
    from storage.backends.gcp import credentials

    folder = tmp_path / "gcloud"
    folder.mkdir()
    path = folder / "application_default_credentials.json"
    document = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    path.write_text(json.dumps({"type": "authorized_user", **document}))
    if by_variable:
        monkeypatch.setenv(VARIABLE, str(path))
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    found, _ = credentials._find()
    assert getattr(found, "refresh_token", None) == "r"


def test_the_machine_has_credentials_at_its_metadata_server(tmp_path: Path) -> None:
    """In a process of its own: the library reads where that server is when it is imported."""

    async def answer(asked: Asked, to: Answerer) -> None:
        flavor = {"metadata-flavor": "Google", "content-type": "application/json"}
        path = asked.target.partition("?")[0]
        account = "/computeMetadata/v1/instance/service-accounts/"
        if path.startswith(account) and path.endswith("/token"):
            await to.send(200, b'{"access_token": "ya29.machine", "expires_in": 3600}', flavor)
        elif path.startswith(account):
            await to.send(200, b'{"email": "me@x", "scopes": ["s"], "aliases": []}', flavor)
        elif path.startswith("/computeMetadata/v1/project"):
            await to.send(200, b"its-project", {**flavor, "content-type": "text/plain"})
        elif path.startswith("/storage"):
            assert asked.headers["authorization"] == "Bearer ya29.machine"
            assert "project=its-project" in asked.target
            await to.send(200, b"{}")
        else:
            await to.send(200, b"", flavor)

    async def use() -> None:
        async with Double(answer) as double:
            where = double.endpoint.removeprefix("http://")
            variables = {
                **clean_environment(),
                "GCE_METADATA_HOST": where,
                "GCE_METADATA_IP": where,
                "NO_GCE_CHECK": "false",
                "CLOUDSDK_CONFIG": str(tmp_path),
            }
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _LIST, double.endpoint), cwd=ROOT, env=variables
            )
            assert await process.wait() == 0

    run(use())


def test_without_credentials_public_buckets_are_read_and_others_are_denied() -> None:
    async def answer(asked: Asked, to: Answerer) -> None:
        assert "authorization" not in asked.headers
        if "secret" in asked.target:
            await refuse(to, 401, "required", "Anonymous caller does not have access.")
        else:
            await serving(CONTENT, lambda asked, to: send_media(to, asked, CONTENT))(asked, to)

    async def use() -> None:
        async with Double(answer) as double:
            async with GcpBackend(GcpOptions(double.endpoint, attempts=1)) as backend:
                assert await read(backend, double) == CONTENT
                with pytest.raises(BackendDenied, match=VARIABLE):
                    await backend.head_object("secret", "a")
                with pytest.raises(BackendDenied, match="GOOGLE_CLOUD_PROJECT"):
                    await backend.list_buckets()

    run(use())


def test_a_server_of_tokens_that_is_down_is_unavailable(
    private_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, google: Google
) -> None:
    google.write("http://127.0.0.1:1")

    async def look() -> None:
        async with GcpBackend(GcpOptions("http://127.0.0.1:1", attempts=1)) as backend:
            with pytest.raises(BackendUnavailable, match="TransportError"):
                await backend.head_bucket("bucket")

    run(look())
