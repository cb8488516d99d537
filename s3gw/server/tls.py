"""TLS: one context per worker; its certificate is reloaded when its files change.

A renewed certificate is used for new connections; open ones keep the old one. A certificate and key
that do not match, because one of the files is not written yet, are tried again later.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from s3gw.config.loading import ConfigError
from s3gw.config.schema import Server

CHECK_INTERVAL_S = 10.0

log = logging.getLogger(__name__)


class ClientCertificates(Struct, frozen=True):
    """The authorities for client certificates, and whether every client needs a certificate."""

    authorities: Path
    required: bool


class Certificate:
    """The server's certificate. Raises `ConfigError` when the files cannot be used."""

    def __init__(self, cert: Path, key: Path, clients: ClientCertificates | None = None) -> None:
        self._files = (cert, key)
        self._clients = clients
        self.context = _context()
        if clients is not None:
            _load_authorities(self.context, clients)
        try:
            self._load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"server.tls_cert = {str(cert)!r}: cannot be loaded with the key in {str(key)!r} "
                f"({error}). Allowed are a certificate and its key without a password, in PEM."
            ) from None

    def load_if_changed(self) -> None:
        """Reload changed files. Never raises: on an error the loaded certificate stays in use."""
        try:
            if self.state_of_files() != self.loaded_from:
                self._load()
                log.info("certificate loaded again", extra={"file": str(self._files[0])})
        except (OSError, ssl.SSLError) as error:
            fields = {"file": str(self._files[0]), "error": str(error)}
            log.error("certificate cannot be loaded again", extra=fields)

    def _load(self) -> None:
        state = self.state_of_files()
        # On a separate context first: a failure must not leave half of the pair loaded.
        _context().load_cert_chain(*self._files, password=_no_password)
        if self._clients is not None:
            self.context.load_verify_locations(self._clients.authorities)
        self.context.load_cert_chain(*self._files, password=_no_password)
        self.loaded_from = state

    def state_of_files(self) -> tuple[tuple[int, int], ...]:
        """Return a value that changes when one of the files does."""
        authorities = (self._clients.authorities,) if self._clients else ()
        states = (os.stat(file) for file in (*self._files, *authorities))
        return tuple((state.st_mtime_ns, state.st_ino) for state in states)


def read_certificate(settings: Server) -> Certificate | None:
    """Return the configured certificate. Raises `ConfigError`."""
    clients = _read_clients(settings)
    if not settings.tls_cert:
        if settings.tls_key:
            raise ConfigError(
                f"server.tls_key = {settings.tls_key!r}: a key alone is of no use; give "
                "server.tls_cert too."
            )
        return None
    key = Path(settings.tls_key or settings.tls_cert)
    return Certificate(Path(settings.tls_cert), key, clients)


def _read_clients(settings: Server) -> ClientCertificates | None:
    how, authorities = settings.tls_client_auth, settings.tls_client_ca
    if how == "none":
        if authorities:
            raise ConfigError(
                f"server.tls_client_ca = {authorities!r}: it is of no use while "
                "server.tls_client_auth is none; make that request or require."
            )
        return None
    if not authorities or not settings.tls_cert:
        missing = "server.tls_cert" if authorities else "server.tls_client_ca"
        raise ConfigError(f"server.tls_client_auth = {how!r}: it needs {missing} too.")
    return ClientCertificates(Path(authorities), required=how == "require")


def _load_authorities(context: ssl.SSLContext, clients: ClientCertificates) -> None:
    try:
        context.load_verify_locations(clients.authorities)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"server.tls_client_ca = {str(clients.authorities)!r}: cannot be loaded ({error}). "
            "Allowed are certificates in PEM."
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED if clients.required else ssl.CERT_OPTIONAL


async def keep_loaded(
    certificate: Certificate, stopped_within: Callable[[float], Awaitable[bool]]
) -> None:
    while not await stopped_within(CHECK_INTERVAL_S):
        certificate.load_if_changed()


def _context() -> ssl.SSLContext:
    """Return a context for HTTP/1.1 only: S3's clients use nothing else, and HTTP/2 is slower."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    """Raise an error for an encrypted key; OpenSSL would prompt on the terminal."""
    raise ssl.SSLError("the key is encrypted")
