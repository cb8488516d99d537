"""What AIStore's command line asks of the server of users about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from s3gw.native.app import NativeApp
from storage.backends.memory import MemoryBackend
from tests.asgi import AsgiServer
from tests.native.scene import HOST, Scene, services, told
from tests.s3.gateway import Quiet


@pytest.fixture
def native() -> Iterator[AsgiServer]:
    """The native front door itself: what is before it sends it the one path that is not below
    `/v1/`."""
    everything = services(MemoryBackend())
    app = NativeApp(
        observer=Quiet(),  # type: ignore[arg-type]
        services=everything.s3,
        native=everything.native,
    )
    server = AsgiServer(app)
    yield server
    server.close()


def test_its_configuration_is_shown_without_secrets(scene: Scene) -> None:
    config = scene.json("GET", "daemon")
    assert config["auth"]["secret"] == "**********"
    assert config["auth"]["expiration_time"] == "12h"
    assert config["net"]["external_url"] == f"http://{HOST}"
    assert isinstance(config["net"]["http"]["port"], int)
    assert config["log"]["level"] == "3"
    assert set(config) == {"auth", "log", "net", "timeout"}
    for token in ("owner", "reader", "nobody"):
        assert told(scene.send("GET", "daemon", token=token)).status == 403


def test_an_unknown_question_is_not_about_users(scene: Scene) -> None:
    error = told(scene.send("GET", "daemon?what=weather"))
    assert (error.status, "what=weather" in error.message) == (400, True)


def test_openid_connect_finds_its_endpoints(native: AsgiServer) -> None:
    path = "/.well-known/openid-configuration"
    answer = native.request("GET", path, [("host", HOST)], b"")
    assert answer.status == 200
    found = json.loads(answer.body)
    assert found["issuer"] == f"http://{HOST}"
    assert found["jwks_uri"].startswith(f"http://{HOST}/")
    assert "HS256" in found["id_token_signing_alg_values_supported"]
    assert native.request("POST", path, [("host", HOST)], b"").status == 405
    assert native.request("GET", "/.well-known/jwks.json", [("host", HOST)], b"").status == 404
