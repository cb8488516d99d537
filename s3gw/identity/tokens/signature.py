"""Keys that verify tokens, each bound to its kind's algorithms.

The algorithm in a token only selects among those of the key: a public key is never used as the
secret of an HMAC, nor a key of one curve for another's. PyJWT and `cryptography` do the
calculations.

https://www.rfc-editor.org/rfc/rfc7518 (section 3), https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from jwt.algorithms import Algorithm, ECAlgorithm, HMACAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from s3gw.config.auth import EC_NAMES, HMAC_NAMES, METHODS, RSA_NAMES
from s3gw.identity.tokens.compact import Compact, encoded

# With one token an attacker can try secrets offline. RFC 7518 requires as many bytes as the hash
# has, but older AIStore installations have fewer: those get a warning, even shorter ones an error.
MIN_SECRET_BYTES = 16
RSA_BITS = range(2048, 8193)
# A larger exponent slows each verification.
_EXPONENT_BITS = 32

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF = 32
_ALGORITHMS: dict[str, Algorithm] = {
    "HS256": HMACAlgorithm(HMACAlgorithm.SHA256),
    "HS384": HMACAlgorithm(HMACAlgorithm.SHA384),
    "HS512": HMACAlgorithm(HMACAlgorithm.SHA512),
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "ES256": ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
}
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

PublicKey = RSAPublicKey | EllipticCurvePublicKey


class UnusableKey(ValueError):
    """The text says why, and reveals nothing of the key."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """`fingerprint` is the same for the same key."""

    algorithms: tuple[str, ...]
    fingerprint: str
    key: bytes | PublicKey = field(repr=False, compare=False)
    key_id: str = ""

    def verifies(self, token: Compact) -> bool:
        if token.algorithm not in self.algorithms:
            return False
        return _ALGORITHMS[token.algorithm].verify(token.signing_input, self.key, token.signature)

    def sign(self, algorithm: str, signing_input: bytes) -> bytes:
        """Sign; only a secret can."""
        return _ALGORITHMS[algorithm].sign(signing_input, self.key)


def configured_key(method: str, text: str) -> VerifyingKey:
    """Return the key from the configuration: a secret, or a public key in PEM or, as in AIStore,
    the base64 of its DER. Raises `UnusableKey`."""
    names = METHODS.get(method.upper())
    if names is None:
        raise UnusableKey(f"the method must be one of {', '.join(METHODS)}")
    if names[0] in HMAC_NAMES:
        return secret_key(text.encode(), names)
    return public_key(load_public(text), names)


def secret_key(
    secret: bytes, names: tuple[str, ...] = HMAC_NAMES, key_id: str = ""
) -> VerifyingKey:
    """Return the key of a secret. Raises `UnusableKey`, also for a public key given as a secret."""
    if len(secret) < MIN_SECRET_BYTES:
        raise UnusableKey(
            f"the secret must have at least {MIN_SECRET_BYTES} bytes; {_HASH_BYTES[names[0]]} are "
            "right, as from `openssl rand -base64 48`"
        )
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except InvalidKeyError:
        raise UnusableKey("the secret is a public or private key; name its method") from None
    return VerifyingKey(names, hashlib.sha256(secret).hexdigest(), secret, key_id)


def public_key(key: object, names: tuple[str, ...], key_id: str = "") -> VerifyingKey:
    """Return the key for the algorithms. Raises `UnusableKey` when it is of another kind, or too
    weak or too big."""
    if isinstance(key, RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise UnusableKey(f"RSA keys must have {RSA_BITS[0]} to {RSA_BITS[-1]} bits")
        if key.public_numbers().e.bit_length() > _EXPONENT_BITS:
            raise UnusableKey("the exponent of the RSA key is too large")
        allowed: tuple[str, ...] = RSA_NAMES
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        allowed = EC_NAMES
    else:
        raise UnusableKey("the key must be RSA's or the curve P-256's")
    usable = tuple(name for name in names if name in allowed)
    if not usable:
        raise UnusableKey(f"the key is of another kind than {' and '.join(names)} need")
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return VerifyingKey(usable, hashlib.sha256(spki).hexdigest(), key, key_id)


def load_public(text: str) -> object:
    """Load a public key. Raises `UnusableKey`."""
    if "PRIVATE KEY" in text:
        raise UnusableKey("this is a private key; its public key is wanted")
    try:
        if "-----BEGIN" in text:
            return load_pem_public_key(text.replace("\\n", "\n").encode())
        return load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKey("the public key cannot be read: PEM is wanted") from None


def weakness(key: VerifyingKey) -> str:
    """Return a warning about the key, or an empty string."""
    wanted = _HASH_BYTES.get(key.algorithms[0], 0)
    if isinstance(key.key, bytes) and len(key.key) < wanted:
        return f"the secret has {len(key.key)} bytes, and {key.algorithms[0]} wants {wanted}"
    return ""


def twin(token: str, parsed: Compact) -> str:
    """Return the other token with the same content that the same key verifies, empty if it does not
    exist: from an ECDSA signature (r, s) an attacker can compute (r, n - s)."""
    if parsed.algorithm not in EC_NAMES or len(parsed.signature) != 2 * _HALF:
        return ""
    r, s = parsed.signature[:_HALF], int.from_bytes(parsed.signature[_HALF:])
    other = (_P256_ORDER - s) % _P256_ORDER
    return f"{token.rpartition('.')[0]}.{encoded(r + other.to_bytes(_HALF))}"
