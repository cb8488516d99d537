"""One folder of Node modules per package file in `requirements/`, kept until that file changes."""

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
    asked = (REQUIREMENTS / f"{name}.json").read_text()
    folder = CACHE / "npm" / name
    if not (folder / _DONE).exists() or (folder / _DONE).read_text() != asked:
        _install(folder, asked)
    version: str = json.loads(asked)["dependencies"][package]
    return Installed(version, variables={"NODE_PATH": str(folder / "node_modules")})


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
