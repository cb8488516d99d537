"""Programs of Debian, used where they are installed, else unpacked beside the system.

Nothing is installed and no rights are needed: apt says what the machine lacks and fetches it,
`dpkg -x` unpacks it, and a script for each program shows it its libraries.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from compat.installed import CACHE, Installed, InstallFailed, NotHere

_WRAPPER = """#!/bin/sh
export LD_LIBRARY_PATH={libraries}
export PYTHONPATH={root}/usr/lib/python3/dist-packages
# Compiled once: they are ours, and there is much of them.
unset PYTHONDONTWRITEBYTECODE
exec {command} "$@"
"""


def fetched(package: str, program: str) -> Installed:
    """Raises `NotHere` where there is no apt, or apt knows no such package."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise NotHere("there is no apt here")
    folder = CACHE / "debian" / package
    if not (folder / "version").exists():
        _fetch(folder, package, program)
    return Installed((folder / "version").read_text(), (folder / "bin",))


def _fetch(folder: Path, package: str, program: str) -> None:
    print(f"compat: fetching {package} from Debian", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("archives", "root", "bin"):
        (folder / name).mkdir(parents=True)
    if lacking := _lacking(package):
        _run("apt-get", "download", "-q", *lacking, folder=folder / "archives")
    for archive in sorted((folder / "archives").iterdir()):
        _run("dpkg", "-x", str(archive), str(folder / "root"), folder=folder)
    _wrap(folder, program)
    (folder / "version").write_text(_version(folder, package))


def _lacking(package: str) -> list[str]:
    """The package and what it needs, as far as the system has them not."""
    words = ("apt-get", "--simulate", "--no-install-recommends", "install", package)
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"apt knows no package {package} that fits this system")
    lines = (line.split() for line in done.stdout.splitlines())
    return [words[1] for words in lines if words[:1] == ["Inst"]]


def _wrap(folder: Path, program: str) -> None:
    """A program that the system has needs none."""
    unpacked = folder / "root" / "usr" / "bin" / program
    if not unpacked.exists():
        return
    # A script's first line may name a python that is another's.
    python = "/usr/bin/python3 " if unpacked.read_bytes().startswith(b"#!/usr/bin/python3") else ""
    root = folder / "root"
    libraries = [*root.glob("lib/*-linux-*"), *root.glob("usr/lib/*-linux-*")]
    text = _WRAPPER.format(
        libraries=":".join(map(str, libraries)), root=root, command=f"{python}{unpacked}"
    )
    (folder / "bin" / program).write_text(text)
    (folder / "bin" / program).chmod(0o755)


def _version(folder: Path, package: str) -> str:
    for archive in (folder / "archives").glob(f"{package}_*.deb"):
        return _run("dpkg-deb", "-f", str(archive), "Version", folder=folder).strip()
    return _run("dpkg-query", "-W", "-f", "${Version}", package, folder=folder).strip()


def _run(*words: str, folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise InstallFailed(f"{' '.join(words[:3])}: {done.stderr[-2000:]}")
    return done.stdout
