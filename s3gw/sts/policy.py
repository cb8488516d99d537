"""The session policy that a request may hand in: it narrows the session, and never widens it."""

from __future__ import annotations

from collections.abc import Callable

from s3gw.sts.errors import StsCode, StsError
from s3gw.sts.parameters import POLICY, Parameters, Rule

# Of the text, as AWS counts.
MAX_POLICY_CHARS = 2048

# Reads a session policy; raises `ValueError` with what is wrong with it.
ReadPolicy = Callable[[str], object]


def session_policy(sent: Parameters, read: ReadPolicy) -> str:
    """The policy's text, empty for none. Raises `MalformedPolicyDocument`,
    `PackedPolicyTooLarge` and `ValidationError`."""
    text = sent.optional_text("Policy", Rule(1, 1 << 20, POLICY))
    if text is None:
        return ""
    if len(text) > MAX_POLICY_CHARS:
        limit = f"A session policy has at most {MAX_POLICY_CHARS} characters."
        raise StsError(StsCode.PackedPolicyTooLarge, limit)
    try:
        read(text)
    except ValueError as error:
        raise StsError(StsCode.MalformedPolicyDocument, str(error)) from None
    return text


def packed_size(policy: str) -> int | None:
    """How much of what a policy may have it has, in per cent; None without one."""
    return -(-100 * len(policy) // MAX_POLICY_CHARS) if policy else None
