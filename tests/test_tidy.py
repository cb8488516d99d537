"""The house rules that a machine can see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("s3gw", "storage", "cluster")
EVERYWHERE = (*PRODUCT, "tests", "compat")

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MEDIAN_FUNCTION_LINES = 8
VAGUE_NAMES = {"common.py", "helpers.py", "misc.py", "util.py", "utils.py"}
# Where an error of any kind has to be caught, because nobody is behind it.
EDGES = {
    "s3gw/native/app.py": "the other front end's ASGI application",
    "s3gw/s3/app.py": "the ASGI application",
    "s3gw/sts/app.py": "the ASGI application of STS",
    "s3gw/server/worker.py": "the process",
    "cluster/housekeeping.py": "the job runner",
    "cluster/jobs/runner.py": "the runner of AIStore's jobs",
    "storage/backends/local/committer.py": "runs what others gave it, and hands their errors on",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@pytest.mark.parametrize("path", sources(*EVERYWHERE), ids=named)
def test_a_file_is_short_and_so_are_its_functions(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_FILE_LINES
    assert [f.name for f in functions(path) if length(f) > MAX_FUNCTION_LINES] == []


def test_the_median_function_is_small() -> None:
    lengths = [length(f) for path in sources(*PRODUCT) for f in functions(path)]
    assert median(lengths) <= MEDIAN_FUNCTION_LINES


def test_every_module_says_what_it_is_for() -> None:
    silent = [p for p in sources(*PRODUCT) if not ast.get_docstring(ast.parse(p.read_text()))]
    assert [named(path) for path in silent] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(path) for path in sources(*EVERYWHERE) if path.name in VAGUE_NAMES] == []


def test_errors_of_any_kind_are_caught_at_the_edges_only() -> None:
    found = {named(path) for path in sources(*PRODUCT) if "except Exception" in path.read_text()}
    assert found == set(EDGES)
