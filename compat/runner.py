"""Runs a suite: its client, a server on a temporary folder, pytest, and what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from compat import debian, npm, programs
from compat.cloud import Moto
from compat.cluster import ClusterServer
from compat.installed import Installed, InstallFailed, NotHere
from compat.results import Judged, Outcome, Verdict, judge, read_junit
from compat.server import TLS_FLAGS, Server, ServerFailed
from compat.suites import (
    COMPAT,
    DOMAIN,
    Cargo,
    Debian,
    Go,
    GoCommand,
    Maven,
    Npm,
    Pip,
    Suite,
    client_environment,
)
from compat.tls import make_certificate
from compat.venvs import environment_of, required_version

SUITE_TIMEOUT_S = 1800
# pytest's exit code.
NO_TESTS_SELECTED = 5
PROMOTED = "promoted"
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
    """`selection` is pytest's -k; `keep` leaves the server's folder for a look at its log; with
    `nodes` the server is a cluster of so many gateways."""

    selection: str = ""
    keep: bool = False
    nodes: int = 0


def run_suite(suite: Suite, known: dict[str, str], options: Options) -> SuiteResult:
    started = time.monotonic()
    version, listed = "", {} if options.selection else known
    try:
        _check_scheme(suite)
        installed = _installed(suite)
        outcomes = _outcomes(suite, installed, options)
        version = installed.version
    except NotHere as reason:
        # What cannot run here is not asked for its known failures either.
        listed = {}
        outcomes = [Outcome(f"{suite.listed_as}::environment", 0.0, str(reason), skipped=True)]
    except InstallFailed as error:
        outcomes = [Outcome(f"{suite.listed_as}::environment", 0.0, str(error))]
    judged = judge(suite.listed_as, outcomes, listed)
    return SuiteResult(suite, version, time.monotonic() - started, tuple(judged))


def _outcomes(suite: Suite, installed: Installed, options: Options) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with _folder(suite.name, keep=options.keep) as folder:
        try:
            for outcome in _run_in(folder, suite, installed, options):
                outcomes.append(outcome)
        except ServerFailed as error:
            outcomes.append(Outcome(f"{suite.listed_as}::server", 0.0, str(error)))
    return outcomes


def _check_scheme(suite: Suite) -> None:
    if suite.scheme == "https" and TLS_FLAGS is None:
        raise NotHere("s3gw serve has no TLS of its own")


def _installed(suite: Suite) -> Installed:
    """What the suite's environment looks like; raises `NotHere` and `InstallFailed`."""
    folder = environment_of(suite.requirements) / "bin"
    match suite.source:
        case Pip(package):
            found = Installed(required_version(suite.requirements, package))
        case Debian(package, program):
            found = debian.fetched(package, program)
        case Npm(package, modules):
            found = npm.modules(modules, package)
        case Go(module, folder_name):
            found = programs.go_program(folder_name, module)
        case GoCommand(go_package, commit, program, version):
            found = programs.go_command(go_package, commit, program, version)
        case Cargo(crate, folder_name):
            found = programs.rust_program(folder_name, crate)
        case Maven(folder_name, arguments):
            found = programs.java_program(folder_name, *arguments)
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
    certified: tuple[str, ...] = ()
    if suite.scheme == "https" and TLS_FLAGS is not None:
        made = make_certificate(folder)
        certified = (TLS_FLAGS[0], str(made.certificate), TLS_FLAGS[1], str(made.key))
        environment |= made.trusted()
    keyed = ("--master-key-file", str(folder / "master.key"))
    flags = (*SERVER_OPTIONS, *keyed, *_configured(folder), *certified)
    with ExitStack() as running:
        of_cloud: dict[str, str] = {}
        if suite.behind:
            cloud = running.enter_context(Moto(folder / "cloud"))
            flags, of_cloud = (*flags, "--backend", suite.behind), cloud.variables
            environment |= {"COMPAT_CLOUD": cloud.endpoint, "COMPAT_CLOUD_LOG": str(cloud.log)}
        server = _server(folder, suite, options.nodes, flags, of_cloud)
        running.enter_context(server)
        environment |= {
            "COMPAT_ENDPOINT": server.endpoint,
            "COMPAT_PROMOTE": str(folder / PROMOTED),
            "AWS_ACCESS_KEY_ID": server.keys.access_key,
            "AWS_SECRET_ACCESS_KEY": server.keys.secret_key,
        }
        if suite.with_token:
            environment["AIS_AUTHN_TOKEN"] = server.token()
        yield from _pytest(folder, suite, environment, options)


def _server(
    folder: Path, suite: Suite, nodes: int, flags: Sequence[str], environment: dict[str, str]
) -> Server | ClusterServer:
    if not nodes:
        return Server(
            folder / "server", options=flags, scheme=suite.scheme, environment=environment
        )
    if suite.scheme == "https":
        raise NotHere("the gateways of the cluster speak http here")
    return ClusterServer(folder / "server", nodes, options=flags, environment=environment)


def _configured(folder: Path) -> tuple[str, str]:
    """Files below one folder of the suite's may be made objects."""
    (folder / PROMOTED).mkdir()
    file = folder / "config.toml"
    file.write_text(f"[promote]\nroots = [{str(folder / PROMOTED)!r}]\n")
    return "--config", str(file)


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
        outcomes = read_junit(suite.listed_as, report)
    except (OSError, ET.ParseError):
        outcomes = []
    if outcomes or (options.selection and done.returncode == NO_TESTS_SELECTED):
        return outcomes
    # A suite that lost its tests has proved nothing.
    told = f"no tests; pytest ended with {done.returncode}"
    return [Outcome(f"{suite.listed_as}::pytest", 0.0, told)]


@contextmanager
def _folder(name: str, *, keep: bool) -> Iterator[Path]:
    if keep:
        folder = Path(tempfile.mkdtemp(prefix=f"compat-{name}-"))
        print(f"compat: {name} keeps {folder}", file=sys.stderr)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix=f"compat-{name}-") as made:
        yield Path(made)
