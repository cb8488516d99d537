"""Mutation testing of the core: which changes of the code no test notices.

    python -m tests.mutation [FILE ...]

Without files, all of `CORE`, which takes hours; one file takes minutes. The tree is copied, so the
working tree is never changed. Prints each surviving change as a diff and exits with 1 if there is
one. Not every survivor is a gap: a change may not change the behaviour.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("s3gw", "storage", "cluster", "tests", "compat", "docs", "README.md", "pyproject.toml")
TIMEOUT_S = 120
# Unions of types, in annotations that nothing evaluates; and decorators of values.
POINTLESS = ["core/ReplaceBinaryOperator_BitOr_.*", "core/RemoveDecorator"]
# The files of the core, with the tests that have to notice.
CORE = {
    "storage/conditions.py": "tests/storage/test_conditions.py",
    "storage/ranges.py": "tests/storage/test_ranges.py",
    "storage/chunking.py": "tests/storage/test_chunks.py",
    "storage/backends/local/committer.py": "tests/storage/test_failed_commit.py"
    " tests/storage/test_local.py tests/storage/test_durability.py",
    "cluster/jobs/job_run.py": "tests/cluster/jobs",
    "cluster/jobs/runner.py": "tests/cluster/jobs",
    "cluster/jobs/registry.py": "tests/cluster/jobs",
    "cluster/lifecycle/rules.py": "tests/cluster/test_lifecycle_rules.py",
    "s3gw/sigv4/canonical.py": "tests/sigv4",
    "s3gw/sigv4/chunked.py": "tests/sigv4",
    "s3gw/sigv4/scope.py": "tests/sigv4",
    "s3gw/access/decide.py": "tests/s3/access",
    "s3gw/access/conditions.py": "tests/s3/access",
    "s3gw/objects/batch/engine.py": "tests/batch tests/s3/test_get_batch.py",
    "s3gw/config/stored.py": "tests/server/test_stored_settings.py tests/native/test_config.py",
}


def main(files: Sequence[str]) -> int:
    unknown = [file for file in files if file not in CORE]
    if unknown:
        print(f"{unknown[0]} is not a file of the core; its files are:", *CORE, sep="\n  ")
        return 2
    survived = 0
    with tempfile.TemporaryDirectory(prefix="s3gw-mutation-") as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, tree / name)
        for file in files or CORE:
            tried = 0
            print(f"{file}: {CORE[file]}", flush=True)
            for outcome, diff in _mutate(tree, file):
                tried += 1
                if outcome == "survived":
                    survived += 1
                    print(diff, flush=True)
            print(f"{file}: {tried} changes tried, {survived} survived so far", flush=True)
    return 1 if survived else 0


def _mutate(tree: Path, file: str) -> Iterator[tuple[str, str]]:
    """Try every change of one file: (`killed`, `survived` or `incompetent`, its diff)."""
    command = f"{shlex.quote(sys.executable)} -m pytest -x -q -p no:cacheprovider {CORE[file]}"
    config, session = tree / "mutation.toml", tree / "mutation.sqlite"
    config.write_text(
        "[cosmic-ray]\n"
        f'module-path = "{file}"\n'
        f"timeout = {TIMEOUT_S}\n"
        "excluded-modules = []\n"
        f"test-command = {json.dumps(command)}\n"
        "[cosmic-ray.distributor]\n"
        'name = "local"\n'
        "[cosmic-ray.filters.operators-filter]\n"
        f"exclude-operators = {json.dumps(POINTLESS)}\n"
    )
    session.unlink(missing_ok=True)
    _run(tree, "cosmic-ray", "baseline", config.name)
    _run(tree, "cosmic-ray", "init", config.name, session.name)
    _run(tree, "cr-filter-operators", session.name, config.name)
    _run(tree, "cosmic-ray", "exec", config.name, session.name)
    for line in _run(tree, "cosmic-ray", "dump", session.name).splitlines():
        _, result = json.loads(line)
        diff = (result or {}).get("diff") or ""
        # A frozen value that is not frozen is one that nothing changes anyway.
        if diff and "\n-@dataclass" not in diff:
            yield result["test_outcome"] or "incompetent", diff


def _run(tree: Path, command: str, *arguments: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name(command), *arguments],
        cwd=tree,
        text=True,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command} {arguments[0]} failed: do the tests pass without a change?")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
