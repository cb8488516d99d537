"""Repeated attempts, and the errors of connections and responses, for both drivers."""

from __future__ import annotations

import json
import ssl
from typing import Any

from s3gw.client.call import Request, ResponseHead
from s3gw.client.endpoint import Endpoint
from s3gw.client.errors import BadSetting, ClientError, Unreachable, error_from

TRIES = 4
FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 20.0


class Attempts:
    """Decides whether a request is sent once more. A request that changes nothing, or that has the
    same effect when it is sent twice, is repeated when the connection breaks or the server asks
    for patience."""

    def __init__(self, request: Request, tries: int, first_pause_s: float) -> None:
        """Each pause is three times as long as the one before."""
        self._left = tries - 1 if request.may_repeat else 0
        self._pause_s = first_pause_s

    def pause_after(self, error: ClientError) -> float:
        """Return the seconds to wait before the next attempt, or raise the error."""
        if not (self._left and error.is_transient) or error.retry_after_s > _LONGEST_PAUSE_S:
            raise error
        pause_s = max(error.retry_after_s, self._pause_s)
        self._left -= 1
        self._pause_s *= 3
        return pause_s


def refusal(request: Request, head: ResponseHead, body: bytes, endpoint: Endpoint) -> ClientError:
    """Return the error for a response with a status of 300 or more."""
    if head.status < 400:
        where = head.headers.get("Location", "another address")
        return ClientError(f"the server redirected to {where}", status=head.status)
    document: Any = {}
    try:
        text = head.headers.get("Hdr-Error") if request.method == "HEAD" else body.decode()
        document = json.loads(text) if text.startswith("{") else {"message": text.strip()}
    except ValueError:
        document = {}
    advice = endpoint.token_advice if head.status == 401 else ""
    after = head.headers.get("Retry-After")
    return error_from(head.status, document, retry_after=after, next_step=advice)


def require_all(seen: int, size: int | None) -> None:
    """Raise the error for a body that ended after `seen` bytes, unless that is its size."""
    if size is not None and seen != size:
        raise ClientError(f"the answer broke off before the end of its {size} bytes")


def broken_off(reason: str) -> ClientError:
    return ClientError(f"the answer broke off: {reason}", is_transient=True)


def timed_out(endpoint: Endpoint, seconds: float | None) -> ClientError:
    return ClientError(
        f"{endpoint.url} did not answer within {seconds or 0:g} s",
        next_step="AIS_READ_TIMEOUT allows more; the server may still be working.",
    )


def broken(endpoint: Endpoint, reason: str, *, is_transient: bool = True) -> ClientError:
    message = f"the connection to {endpoint.url} broke: {reason}"
    return ClientError(message, is_transient=is_transient)


def unreachable(endpoint: Endpoint, reason: str) -> ClientError:
    start = "Start it with `s3gw serve`, or name it" if endpoint.is_local else "Name the server"
    return Unreachable(
        f"cannot connect to {endpoint.url}: {reason}",
        next_step=f"{start} with --endpoint or AIS_ENDPOINT.",
    )


def no_tls(url: str, error: ssl.SSLError) -> ClientError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"the certificate of {url} is not trusted: {error.verify_message}",
            next_step="--ca or AIS_CLIENT_CA names certificates to trust.",
        )
    reason = (error.reason or str(error)).lower().replace("_", " ")
    return ClientError(
        f"no TLS with {url}: {reason}", next_step="Does the server use https on this port?"
    )


def trust(endpoint: Endpoint) -> ssl.SSLContext:
    """Return the TLS settings of an endpoint. Raises `BadSetting`."""
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(
            f"the certificates of {endpoint.ca_file} cannot be used: {reason_of(error)}"
        ) from None
    if not endpoint.verifies:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def reason_of(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
