"""docs/architecture.md is true where a machine can see it."""

from __future__ import annotations

import re
from dataclasses import fields

from s3gw.config.cluster import Cluster
from s3gw.config.schema import Storage
from tests.rooms import BEGIN, DOCUMENT, END, ROOT, floors, room_map

# The sections of the configuration that have the name of a package.
SETTINGS = {
    f"{section}.{field.name}"
    for section, declared in (("storage", Storage), ("cluster", Cluster))
    for field in fields(declared)
}


def test_the_map_of_the_rooms_is_written_from_their_docstrings() -> None:
    text = DOCUMENT.read_text()
    assert text.partition(BEGIN)[2].partition(END)[0] == room_map(), "run `make docs`"


def test_no_module_lies_loose_beside_the_rooms() -> None:
    found = {path.name for path in (ROOT / "s3gw").iterdir()} - {"__pycache__", "py.typed"}
    rooms = {room for floor in floors() for room in floor}
    assert found == rooms | {"__init__.py", "__main__.py"}


def test_modules_that_documents_name_exist() -> None:
    """`s3gw.s3.app`, `s3gw/auth/form.py`: in the pages that describe the code."""
    pages = [DOCUMENT, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    missing: list[tuple[str, str]] = []
    for page in pages:
        text = page.read_text()
        for name in re.findall(r"`((?:s3gw|cluster|storage|tests)/[\w/]+(?:\.py)?)`", text):
            if not (ROOT / name).exists() and not re.search("NAME|GROUP", name):
                missing.append((page.name, name))
        for name in re.findall(r"`((?:s3gw|cluster|storage)(?:\.[a-z_0-9]+)+)`", text):
            path = ROOT / name.replace(".", "/")
            parent = path.parent
            known = path.is_dir() or path.with_suffix(".py").exists()
            if not known and not parent.with_suffix(".py").exists() and name not in SETTINGS:
                missing.append((page.name, name))
    assert missing == []
