"""What the last whole run of each suite came to, as it is kept, and as README.md shows it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compat.results import Verdict
from compat.runner import SuiteResult
from compat.suites import SUITES

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "compatibility.json"
README = ROOT / "README.md"
BEGIN, END = "<!-- made by `python -m compat --readme` -->\n", "<!-- end -->\n"

# Suite to what came of it: its keys are those of `_entry`.
Record = dict[str, dict[str, Any]]


def read_record() -> Record:
    record: Record = json.loads(RECORD.read_text())
    return record


def recorded(results: Sequence[SuiteResult], known: Mapping[str, str]) -> Record:
    """The record with these in it; a suite that failed or could not run stays as it was."""
    record = read_record() if RECORD.exists() else {}
    for result in results:
        if not result.bad() and result.having(Verdict.PASSED):
            record[result.suite.name] = _entry(result, known)
    return {suite.name: record[suite.name] for suite in SUITES if suite.name in record}


def write_record(record: Record) -> None:
    RECORD.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def write_readme(record: Record) -> None:
    README.write_text(with_table(README.read_text(), table(record)))


def with_table(readme: str, new: str) -> str:
    """Raises `ValueError` when the markers are not there."""
    before, _, rest = readme.partition(BEGIN)
    if END not in rest:
        raise ValueError(f"{README.name} has no place for the table")
    return before + BEGIN + new + END + rest.partition(END)[2]


def table(record: Record) -> str:
    lines = [
        "",
        "| client | version | passed | known failures | skipped |",
        "|---|---|--:|--:|--:|",
    ]
    for entry in record.values():
        known, skipped = len(entry["known_failures"]), sum(entry["skipped"].values())
        words = (entry["client"], entry["version"], entry["passed"], known, skipped)
        lines.append(f"| {' | '.join(map(str, words))} |")
    return "\n".join([*lines, "", ""])


def _entry(result: SuiteResult, known: Mapping[str, str]) -> dict[str, Any]:
    failures = [test.outcome.id for test in result.having(Verdict.KNOWN)]
    reasons = Counter(_reason(test.outcome.message) for test in result.having(Verdict.SKIPPED))
    return {
        "client": result.suite.about,
        "version": result.version,
        "passed": len(result.having(Verdict.PASSED)),
        "known_failures": {name: known[name] for name in failures},
        "skipped": dict(sorted(reasons.items())),
    }


def _reason(message: str) -> str:
    """pytest puts this word before the reason of some skips."""
    return message.removeprefix("Skipped: ")
