"""The algorithms that tokens may be signed with, by the names of RFC 7518."""

from __future__ import annotations

HMAC_NAMES = ("HS256", "HS384", "HS512")
RSA_NAMES = ("RS256", "RS384", "RS512")
EC_NAMES = ("ES256",)
# What a configuration may say; `HMAC` and `RSA` are AIStore's names of whole families.
METHODS = {
    "HMAC": HMAC_NAMES,
    "RSA": RSA_NAMES,
    **{name: (name,) for name in (*HMAC_NAMES, *RSA_NAMES, *EC_NAMES)},
}
