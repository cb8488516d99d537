"""The command line: one module for each command, imported when it is chosen.

Exit codes: 0 for success, 1 when the command failed or found damage, 2 when it was called wrongly
or configured wrongly. `commands` has the way to declare a command.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from s3gw import description
from s3gw.cli.parsing import FAILED, MISUSED, Group, Misused, Parser, chosen
from s3gw.cli.tables import printable
from s3gw.client.errors import BadSetting, ClientError
from s3gw.server.installation import BrokenInstallation, require_own_packages

_SUMMARIES = {
    "serve": "serve S3 and the native API until stopped",
    "bucket": "make, list, copy, change and remove buckets",
    "object": "put, get, list, copy and remove objects",
    "archive": "read and write members of archives",
    "job": "start, watch and stop jobs",
    "dsort": "sort the records of shards into new shards",
    "etl": "programs that transform objects (ETL)",
    "cluster": "the nodes of the cluster, their state and load",
    "config": "show and change the configuration",
    "auth": "users, roles, keys and tokens",
    "keys": "list, create and rotate keys of encryption",
    "fsck": "check the index and the blobs against each other",
    "backup": "copy the data as it is at one moment, beside the server",
    "scrub": "read everything that is stored and verify its checksums",
    "completion": "print a shell's completion script",
    "version": "print the version",
}

_EXAMPLES = """\
  s3gw serve                              data in ./s3gw-data, on 127.0.0.1:8080
  s3gw serve --data /disk1 --data /disk2  objects spread over two disks
  s3gw config show                        the settings in effect, and their sources
  s3gw auth user add ann --role Guest     a user who may read and list
  s3gw fsck /disk1 /disk2                 check the data while the server is stopped
  s3gw backup /backups --data /disk1      copy the data while the server runs
  s3gw keys rotate --config s3gw.toml     new keys for encrypted objects

  export AIS_AUTHN_TOKEN=$(s3gw auth token)          for commands that use a running server:
  s3gw bucket create ais://shards
  s3gw object put -r ./train ais://shards/train/
  s3gw object ls ais://shards

`s3gw COMMAND --help` describes a command."""


COMMAND = Group(__name__, _SUMMARIES, _EXAMPLES)


def build_parser() -> Parser:
    parser = Parser(prog="s3gw", description="An object store that speaks S3.")
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version")
    COMMAND.define(parser)
    return parser


class _PrintVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(description())
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. An error that the user can correct is one
    sentence, without a traceback."""
    try:
        require_own_packages()
    except BrokenInstallation as error:
        return _complain(error, FAILED)
    try:
        command = chosen(build_parser(), argv)
        code = command()
        sys.stdout.flush()
    except SystemExit:
        raise
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        _forget_stdout()
        return FAILED
    except (BadSetting, Misused) as error:
        return _complain(error, MISUSED)
    except ClientError as error:
        return _complain(error, FAILED)
    except _owners_errors() as error:
        from s3gw.cli.exit_codes import exit_code

        return _complain(error, exit_code(error))
    return code


def _owners_errors() -> tuple[type[Exception], ...]:
    from s3gw.cli.exit_codes import EXIT_CODES

    return tuple(EXIT_CODES)


def _complain(error: Exception, code: int) -> int:
    """Print an error; control characters in names and in the server's words are escaped."""
    lines = (printable(line) for line in str(error).split("\n"))
    print("s3gw:", "\n".join(lines), file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Close stdout quietly: its reader, such as `head`, has ended."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
