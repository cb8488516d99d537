"""Runs a suite: its environment, a server on a temporary folder, pytest, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from compat.results import Judged, Outcome, judge, read_junit
from compat.server import Server, ServerFailed
from compat.suites import COMPAT, DOMAIN, Suite, client_environment
from compat.venvs import environment_of

SUITE_TIMEOUT_S = 1800
SERVER_OPTIONS = ("--workers", "2", "--s3-domain", DOMAIN)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    name: str
    seconds: float
    tests: tuple[Judged, ...]

    def bad(self) -> list[Judged]:
        return [test for test in self.tests if not test.is_good]


@dataclass(frozen=True, slots=True)
class Options:
    """`selection` is pytest's -k; `keep` leaves the server's folder for a look at its log."""

    selection: str = ""
    keep: bool = False


def run_suite(suite: Suite, known: dict[str, str], options: Options) -> SuiteResult:
    python = environment_of(suite.requirements) / "bin" / "python"
    started = time.monotonic()
    outcomes: list[Outcome] = []
    with _folder(suite.name, keep=options.keep) as folder:
        try:
            for outcome in _run_in(folder, suite, python, options):
                outcomes.append(outcome)
        except ServerFailed as error:
            outcomes.append(Outcome(f"{suite.name}::server", 0.0, str(error)))
    judged = judge(suite.name, outcomes, {} if options.selection else known)
    return SuiteResult(suite.name, time.monotonic() - started, tuple(judged))


def _run_in(folder: Path, suite: Suite, python: Path, options: Options) -> Iterator[Outcome]:
    """Ends with `ServerFailed` when the server did not live to the end of the suite."""
    home = folder / "home"
    home.mkdir()
    environment = client_environment(os.environ, home)
    if suite.own_server:
        yield from _pytest(folder, suite, python, environment, options)
        return
    with Server(folder / "server", options=SERVER_OPTIONS) as server:
        environment |= {
            "COMPAT_ENDPOINT": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": server.keys.secret_key,
        }
        yield from _pytest(folder, suite, python, environment, options)


def _pytest(
    folder: Path, suite: Suite, python: Path, environment: dict[str, str], options: Options
) -> list[Outcome]:
    report = folder / "junit.xml"
    command = [
        str(python), "-m", "pytest", *(str(COMPAT / file) for file in suite.files),
        "-q", "-x" if suite.own_server else "--maxfail=1000", "-p", "no:cacheprovider",
        "-c", os.devnull, "--rootdir", str(COMPAT.parent),
        "--basetemp", str(folder / "tmp"), f"--junitxml={report}",
        *(("-k", options.selection) if options.selection else ()),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=sys.stderr, timeout=SUITE_TIMEOUT_S
    )
    try:
        return read_junit(suite.name, report)
    except (OSError, ET.ParseError):
        return [Outcome(f"{suite.name}::pytest", 0.0, f"pytest ended with {done.returncode}")]


@contextmanager
def _folder(name: str, *, keep: bool) -> Iterator[Path]:
    if keep:
        folder = Path(tempfile.mkdtemp(prefix=f"compat-{name}-"))
        print(f"compat: {name} keeps {folder}", file=sys.stderr)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix=f"compat-{name}-") as made:
        yield Path(made)
