"""Waiting for dsorts: live progress, and the result."""

from __future__ import annotations

import sys

from s3gw.cli.parsing import FAILED
from s3gw.cli.progress import Bar, size_text
from s3gw.cli.tables import json_text, plural, printable
from s3gw.client.sorting import Sort, wait_for_sort
from s3gw.client.sync import Client


def watch(client: Client, job_id: str, timeout_s: float, *, as_json: bool) -> int:
    """Wait for a dsort and print its result; return the exit code. An interrupt ends the waiting,
    not the job."""
    with Bar(sys.stderr) as bar:
        try:
            sort = client.run(wait_for_sort(job_id, lambda sort: _show(bar, sort), timeout_s))
        except KeyboardInterrupt:
            bar.clear()
            print(
                f"The dsort continues: `s3gw dsort wait {job_id}`, or `s3gw dsort abort {job_id}`.",
                file=sys.stderr,
            )
            raise
    if as_json:
        print(json_text(as_document(sort)))
    for warning in sort.warnings:
        print(f"s3gw: warning: {printable(warning)}", file=sys.stderr)
    if sort.is_aborted:
        reason = printable(sort.error) or "a user stopped it"
        print(f"s3gw: the dsort {sort.id} was aborted: {reason}", file=sys.stderr)
        return FAILED
    if not as_json:
        print(f"Sorted {counts(sort)} into {plural(sort.created, 'shard')} of {sort.target}.")
    return 0


def counts(sort: Sort) -> str:
    return f"{plural(sort.records, 'record')} ({size_text(sort.bytes)})"


def as_document(sort: Sort) -> dict[str, object]:
    return {
        "id": sort.id,
        "description": sort.description,
        "state": sort.state,
        "source": str(sort.source),
        "target": str(sort.target),
        "started": sort.started,
        "ended": sort.ended,
        "shards": sort.shards,
        "total": sort.total,
        "records": sort.records,
        "bytes": sort.bytes,
        "created": sort.created,
        "to_create": sort.to_create,
        "warnings": list(sort.warnings),
        "error": sort.error,
    }


def _show(bar: Bar, sort: Sort) -> None:
    if sort.phase == "creating":
        bar.show("creating shards", sort.created, sort.to_create)
    elif sort.phase == "extracting":
        bar.show("extracting shards", sort.shards, sort.total, counts(sort))
    else:
        bar.show(sort.phase, 0, 0, counts(sort))
