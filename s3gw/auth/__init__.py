"""Authentication: every scheme results in one `Principal`.

`authenticator` finds how a request proves its caller: in the Authorization header (Signature
Version 4, or a bearer token), in its query (Version 4 or Version 2), in the fields of the form that
it posts, or not at all. `keys` looks up an access key: of an account, a user or a session. Sessions
are temporary keys, described by the sealed session token that comes with each request (`session`).
`throttle` slows down callers who guess.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

from s3gw.auth.authenticator import Authenticator, Proof
from s3gw.auth.expiry import MAX_SKEW_S
from s3gw.auth.options import AuthOptions

__all__ = ["MAX_SKEW_S", "AuthOptions", "Authenticator", "Proof"]
