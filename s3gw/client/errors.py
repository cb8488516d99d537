"""Errors raised by the client, with advice for the user."""

from __future__ import annotations

from collections.abc import Mapping

_BY_TCODE = {
    "ErrBckNotFound": "`s3gw bucket ls` lists them.",
    "ErrRemoteBckNotFound": "`s3gw bucket ls` lists them.",
    "ErrBucketAlreadyExists": "Choose another name.",
    "ErrInvalidCksum": "The bytes were changed on the way, and nothing was stored: try again.",
    "ErrUnsupp": "docs/native.md lists what this server supports.",
    "ErrCapExceeded": "Remove something, or add a data folder.",
}
_BY_STATUS = {
    401: "A token comes from the variable AIS_AUTHN_TOKEN or from --token-file.",
    403: "The token's user lacks the right, or the bucket's `access` attribute forbids it.",
    405: "The server may be an older one: `s3gw cluster show` prints its version.",
    429: "Try again later.",
    501: "docs/native.md lists what this server supports.",
    503: "Try again later.",
}


class ClientError(Exception):
    """`status` and `tcode` are the server's; 0 and empty without an answer. An error that
    `is_transient` may be gone when the request is repeated, after `retry_after_s`."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        tcode: str = "",
        next_step: str = "",
        is_transient: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.tcode = tcode
        self.next_step = next_step or _BY_TCODE.get(tcode) or _BY_STATUS.get(status, "")
        self.is_transient = is_transient
        self.retry_after_s = retry_after_s

    @property
    def affects_all_objects(self) -> bool:
        """Whether the same error is certain for the next object."""
        hopeless = self.status in (401, 403, 507) or self.tcode == "ErrBckNotFound"
        return hopeless or isinstance(self, Unreachable)

    def __str__(self) -> str:
        begins_with_name = "://" in self.message.partition(" ")[0]
        first = self.message[:1] if begins_with_name else self.message[:1].upper()
        sentence = f"{first}{self.message[1:].rstrip('.')}."
        return f"{sentence} {self.next_step}".rstrip()


class BadSetting(ClientError):
    """An endpoint, a token or a certificate that cannot be used; nothing was sent."""


class Unreachable(ClientError):
    """The endpoint does not accept connections."""


def error_from(
    status: int, document: Mapping[str, object], *, retry_after: str = "", next_step: str = ""
) -> ClientError:
    """Return the error for a response; `document` is AIStore's, or empty, `retry_after` the
    header's value."""
    message = str(document.get("message") or f"the server answered {status}")
    return ClientError(
        message,
        status=status,
        tcode=str(document.get("tcode") or ""),
        next_step=next_step,
        is_transient=status in (429, 502, 503, 504),
        retry_after_s=float(retry_after) if retry_after.isdigit() else 0.0,
    )
