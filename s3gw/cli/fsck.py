"""`s3gw fsck`"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec
from msgspec.structs import replace

from cluster.coordination import embedded, rebuilding
from s3gw.cli.parameters import arguments, switch
from s3gw.cli.parsing import Command
from s3gw.server.outboxes import BUCKET_LOGS, NOTIFICATIONS
from storage import outbox_file
from storage.backends.local.fsck import Finding, Rebuilt, Report, check, rebuild
from storage.backends.local.mountpath import lock_folders
from storage.sqlite.rebuilding import RebuiltDatabase, problem_of


class _Database(NamedTuple):
    rebuild: Callable[[Path, Path], RebuiltDatabase]
    lacks: Callable[[Path, apsw.Connection], str]


# Beside the index, in the first data folder.
_BESIDE: Mapping[str, _Database] = {
    embedded.FILE_NAME: _Database(rebuilding.rebuild, embedded.lacks),
    NOTIFICATIONS: _Database(outbox_file.rebuild, outbox_file.lacks),
    BUCKET_LOGS: _Database(outbox_file.rebuild, outbox_file.lacks),
}

_EXAMPLES = """\
  s3gw fsck s3gw-data                 report only
  s3gw fsck /disk1 /disk2 --repair    move blobs without an object to quarantine, correct counters
  s3gw fsck /disk1 /disk2 --rebuild   make a new index from the rest of the old one and the blobs
  s3gw fsck s3gw-data --json

The server must be stopped. Data that may be the only copy is never deleted. The exit code is 1
when something is wrong and was not repaired, or could not all be restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    data: tuple[Path, ...] = arguments("DATA", read=Path, help="all data folders")
    json: bool = switch(help="print JSON, for programs")
    repair: bool = switch(help="repair what can be repaired without loss", exclusive="what")
    rebuild: bool = switch(help="make a new index and keep the old one", exclusive="what")


def run(options: Options) -> int:
    if options.rebuild:
        rebuilt = _rebuild(options.data)
        print(_json(rebuilt) if options.json else rebuilt_text(rebuilt))
        return 1 if rebuilt.unreadable or rebuilt.incomplete else 0
    report = _check(options.data, repair=options.repair)
    print(_json(report) if options.json else report_text(report))
    return 1 if _is_wrong(report) else 0


def _check(folders: Sequence[Path], *, repair: bool) -> Report:
    """The index and blobs, and what is kept beside them."""
    report = check(folders, repair=repair)
    with lock_folders(folders):
        problems = [Finding(file.parent, problem) for file, problem in _damaged(folders)]
    return replace(report, index=(*report.index, *problems))


def _rebuild(folders: Sequence[Path]) -> Rebuilt:
    rebuilt = rebuild(folders)
    lost, aside = [*rebuilt.unreadable], [*rebuilt.set_aside]
    with lock_folders(folders):
        for file, _ in _damaged(folders):
            done = _BESIDE[file.name].rebuild(file, file.parent / "quarantine")
            lost += (f"{file}: {each} is lost" for each in done.lost)
            aside.append(done.set_aside)
    return replace(rebuilt, unreadable=tuple(lost), set_aside=tuple(aside))


def _damaged(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for name, database in _BESIDE.items():
            lacks = partial(database.lacks, folder / name)
            problem = problem_of(folder / name, synced=name != BUCKET_LOGS, lacks=lacks)
            if problem is not None:
                yield folder / name, problem


COMMAND = Command(Options, run, _EXAMPLES)


def report_text(report: Report) -> str:
    seen = f"{report.objects} objects, {report.parts} parts of uploads, {report.blobs} blobs"
    return "\n".join([*_findings(report), f"{_verdict(report)}: {seen}."])


def rebuilt_text(rebuilt: Rebuilt) -> str:
    facts: dict[str, Any] = msgspec.to_builtins(rebuilt, enc_hook=str)
    lines = [f"  {name.replace('_', ' ')}: {value}" for name, value in facts.items()]
    return "\n".join(["The index was rebuilt.", *lines])


def _is_wrong(report: Report) -> bool:
    if report.repaired:
        return bool(report.damaged or report.index)
    return not report.clean


def _verdict(report: Report) -> str:
    if report.clean:
        return "All is well"
    if _is_wrong(report):
        return "Something is wrong"
    return "Repaired"


def _findings(report: Report) -> Iterator[str]:
    kinds = {
        "index": report.index,
        "damaged": report.damaged,
        "orphan": report.orphans,
        "counter": report.counters,
    }
    for kind, findings in kinds.items():
        for each in findings:
            yield f"{kind}: {_where(each)}: {each.problem}"


def _where(finding: Finding) -> str:
    thing = f"{finding.bucket}/{finding.name}" if finding.name else str(finding.mountpath)
    return f"{thing} (blob {finding.blob})" if finding.blob else thing


def _json(result: Report | Rebuilt) -> str:
    return msgspec.json.format(msgspec.json.encode(result, enc_hook=str)).decode()
