"""`s3gw config`: settings of this machine's server, and of a running cluster."""

from __future__ import annotations

from s3gw.cli.parsing import Group

_SUMMARIES = {
    "show": "print the settings in effect, without secrets, and their sources",
    "docs": "print docs/configuration.md: every setting there is",
    "schema": "print a JSON schema of the configuration file",
    "cluster": "print a running cluster's configuration",
    "set": "change a running cluster's configuration",
    "reset": "restore the configuration that a running cluster was started with",
}
_EXAMPLES = """\
  s3gw config show                          the settings of `s3gw serve` here
  s3gw config cluster checksum              a section of the running cluster's
  s3gw config set checksum.type=md5         change it"""

COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)
