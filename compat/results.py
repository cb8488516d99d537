"""What a suite's tests came to, read from pytest's JUnit file and judged against what is known.

A known failure must fail, and every other test must pass or be skipped with a reason: a client that
has no means for it, or a machine that cannot have the client. Skipped tests are counted apart, for
they prove nothing. A known failure that no longer runs, or passes, must be taken off the list.
"""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "FAILED"
    KNOWN = "known failure"
    SKIPPED = "skipped"
    MENDED = "PASSES, but is listed as a known failure"
    VANISHED = "is listed as a known failure, but no such test ran"


GOOD = frozenset({Verdict.PASSED, Verdict.KNOWN, Verdict.SKIPPED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: `id` is `suite::test`, `message` says why it failed or was skipped."""

    id: str
    seconds: float
    message: str = ""
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    outcome: Outcome
    verdict: Verdict

    @property
    def is_good(self) -> bool:
        return self.verdict in GOOD


def read_junit(suite: str, file: Path) -> list[Outcome]:
    """Raises `OSError` or `ParseError` when pytest did not get so far as to write it."""
    return [_outcome(suite, case) for case in ET.parse(file).iter("testcase")]


def read_known_failures(file: Path) -> dict[str, str]:
    """Test id to reason."""
    known: dict[str, str] = tomllib.loads(file.read_text())["known_failures"]
    return known


def judge(suite: str, outcomes: Sequence[Outcome], known: Mapping[str, str]) -> list[Judged]:
    judged = [Judged(outcome, _verdict(outcome, known)) for outcome in outcomes]
    ran = {outcome.id for outcome in outcomes}
    gone = [name for name in known if name.startswith(f"{suite}::") and name not in ran]
    return judged + [Judged(Outcome(name, 0.0), Verdict.VANISHED) for name in gone]


def _outcome(suite: str, case: ET.Element) -> Outcome:
    name = f"{suite}::{case.get('name')}"
    seconds = float(case.get("time", "0"))
    for kind in ("failure", "error", "skipped"):
        if (found := case.find(kind)) is not None:
            return Outcome(name, seconds, found.get("message") or kind, kind == "skipped")
    return Outcome(name, seconds)


def _verdict(outcome: Outcome, known: Mapping[str, str]) -> Verdict:
    if outcome.skipped:
        return Verdict.VANISHED if outcome.id in known else Verdict.SKIPPED
    if outcome.message:
        return Verdict.KNOWN if outcome.id in known else Verdict.FAILED
    return Verdict.MENDED if outcome.id in known else Verdict.PASSED
