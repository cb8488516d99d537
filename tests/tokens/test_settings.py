"""How the keys and issuers of tokens are configured, in today's form and in older ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from s3gw.cli.config.show import as_json, as_table
from s3gw.config.loading import ConfigError, Loaded, load
from s3gw.identity.tokens.configured import check_tokens, token_key
from tests.server.certificates import write_certificate
from tests.tokens.issuer import ec_key, pem, rsa_key
from tests.tokens.scene import SECRET

RSA = rsa_key()
PUBLIC = pem(RSA).decode()


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    file = folder / "s3gw.toml"
    file.write_text(text)
    return load(file=file, environ=environ or {}, flags={})


def signature(key: str, method: str) -> str:
    return f'[auth.signature]\nkey = """{key}"""\nmethod = "{method}"\n'


def test_the_form_of_4_0_is_the_same_with_hs256_and_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = loaded(tmp_path, f'[auth]\nenabled = true\nsecret = "{SECRET}"').config.auth
    new = loaded(tmp_path, signature(SECRET, "HS256")).config.auth
    assert token_key(old) == token_key(new)
    with caplog.at_level(logging.WARNING):
        check_tokens(old)
    assert "auth.signature.key" in caplog.text
    assert SECRET not in caplog.text
    caplog.clear()
    check_tokens(new)
    assert not caplog.records


def test_the_example_of_4_1_is_taken_as_it_is(tmp_path: Path) -> None:
    write_certificate(tmp_path / "ca.pem", tmp_path / "ca.key")
    text = f"""
        auth.enabled = true
        auth.signature = {{key = "your-key-of-16-by", method = "HS256"}}
        auth.required_claims = {{aud = ["your-audience"]}}
        auth.oidc = {{allowed_iss = ["https://your-issuer.com"],
                     issuer_ca_bundle = "{tmp_path / "ca.pem"}"}}
    """.replace(",\n                     ", ", ")
    auth = loaded(tmp_path, text).config.auth
    check_tokens(auth)
    assert auth.required_claims.aud == ("your-audience",)
    assert auth.oidc.allowed_iss == ("https://your-issuer.com",)


@pytest.mark.parametrize(
    ("environ", "method"),
    [
        ({"AIS_AUTHN_SECRET_KEY": SECRET}, "HMAC"),
        ({"AIS_AUTHN_PUBLIC_KEY": PUBLIC}, "RSA"),
        ({"AIS_AUTHN_PUBLIC_KEY": PUBLIC.replace("\n", "\\n")}, "RSA"),
        ({"AIS_AUTHN_PUBLIC_KEY": "".join(PUBLIC.splitlines()[1:-1])}, "RSA"),
        ({"AIS_AUTHN_SECRET_KEY": SECRET, "S3GW_AUTH_SIGNATURE_METHOD": "HS512"}, "HS512"),
        ({"AIS_AUTHN_PUBLIC_KEY": PUBLIC, "S3GW_AUTH_SIGNATURE_METHOD": "rs256"}, "RS256"),
        ({"S3GW_AUTH_SIGNATURE_KEY": SECRET, "S3GW_AUTH_SIGNATURE_METHOD": "HS256"}, "HS256"),
    ],
)
def test_the_key_comes_from_variables_too(
    tmp_path: Path, environ: Mapping[str, str], method: str
) -> None:
    result = loaded(tmp_path, "", environ)
    assert result.config.auth.signature.method == method
    assert result.sources["auth.signature.key"] == f"environment {min(environ)}"
    key = token_key(result.config.auth)
    assert key is not None
    kept = (PUBLIC, "RSA") if "AIS_AUTHN_PUBLIC_KEY" in environ else (SECRET, "HMAC")
    same = token_key(loaded(tmp_path, signature(*kept)).config.auth)
    assert same is not None
    assert same.fingerprint == key.fingerprint


def test_aistores_variable_takes_the_place_of_the_files_key(tmp_path: Path) -> None:
    text = signature("another secret of the file", "HS384")
    auth = loaded(tmp_path, text, {"AIS_AUTHN_SECRET_KEY": SECRET}).config.auth
    assert (auth.signature.key, auth.signature.method) == (SECRET, "HS384")


BOTH = {"AIS_AUTHN_SECRET_KEY": SECRET, "AIS_AUTHN_PUBLIC_KEY": PUBLIC}
OURS = {"AIS_AUTHN_SECRET_KEY": SECRET, "S3GW_AUTH_SIGNATURE_KEY": SECRET}


@pytest.mark.parametrize(
    ("text", "environ", "why"),
    [
        (signature(SECRET, "HS257"), {}, "auth.signature.method = 'HS257'"),
        (signature(SECRET, "none"), {}, "auth.signature.method = 'none'"),
        (f'[auth.signature]\nkey = "{SECRET}"', {}, "auth.signature.method is not"),
        ('[auth.signature]\nmethod = "HS256"', {}, "auth.signature.key is not"),
        (f'auth.secret = "{SECRET}"\nauth.signature.key = "x"', {}, "auth.secret and"),
        (f'auth.secret = "{SECRET}"\nauth.signature.method = "HS256"', {}, "auth.secret and"),
        (f'auth.secret = "{SECRET}"', {"AIS_AUTHN_SECRET_KEY": SECRET}, "auth.secret and"),
        ("", BOTH, "AIS_AUTHN_SECRET_KEY and AIS_AUTHN_PUBLIC_KEY are both set"),
        ("", OURS, "AIS_AUTHN_SECRET_KEY and S3GW_AUTH_SIGNATURE_KEY are both set"),
        (signature(PUBLIC, "RS256"), {"AIS_AUTHN_SECRET_KEY": SECRET}, "is not a method for"),
        (signature(SECRET, "HS256"), {"AIS_AUTHN_PUBLIC_KEY": PUBLIC}, "is not a method for"),
        ('[auth.oidc]\nallowed_iss = ["http://issuer"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https://"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https:///path"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https://u:p@issuer"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https://issuer?x=1"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https://issuer#x"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = ["https://issuer:99999"]', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\nallowed_iss = "https://issuer"', {}, "auth.oidc.allowed_iss"),
        ('[auth.oidc]\njwks_refresh = "1m"', {}, "auth.oidc.jwks_refresh"),
        ("[auth]\nleeway_s = 61", {}, "auth.leeway_s"),
        ("[auth]\nleeway_s = -1", {}, "auth.leeway_s"),
        ("[auth.required_claims]\niss = ['x']", {}, "auth.required_claims.iss"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    tmp_path: Path, text: str, environ: Mapping[str, str], why: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, environ)
    assert why in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "method", "why"),
    [
        ("fifteen letters", "HS256", "at least 16 bytes"),
        (PUBLIC, "HS256", "public or private key"),
        (SECRET, "RS256", "cannot be read"),
        (pem(ec_key()).decode(), "RS256", "another kind"),
        (PUBLIC, "ES256", "another kind"),
        (pem(rsa_key(1024)).decode(), "RS256", "2048"),
        ("-----BEGIN PRIVATE KEY-----\nx", "RS256", "private key"),
        ("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "RSA", "cannot be read"),
    ],
)
def test_a_key_that_does_not_fit_its_method_is_no_key(
    tmp_path: Path, key: str, method: str, why: str
) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        check_tokens(loaded(tmp_path, signature(key, method)).config.auth)
    assert "auth.signature.key cannot be used" in str(caught.value)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "method", "weak"),
    [(16, "HS256", True), (31, "HS256", True), (32, "HMAC", False), (32, "HS512", True)],
)
def test_a_short_secret_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, size: int, method: str, weak: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        check_tokens(loaded(tmp_path, signature("s" * size, method)).config.auth)
    assert bool(caplog.records) == weak


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_cannot_be_read_is_said_at_the_start(
    tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    text = f'[auth.oidc]\nissuer_ca_bundle = "{tmp_path / "ca.pem"}"'
    with pytest.raises(ConfigError, match=r"auth\.oidc\.issuer_ca_bundle"):
        check_tokens(loaded(tmp_path, text).config.auth)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    for text in (signature(SECRET, "HS256"), f'auth.secret = "{SECRET}"'):
        shown = as_json(loaded(tmp_path, text)) + as_table(loaded(tmp_path, text))
        assert SECRET not in shown
        assert "***" in shown
