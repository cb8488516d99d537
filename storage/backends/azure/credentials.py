"""Proofs of a request's rights: a key, a signature, a login, or nothing.

A login is a token of Microsoft Entra ID, from azure-identity. That library is an extra
(`pip install 's3gw[azure]'`), and is imported when a token is first needed. A token is kept until
shortly before its end: some sources of azure-identity start a program for each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from storage.backends.azure.options import AzureOptions
from storage.backends.azure.place import Place
from storage.backends.azure.signing import authorization
from storage.errors import BackendDenied

_SCOPE = "https://storage.azure.com/.default"
# How long before its end a token is not used any more.
_MARGIN_S = 300
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MISSING = (
    "neither a key nor a SAS token is set, and azure-identity is not installed: "
    "pip install 's3gw[azure]', or AZURE_STORAGE_AUTH_MODE=anonymous for a public container"
)


class Credentials:
    """Belongs to one event loop."""

    def __init__(self, options: AzureOptions) -> None:
        self._options = options
        self._sas = _fields(options.sas_token)
        self._token = ""
        self._good_until_s = 0.0
        self._source: Any = None
        self._getting = asyncio.Lock()

    async def proven(
        self,
        place: Place,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return query and headers of a request with what proves its right. Raise `BackendDenied`
        if there is nothing to prove it with."""
        options = self._options
        if options.account_key:
            proof = authorization(
                options.account, options.account_key, method, path, query, headers
            )
            return dict(query), {**headers, "authorization": proof}
        if self._sas:
            return {**query, **self._sas}, dict(headers)
        if options.anonymous:
            return dict(query), dict(headers)
        return dict(query), {**headers, "authorization": f"Bearer {await self._login(place)}"}

    async def _login(self, place: Place) -> str:
        where = urlsplit(self._options.url)
        if where.scheme != "https" and where.hostname not in _LOOPBACK:
            raise BackendDenied(str(place), "TokenOverHttp", "a token is sent over https only")
        async with self._getting:
            if time.time() >= self._good_until_s:
                await self._get(place)
            return self._token

    async def _get(self, place: Place) -> None:
        if self._source is None:
            self._source = await asyncio.to_thread(_new_source, place)
        from azure.core.exceptions import AzureError

        try:
            got = await self._source.get_token(_SCOPE)
        except (AzureError, ValueError) as error:
            raise BackendDenied(str(place), type(error).__name__) from None
        self._token, self._good_until_s = got.token, got.expires_on - _MARGIN_S

    async def aclose(self) -> None:
        if self._source is not None:
            await self._source.close()
            self._source = None


def _fields(sas_token: str) -> dict[str, str]:
    """A plus is a plus here: some tokens have it in their signature as it is."""
    pairs = (field.partition("=") for field in sas_token.split("&") if field)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _new_source(place: Place) -> Any:
    try:
        from azure.identity.aio import DefaultAzureCredential
    except ImportError:
        raise BackendDenied(str(place), "NoCredentials", _MISSING) from None
    # Below this they log requests.
    for name in ("azure", "msal"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return DefaultAzureCredential(exclude_interactive_browser_credential=True)
