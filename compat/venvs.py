"""One virtual environment per requirements file, made once and kept until that file changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from compat.installed import CACHE, REQUIREMENTS, InstallFailed

VENVS = CACHE / "venvs"
_STAMP = "compat-stamp"


def environment_of(name: str) -> Path:
    """The folder of the environment with `requirements/<name>.txt` installed."""
    requirements = _requirements(name)
    folder = VENVS / name
    stamp = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if _read(folder / _STAMP) != stamp:
        _make(folder, requirements)
        (folder / _STAMP).write_text(stamp)
    return folder


def required_version(name: str, package: str) -> str:
    """The version of `package` that `requirements/<name>.txt` asks for."""
    pins = dict(
        line.split("==", 1)
        for line in _requirements(name).read_text().splitlines()
        if not line.startswith("#")
    )
    return pins[package]


def _requirements(name: str) -> Path:
    return REQUIREMENTS / f"{name}.txt"


def _make(folder: Path, requirements: Path) -> None:
    print(f"compat: installing {requirements.name}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "-q", "-r", str(requirements)]
    # The index is whatever pip's own settings say.
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True)
    if done.returncode:
        raise InstallFailed(f"{requirements.name}: {done.stderr[-2000:]}")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
