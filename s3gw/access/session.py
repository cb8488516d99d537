"""Session policies: the most that temporary credentials allow.

They have the format of a bucket policy, but without principals, and for any bucket. They grant
nothing: what one does not allow is refused, whatever else allows it, to the root account too.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
"""

from __future__ import annotations

from s3gw.access.kept_documents import KeptDocuments
from s3gw.access.policy import Policy, Verdict, read_bucketless_policy
from s3gw.access.request import AccessRequest
from s3gw.wire.errors import S3Error

MAX_CHARACTERS = 2048


class SessionPolicyError(Exception):
    """The policy cannot be read, or not be enforced here; the text says why."""


def read_session_policy(text: str) -> Policy:
    """Parse a session policy. Raises `SessionPolicyError`."""
    if len(text) > MAX_CHARACTERS:
        raise SessionPolicyError(f"A session policy has at most {MAX_CHARACTERS} characters.")
    try:
        return read_bucketless_policy(text)
    except S3Error as error:
        raise SessionPolicyError(error.message) from None


kept_session_policies = KeptDocuments(read_session_policy, SessionPolicyError)


def session_allows(request: AccessRequest) -> bool:
    """Whether the caller's session policy, if there is one, allows it. Raises `FactRequired`."""
    text = request.caller.principal.session_policy
    if not text:
        return True
    try:
        policy = kept_session_policies.get(text)
    except SessionPolicyError:
        # It was readable when the session was created; an unreadable policy allows nothing.
        return False
    return policy.verdict(request) is Verdict.ALLOW
