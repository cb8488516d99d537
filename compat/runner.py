"""Runs a suite: its client, a server on a temporary folder, pytest, and what came of it."""

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

from compat import debian, npm
from compat.installed import Installed, InstallFailed, NotHere
from compat.results import Judged, Outcome, Verdict, judge, read_junit
from compat.server import Server, ServerFailed
from compat.suites import COMPAT, DOMAIN, Debian, Npm, Pip, Suite, client_environment
from compat.venvs import environment_of, required_version

SUITE_TIMEOUT_S = 1800
SERVER_OPTIONS = ("--workers", "2", "--s3-domain", DOMAIN)


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """`version` is the client's, empty when there is none on this machine."""

    suite: Suite
    version: str
    seconds: float
    tests: tuple[Judged, ...]

    def bad(self) -> list[Judged]:
        return [test for test in self.tests if not test.is_good]

    def having(self, verdict: Verdict) -> list[Judged]:
        return [test for test in self.tests if test.verdict is verdict]


@dataclass(frozen=True, slots=True)
class Options:
    """`selection` is pytest's -k; `keep` leaves the server's folder for a look at its log."""

    selection: str = ""
    keep: bool = False


def run_suite(suite: Suite, known: dict[str, str], options: Options) -> SuiteResult:
    started = time.monotonic()
    try:
        installed = _installed(suite)
    except NotHere as reason:
        skipped = Outcome(f"{suite.name}::environment", 0.0, str(reason), skipped=True)
        return SuiteResult(suite, "", 0.0, tuple(judge(suite.name, [skipped], {})))
    except InstallFailed as error:
        failed = Outcome(f"{suite.name}::environment", 0.0, str(error))
        return SuiteResult(suite, "", 0.0, tuple(judge(suite.name, [failed], {})))
    outcomes: list[Outcome] = []
    with _folder(suite.name, keep=options.keep) as folder:
        try:
            outcomes.extend(_run_in(folder, suite, installed, options))
        except ServerFailed as error:
            outcomes.append(Outcome(f"{suite.name}::server", 0.0, str(error)))
    judged = judge(suite.name, outcomes, {} if options.selection else known)
    return SuiteResult(suite, installed.version, time.monotonic() - started, tuple(judged))


def _installed(suite: Suite) -> Installed:
    """What the suite's environment looks like; raises `NotHere` and `InstallFailed`."""
    folder = environment_of(suite.requirements) / "bin"
    match suite.source:
        case Pip(package):
            found = Installed(required_version(suite.requirements, package))
        case Debian(package, program):
            found = debian.fetched(package, program)
        case Npm(package):
            found = npm.modules(suite.name, package)
    return Installed(found.version, (*found.folders, folder), found.variables)


def _run_in(
    folder: Path, suite: Suite, installed: Installed, options: Options
) -> Iterator[Outcome]:
    """Ends with `ServerFailed` when the server did not live to the end of the suite."""
    home = folder / "home"
    home.mkdir()
    environment = client_environment(os.environ, home) | dict(installed.variables)
    path = [*map(str, installed.folders), environment.get("PATH", os.defpath)]
    environment |= {"PATH": os.pathsep.join(path), "COMPAT_DRIVER": suite.driver}
    if suite.own_server:
        yield from _pytest(folder, suite, environment, options)
        return
    with Server(folder / "server", options=SERVER_OPTIONS) as server:
        environment |= {
            "COMPAT_ENDPOINT": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": server.keys.secret_key,
        }
        yield from _pytest(folder, suite, environment, options)


def _pytest(
    folder: Path, suite: Suite, environment: dict[str, str], options: Options
) -> list[Outcome]:
    report = folder / "junit.xml"
    python = environment_of(suite.requirements) / "bin" / "python"
    command = [
        str(python), "-m", "pytest", *map(str, suite.paths()),
        "-q", "-x" if suite.own_server else "--maxfail=1000", "-p", "no:cacheprovider",
        "-c", os.devnull, "--rootdir", str(COMPAT.parent),
        "--basetemp", str(folder / "tmp"), f"--junitxml={report}",
        *(("-k", options.selection) if options.selection else ()),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=sys.stderr, timeout=SUITE_TIMEOUT_S
    )
    try:
        outcomes = read_junit(suite.name, report)
    except (OSError, ET.ParseError):
        outcomes = []
    # A suite that lost its tests has proved nothing.
    nothing = Outcome(
        f"{suite.name}::pytest", 0.0, f"no tests; pytest ended with {done.returncode}"
    )
    return outcomes or [nothing]


@contextmanager
def _folder(name: str, *, keep: bool) -> Iterator[Path]:
    if keep:
        folder = Path(tempfile.mkdtemp(prefix=f"compat-{name}-"))
        print(f"compat: {name} keeps {folder}", file=sys.stderr)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix=f"compat-{name}-") as made:
        yield Path(made)
