"""The command line: `s3gw <command>`, one module a command.

Exit codes: 0 for success, 1 when the command failed or found damage, 2 when it was called wrongly
or configured wrongly.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from s3gw.cli import auth, config, fsck, keys, scrub, serve, version
from s3gw.config import ConfigError
from s3gw.identity.errors import IdentityError
from s3gw.installation import BrokenInstallation, require_own_packages
from s3gw.listening import CannotListen
from s3gw.supervisor import StartError
from storage.errors import StorageError

FAILED = 1
MISUSED = 2

_COMMANDS: tuple[ModuleType, ...] = (serve, config, auth, fsck, keys, scrub, version)

_EXAMPLES = """\
examples:
  s3gw serve                              data in ./s3gw-data, on 127.0.0.1:8080
  s3gw serve --data /disk1 --data /disk2  objects spread over two disks
  s3gw config show                        what is in effect, and why
  s3gw auth user add ann --role Guest     somebody who may read and list
  s3gw fsck /disk1 /disk2                 check the data while the server is stopped
  s3gw auth token                         a bearer token for the native API
  s3gw keys rotate --config s3gw.toml     new keys for encrypted objects

`s3gw COMMAND --help` says more of each command."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="s3gw",
        description="An object store that speaks S3.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. What the operator can mend is one sentence, no traceback."""
    try:
        require_own_packages()
        args = build_parser().parse_args(argv)
        code: int = args.run(args)
    except ConfigError as error:
        return _complain(error, MISUSED)
    except (StartError, CannotListen, StorageError, BrokenInstallation, IdentityError) as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # The reader of the output, `head` say, has what it wants.
        sys.stderr.close()
        return FAILED
    return code


def _complain(error: Exception, code: int) -> int:
    print(f"s3gw: {error}", file=sys.stderr)
    return code
