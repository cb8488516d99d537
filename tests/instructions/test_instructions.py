"""A GET, a range, a PUT and a page take no more instructions than they did, and a tenth."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.instructions.__main__ import MARK, PHASES
from tests.server_process import ROOT

# In hundredths of the reference's instructions; `make test ARGS='-k instructions -s'` prints them.
# Who makes a request dearer says here why.
TODAY = {"get": 2.05, "range": 2.2, "put": 4.5, "list": 14.4, "http": 0.8}
ALLOWED = 1.1
RUN_S = 280


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Instructions of each phase, once, as a share of the reference's."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("other versions of Python take other numbers of instructions than 3.11")
    folder = tmp_path_factory.mktemp("instructions")
    (folder / "data").mkdir()
    out = folder / "out"
    command = ["valgrind", "-q", "--tool=callgrind", f"--dump-before={MARK}"]
    command += [f"--callgrind-out-file={out}", sys.executable, "-m", "tests.instructions"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    subprocess.run([*command, str(folder / "data")], check=True, env=environment, timeout=RUN_S)
    # The first is what came before the phases, and so is the one before the last.
    numbers = [*range(2, 1 + len(PHASES)), 2 + len(PHASES)]
    totals = [_total(Path(f"{out}.{number}")) for number in numbers]
    each = dict(zip(PHASES, totals, strict=True))
    return {name: 100 * each[name] / PHASES[name] / each["reference"] for name in TODAY}


@pytest.mark.timeout(RUN_S + 15)
@pytest.mark.parametrize("name", TODAY)
def test_a_request_takes_no_more_instructions_than_it_did(
    counted: dict[str, float], name: str
) -> None:
    print(f"{name}: {counted[name]:.2f}")
    assert counted[name] <= TODAY[name] * ALLOWED


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
