"""What README.md says of other people's clients is what their last run came to."""

from __future__ import annotations

from pathlib import Path

import pytest

from compat import programs
from compat.__main__ import KNOWN_FAILURES
from compat.installed import Installed, NotHere
from compat.record import README, read_record, table, with_table
from compat.results import Outcome, Verdict, judge, read_junit, read_known_failures
from compat.suites import SUITES


def test_the_readme_shows_what_the_last_run_came_to() -> None:
    readme = README.read_text()
    assert with_table(readme, table(read_record())) == readme, "run python -m compat --readme"


def test_every_client_that_is_shown_is_one_that_is_run() -> None:
    order = [suite.name for suite in SUITES]
    assert list(read_record()) == [name for name in order if name in read_record()]


def test_the_known_failures_that_are_shown_are_those_on_the_list() -> None:
    """Who mends one runs its client again: `python -m compat --only NAME --record`."""
    known, record = read_known_failures(KNOWN_FAILURES), read_record()
    for suite in (suite for suite in SUITES if suite.name in record):
        listed = {name: known[name] for name in known if name.startswith(f"{suite.listed_as}::")}
        assert record[suite.name]["known_failures"] == listed


def test_a_test_is_judged_by_what_is_known_of_it() -> None:
    known = {"s::known": "why", "s::mended": "why", "s::gone": "why", "other::x": "why"}
    outcomes = [
        Outcome("s::fine", 1.0),
        Outcome("s::broken", 1.0, "no"),
        Outcome("s::known", 1.0, "no"),
        Outcome("s::mended", 1.0),
        Outcome("s::skipped", 1.0, "has no means", skipped=True),
    ]
    assert {test.outcome.id: test.verdict for test in judge("s", outcomes, known)} == {
        "s::fine": Verdict.PASSED,
        "s::broken": Verdict.FAILED,
        "s::known": Verdict.KNOWN,
        "s::mended": Verdict.MENDED,
        "s::skipped": Verdict.SKIPPED,
        "s::gone": Verdict.VANISHED,
    }


def test_a_report_of_pytest_is_read(tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a" time="2"/>'
        '<testcase name="b"><failure message="no">where</failure></testcase>'
        '<testcase name="c"><skipped message="why"/></testcase></testsuite></testsuites>'
    )
    assert read_junit("s", report) == [
        Outcome("s::a", 2.0),
        Outcome("s::b", 0.0, "no"),
        Outcome("s::c", 0.0, "why", skipped=True),
    ]


def test_a_program_of_the_machine_s_own_is_used_if_it_is_of_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\necho tool version 1.32.\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = programs.go_command("example.com/none", "abc", "tool", "1.32")
    assert found == Installed("1.32", (tmp_path,))


def test_a_command_is_skipped_without_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NotHere, match="no Go"):
        programs.go_command("example.com/none", "abc", "tool", "1.32")


def test_a_command_that_go_does_not_get_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\n[ "$1" = env ] && exec echo go1.26\necho "it is gone" >&2\nexit 1\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(programs, "CACHE", tmp_path / "cache")
    with pytest.raises(NotHere, match="it is gone"):
        programs.go_command("example.com/none", "abc", "tool", "1.32")
