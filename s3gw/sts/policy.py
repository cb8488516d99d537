"""The session policy of a request: it never widens the session."""

from __future__ import annotations

from s3gw.access.session import MAX_CHARACTERS, SessionPolicyError, read_session_policy
from s3gw.sts.errors import StsCode, StsError
from s3gw.sts.parameters import POLICY, Parameters, Rule


def session_policy(sent: Parameters) -> str:
    """Return the policy's text, or an empty one. Raises `MalformedPolicyDocument`,
    `PackedPolicyTooLarge` and `ValidationError`."""
    text = sent.optional_text("Policy", Rule(1, 1 << 20, POLICY))
    if text is None:
        return ""
    if len(text) > MAX_CHARACTERS:
        limit = f"A session policy has at most {MAX_CHARACTERS} characters."
        raise StsError(StsCode.PackedPolicyTooLarge, limit)
    try:
        read_session_policy(text)
    except SessionPolicyError as error:
        raise StsError(StsCode.MalformedPolicyDocument, str(error)) from None
    return text


def packed_size(policy: str) -> int | None:
    """Return the policy's size in per cent of the limit; None without a policy."""
    return -(-100 * len(policy) // MAX_CHARACTERS) if policy else None
