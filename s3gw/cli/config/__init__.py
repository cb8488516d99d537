"""`s3gw config`: of this machine's server, and of a running cluster."""

from __future__ import annotations

from s3gw.cli.commands import Parser, add_group

_SUMMARIES = {
    "show": "print the settings in effect without secrets, and where each comes from",
    "docs": "print docs/configuration.md: every setting there is",
    "schema": "print a JSON schema of the configuration file",
    "cluster": "print a running cluster's configuration",
    "set": "change a running cluster's configuration",
    "reset": "give a running cluster the configuration that it was started with",
}
_EXAMPLES = """\
  s3gw config show                          what `s3gw serve` would do here
  s3gw config cluster checksum              a section of the running cluster's
  s3gw config set checksum.type=md5         change it"""


def define(parser: Parser) -> None:
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
