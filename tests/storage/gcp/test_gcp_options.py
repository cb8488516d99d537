"""Options of the backend, where they come from, and that nothing is imported for them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from storage.backend import Backend
from storage.backends.gcp import GcpBackend, GcpOptions, options_from_environment
from storage.capabilities import Capability
from tests.server_process import ROOT


def test_it_is_a_backend_of_uploads() -> None:
    backend: Backend = GcpBackend(GcpOptions())
    assert backend.capabilities == Capability.UPLOADS


def test_an_empty_environment_gives_the_defaults() -> None:
    assert options_from_environment({}) == GcpOptions()


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("localhost:4443", "http://localhost:4443"),
        ("http://localhost:4443/", "http://localhost:4443"),
        ("https://gcs.example.com", "https://gcs.example.com"),
    ],
)
def test_an_emulator_is_asked_without_credentials(host: str, endpoint: str) -> None:
    options = options_from_environment({"STORAGE_EMULATOR_HOST": host})
    assert (options.endpoint, options.anonymous) == (endpoint, True)
    assert options.project


@pytest.mark.parametrize("host", ["ftp://x", "http://", "://x:1"])
def test_a_wrong_emulator_names_its_variable(host: str) -> None:
    with pytest.raises(ValueError, match="STORAGE_EMULATOR_HOST"):
        options_from_environment({"STORAGE_EMULATOR_HOST": host})


def test_the_project_is_that_of_the_tools() -> None:
    assert options_from_environment({"GCLOUD_PROJECT": "a"}).project == "a"
    both = {"GCLOUD_PROJECT": "a", "GOOGLE_CLOUD_PROJECT": "b"}
    assert options_from_environment(both).project == "b"


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": "storage.googleapis.com"},
        {"piece_bytes": 0},
        {"piece_bytes": (256 << 10) + 1},
        {"connections": 0},
        {"attempts": 0},
        {"read_timeout_s": 0},
        {"deletions_at_once": 0},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        GcpOptions(**wrong)  # type: ignore[arg-type]


def test_the_libraries_are_imported_at_the_first_request_only() -> None:
    """By name, so that the time of a start cannot creep up."""
    program = """
import sys
from storage.backends.gcp import GcpBackend, options_from_environment
GcpBackend(options_from_environment({}))
found = sorted({name.partition(".")[0] for name in sys.modules})
print([name for name in found if name in ("aiohttp", "google", "requests", "urllib3", "yarl")])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
