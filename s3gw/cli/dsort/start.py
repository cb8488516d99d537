"""`s3gw dsort start`"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from s3gw.cli.arguments import BUCKET, FILE
from s3gw.cli.connection import connect
from s3gw.cli.dsort.specification import read_spec, read_text
from s3gw.cli.dsort.watching import watch
from s3gw.cli.job_wait import JobOptions
from s3gw.cli.parameters import argument, option, switch
from s3gw.cli.parsing import Command
from s3gw.cli.tables import json_text
from s3gw.client.names import Bck, read_bucket
from s3gw.client.sorting import start_sort

_EXAMPLES = """\
  s3gw dsort start spec.json
  s3gw dsort start spec.yaml --from ais://raw --to ais://sorted
  s3gw dsort start spec.json --key-map classes.json --dry-run
  echo '{"input_bck": {"name": "raw"}, "input_format": {"template": "s-{0..9}.tar"},
         "output_format": "sorted-%06d", "output_shard_size": "1GiB"}' | s3gw dsort start -

A specification is JSON or YAML, as docs/dsort.md describes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(JobOptions):
    spec: str = argument("SPEC")
    source: Bck | None = option(
        BUCKET, flag="--from", read=read_bucket, help="the input bucket, instead of the file's"
    )
    target: Bck | None = option(
        BUCKET, flag="--to", read=read_bucket, help="the output bucket, instead of the file's"
    )
    key_map: str = option(FILE, default="", help="the external key map, JSON or lines")
    dry_run: bool = switch(help="read and sort, and write no shard")


def run(options: Options) -> int:
    spec = read_spec(options.spec) | _changes(options)
    with connect(options) as client:
        job_id = client.call(start_sort(spec))
        if options.wait.no_wait:
            print(json_text({"jobs": [job_id]}) if options.json else job_id)
            return 0
        return watch(client, job_id, options.wait.timeout, as_json=options.json)


def _changes(options: Options) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if options.source is not None:
        changes["input_bck"] = options.source.document
    if options.target is not None:
        changes["output_bck"] = options.target.document
    if options.key_map:
        changes["ekm"] = _key_map(read_text(options.key_map))
    if options.dry_run:
        changes["dry_run"] = True
    return changes


def _key_map(text: str) -> object:
    """Return JSON as it is, so that the server need not read it twice, and lines as a text."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, dict) else text


COMMAND = Command(Options, run, _EXAMPLES)
