"""Signed requests over a plain socket, for clients that break off where no SDK would."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.server_process import ACCESS_KEY, SECRET_KEY, ServerProcess

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The S3 error code of an XML error document."""
        return ElementTree.fromstring(self.body).findtext("Code") or ""

    @property
    def message(self) -> str:
        return ElementTree.fromstring(self.body).findtext("Message") or ""


def signed(
    server: ServerProcess, method: str, path: str, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The headers with a signature that leaves the body open."""
    payload = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD", **(headers or {})}
    request = AWSRequest(method=method, url=server.endpoint + path, headers=payload)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def connect(server: ServerProcess, *, receive_buffer: int = 0) -> socket.socket:
    opened = socket.socket()
    if receive_buffer:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    opened.settimeout(TIMEOUT_S)
    opened.connect(("127.0.0.1", server.port))
    return opened


def head_of(
    server: ServerProcess, method: str, path: str, headers: Mapping[str, str] | None = None
) -> bytes:
    """The head of a request as it goes over the wire."""
    lines = [f"{name}: {value}" for name, value in signed(server, method, path, headers).items()]
    text = "\r\n".join([f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *lines])
    return text.encode() + b"\r\n\r\n"


def ask(
    server: ServerProcess,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own. Raises `IncompleteRead` for an answer cut short."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body or None, signed(server, method, path, headers))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
