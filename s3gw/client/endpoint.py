"""The server's address, token, certificates and timeouts: from flags, or AIStore's variables."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from s3gw.client.errors import BadSetting

DEFAULT_URL = "http://127.0.0.1:8080"
VARIABLES: Mapping[str, str] = {
    "AIS_ENDPOINT": f"the server's address (default: {DEFAULT_URL})",
    "AIS_AUTHN_TOKEN": "a bearer token",
    "AIS_AUTHN_TOKEN_FILE": "a file with a bearer token",
    "AIS_CLIENT_CA": "certificates to trust, as PEM",
    "AIS_SKIP_VERIFY_CRT": "true: trust any certificate",
    "AIS_CONNECT_TIMEOUT": "seconds to wait for a connection; 0 waits without a limit (default: 5)",
    "AIS_READ_TIMEOUT": "seconds to wait for an answer; 0 waits without a limit (default: 60)",
}
# As s3gw.config.schema has it: where `s3gw auth token` looks.
_DATA = "S3GW_STORAGE_DATA"
_CONNECT_S = 5.0
_READ_S = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` has no slash at its end. Times in seconds; None waits without a limit."""

    url: str = DEFAULT_URL
    token: str = ""
    ca_file: str = ""
    verifies: bool = True
    connect_timeout_s: float | None = _CONNECT_S
    read_timeout_s: float | None = _READ_S
    token_advice: str = ""

    @property
    def is_local(self) -> bool:
        host = urlsplit(self.url).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")


@dataclass(frozen=True, slots=True)
class Flags:
    """Values of command-line flags; None for those that were not given."""

    url: str | None = None
    token_file: str | None = None
    ca_file: str | None = None
    skips_verification: bool = False


def find_endpoint(environ: Mapping[str, str], flags: Flags) -> Endpoint:
    """Raises `BadSetting`."""
    skips = flags.skips_verification or _is_true(environ, "AIS_SKIP_VERIFY_CRT")
    found = Endpoint(
        url=_checked(flags.url or environ.get("AIS_ENDPOINT") or DEFAULT_URL),
        token=_token(environ, flags.token_file),
        ca_file=flags.ca_file or environ.get("AIS_CLIENT_CA", ""),
        verifies=not skips,
        connect_timeout_s=_seconds(environ, "AIS_CONNECT_TIMEOUT", _CONNECT_S),
        read_timeout_s=_seconds(environ, "AIS_READ_TIMEOUT", _READ_S),
    )
    return replace(found, token_advice=_token_advice(found, environ))


def _token_advice(endpoint: Endpoint, environ: Mapping[str, str]) -> str:
    """Return how to get a token, for users without a valid one."""
    make = "export AIS_AUTHN_TOKEN=$(s3gw auth token{})"
    if not endpoint.is_local:
        return "The operator of the server can make one: s3gw auth token --user NAME"
    if "S3GW_CONFIG" in environ or os.access(environ.get(_DATA, "s3gw-data"), os.R_OK | os.X_OK):
        return f"Get one with: {make.format('')}"
    return f"On the server's machine, get one with: {make.format(' --data FOLDER')}"


def _checked(url: str) -> str:
    if "://" not in url:
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.query or parts.fragment or parts.username:
        raise BadSetting(
            f"{url!r} is not a valid endpoint", next_step=f"Use a URL such as {DEFAULT_URL}."
        )
    return url.rstrip("/")


def _token(environ: Mapping[str, str], file: str | None) -> str:
    if file is None and environ.get("AIS_AUTHN_TOKEN"):
        return environ["AIS_AUTHN_TOKEN"].strip()
    file = file or environ.get("AIS_AUTHN_TOKEN_FILE")
    if not file:
        return ""
    try:
        with open(file, encoding="utf-8") as opened:
            return _token_in(opened.read().strip())
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not a text"
        raise BadSetting(f"the token file {file} cannot be read: {why}") from None


def _token_in(text: str) -> str:
    """Return the token of `{"token": "..."}`, as AIStore's CLI stores it, or of a bare one."""
    if not text.startswith("{"):
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return str(document.get("token", ""))


def _is_true(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() in ("1", "true", "y", "yes", "on")


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float | None:
    text = environ.get(name)
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise BadSetting(f"{name} = {text!r} must be a number of seconds")
    return seconds or None
