"""One folder of Node modules per package file in `requirements/`, kept until that file changes.

`python -m compat.npm NAME` makes the one of that name, for tests that need it, and says why not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from compat.installed import CACHE, REQUIREMENTS, Installed, InstallFailed, NotHere

OLDEST_NODE = 20
# A copy of what was asked for, written when npm had done all of it.
_DONE = "installed.json"


def modules(name: str, package: str) -> Installed:
    """What `requirements/<name>.json` asks for; `package` is the one whose version is told.

    Raises `NotHere` where there is no Node, or one that is too old.
    """
    _check_node()
    if not _is_there(name):
        _install(CACHE / "npm" / name, _asked(name))
    return _installed(name, package)


def modules_there(name: str, package: str) -> Installed:
    """As `modules`, but installs nothing: raises `NotHere` when it would have to."""
    _check_node()
    if not _is_there(name):
        raise NotHere(f"{name} is not installed: run `make test-deps`")
    return _installed(name, package)


def _asked(name: str) -> str:
    return (REQUIREMENTS / f"{name}.json").read_text()


def _is_there(name: str) -> bool:
    done = CACHE / "npm" / name / _DONE
    return done.exists() and done.read_text() == _asked(name)


def _installed(name: str, package: str) -> Installed:
    version: str = json.loads(_asked(name))["dependencies"][package]
    return Installed(version, variables={"NODE_PATH": str(CACHE / "npm" / name / "node_modules")})


def _check_node() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise NotHere("there is no Node here")
    told = subprocess.run(("node", "--version"), capture_output=True, text=True, check=True).stdout
    if int(told.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise NotHere(f"Node is older than {OLDEST_NODE}")


def _install(folder: Path, asked: str) -> None:
    print(f"compat: installing {folder.name} with npm", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(asked)
    command = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise InstallFailed(f"{folder.name}: {(done.stdout + done.stderr)[-2000:]}")
    (folder / _DONE).write_text(asked)


def main(name: str) -> int:
    try:
        modules(name, next(iter(json.loads(_asked(name))["dependencies"])))
    except (NotHere, InstallFailed) as error:
        print(f"Not installed, and the tests that need it are skipped: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
