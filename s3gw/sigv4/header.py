"""Signature Version 4 in the Authorization header.

    Authorization: AWS4-HMAC-SHA256 Credential=<...>, SignedHeaders=<a;b;c>, Signature=<hex>

Clients differ in the space after a comma (s3cmd omits it), in other spaces and in the order; all
are accepted. A missing, unknown or repeated component is an error.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

from __future__ import annotations

from msgspec import Struct

from s3gw.sigv4.canonical import SignedHeaders, parse_signed_headers
from s3gw.sigv4.errors import AuthorizationMalformed, Malformed
from s3gw.sigv4.scope import ALGORITHM, SERVICE, Credential, parse_credential

_COMPONENTS = ("Credential", "SignedHeaders", "Signature")


class Authorization(Struct, frozen=True):
    credential: Credential
    signed: SignedHeaders
    signature: str


def parse_authorization(value: str, service: str = SERVICE) -> Authorization:
    """Read the header's value, of a request to that service. Raises `AuthorizationMalformed`."""
    algorithm, _, rest = value.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise AuthorizationMalformed(Malformed.ALGORITHM, f'expecting "{ALGORITHM}".')
    found: dict[str, str] = {}
    for item in rest.split(","):
        name, _, text = item.strip().partition("=")
        if name not in _COMPONENTS or name in found:
            raise AuthorizationMalformed(
                Malformed.COMPONENTS, f'the authorization component "{item.strip()}" is malformed.'
            )
        found[name] = text.strip()
    if len(found) != len(_COMPONENTS):
        raise AuthorizationMalformed(
            Malformed.COMPONENTS,
            "the authorization header requires three components: Credential, SignedHeaders, and "
            "Signature.",
        )
    return Authorization(
        parse_credential(found["Credential"], service),
        parse_signed_headers(found["SignedHeaders"]),
        found["Signature"],
    )
