"""The section `[auth]`: accounts, keys, tokens and throttling."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from s3gw.config.declaration import Tables, required, setting
from s3gw.config.types import Choice, Duration, Seconds, Size, Switch, Text, Texts, Whole

# The algorithms that tokens may be signed with, by the names of RFC 7518.
HMAC_NAMES = ("HS256", "HS384", "HS512")
RSA_NAMES = ("RS256", "RS384", "RS512")
EC_NAMES = ("ES256",)
# What a configuration may say; `HMAC` and `RSA` are AIStore's names of whole families.
METHODS = {
    "HMAC": HMAC_NAMES,
    "RSA": RSA_NAMES,
    **{name: (name,) for name in (*HMAC_NAMES, *RSA_NAMES, *EC_NAMES)},
}
# AIStore's value for tokens without expiry.
LONGEST_TOKEN_S = 20 * 365 * 86400
# How far clocks may be apart.
MAX_LEEWAY_S = 60.0
SECRET_VARIABLE = "AIS_AUTHN_SECRET_KEY"
PUBLIC_KEY_VARIABLE = "AIS_AUTHN_PUBLIC_KEY"

_ACCESS_KEY = Text("3 to 128 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{3,128}")
_SECRET_KEY = Text("8 to 128 printable characters without spaces", r"[!-~]{8,128}")


@dataclass(frozen=True, slots=True)
class Method(Text):
    """A method's name in any case, kept in upper case."""

    what: str = Choice(tuple(METHODS)).allowed

    def read(self, value: object) -> str:
        name = Text(pattern=r".*").read(value).upper()
        if name and name not in METHODS:
            raise ValueError
        return name


@dataclass(frozen=True, slots=True)
class IssuerUrl(Text):
    what: str = "an https URL without user, query and fragment"
    pattern: str = r"https://[!-~]+"

    def read(self, value: object) -> str:
        text = Text(self.what, self.pattern).read(value)
        parts = urlsplit(text)
        if not parts.hostname or "@" in parts.netloc or "?" in text or "#" in text:
            raise ValueError
        _ = parts.port
        return text


@dataclass(frozen=True, slots=True)
class Account:
    """A further user, who owns the buckets that are created with these keys."""

    id: str = required(
        "The account's id, the owner of its buckets; never change it.",
        Text("1 to 64 letters, digits and any of . _ -", r"[A-Za-z0-9._-]{1,64}"),
    )
    access_key: str = required("The access key id.", _ACCESS_KEY)
    secret_key: str = required("The secret access key.", _SECRET_KEY, secret=True)
    display_name: str = setting(
        "", "The name shown beside the id; empty for none, as at AWS.", Text(pattern=".*")
    )
    email: str = setting("", "The e-mail address, for grants by e-mail.", Text(pattern=".*"))


@dataclass(frozen=True, slots=True)
class Signature:
    """The key of bearer tokens (JWT) that another program signs, see docs/tokens.md. The variable
    `AIS_AUTHN_SECRET_KEY` gives a key for HMAC, `AIS_AUTHN_PUBLIC_KEY` for RSA."""

    key: str = setting(
        "",
        "The secret that is shared with the issuer of the tokens, or its public key in PEM. A "
        "secret needs 16 bytes, and should have as many as the method's hash, 32 for HS256.",
        Text("a secret of 16 bytes or more, or a public key", r"[\s\S]*"),
        secret=True,
        shown_default="not set",
    )
    method: str = setting(
        "",
        "The algorithm that the key is for, in any case; `HMAC` and `RSA` are all three of their "
        "families.",
        Method(),
        shown_default="not set",
    )


@dataclass(frozen=True, slots=True)
class RequiredClaims:
    """What every token must claim, whichever key it is signed with."""

    aud: tuple[str, ...] = setting(
        (), "Audiences: a token must be for one of them.", Texts("a list of texts")
    )


@dataclass(frozen=True, slots=True)
class Oidc:
    """OpenID Connect: issuers of tokens that publish their keys."""

    allowed_iss: tuple[str, ...] = setting(
        (),
        "The issuers, spelt exactly as the `iss` of their tokens. Their keys are found through "
        "`/.well-known/openid-configuration`. An issuer in a private network must be in "
        "`outbound.allow` too.",
        Texts("a list of https URLs without user, query and fragment", IssuerUrl()),
    )
    issuer_ca_bundle: str = setting(
        "",
        "A file of certificates in PEM: with it the issuers' certificates must come from one of "
        "these authorities, and the system's do not count. Read again for each fetch.",
        Text("a file", r".*"),
        shown_default="the system's authorities",
    )
    roles_claim: str = setting(
        "",
        "A claim with the names of roles, whose permissions the bearer has besides those in the "
        "token itself; the name of a claim within a claim has dots, `realm_access.roles`. When "
        "empty, roles are not read. Built-in roles such as `Admin` count as well.",
        Text("the name of a claim", r".*"),
        shown_default="not set",
    )
    jwks_refresh: float = setting(
        3600.0,
        "How long an issuer's keys are fresh, unless it allows less itself (Cache-Control, but at "
        "least 15m). They are fetched again in the background, before that time is over.",
        Duration(900, 86400),
    )
    jwks_stale: float = setting(
        86400.0,
        "How much longer its keys are used while the issuer cannot be reached.",
        Duration(0, 7 * 86400),
    )
    jwks_timeout: float = setting(
        10.0, "How long an issuer may take for a response.", Duration(0.1, 60)
    )
    jwks_max_size: int = setting(
        256 << 10, "How large an issuer's responses may be.", Size(1 << 10, 8 << 20)
    )
    jwks_max_keys: int = setting(100, "How many keys an issuer may have.", Whole(1, 1000))


@dataclass(frozen=True, slots=True)
class ThrottleOptions:
    """Slowing down clients that guess keys and passwords; each worker counts for itself."""

    enabled: bool = setting(True, "Whether failed authentication is slowed down.", Switch())
    burst: int = setting(
        100,
        "How often an access key, or a user's name, may fail at one address before it has to wait; "
        "ten times as often for all that is tried at one address.",
        Whole(1, 1_000_000),
    )
    per_minute: int = setting(
        60, "How many further failures each minute then allows.", Whole(1, 1_000_000)
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may use the server, and how clients prove who they are."""

    enabled: bool = setting(
        True,
        "Whether requests must be signed. If not, every client is the root account.",
        Switch(),
        flag="--no-auth",
        flag_value="false",
        flag_doc="Accept requests without signatures: every client is the root account.",
        aliases=("client_auth_required",),
    )
    allow_remote: bool = setting(
        False,
        "Allow `auth.enabled = false` on an address that other machines reach.",
        Switch(),
        flag="--allow-remote",
        flag_value="true",
        flag_doc="Allow --no-auth on an address that other machines reach.",
    )
    root_access_key: str = setting(
        "",
        "The root account's access key id. Left out, both root keys are generated at first start.",
        _ACCESS_KEY,
        variable="S3GW_ROOT_ACCESS_KEY",
        shown_default="generated",
    )
    root_secret_key: str = setting(
        "",
        "The root account's secret access key.",
        _SECRET_KEY,
        variable="S3GW_ROOT_SECRET_KEY",
        secret=True,
        shown_default="generated",
    )
    secrets_key_file: str = setting(
        "",
        "The file with the key that encrypts the secrets of users' access keys: 32 bytes in base64 "
        "or in hexadecimal. By default it is created at the first start, beside the data: it then "
        "protects copies of the database, but not against a thief of the whole folder.",
        Text("a file's path"),
        shown_default="`auth.key` in the first data folder",
    )
    secrets_key: str = setting(
        "",
        "That key itself, instead of a file.",
        Text("32 bytes in base64 or in hexadecimal", r"[A-Za-z0-9+/]{43}=|[0-9A-Fa-f]{64}"),
        secret=True,
        shown_default="not set",
    )
    sigv2_query: bool = setting(
        True,
        "Accept URLs and forms presigned the old way, as boto3 and s3cmd still do by default.",
        Switch(),
    )
    allow_s3_token_compat: bool = setting(
        False,
        "Accept a JWT in place of a session token, in X-Amz-Security-Token, from clients that "
        "cannot send it otherwise. The signature of such a request is not checked, see "
        "docs/sts.md.",
        Switch(),
    )
    accounts: tuple[Account, ...] = setting(
        (), "Further accounts: `[[auth.accounts]]` tables.", Tables(Account)
    )
    secret: str = setting(
        "",
        "The form of AIStore 4.0: the same as `auth.signature` with this key and the method HS256.",
        Text("a secret of 16 bytes or more"),
        secret=True,
        shown_default="not set",
    )
    signature: Signature = field(default_factory=Signature)
    required_claims: RequiredClaims = field(default_factory=RequiredClaims)
    oidc: Oidc = field(default_factory=Oidc)
    leeway_s: float = setting(
        30.0,
        "How far an issuer's clock may be from ours when the times in its tokens are checked.",
        Seconds(0, MAX_LEEWAY_S),
    )
    longest_token: float = setting(
        float(LONGEST_TOKEN_S),
        "How long a token may last that this server issues; one that is asked for without an end "
        "lasts that long. The default is AIStore's, twenty years.",
        Duration(1, LONGEST_TOKEN_S),
    )
    min_password_length: int = setting(
        8,
        "How many characters a user's password has at least. With 1, as in AIStore, any password "
        "that is not empty is taken.",
        Whole(1, 128),
    )
    su_name: str = setting(
        "admin",
        "The name of the first administrator, see `auth.su_pass`.",
        Text("the name of a user"),
        variable="AIS_AUTHN_SU_NAME",
    )
    su_pass: str = setting(
        "",
        "The password of the first administrator, a user with the role `Admin`, who is created at "
        "a start without any users. Once there are users it changes nothing.",
        Text("a password", r".*"),
        variable="AIS_AUTHN_SU_PASS",
        secret=True,
        shown_default="not set",
    )
    throttle: ThrottleOptions = field(default_factory=ThrottleOptions)


def problem_with(secret: str, signature: Signature) -> str:
    """Return why these settings cannot be used together; empty when they can. `secret` is the form
    of AIStore 4.0."""
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
