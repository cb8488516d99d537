"""Flags of commands that send requests to a running server."""

from __future__ import annotations

import os
from dataclasses import dataclass

from s3gw.cli.arguments import FILE
from s3gw.cli.parameters import included, option, switch
from s3gw.client.endpoint import DEFAULT_URL, Flags, find_endpoint
from s3gw.client.sync import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFlags:
    endpoint: str | None = option(
        "URL", help=f"its address (default: {DEFAULT_URL}; variable AIS_ENDPOINT)"
    )
    token_file: str | None = option(
        FILE, help="the bearer token (variables AIS_AUTHN_TOKEN, AIS_AUTHN_TOKEN_FILE)"
    )
    ca: str | None = option(FILE, help="certificates to trust, as PEM (variable AIS_CLIENT_CA)")
    skip_verify: bool = switch(help="trust any certificate (variable AIS_SKIP_VERIFY_CRT)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The options of every command that uses the client."""

    json: bool = switch(help="print JSON, for programs")
    server: ServerFlags = included(ServerFlags, "the server")


def connect(options: ClientOptions) -> Client:
    """Return a client; it has sent nothing yet. Raises `BadSetting`."""
    server = options.server
    flags = Flags(server.endpoint, server.token_file, server.ca, server.skip_verify)
    return Client(find_endpoint(os.environ, flags))
