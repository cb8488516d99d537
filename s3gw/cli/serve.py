"""`s3gw serve`"""

from __future__ import annotations

import argparse

from s3gw.cli.commands import Parser, describe
from s3gw.cli.settings import add_settings, load_settings
from s3gw.server.start import serve

_EXAMPLES = """\
  s3gw serve
  s3gw serve --data /disk1 --data /disk2 --host 0.0.0.0 --port 9000
  s3gw serve --config /etc/s3gw.toml --log-format json
  s3gw serve --no-auth                 for experiments: everybody is root
  s3gw serve --s3-domain s3.example.com --host ::   buckets as host names"""


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    serve(load_settings(args).config)
    return 0
