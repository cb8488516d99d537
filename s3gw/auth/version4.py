"""Signature Version 4: the credential scope and the last steps, for header and query.

The scope's day must be that of the signature; any region is valid unless the options name some.
"""

from __future__ import annotations

from s3gw.auth.refusals import does_not_match, header_malformed, not_signed, refusal
from s3gw.sigv4.canonical import Sent, canonical_requests, unsigned_headers
from s3gw.sigv4.chunked import ChunkVerifier
from s3gw.sigv4.errors import SignatureMismatch
from s3gw.sigv4.header import Authorization
from s3gw.sigv4.query import Presigned
from s3gw.sigv4.scope import Credential, Timestamp, signing_key, verify_signature
from s3gw.wire.errors import Code

Proof = Authorization | Presigned

# Some SDKs send it beside a presigned URL that does not cover it. AWS ignores it in the signature.
CONTENT_SHA256 = "x-amz-content-sha256"


def require_signature(
    request: Sent, proof: Proof, timestamp: Timestamp, payload: str, secret: str
) -> bytes:
    """Check that the proof signs this request with the secret, and return the signing key.

    Raises `AccessDenied` and `SignatureDoesNotMatch`.
    """
    missing = unsigned_headers(request.headers, proof.signed)
    if isinstance(proof, Presigned):
        missing = [name for name in missing if name != CONTENT_SHA256]
    if missing:
        raise not_signed(missing)
    credential = proof.credential
    key = signing_key(secret, credential.date, credential.region, credential.service)
    requests = canonical_requests(request, proof.signed, payload)
    try:
        verify_signature(key, timestamp, credential.scope, requests, proof.signature)
    except SignatureMismatch as error:
        raise does_not_match(error, credential.access_key) from None
    return key


def chunk_verifier(key: bytes, timestamp: Timestamp, proof: Proof) -> ChunkVerifier:
    """Return the verifier for a body of signed chunks; the seed is the proof's signature."""
    return ChunkVerifier(key, timestamp.text, proof.credential.scope, proof.signature)


class Regions:
    def __init__(self, names: tuple[str, ...]) -> None:
        self._ours = names[0] if names else ""
        # s3cmd signs its first call with the region `US` for us-east-1.
        self._names = frozenset(names + (("US",) if "us-east-1" in names else ()))

    def check_header(self, credential: Credential, timestamp: Timestamp) -> None:
        """Check a credential in the header. Raises `AuthorizationHeaderMalformed`."""
        if problem := self._problem(credential, timestamp):
            raise header_malformed(problem, self._detail(credential))

    def check_parameter(self, credential: Credential, timestamp: Timestamp) -> None:
        """Check a credential in a query or in a form. Raises
        `AuthorizationQueryParametersError`."""
        if problem := self._problem(credential, timestamp):
            message = f"Error parsing the X-Amz-Credential parameter; {problem}"
            details = self._detail(credential)
            raise refusal(Code.AuthorizationQueryParametersError, message, details)

    def _problem(self, credential: Credential, timestamp: Timestamp) -> str | None:
        if not timestamp.text.startswith(credential.date):
            return (
                f'Invalid credential date "{credential.date}". This date is not the same as '
                f'X-Amz-Date: "{timestamp.text[:8]}".'
            )
        if self._is_foreign(credential.region):
            return f"the region '{credential.region}' is wrong; expecting '{self._ours}'"
        return None

    def _detail(self, credential: Credential) -> dict[str, str]:
        """Return the detail that makes SDKs try again with another region."""
        return {"Region": self._ours} if self._is_foreign(credential.region) else {}

    def _is_foreign(self, region: str) -> bool:
        return bool(self._names) and region not in self._names
