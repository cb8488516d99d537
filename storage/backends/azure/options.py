"""Options of an Azure backend, and the environment variables that set them.

The variables are those of Azure's command line, with `AIS_AZURE_URL` as AIStore spells the
endpoint. Without a key and a signature, azure-identity looks for a login: its own variables, a
workload's or a machine's identity, Azure's command line.
"""

from __future__ import annotations

import os
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from urllib.parse import urlsplit

from storage.secret_fields import WithSecretFields

# The first of them that is set counts.
_ENDPOINT = ("AZURE_STORAGE_SERVICE_ENDPOINT", "AIS_AZURE_URL")
_PUBLIC_SUFFIX = "core.windows.net"
# Azure's limits: a block has up to 4000 MiB, a blob up to 50,000 blocks.
MOST_BLOCK_BYTES = 4000 << 20
MOST_BLOCKS = 50_000
_AUTH_MODES = ("", "key", "login", "anonymous")


class AzureOptions(WithSecretFields, frozen=True):
    """How to reach the blobs of one storage account.

    `endpoint` is the URL of its blob service, for an emulator with the account in the path; empty
    for that of Azure's public cloud. `account_key` is base64, `sas_token` the query of a signature;
    with neither the server logs in, and `anonymous` sends unsigned requests, for public containers.
    `connections` is the most that one process opens; `read_timeout_s` bounds the wait for an
    answer, and for each 64 KiB of a body. `attempts` counts the first one. A larger body is sent in
    blocks of `block_bytes`, `blocks_at_once` in parallel, each in memory.
    """

    secret_fields = frozenset({"account_key", "sas_token"})

    account: str = ""
    endpoint: str = ""
    account_key: str = ""
    sas_token: str = ""
    anonymous: bool = False
    connections: int = 64
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    attempts: int = 5
    block_bytes: int = 8 << 20
    blocks_at_once: int = 2

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if self.endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("the endpoint must be a URL with http or https")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("the endpoint must be a URL without a query: a SAS token goes apart")
        if self.account_key and not self.account:
            raise ValueError("an account key and the name of its account go together")
        if self.account_key and not _is_base64(self.account_key):
            raise ValueError("the account key must be base64")
        if self.anonymous and (self.account_key or self.sas_token):
            raise ValueError("anonymous access and a key or SAS token must not be set together")
        if not 1 <= self.block_bytes <= MOST_BLOCK_BYTES:
            raise ValueError(f"block_bytes must be 1 to {MOST_BLOCK_BYTES}, not {self.block_bytes}")
        for name in ("connections", "connect_timeout_s", "read_timeout_s", "attempts"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")
        if self.blocks_at_once < 1:
            raise ValueError(f"blocks_at_once must be 1 or more, not {self.blocks_at_once}")

    @property
    def url(self) -> str:
        """The service's URL without a slash at its end; empty if neither account nor endpoint is
        known."""
        if self.endpoint:
            return self.endpoint.rstrip("/")
        return f"https://{self.account}.blob.{_PUBLIC_SUFFIX}" if self.account else ""


def options_from_environment(environment: Mapping[str, str] = os.environ) -> AzureOptions:
    """Raises `ValueError`, with the variable's name but not its value, for what cannot be."""
    text = environment.get("AZURE_STORAGE_CONNECTION_STRING", "")
    said = _connection(text)
    account = said.get("accountname") or environment.get("AZURE_STORAGE_ACCOUNT", "")
    mode = environment.get("AZURE_STORAGE_AUTH_MODE", "")
    if mode not in _AUTH_MODES:
        raise ValueError(f"AZURE_STORAGE_AUTH_MODE must be key, login or anonymous, not {mode!r}")
    key, sas = said.get("accountkey", ""), said.get("sharedaccesssignature", "")
    if not (key or sas or mode in ("login", "anonymous")):
        key = environment.get("AZURE_STORAGE_KEY", "")
        sas = "" if key else environment.get("AZURE_STORAGE_SAS_TOKEN", "")
    endpoint = _endpoint_of(said) or _endpoint(environment, account)
    return AzureOptions(
        account=account or _account_of(endpoint),
        endpoint=endpoint,
        account_key=key,
        sas_token=sas.lstrip("?"),
        anonymous=mode == "anonymous",
    )


def _connection(text: str) -> dict[str, str]:
    """The fields of a connection string, by lower-case name."""
    fields: dict[str, str] = {}
    for field in filter(None, text.strip().split(";")):
        name, sign, value = field.partition("=")
        if not sign:
            raise ValueError("AZURE_STORAGE_CONNECTION_STRING must have fields such as Name=value")
        fields[name.strip().lower()] = value.strip()
    if "usedevelopmentstorage" in fields:
        raise ValueError(
            "AZURE_STORAGE_CONNECTION_STRING must name the emulator in full, with AccountName, "
            "AccountKey and BlobEndpoint: UseDevelopmentStorage is not known here"
        )
    return fields


def _endpoint_of(said: Mapping[str, str]) -> str:
    if endpoint := said.get("blobendpoint"):
        return endpoint
    if not said.get("accountname"):
        return ""
    protocol = said.get("defaultendpointsprotocol") or "https"
    suffix = said.get("endpointsuffix") or _PUBLIC_SUFFIX
    return f"{protocol}://{said['accountname']}.blob.{suffix}"


def _endpoint(environment: Mapping[str, str], account: str) -> str:
    """A URL, or as AIStore reads it too, what follows the account in a host's name."""
    name = next((name for name in _ENDPOINT if environment.get(name)), "")
    text = environment.get(name, "")
    if not text or "://" in text:
        return text
    if not account:
        raise ValueError(f"{name} must be a URL, or AZURE_STORAGE_ACCOUNT be set")
    return f"https://{account}.{text.lstrip('.')}"


def _account_of(endpoint: str) -> str:
    host = urlsplit(endpoint).hostname or ""
    return host.partition(".")[0] if ".blob." in host else ""


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return False
    return True
