"""Client programs in other languages, in `clients/<name>`, built by the language's own tool.

A program is built once, below `.compat`, and again when one of its files changes.
`python -m compat.programs NAME` builds the one in Java of that name, for tests that need it, and
says why not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from compat.installed import CACHE, Installed, InstallFailed, NotHere

CLIENTS = Path(__file__).resolve().parent / "clients"
# What programs in Java share.
SHARED = "java"
# What a program was built from, written when it was.
_STAMP = "built-from"
OLDEST_GO = (1, 24)
OLDEST_JAVA = 17
OLDEST_RUST = (1, 88)


def go_program(name: str, module: str) -> Installed:
    """Raises `NotHere` where there is no Go, or one that is too old."""
    _check_go()
    folder = CACHE / "go" / name
    program, text = folder / name, (CLIENTS / name / "go.mod").read_text()
    _build(name, folder, "go", "build", "-mod=readonly", "-o", str(program), ".")
    found = re.search(rf"^\s*{re.escape(module)} v(\S+)", text, re.MULTILINE)
    return _installed(found[1] if found else "", str(program))


def go_command(package: str, commit: str, program: str, version: str) -> Installed:
    """Use the machine's own program if it has that version, else install it below `.compat`. Raises
    `NotHere` where there is no Go, or the Go modules do not give the package."""
    there = shutil.which(program)
    if there and _version_of(there) == version:
        return Installed(version, (Path(there).parent,))
    _check_go()
    folder = CACHE / "go" / program
    if not (folder / program).exists():
        _install(f"{package}@{commit}", folder)
        # Go calls it by the last element of its package.
        (folder / package.rpartition("/")[2]).rename(folder / program)
    return Installed(version, (folder,))


def _install(package: str, folder: Path) -> None:
    print(f"compat: installing {package} with go", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ("go", "install", package),
        env={**os.environ, "GOBIN": str(folder), "GOFLAGS": ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2].strip()
        raise NotHere(f"Go could not install {package}: {last}")


def _version_of(program: str) -> str:
    told = subprocess.run((program, "--version"), capture_output=True, text=True).stdout
    found = re.search(r"\d+\.\d+", told)
    return found[0] if found else ""


def java_program(name: str, *arguments: str) -> Installed:
    """Raises `NotHere` where there is no JDK or no Maven, or a JDK that is too old."""
    _check_java()
    folder = CACHE / "maven" / name
    goals = ("compiler:compile", "dependency:copy-dependencies")
    _build(name, folder, "mvn", "-q", "-B", f"-Dbuild={folder}", *goals)
    return _java_installed(name, folder, *arguments)


def java_program_there(name: str, *arguments: str) -> Installed:
    """As `java_program`, but builds nothing: raises `NotHere` when it would have to."""
    _check_java()
    folder = CACHE / "maven" / name
    if not _is_built(name, folder):
        raise NotHere(f"{name} is not built: run `make test-deps`")
    return _java_installed(name, folder, *arguments)


def _java_installed(name: str, folder: Path, *arguments: str) -> Installed:
    found = re.search("<client.version>(.*?)<", (CLIENTS / name / "pom.xml").read_text())
    path = f"{folder / 'classes'}:{folder / 'dependency'}/*"
    version = found[1] if found else ""
    # What runs for seconds needs no second compiler.
    return _installed(version, "java", "-XX:TieredStopAtLevel=1", "-cp", path, "Main", *arguments)


def rust_program(name: str, crate: str) -> Installed:
    """Raises `NotHere` where there is no cargo, or one that is too old."""
    _check_cargo()
    folder = CACHE / "cargo" / name
    _build(name, folder, "cargo", "build", "--quiet", "--locked", "--target-dir", str(folder))
    packages = tomllib.loads((CLIENTS / name / "Cargo.lock").read_text())["package"]
    (version,) = (package["version"] for package in packages if package["name"] == crate)
    return _installed(version, str(folder / "debug" / f"{name}_client"))


def _installed(version: str, *command: str) -> Installed:
    return Installed(version, variables={"COMPAT_PROGRAM": json.dumps(command)})


def _check_go() -> None:
    if shutil.which("go") is None:
        raise NotHere("there is no Go here")
    told = subprocess.run(("go", "env", "GOVERSION"), capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", told)[:2])) < OLDEST_GO:
        raise NotHere(f"Go is older than {'.'.join(map(str, OLDEST_GO))}")


def _check_java() -> None:
    if not (shutil.which("javac") and shutil.which("mvn")):
        raise NotHere("there is no JDK, or no Maven here")
    told = subprocess.run(("javac", "-version"), capture_output=True, text=True).stdout
    if int((re.findall(r"\d+", told) or ["0"])[0]) < OLDEST_JAVA:
        raise NotHere(f"Java is older than {OLDEST_JAVA}")


def _check_cargo() -> None:
    if shutil.which("cargo") is None:
        raise NotHere("there is no cargo here")
    told = subprocess.run(("cargo", "--version"), capture_output=True, text=True).stdout
    if tuple(map(int, re.findall(r"\d+", told)[:2])) < OLDEST_RUST:
        raise NotHere(f"Rust is older than {'.'.join(map(str, OLDEST_RUST))}")


def _build(name: str, folder: Path, *command: str) -> None:
    """Run the command in the program's folder, unless it was run for these very files."""
    if _is_built(name, folder):
        return
    stamp = folder / _STAMP
    print(f"compat: building {name} with {command[0]}", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    done = subprocess.run(command, cwd=CLIENTS / name, capture_output=True, text=True)
    if done.returncode:
        raise InstallFailed(f"{name}: {(done.stdout + done.stderr)[-2000:]}")
    stamp.write_text(_sources(name))


def _is_built(name: str, folder: Path) -> bool:
    stamp = folder / _STAMP
    return stamp.exists() and stamp.read_text() == _sources(name)


def _sources(name: str) -> str:
    return _digest(CLIENTS / name) + _digest(CLIENTS / SHARED)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def main(name: str) -> int:
    try:
        java_program(name)
    except (NotHere, InstallFailed) as error:
        print(f"Not built, and the tests that need it are skipped: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
