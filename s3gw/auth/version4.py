"""The last steps of Signature Version 4, for header and query."""

from __future__ import annotations

from s3gw.auth.refusals import does_not_match
from s3gw.sigv4.canonical import Sent, canonical_request, unsigned_headers
from s3gw.sigv4.chunked import ChunkVerifier
from s3gw.sigv4.errors import SignatureMismatch
from s3gw.sigv4.header import Authorization
from s3gw.sigv4.query import Presigned
from s3gw.sigv4.scope import Timestamp, signing_key, verify_signature
from s3gw.wire.errors import Code, S3Error

Proof = Authorization | Presigned

_NOT_SIGNED = "There were headers present in the request which were not signed"


def require_signature(
    request: Sent, proof: Proof, timestamp: Timestamp, payload: str, secret: str
) -> bytes:
    """Check that the proof signs this request with the secret, and return the signing key.

    Raises `AccessDenied` and `SignatureDoesNotMatch`.
    """
    if missing := unsigned_headers(request.headers, proof.signed):
        raise S3Error(Code.AccessDenied, _NOT_SIGNED, HeadersNotSigned=", ".join(missing))
    credential = proof.credential
    key = signing_key(secret, credential.date, credential.region, credential.service)
    canonical = canonical_request(request, proof.signed, payload)
    try:
        verify_signature(key, timestamp, credential.scope, canonical, proof.signature)
    except SignatureMismatch as error:
        raise does_not_match(error, credential.access_key) from None
    return key


def chunk_verifier(key: bytes, timestamp: Timestamp, proof: Proof) -> ChunkVerifier:
    """Return the verifier for a body of signed chunks; the seed is the proof's signature."""
    return ChunkVerifier(key, timestamp.text, proof.credential.scope, proof.signature)
