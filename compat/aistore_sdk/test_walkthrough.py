"""The programs in docs/native.md and docs/getbatch.md, run as a reader would run them: one after
the other, from the files that their first lines name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("native.md", "getbatch.md")
_PROGRAM = re.compile(r"^```python\n(# (\w+\.py)\n.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n", re.MULTILINE)
_EPOCH = re.compile(r"epoch (\d): (\d+) of 1000 right")

# What each prints; the others have tests below.
PRINTED = {
    "first_steps.py": "b'Hello!'\n[('hello', 6)]\n",
    "look_inside.py": (
        "['train-2.tar/0500.bin', 'train-2.tar/0500.cls',"
        " 'train-2.tar/0501.bin', 'train-2.tar/0501.cls']\nb'0'\n"
    ),
    "get_batch.py": "samples/099 1000\nsamples/007 1000\n__404__/samples/500 None\n",
}


def programs() -> dict[str, str]:
    """In the order in which they are read."""
    return {
        name: text for page in PAGES for text, name in _PROGRAM.findall((DOCS / page).read_text())
    }


@pytest.fixture(name="printed", scope="module")
def _printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each of them says, in a folder where all of them are; of one that fails, its error."""
    folder = tmp_path_factory.mktemp("walkthrough")
    for name, text in programs().items():
        (folder / name).write_text(text)
    return {name: run(folder, name) for name in programs()}


def run(folder: Path, name: str) -> str:
    endpoint = os.environ["COMPAT_ENDPOINT"]
    environment = {**os.environ, "AIS_ENDPOINT": endpoint, "AWS_ENDPOINT_URL": endpoint}
    done = subprocess.run(
        [sys.executable, name], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.stderr[-3000:] if done.returncode else done.stdout


def test_every_program_of_the_pages_is_run() -> None:
    for page in PAGES:
        text = (DOCS / page).read_text()
        assert len(_PYTHON.findall(text)) == len(_PROGRAM.findall(text)), page


@pytest.mark.parametrize("name", list(PRINTED))
def test_a_program_prints_what_it_should(printed: dict[str, str], name: str) -> None:
    assert printed[name] == PRINTED[name]


def test_shards_are_made(printed: dict[str, str]) -> None:
    assert [f"train-{number}.tar" in printed["make_shards.py"] for number in range(4)] == [True] * 4


def test_a_user_gets_a_token(printed: dict[str, str]) -> None:
    assert printed["users.py"].count(".") == 2


@pytest.mark.parametrize("name", ["train.py", "train_s3.py"])
def test_the_training_learns(printed: dict[str, str], name: str) -> None:
    epochs = [(int(number), int(right)) for number, right in _EPOCH.findall(printed[name])]
    assert [number for number, _ in epochs] == [0, 1, 2, 3, 4]
    assert epochs[0][1] < epochs[-1][1] > 950


def test_the_training_is_the_same_through_both(printed: dict[str, str]) -> None:
    assert printed["train.py"] == printed["train_s3.py"]
