"""Options of authentication."""

from __future__ import annotations

from msgspec import Struct, field

from storage.clock import Clock, SystemClock


class AuthOptions(Struct, frozen=True):
    """Without `region_names` every region is accepted; the first one is ours.

    With `allow_s3_token_compat` a JWT may be sent in place of a session token, and then the rest of
    the signature is ignored.
    """

    region_names: tuple[str, ...] = ()
    allow_sigv2_query: bool = True
    no_auth: bool = False
    allow_s3_token_compat: bool = False
    clock: Clock = field(default_factory=SystemClock)
