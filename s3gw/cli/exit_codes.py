"""Exit codes of the errors of commands that open the data folder.

Importing these errors imports much of the server, so it is done once something has failed.
"""

from __future__ import annotations

from s3gw.cli.parsing import FAILED, MISUSED
from s3gw.config.loading import ConfigError
from s3gw.identity.errors import IdentityError
from s3gw.server.listener import CannotListen
from s3gw.server.supervisor import StartError
from storage.errors import StorageError

EXIT_CODES: dict[type[Exception], int] = {
    ConfigError: MISUSED,
    StartError: FAILED,
    CannotListen: FAILED,
    StorageError: FAILED,
    IdentityError: FAILED,
}


def exit_code(error: Exception) -> int:
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
