"""Who is asking: every way of signing a request ends in one `Principal`.

`authenticator` sees how a request proves its caller: in the Authorization header (Signature Version
4, or a bearer token), in its query (Version 4 or Version 2), in the fields of the form that it
posts, or not at all. `keys` finds out whose an access key is: an account's, a user's, or that of a
session. Sessions are temporary keys; what the server has to know of one stands sealed in the
session token that comes with each request (`session`).

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

from s3gw.auth.authenticator import Authenticator, Proof
from s3gw.auth.options import AuthOptions
from s3gw.auth.times import MAX_SKEW_S

__all__ = ["MAX_SKEW_S", "AuthOptions", "Authenticator", "Proof"]
