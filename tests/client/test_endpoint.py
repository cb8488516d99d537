from __future__ import annotations

import pytest

from s3gw.client.endpoint import DEFAULT_URL, Flags, find_endpoint
from s3gw.client.errors import BadSetting


def test_flags_come_before_variables() -> None:
    environ = {"AIS_ENDPOINT": "http://a", "AIS_CLIENT_CA": "ca", "AIS_AUTHN_TOKEN": " t\n"}
    found = find_endpoint(environ, Flags(url="https://b:1/"))
    assert (found.url, found.ca_file, found.token) == ("https://b:1", "ca", "t")
    assert find_endpoint(environ, Flags(ca_file="other")).ca_file == "other"
    assert find_endpoint({}, Flags()).url == DEFAULT_URL


@pytest.mark.parametrize(("text", "verifies"), [("true", False), ("1", False), ("no", True)])
def test_verification_is_left_out_when_asked(text: str, verifies: bool) -> None:
    assert find_endpoint({"AIS_SKIP_VERIFY_CRT": text}, Flags()).verifies is verifies


def test_zero_seconds_are_for_ever() -> None:
    found = find_endpoint({"AIS_READ_TIMEOUT": "0", "AIS_CONNECT_TIMEOUT": "1.5"}, Flags())
    assert (found.read_timeout_s, found.connect_timeout_s) == (None, 1.5)


@pytest.mark.parametrize("text", ["x", "-1", "inf", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="AIS_READ_TIMEOUT"):
        find_endpoint({"AIS_READ_TIMEOUT": text}, Flags())


@pytest.mark.parametrize(
    ("url", "is_local"),
    [("http://localhost:1", True), ("http://[::1]:1", True), ("http://127.0.0.2", True),
     ("http://example.com", False)],
)  # fmt: skip
def test_advice_about_tokens_depends_on_where_the_server_is(url: str, is_local: bool) -> None:
    found = find_endpoint({"S3GW_CONFIG": "s3gw.toml"}, Flags(url=url))
    assert found.is_local is is_local
    assert ("export AIS_AUTHN_TOKEN" in found.token_advice) is is_local
