"""Tokens of a real OpenID Connect provider: npm's `oidc-provider`, over https."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from compat.installed import Installed, NotHere
from compat.npm import modules_there
from compat.server import free_port
from s3gw.identity.permissions import Permissions
from s3gw.identity.tokens.oidc import UNKNOWN_KEY_S
from storage.clock import SystemClock
from tests.server.certificates import write_certificate
from tests.tokens.issuer import PrivateKey, ec_key, rsa_key
from tests.tokens.scene import Scene, in_loop, opened

SCRIPT = Path(__file__).with_name("provider.cjs")
AUDIENCE = "https://s3gw.example"
CLAIMS = {"clusters": [{"id": "", "perm": "771"}], "groups": ["Guest"]}


@pytest.fixture(scope="module")
def node() -> Installed:
    try:
        return modules_there("oidc-provider", "oidc-provider")
    except NotHere as reason:
        pytest.skip(str(reason))


@dataclass
class Provider:
    folder: Path
    variables: dict[str, str]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def settings(self) -> str:
        return (
            f'[outbound]\nallow = ["127.0.0.1"]\n[auth.required_claims]\naud = ["{AUDIENCE}"]\n'
            f'[auth.oidc]\nallowed_iss = ["{self.url}"]\n'
            f'issuer_ca_bundle = "{self.folder / "provider.pem"}"\nroles_claim = "groups"\n'
        )

    @contextmanager
    def running(self, key: PrivateKey, **told: Any) -> Iterator[None]:
        cert, private = self.folder / "provider.pem", self.folder / "provider.key"
        if not cert.exists():
            write_certificate(cert, private)
        document = {
            "issuer": self.url,
            "port": self.port,
            "cert": str(cert),
            "key": str(private),
            "jwks": {"keys": [private_jwk(key)]},
            "alg": "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256",
            "audience": AUDIENCE,
            "claims": CLAIMS,
            **told,
        }
        with (self.folder / "provider.err").open("w") as err:
            process = subprocess.Popen(
                ["node", str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env={**os.environ, **self.variables},
                text=True,
            )
        assert process.stdin
        assert process.stdout
        try:
            with process.stdin:
                json.dump(document, process.stdin)
            ready = process.stdout.readline()
            assert ready == "ready\n", (self.folder / "provider.err").read_text()
            yield
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    def token(self) -> str:
        """As a service gets one, by its own credentials."""
        request = urllib.request.Request(
            f"{self.url}/token",
            data=b"grant_type=client_credentials",
            headers={"Authorization": f"Basic {b64encode(b'client:secret').decode()}"},
        )
        trusted = ssl.create_default_context(cafile=self.folder / "provider.pem")
        with urllib.request.urlopen(request, context=trusted, timeout=30) as answer:
            given: dict[str, str] = json.load(answer)
        return given["access_token"]


@pytest.fixture
def provider(tmp_path: Path, node: Installed) -> Provider:
    return Provider(tmp_path, dict(node.variables))


def private_jwk(key: PrivateKey) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        row = dict(RSAAlgorithm.to_jwk(key, as_dict=True))
    else:
        row = dict(ECAlgorithm.to_jwk(key, as_dict=True))
    row.pop("key_ops", None)
    return {**row, "use": "sig"}


def set_to_today(scene: Scene) -> None:
    """The provider has no other clock."""
    scene.clock.advance_ns(SystemClock().now_ns() - scene.clock.now_ns())


@pytest.mark.parametrize("make", [rsa_key, ec_key])
@in_loop
async def test_a_providers_tokens_are_taken(provider: Provider, make: Any) -> None:
    with provider.running(make()):
        async with opened(provider.folder, provider.settings) as scene:
            set_to_today(scene)
            verified = await scene.taken(provider.token())
    assert (verified.subject, verified.issuer) == ("client", provider.url)
    assert verified.audiences == (AUDIENCE,)
    assert verified.permissions.bits("") & 771 == 771
    assert verified.permissions != Permissions(clusters={"": 771})


@in_loop
async def test_a_provider_may_change_its_keys_and_be_down(provider: Provider) -> None:
    with ExitStack() as first:
        first.enter_context(provider.running(rsa_key()))
        async with opened(provider.folder, provider.settings) as scene:
            set_to_today(scene)
            old = provider.token()
            await scene.taken(old)
            first.close()
            await scene.taken(old)
            with provider.running(rsa_key()):
                scene.clock.advance_s(int(UNKNOWN_KEY_S) + 1)
                await scene.taken(provider.token())
                assert "no such key" in await scene.refusal(old)


@in_loop
async def test_a_providers_token_for_somebody_else_is_refused(provider: Provider) -> None:
    with provider.running(rsa_key(), audience="https://other.example"):
        async with opened(provider.folder, provider.settings) as scene:
            set_to_today(scene)
            assert "audience" in await scene.refusal(provider.token())
