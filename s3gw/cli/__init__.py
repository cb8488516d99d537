"""The command line: one module for each command, imported when it is chosen.

Exit codes: 0 for success, 1 when the command failed or found damage, 2 when it was called wrongly
or configured wrongly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from s3gw.cli.commands import FAILED, MISUSED, Misused, Parser, add_group
from s3gw.cli.tables import printable
from s3gw.client.errors import BadSetting, ClientError
from s3gw.server.installation import BrokenInstallation, require_own_packages

_SUMMARIES = {
    "serve": "serve S3 and the native API until stopped",
    "bucket": "make, list, copy, change and remove buckets",
    "object": "put, get, list, copy and remove objects",
    "archive": "read and write members of archives",
    "job": "start, watch and stop jobs",
    "etl": "transformations of a cluster that has them",
    "cluster": "what the cluster is made of and how it is doing",
    "config": "show and change the configuration",
    "auth": "users, roles, keys and tokens",
    "keys": "list, create and rotate keys of encryption",
    "fsck": "check the index and the blobs against one another",
    "scrub": "read everything that is stored and verify its checksums",
    "completion": "print a shell's completion script",
    "version": "print the version",
}

_EXAMPLES = """\
  s3gw serve                              data in ./s3gw-data, on 127.0.0.1:8080
  s3gw serve --data /disk1 --data /disk2  objects spread over two disks
  s3gw config show                        what is in effect, and why
  s3gw auth user add ann --role Guest     somebody who may read and list
  s3gw fsck /disk1 /disk2                 check the data while the server is stopped
  s3gw keys rotate --config s3gw.toml     new keys for encrypted objects

  export AIS_AUTHN_TOKEN=$(s3gw auth token)          for those that ask a running server:
  s3gw bucket create ais://shards
  s3gw object put -r ./train ais://shards/train/
  s3gw object ls ais://shards

`s3gw COMMAND --help` says more of each command."""


def build_parser() -> Parser:
    parser = Parser(prog="s3gw", description="An object store that speaks S3.")
    add_group(parser, __name__, _SUMMARIES, _EXAMPLES)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. What the operator can mend is one sentence, no traceback."""
    try:
        require_own_packages()
    except BrokenInstallation as error:
        return _complain(error, FAILED)
    try:
        args = build_parser().parse_args(argv)
        code: int = args.run(args)
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
        from s3gw.cli.refusals import exit_code

        return _complain(error, exit_code(error))
    return code


def _owners_errors() -> tuple[type[Exception], ...]:
    from s3gw.cli.refusals import EXIT_CODES

    return tuple(EXIT_CODES)


def _complain(error: Exception, code: int) -> int:
    """A server's words, and names in them, do not move the cursor."""
    lines = (printable(line) for line in str(error).split("\n"))
    print("s3gw:", "\n".join(lines), file=sys.stderr)
    return code


def _forget_stdout() -> None:
    """Its reader, `head` say, has what it wants; the interpreter shall not complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
