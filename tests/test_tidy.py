"""The house rules that a machine can see."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from s3gw.wire.errors import FROM_STORAGE, Code
from storage import errors as storage_errors
from storage.errors import NotModified, StorageError

ROOT = Path(__file__).parent.parent
PRODUCT = ("s3gw", "storage", "cluster")
EVERYWHERE = (*PRODUCT, "tests", "compat")

# Where one asks why; what is longer has its reason here.
ASK_WHY_FILE_LINES = 700
ASK_WHY_FUNCTION_LINES = 60
LONG: Mapping[str, str] = {}
VAGUE_NAMES = {"common.py", "helpers.py", "misc.py", "util.py", "utils.py"}
# Where an error of any kind has to be caught, because nobody is behind it.
EDGES = {
    "s3gw/native/app.py": "the other front end's ASGI application",
    "s3gw/s3/app.py": "the ASGI application",
    "s3gw/sts/app.py": "the ASGI application of STS",
    "s3gw/server/forking.py": "the process",
    "s3gw/server/http1/connection.py": "the server, below every application",
    "cluster/maintenance.py": "the job runner",
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


def test_what_is_long_has_a_reason() -> None:
    files = {
        named(path)
        for path in sources(*EVERYWHERE)
        if len(path.read_text().splitlines()) > ASK_WHY_FILE_LINES
    }
    long_functions = {
        f"{named(path)}:{f.name}"
        for path in sources(*EVERYWHERE)
        for f in functions(path)
        if length(f) > ASK_WHY_FUNCTION_LINES
    }
    assert files | long_functions == LONG.keys()


# Modules

# Started as a program or looked up by name, not imported.
ENTRY_POINTS = ("s3gw.__main__", "s3gw.cli.", "s3gw.select.process")
# What other implementations are compared with, and the driver for programs on an event loop.
NOT_OF_THE_SERVER = {
    "cluster.coordination.memory",
    "storage.backends.memory",
    "s3gw.client.aio",
}
# Programs that the server starts, by their files.
STARTED = {"s3gw.etl.bootstrap", "s3gw.etl.guard"}


def modules() -> dict[str, Path]:
    """Every product module by its dotted name."""
    names = (path.relative_to(ROOT).with_suffix("") for path in sources(*PRODUCT))
    dotted = (".".join(name.parts).removesuffix(".__init__") for name in names)
    return dict(zip(dotted, sources(*PRODUCT), strict=True))


def imported(path: Path, known: Collection[str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_module_is_used() -> None:
    known = modules()
    used = {name for path in known.values() for name in imported(path, known)}
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    dead = known.keys() - used - packages - NOT_OF_THE_SERVER - STARTED
    assert {name for name in dead if not name.startswith(ENTRY_POINTS)} == set()


def test_what_is_no_module_is_installed_too() -> None:
    """An editable installation has every file, another one only those that are named."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["*"]
    others = {
        path.name
        for package in PRODUCT
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert {name for name in others if not any(fnmatch(name, each) for each in patterns)} == set()


# Errors


def test_every_code_of_s3_is_raised() -> None:
    """As `Code.Name`, outside the table that says what it means, or for an error of storage."""
    table = ROOT / "s3gw" / "wire" / "errors.py"
    text = "".join(path.read_text() for path in sources(*PRODUCT) if path != table)
    translated = {code.name for code in FROM_STORAGE.values()}
    raised = set(re.findall(r"\bCode\.(\w+)", text)) | translated
    assert {code.name for code in Code} - raised == set()


def test_every_error_of_storage_has_a_translation() -> None:
    """`NotModified` is an answer and not an error."""
    kinds = {
        each
        for each in vars(storage_errors).values()
        if isinstance(each, type) and issubclass(each, StorageError)
    }
    assert kinds - {StorageError, NotModified} == FROM_STORAGE.keys()


def test_every_module_says_what_it_is_for() -> None:
    silent = [p for p in sources(*PRODUCT) if not ast.get_docstring(ast.parse(p.read_text()))]
    assert [named(path) for path in silent] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [named(path) for path in sources(*EVERYWHERE) if path.name in VAGUE_NAMES] == []


def test_errors_of_any_kind_are_caught_at_the_edges_only() -> None:
    found = {named(path) for path in sources(*PRODUCT) if "except Exception" in path.read_text()}
    assert found == set(EDGES)


# Words

# Words of a dialect, where a term of the field says it: the caller, a client, requested, notified.
DIALECT = frozenset(
    """affair anew asked asks bears behind everybody goes lest made mended nobody none somebody
    stand stands tell tells told which whoever""".split()  # noqa: SIM905
)
MOST_OF_A_THOUSAND = 6
HEADLINE_WORDS = 14
QUESTIONS = ("How", "What", "When", "Where", "Which", "Who")
# "It is no number" is "it is not a number"; "there is no bucket" stays.
_IS_NO = re.compile(r"(?<!there )(?<!There )\b(?:is|are) no (?!longer|more|other|limit)[a-z]+")


def prose(path: Path) -> str:
    """Docstrings and comments of a module, or a page without its code and tables; no names in
    backticks."""
    text = path.read_text()
    if path.suffix == ".md":
        return re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|^\|.*?$", "", text, flags=re.DOTALL | re.M)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, Function)
    nodes = (node for node in ast.walk(ast.parse(text)) if isinstance(node, documented))
    docstrings = [ast.get_docstring(node) or "" for node in nodes]
    return re.sub(r"`[^`]*`", "", "\n".join([*docstrings, *comments]))


def rooms_and_pages() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sources(*PRODUCT):
        parts = path.relative_to(ROOT).parts
        room = "/".join(parts[: 2 if parts[0] == "s3gw" else 1])
        found.setdefault(room, []).append(path)
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return found | {named(page): [page] for page in pages}


@pytest.mark.parametrize("place", rooms_and_pages())
def test_prose_has_few_words_of_the_dialect(place: str) -> None:
    """Python's `None` is not counted."""
    text = "\n".join(prose(path) for path in rooms_and_pages()[place])
    words = re.findall(r"[a-z']+", re.sub(r"\bNone\b", "null", text).lower())
    seen = Counter(word for word in words if word in DIALECT)
    # Of a short page, one word may be such a one.
    assert seen.total() <= max(MOST_OF_A_THOUSAND * len(words) / 1000, 1), seen


def test_the_first_line_of_a_module_is_a_noun_phrase() -> None:
    lines = {
        named(path): (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        for path in sources(*PRODUCT)
    }
    asking = {name for name, line in lines.items() if line.startswith(QUESTIONS)}
    long = {name for name, line in lines.items() if len(line.split()) > HEADLINE_WORDS}
    assert asking | long == set()


def test_a_thing_is_not_another_thing_rather_than_no_other_thing() -> None:
    found = [
        (named(path), match.group())
        for path in sources(*PRODUCT)
        for match in _IS_NO.finditer(path.read_text())
    ]
    assert found == []
