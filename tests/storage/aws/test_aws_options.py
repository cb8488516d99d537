"""Options of the backend, where they come from, and that nothing is imported for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from storage.backend import Backend
from storage.backends.aws import AwsBackend, AwsOptions, options_from_environment
from storage.capabilities import Capability
from tests.server_process import ROOT

KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


def test_it_is_a_backend_of_versions_and_uploads() -> None:
    backend: Backend = AwsBackend(AwsOptions())
    assert backend.capabilities == Capability.VERSIONS | Capability.UPLOADS


def test_an_empty_environment_gives_the_defaults() -> None:
    assert options_from_environment({}) == AwsOptions()


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({"S3_ENDPOINT": "http://a"}, "http://a"),
        ({"S3_ENDPOINT": "http://a", "AWS_ENDPOINT_URL": "http://b"}, "http://b"),
        ({"AWS_ENDPOINT_URL": "http://b", "AWS_ENDPOINT_URL_S3": "http://c"}, "http://c"),
        ({"AWS_ENDPOINT_URL": "", "S3_ENDPOINT": "http://a"}, "http://a"),
    ],
)
def test_the_endpoint_is_that_of_s3_before_that_of_all(
    environment: dict[str, str], endpoint: str
) -> None:
    options = options_from_environment(environment)
    assert options.endpoint == endpoint
    assert options.addressing_style == "path"


def test_keys_region_profile_and_retries_are_those_of_the_tools() -> None:
    options = options_from_environment(
        {
            **KEYS,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_PROFILE": "p",
            "AWS_MAX_ATTEMPTS": "7",
            "AWS_RETRY_MODE": "adaptive",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_REQUIRED",
        }
    )
    assert (options.access_key_id, options.secret_access_key) == ("id", "secret")
    assert (options.session_token, options.region, options.profile) == ("token", "eu-west-1", "p")
    assert (options.attempts, options.retry_mode, options.checksums) == (7, "adaptive", False)
    assert options.addressing_style == "auto"
    assert options_from_environment({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}).region == "a"


def test_secrets_are_not_shown() -> None:
    shown = repr(options_from_environment(KEYS))
    assert "'id'" in shown
    assert "secret'" not in shown
    assert "token'" not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_key_id": "a"},
        {"secret_access_key": "a"},
        {"addressing": "host"},
        {"retry_mode": "never"},
        {"part_bytes": (5 << 20) - 1},
        {"parts_at_once": 0},
        {"connections": 0},
        {"attempts": 0},
        {"read_timeout_s": 0},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"must|go together"):
        AwsOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("attempts", ["0", "-1", "many", "1.5"])
def test_a_wrong_number_of_attempts_names_its_variable(attempts: str) -> None:
    with pytest.raises(ValueError, match="AWS_MAX_ATTEMPTS"):
        options_from_environment({"AWS_MAX_ATTEMPTS": attempts})


def test_the_client_library_is_imported_at_the_first_request_only() -> None:
    """By name, so that the time of a start cannot creep up."""
    program = """
import sys
from storage.backends.aws import AwsBackend, options_from_environment
AwsBackend(options_from_environment({}))
found = sorted({name.partition(".")[0] for name in sys.modules})
print([name for name in found if name in ("aiobotocore", "botocore", "aiohttp", "wrapt")])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
