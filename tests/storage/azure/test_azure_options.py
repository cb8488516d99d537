"""Options of the backend, where they come from, and that nothing is imported for them."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode

import pytest

from storage.backend import Backend
from storage.backends.azure import AzureBackend, AzureOptions, options_from_environment
from storage.capabilities import Capability
from tests.server_process import ROOT

KEY = b64encode(b"not a real key").decode()
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY};"


def test_it_is_a_backend_of_uploads() -> None:
    backend: Backend = AzureBackend(AzureOptions())
    assert backend.capabilities == Capability.UPLOADS


def test_an_empty_environment_gives_the_defaults() -> None:
    assert options_from_environment({}) == AzureOptions()
    assert AzureOptions().url == ""


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"AZURE_STORAGE_ACCOUNT": "acc"}, "https://acc.blob.core.windows.net"),
        ({"AZURE_STORAGE_SERVICE_ENDPOINT": "http://h:1/acc/"}, "http://h:1/acc"),
        ({"AIS_AZURE_URL": "https://h"}, "https://h"),
        (
            {"AIS_AZURE_URL": ".blob.core.chinacloudapi.cn", "AZURE_STORAGE_ACCOUNT": "acc"},
            "https://acc.blob.core.chinacloudapi.cn",
        ),
        ({"AIS_AZURE_URL": "http://a", "AZURE_STORAGE_SERVICE_ENDPOINT": "http://b"}, "http://b"),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": CONNECTION + "EndpointSuffix=core.example"},
            "https://acc.blob.core.example",
        ),
        ({"AZURE_STORAGE_CONNECTION_STRING": CONNECTION}, "https://acc.blob.core.windows.net"),
        (
            {"AZURE_STORAGE_CONNECTION_STRING": CONNECTION + "BlobEndpoint=http://h:1/acc;"},
            "http://h:1/acc",
        ),
    ],
)
def test_the_endpoint_is_what_the_tools_say(environment: dict[str, str], url: str) -> None:
    assert options_from_environment(environment).url == url


def test_a_connection_string_decides_over_the_other_variables() -> None:
    others = {
        "AZURE_STORAGE_ACCOUNT": "other",
        "AZURE_STORAGE_KEY": b64encode(b"other").decode(),
        "AZURE_STORAGE_SAS_TOKEN": "sig=other",
    }
    text = {"AZURE_STORAGE_CONNECTION_STRING": CONNECTION}
    options = options_from_environment({**others, **text})
    assert (options.account, options.account_key, options.sas_token) == ("acc", KEY, "")
    signed = "BlobEndpoint=https://acc.blob.example;SharedAccessSignature=sv=1&sig=a%2Bb%3D"
    options = options_from_environment({"AZURE_STORAGE_CONNECTION_STRING": signed})
    assert (options.account, options.account_key) == ("acc", "")
    assert options.sas_token == "sv=1&sig=a%2Bb%3D"


@pytest.mark.parametrize(
    ("environment", "key", "sas", "anonymous"),
    [
        ({"AZURE_STORAGE_KEY": KEY}, KEY, "", False),
        ({"AZURE_STORAGE_SAS_TOKEN": "?sig=s"}, "", "sig=s", False),
        ({"AZURE_STORAGE_KEY": KEY, "AZURE_STORAGE_SAS_TOKEN": "sig=s"}, KEY, "", False),
        ({"AZURE_STORAGE_KEY": KEY, "AZURE_STORAGE_AUTH_MODE": "login"}, "", "", False),
        ({"AZURE_STORAGE_AUTH_MODE": "anonymous"}, "", "", True),
        ({}, "", "", False),
    ],
)
def test_a_key_decides_over_a_signature_and_the_mode_over_both(
    environment: dict[str, str], key: str, sas: str, anonymous: bool
) -> None:
    options = options_from_environment({"AZURE_STORAGE_ACCOUNT": "acc", **environment})
    found = options.account_key, options.sas_token, options.anonymous
    assert found == (key, sas, anonymous)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_STORAGE_AUTH_MODE", "sometimes"),
        ("AZURE_STORAGE_CONNECTION_STRING", "nonsense"),
        ("AZURE_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true"),
        ("AIS_AZURE_URL", ".blob.example"),
    ],
)
def test_what_cannot_be_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        options_from_environment({name: value})


def test_secrets_are_not_shown() -> None:
    shown = repr(AzureOptions(account="acc", account_key=KEY)) + repr(
        AzureOptions(account="acc", sas_token="sv=1&sig=secret")
    )
    assert "'acc'" in shown
    assert KEY not in shown
    assert "sig=" not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_key": KEY},
        {"account": "a", "account_key": "not base64!"},
        {"endpoint": "ftp://h"},
        {"endpoint": "h:1"},
        {"endpoint": "https://h/?sig=secret"},
        {"endpoint": "https://user@h/"},
        {"anonymous": True, "sas_token": "sig=x"},
        {"block_bytes": 0},
        {"block_bytes": (4000 << 20) + 1},
        {"blocks_at_once": 0},
        {"connections": 0},
        {"attempts": 0},
        {"read_timeout_s": 0},
    ],
)
def test_what_cannot_be_is_refused_without_repeating_a_secret(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|go together") as refused:
        AzureOptions(**wrong)  # type: ignore[arg-type]
    assert "secret" not in str(refused.value)


def test_client_libraries_are_imported_at_the_first_request_only() -> None:
    """By name, so that the time of a start cannot creep up."""
    program = """
import sys
from storage.backends.azure import AzureBackend, options_from_environment
AzureBackend(options_from_environment({}))
found = sorted({name.partition(".")[0] for name in sys.modules})
print([name for name in found if name in ("aiohttp", "azure", "yarl", "msal")])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
