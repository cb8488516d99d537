"""Signature Version 2 in the query: presigned URLs of many clients.

    ?AWSAccessKeyId=<key>&Expires=<seconds since the epoch>&Signature=<base64>

    string to sign   <method> LF <Content-MD5> LF <Content-Type> LF <Expires> LF
                     (<x-amz- header>:<value> LF)... <resource>
    resource         [/<bucket of the Host header>]<raw path>[?<sub-resources, sorted>]
    signature        base64(HMAC-SHA1(secret, string to sign))

boto3, aws-cli and s3cmd presign with it by default. The path is signed as it was sent. Of the query
only sub-resources and `response-` overrides are signed, with decoded values. Other parameters are
not covered, so any holder of the URL can add them; therefore the caller names all that are signed,
those that are newer than V2 as well. A name is what it decodes to, however it is escaped.

A presigner puts `x-amz-` headers, Content-Type and Content-MD5 into the query, and the client may
send them as headers as well: a header is looked up in both places.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from s3gw.sigv4.canonical import Sent
from s3gw.sigv4.errors import AuthorizationMalformed, Malformed, SignatureMismatch
from s3gw.sigv4.scope import same
from storage.digits import read_digits


class Resource(Sent, Protocol):
    """A request with its decoded query, needed for V2 only."""

    @property
    def query(self) -> Mapping[str, str]: ...


class PresignedV2(Struct, frozen=True):
    access_key: str
    signature: str
    expires: str
    expires_s: int


def is_presigned_v2(query: Mapping[str, str]) -> bool:
    return "Signature" in query or "AWSAccessKeyId" in query


def parse_presigned_v2(query: Mapping[str, str]) -> PresignedV2:
    """Read the parameters. Raises `AuthorizationMalformed`."""
    try:
        access_key, signature, expires = (
            query["AWSAccessKeyId"],
            query["Signature"],
            query["Expires"],
        )
    except KeyError:
        raise AuthorizationMalformed(
            Malformed.COMPONENTS,
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters",
        ) from None
    expires_s = read_digits(expires)
    if expires_s is None:
        raise AuthorizationMalformed(
            Malformed.EXPIRES, f"Invalid date (should be seconds since epoch): {expires}"
        )
    # An unescaped `+` of base64 arrives as a space.
    return PresignedV2(access_key, signature.replace(" ", "+"), expires, expires_s)


def verify_v2(
    secret: str,
    request: Resource,
    presigned: PresignedV2,
    resource_paths: Sequence[bytes],
    signed_names: Collection[str],
) -> None:
    """Raise `SignatureMismatch` unless the signature covers this request at one of the paths, with
    those `signed_names` that are in its query."""
    signed = _subresources(request.query_string, signed_names)
    texts = [string_to_sign_v2(request, presigned.expires, path, signed) for path in resource_paths]
    for text in texts:
        digest = hmac.digest(secret.encode(), text.encode("utf-8", "surrogateescape"), "sha1")
        if same(base64.b64encode(digest).decode(), presigned.signature):
            return
    raise SignatureMismatch(presigned.signature, texts[0])


def resource_paths(raw_path: bytes, host_bucket: str | None, mount: bytes) -> list[bytes]:
    """Return the paths that a client may have signed for this resource; the likeliest first.

    botocore signs the path it would have at AWS: without the path of the endpoint (`mount`), with
    the bucket of the host, and with a slash after a bucket alone, even if the URL does not have it.
    """
    if host_bucket is not None:
        return [b"/" + host_bucket.encode() + raw_path]
    paths = [raw_path]
    if raw_path.startswith(mount + b"/"):
        paths.append(raw_path.removeprefix(mount))
    return paths + [path + b"/" for path in paths if path.count(b"/") == 1 and path != b"/"]


def string_to_sign_v2(request: Resource, expires: str, path: bytes, subresources: str) -> str:
    standard = [_standard(request, name) for name in ("content-md5", "content-type")]
    lines = [request.method, *standard, expires, *_amz_headers(request)]
    return "\n".join([*lines, _utf8(path) + subresources])


def _standard(request: Resource, name: str) -> str:
    value = request.headers.get(name)
    return request.query.get(name, "") if value is None else _header(value)


def _amz_headers(request: Resource) -> list[str]:
    """Return the `x-amz-` headers of both places; one in both must have the same value."""
    found = {
        name.lower(): value.strip(" \t")
        for name, value in request.query.items()
        if name.lower().startswith("x-amz-")
    }
    for name, sent in request.headers.items():
        if name.startswith("x-amz-"):
            value = _header(sent)
            queried = found.get(name, value)
            found[name] = value if queried == value else f"{queried},{value}"
    return [f"{name}:{found[name]}" for name in sorted(found)]


def _subresources(query_string: bytes, signed_names: Collection[str]) -> str:
    pairs = [item.partition("=") for item in query_string.decode("latin-1").split("&")]
    decoded = ((_decoded(name), equals, value) for name, equals, value in pairs)
    signed = sorted(
        (name, equals + _decoded(value)) for name, equals, value in decoded if name in signed_names
    )
    query = "&".join([name + value for name, value in signed])
    return f"?{query}" if query else ""


def _decoded(text: str) -> str:
    return _utf8(unquote_to_bytes(text.replace("+", " ")))


def _header(value: str) -> str:
    """Return a header's value, decoded as latin-1, as the bytes that were signed."""
    return _utf8(value.strip(" \t").encode("latin-1"))


def _utf8(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
