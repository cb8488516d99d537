"""The map of the rooms in docs/architecture.md, written from pyproject.toml and from docstrings.

`python -m tests.rooms` writes it anew.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- the rooms: written by `make docs` -->\n"
END = "<!-- end of the rooms -->\n"


def floors() -> list[list[str]]:
    """The rooms of `s3gw`, from the top floor down, as import-linter holds them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("exhaustive"))
    named = ([room.strip() for room in layer.split("|")] for layer in layers)
    return [rooms for rooms in named if rooms != ["__main__"]]


def summary(room: str) -> str:
    """The first line of the docstring."""
    package = ROOT / "s3gw" / room / "__init__.py"
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    return text.partition("\n")[0]


def room_map() -> str:
    rows = ["| floor | room | what is in it |", "|---|---|---|"]
    for height, rooms in zip(range(len(floors()), 0, -1), floors(), strict=True):
        rows += [f"| {height} | `{room}` | {summary(room)} |" for room in rooms]
    return "\n".join(rows) + "\n"


def main() -> None:
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(before + BEGIN + room_map() + END + after)


if __name__ == "__main__":
    main()
