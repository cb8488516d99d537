"""`python -m compat`: other people's clients against a real server process."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from compat.record import read_record, recorded, write_readme, write_record
from compat.results import Verdict, read_known_failures
from compat.runner import Options, SuiteResult, run_suite
from compat.server import clean_up_when_terminated
from compat.suites import COMPAT, SUITES

KNOWN_FAILURES = COMPAT / "known_failures.toml"
_EXAMPLES = """examples:
  python -m compat                              every client
  python -m compat --only boto3 --only awscli   two of them
  python -m compat --only s3fs -k parquet       some tests of one
  python -m compat --only boto3 --nodes 2   against two gateways of one cluster
  python -m compat --json                       for programs

suites:
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.readme:
        write_readme(read_record())
        return 0
    if asked.record and (asked.k or asked.nodes):
        parser.error("--record wants whole suites, without -k and --nodes")
    clean_up_when_terminated()
    known = read_known_failures(KNOWN_FAILURES)
    options = Options(selection=asked.k, keep=asked.keep, nodes=asked.nodes)
    chosen = [suite for suite in SUITES if not asked.only or suite.name in asked.only]
    results = [run_suite(suite, known, options) for suite in chosen]
    print(_as_json(results) if asked.json else _as_table(results))
    if asked.record:
        write_record(recorded(results, known))
        write_readme(read_record())
    return 1 if any(result.bad() for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    lines = "".join(f"  {suite.name:18}{suite.about}\n" for suite in SUITES)
    parser = argparse.ArgumentParser(
        prog="python -m compat",
        description="Run other people's S3 clients against a real s3gw process.",
        epilog=_EXAMPLES + lines,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [suite.name for suite in SUITES]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", default=[],
                        help="run this suite; may be given more than once")  # fmt: skip
    parser.add_argument(
        "-k", default="", metavar="EXPRESSION", help="only tests that match (pytest)"
    )
    parser.add_argument(
        "--nodes", type=int, default=0, metavar="N",
        help="the server is a cluster of so many gateways, each request to the next of them",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print every test as JSON")
    record = "keep the results in docs/compatibility.json and README.md"
    parser.add_argument("--record", action="store_true", help=record)
    readme = "run nothing: write README.md's table from docs/compatibility.json"
    parser.add_argument("--readme", action="store_true", help=readme)
    parser.add_argument("--keep", action="store_true", help="keep the server's folder and log")
    return parser


def _as_table(results: Sequence[SuiteResult]) -> str:
    heads = f"{'client':19} {'version':18} {'passed':>6} {'failed':>6} {'known':>6} {'skipped':>7}"
    lines = [f"{heads} {'seconds':>8}"]
    lines += [_row(result) for result in results if result.version or result.bad()]
    lines += [line for result in results for line in _failures(result)]
    return "\n".join([*lines, *_not_run(results)])


def _failures(result: SuiteResult) -> list[str]:
    names = [test.outcome.id.partition("::")[2] for test in result.bad()]
    first_lines = [test.outcome.message.partition("\n")[0] for test in result.bad()]
    return [
        f"\n{result.suite.name}::{name}: {test.verdict.value}\n    {first_line}"
        for name, test, first_line in zip(names, result.bad(), first_lines, strict=True)
    ]


def _not_run(results: Sequence[SuiteResult]) -> list[str]:
    """A line for each reason why suites could not be run at all."""
    names: dict[str, list[str]] = {}
    for result in results:
        if not result.version and not result.bad():
            names.setdefault(result.tests[0].outcome.message, []).append(result.suite.name)
    return [f"\nnot run, for {reason}: {', '.join(names[reason])}" for reason in names]


def _row(result: SuiteResult) -> str:
    passed, known, skipped = (
        len(result.having(verdict)) for verdict in (Verdict.PASSED, Verdict.KNOWN, Verdict.SKIPPED)
    )
    told = f"{result.suite.name:19} {result.version:18} {passed:6} {len(result.bad()):6}"
    return f"{told} {known:6} {skipped:7} {result.seconds:8.1f}"


def _as_json(results: Sequence[SuiteResult]) -> str:
    rows = [
        {
            "suite": result.suite.name,
            "id": test.outcome.id,
            "verdict": test.verdict.name.lower(),
            "seconds": test.outcome.seconds,
            "message": test.outcome.message,
        }
        for result in results
        for test in result.tests
    ]
    return json.dumps(rows, indent=2)


if __name__ == "__main__":
    sys.exit(main())
