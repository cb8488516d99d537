"""An issuer of tokens that does as it is told: an https server with its own authority, and keys."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.server.certificates import write_certificate

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(key: PrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        row = dict(RSAAlgorithm.to_jwk(public, as_dict=True))
    else:
        row = dict(ECAlgorithm.to_jwk(public, as_dict=True))
    row.pop("key_ops", None)
    return {**row, "kid": kid, "use": "sig", **more}


class Issuer:
    """`keys` are what it signs with, by key id; `rows` what it publishes, if not those.

    `answers` are by path: status, headers, body. `before` runs at the start of each answer.
    """

    def __init__(self, keys: dict[str, PrivateKey]) -> None:
        self.keys = keys
        self.url = ""
        self.asked: list[str] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.open = threading.Event()
        self.open.set()

    def publish(self, rows: list[Any] | None = None, **headers: str) -> None:
        if rows is None:
            rows = [jwk(key, kid) for kid, key in self.keys.items()]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer(DISCOVERY, {"issuer": self.url, "jwks_uri": self.url + JWKS})
        self.answer(JWKS, {"keys": rows}, **named)

    def answer(self, path: str, document: Any, **headers: str) -> None:
        self.answers[path] = (200, headers, json.dumps(document).encode())

    def redirect(self, path: str, target: str) -> None:
        self.answers[path] = (302, {"Location": target}, b"")

    def go_down(self) -> None:
        self.answers.clear()

    def token(self, kid: str, claims: dict[str, Any], **header: Any) -> str:
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode({"iss": self.url, **claims}, key, algorithm, {"kid": kid, **header})

    def count(self, path: str) -> int:
        return self.asked.count(path)


@contextmanager
def listening(issuer: Issuer, folder: Path) -> Iterator[Path]:
    """The file with the authority of its certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            assert issuer.open.wait(30)
            status, headers, body = issuer.answers.get(self.path, (503, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Clients that trust nobody hang up."""

    cert, key = folder / "issuer.pem", folder / "issuer.key"
    write_certificate(cert, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        issuer.url = f"https://127.0.0.1:{server.server_address[1]}"
        issuer.publish()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield cert
        finally:
            issuer.open.set()
            server.shutdown()
            thread.join()
