"""The session policy that a request may hand in: it narrows the session, and never widens it."""

from __future__ import annotations

from s3gw.access.session import MAX_CHARACTERS, SessionPolicyError, read_session_policy
from s3gw.sts.errors import StsCode, StsError
from s3gw.sts.parameters import POLICY, Parameters, Rule


def session_policy(sent: Parameters) -> str:
    """The policy's text, empty for none. Raises `MalformedPolicyDocument`,
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
    """How much of what a policy may have it has, in per cent; None without one."""
    return -(-100 * len(policy) // MAX_CHARACTERS) if policy else None
