"""`s3gw cluster doctor`"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from s3gw.cli.parameters import switch
from s3gw.cli.parsing import FAILED, Command, Misused
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.cli.tables import json_text, plural, print_table

if TYPE_CHECKING:
    from cluster.database.findings import Finding

_EXAMPLES = """\
  s3gw cluster doctor --config s3gw.toml
  s3gw cluster doctor --cluster 'postgresql://s3gw@db1,db2/s3gw?sslmode=verify-full'
  s3gw cluster doctor --json | jq '.findings[] | select(.grade != "ok")'

It asks the database and changes nothing. Run it on each machine, with the settings of its server:
the clock and the way to the database are those of the machine. What is weak works, and something
that is promised does not hold. The exit code is 1 when something is bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    json: bool = switch(help="print JSON, for programs")
    settings: GivenSettings = setting_flags(only=("cluster.database", "server.workers"))


def run(options: Options) -> int:
    config = options.settings.load(is_for_server=False).config
    if not config.cluster.database:
        raise Misused(
            "This machine has no database of a cluster: give --cluster URL, or set "
            "cluster.database in the configuration."
        )
    if find_spec("asyncpg") is None:
        raise Misused("The driver of PostgreSQL is not installed: pip install 's3gw[cluster]'")
    from cluster.database.doctor import Patient, examine

    patient = Patient(
        config.cluster.database,
        config.cluster.direct,
        config.server.workers or os.cpu_count() or 1,
    )
    findings = asyncio.run(examine(patient))
    print(json_text(_document(findings))) if options.json else _print(findings)
    return FAILED if _count(findings, "bad") else 0


def _document(findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "bad": _count(findings, "bad"),
        "weak": _count(findings, "weak"),
        "findings": [
            {"name": each.name, "grade": each.grade, "found": each.found, "advice": each.advice}
            for each in findings
        ],
    }


def _print(findings: Sequence[Finding]) -> None:
    rows = [(each.name, each.grade, each.found) for each in findings]
    print_table(("CHECK", "GRADE", "FOUND"), rows)
    advice = [each for each in findings if each.advice]
    if advice:
        print("\nWhat to do:")
    for each in sorted(advice, key=lambda each: each.grade != "bad"):
        print(f"  {each.name}: {each.advice}")
    good = len(findings) - _count(findings, "bad") - _count(findings, "weak")
    checks = plural(len(findings), "check")
    print(f"\n{checks}: {good} ok, {_count(findings, 'weak')} weak, {_count(findings, 'bad')} bad")


def _count(findings: Sequence[Finding], grade: str) -> int:
    return sum(each.grade == grade for each in findings)


COMMAND = Command(Options, run, _EXAMPLES)
