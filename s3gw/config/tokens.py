"""The settings of tokens: which keys sign them, who issues them, and what they must claim."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from s3gw.config.token_algorithms import METHODS
from s3gw.config.types import Choice, Duration, Size, Text, Texts, Whole, option

# How far clocks may be apart.
MAX_LEEWAY_S = 60.0
SECRET_VARIABLE = "AIS_AUTHN_SECRET_KEY"
PUBLIC_KEY_VARIABLE = "AIS_AUTHN_PUBLIC_KEY"


@dataclass(frozen=True, slots=True)
class Method(Text):
    """A method's name in any case, kept in upper case."""

    allowed: str = Choice(tuple(METHODS)).allowed

    def read(self, value: object) -> str:
        name = Text(pattern=r".*").read(value).upper()
        if name and name not in METHODS:
            raise ValueError
        return name


@dataclass(frozen=True, slots=True)
class IssuerUrl(Text):
    allowed: str = "an https URL without user, query and fragment"
    pattern: str = r"https://[!-~]+"

    def read(self, value: object) -> str:
        text = Text(self.allowed, self.pattern).read(value)
        parts = urlsplit(text)
        if not parts.hostname or "@" in parts.netloc or "?" in text or "#" in text:
            raise ValueError
        _ = parts.port
        return text


@dataclass(frozen=True, slots=True)
class Signature:
    """One key that all tokens are signed with which no OIDC issuer signs."""

    key: str = option(
        "",
        "The secret that is shared with the issuer of the tokens, or its public key in PEM. A "
        "secret needs 16 bytes, and should have as many as the method's hash, 32 for HS256.",
        Text("a secret of 16 bytes or more, or a public key", r"(?s).*"),
        secret=True,
        shown_default="none",
    )
    method: str = option(
        "",
        "The algorithm that the key is for, in any case; `HMAC` and `RSA` are all three of their "
        "families.",
        Method(),
        shown_default="none",
    )


@dataclass(frozen=True, slots=True)
class RequiredClaims:
    """What every token must claim, whoever signed it."""

    aud: tuple[str, ...] = option(
        (), "Audiences: a token must be for one of them.", Texts("a list of texts")
    )


@dataclass(frozen=True, slots=True)
class Oidc:
    """Issuers whose tokens are verified with the keys that they publish."""

    allowed_iss: tuple[str, ...] = option(
        (),
        "The issuers, spelt exactly as the `iss` of their tokens. Their keys are found through "
        "`/.well-known/openid-configuration`. An issuer in a private network must be in "
        "`outbound.allow` too.",
        Texts("a list of https URLs without user, query and fragment", IssuerUrl()),
    )
    issuer_ca_bundle: str = option(
        "",
        "A file of certificates in PEM: with it the issuers' certificates must come from one of "
        "these authorities, and the system's are not asked. Read again for each fetch.",
        Text("a file", r".*"),
        shown_default="the system's authorities",
    )
    roles_claim: str = option(
        "",
        "A claim that holds names of roles, whose permissions the bearer has besides those in the "
        "token itself; the way to a claim within claims has dots, `realm_access.roles`. Empty: "
        "roles are not looked for. Built-in roles such as `Admin` count as well.",
        Text("the name of a claim", r".*"),
        shown_default="none",
    )
    jwks_refresh: float = option(
        3600.0,
        "How long an issuer's keys are fresh, unless it says less itself (Cache-Control, but never "
        "less than 15m). They are fetched again in the background, before that time is over.",
        Duration(900, 86400),
    )
    jwks_stale: float = option(
        86400.0,
        "How much longer its keys are used while the issuer cannot be reached.",
        Duration(0, 7 * 86400),
    )
    jwks_timeout: float = option(
        10.0, "How long an issuer may take for an answer.", Duration(0.1, 60)
    )
    jwks_max_size: int = option(
        256 << 10, "How large an issuer's answers may be.", Size(1 << 10, 8 << 20)
    )
    jwks_max_keys: int = option(100, "How many keys an issuer may have.", Whole(1, 1000))


def problem_with(secret: str, signature: Signature) -> str:
    """Why these settings cannot be used together; empty when they can. `secret` is the form of
    AIStore 4.0."""
    if secret and (signature.key or signature.method):
        given = "auth.signature.key" if signature.key else "auth.signature.method"
        return (
            f"auth.secret and {given} are both given: the first is the older form of "
            "auth.signature, with the method HS256. Keep auth.signature."
        )
    if bool(signature.key) != bool(signature.method):
        there, missing = ("key", "method") if signature.key else ("method", "key")
        return f"auth.signature.{there} is given and auth.signature.{missing} is not: give both."
    return ""
